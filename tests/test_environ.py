"""The clock: contexts, process-wide settings, and what compiled functions make of them."""

import threading

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import environ


def in_thread(f):
    result = []
    thread = threading.Thread(target=lambda: result.append(f()))
    thread.start()
    thread.join()
    return result[0]


def test_the_innermost_context_wins_and_the_outer_one_comes_back():
    with environ.context(dt=0.1 * u.ms, a='outer'):
        with environ.context(t=3.0 * u.ms, a='inner'):
            assert str(environ.get_dt()) == '0.1 ms'
            assert str(environ.get('t')) == '3. ms'
            assert environ.get('a') == 'inner'
        assert environ.get('a') == 'outer'
        assert environ.get('t', None) is None
    assert environ.all() == {}


def test_a_context_gives_all_settings_that_hold_in_it():
    with environ.context(dt=0.1 * u.ms), environ.context(fit=True) as settings:
        assert settings == {'dt': 0.1 * u.ms, 'fit': True}


def test_a_context_is_left_by_an_exception():
    with pytest.raises(KeyError, match='on purpose'), environ.context(dt=0.1 * u.ms, precision=64):
        raise KeyError('on purpose')
    assert environ.all() == {}
    assert not jax.config.jax_enable_x64


def test_a_process_wide_setting_holds_until_it_is_removed():
    environ.set(dt=0.5 * u.ms)
    try:
        assert environ.get_dt() == 0.5 * u.ms
        with environ.context(dt=0.1 * u.ms):
            assert environ.get_dt() == 0.1 * u.ms
            with pytest.raises(ValueError, match='leave the context first'):
                environ.pop('dt')
    finally:
        assert environ.pop('dt') == 0.5 * u.ms
    assert environ.get('dt', None) is None


def test_pop_of_what_is_not_set_gives_the_default_or_an_error():
    assert environ.pop('nothing', 3) == 3
    with pytest.raises(KeyError, match="'nothing' is not set"):
        environ.pop('nothing')


@pytest.mark.parametrize('key', ['dt', 't', 'i', 'fit', 'gain'])
def test_a_missing_setting_is_named_with_both_ways_to_set_it(key):
    with pytest.raises(KeyError) as error:
        environ.get(key, desc='what it is for')
    message = str(error.value)
    assert message.startswith(f"'{key}' is not set (what it is for): ")
    assert f'brainpy_state.environ.context({key}=' in message
    assert f'brainpy_state.environ.set({key}=' in message


def test_missing_dt_says_what_it_is_and_gives_an_example():
    with pytest.raises(KeyError, match=r'the time step of the simulation[\s\S]*dt=0\.1 \* u\.ms'):
        environ.get_dt()


@pytest.mark.parametrize(
    ('dt', 'kind', 'message'),
    [
        (0.0 * u.ms, ValueError, 'must be positive'),
        (-0.1 * u.ms, ValueError, 'must be positive'),
        (float('nan') * u.ms, ValueError, 'must be positive'),
        (np.ones(2) * u.ms, TypeError, 'must be one number'),
        ('0.1', TypeError, 'must be one number'),
        (None, TypeError, 'must be one number'),
        (True, TypeError, 'must be one number'),
    ],
    ids=str,
)
@pytest.mark.parametrize('way', ['context', 'set'])
def test_bad_dt_is_rejected_where_it_is_set(dt, kind, message, way):
    with pytest.raises(kind, match=f'dt {message}'):
        if way == 'set':
            environ.set(dt=dt)
        else:
            with environ.context(dt=dt):
                pass
    assert environ.all() == {}


@pytest.mark.parametrize('precision', [16, '32', None])
def test_unknown_precision_is_rejected(precision):
    with pytest.raises(ValueError, match='must be 32 or 64'), environ.context(precision=precision):
        pass


def test_precision_decides_the_type_of_new_numbers_in_its_block_only():
    assert environ.dftype() == jnp.float32
    assert environ.ditype() == jnp.int32
    with environ.context(precision=64):
        assert environ.dftype() == jnp.float64
        assert environ.ditype() == jnp.int64
        with environ.context(precision=32):
            assert jnp.zeros(1).dtype == jnp.float32
        assert jnp.zeros(1).dtype == jnp.float64
    assert environ.dftype() == jnp.float32


@pytest.mark.slow
@pytest.mark.parametrize('enabled', [False, True])
def test_import_leaves_the_64_bit_mode_as_it_is(python, enabled):
    code = f'import jax; jax.config.update("jax_enable_x64", {enabled}); import brainpy_state; print(jax.config.jax_enable_x64)'
    assert python('-c', code).strip() == str(enabled)


def test_a_process_wide_setting_is_visible_from_every_thread():
    environ.set(dt=0.2 * u.ms)
    try:
        assert in_thread(environ.get_dt) == 0.2 * u.ms
        in_thread(lambda: environ.set(gain=2.0))
        assert environ.get('gain') == 2.0
    finally:
        environ.pop('dt')
        environ.pop('gain')


def test_a_context_belongs_to_its_thread():
    with environ.context(dt=0.1 * u.ms):
        assert in_thread(lambda: environ.get('dt', None)) is None

        def elsewhere():
            with environ.context(dt=0.7 * u.ms):
                return environ.get_dt()

        assert in_thread(elsewhere) == 0.7 * u.ms
        assert environ.get_dt() == 0.1 * u.ms


def counted(f):
    """A compiled function and the list that grows with each run of its Python body."""
    traces = []

    def body(*args):
        traces.append(args)
        return f(*args)

    return bst.transform.jit(body), traces


def test_another_dt_compiles_again_and_the_first_is_remembered():
    step, traces = counted(lambda: jnp.asarray(environ.get_dt() / u.ms))
    for value in (0.1, 5.0, 0.1, 5.0):
        with environ.context(dt=value * u.ms):
            assert float(step()) == pytest.approx(value)
    assert len(traces) == 2


def test_the_same_dt_in_another_unit_gives_the_same_result():
    step, _ = counted(lambda: environ.get_dt().to_decimal(u.second) * jnp.ones(()))
    results = []
    for dt in (0.1 * u.ms, 100.0 * u.us):
        with environ.context(dt=dt):
            results.append(float(step()))
    assert results == pytest.approx([1e-4, 1e-4])


@pytest.mark.parametrize(
    'times', [(1.0, 2.0, 3.0), (jnp.array(1.0), jnp.array(2.0)), (1.0 * u.ms, 2.0 * u.ms)], ids=['float', 'array', 'unit']
)
def test_another_t_is_seen_without_compiling_again(times):
    step, traces = counted(lambda: environ.get('t') * 1.0)
    for t in times:
        with environ.context(t=t):
            assert step() == t * 1.0
    assert len(traces) == 1


def test_any_numeric_setting_is_an_input():
    step, traces = counted(lambda x: environ.get('gain') * x)
    for gain in (1.0, 2.0, 3.0):
        with environ.context(gain=gain):
            assert float(step(1.0)) == gain
    assert len(traces) == 1


@pytest.mark.parametrize('values', [(True, False), ('a', 'b')])
def test_a_setting_that_is_no_number_decides_what_is_compiled(values):
    step, traces = counted(lambda x: x if environ.get('fit') == values[0] else -x)
    for _ in range(2):
        for value, result in zip(values, (1.0, -1.0), strict=True):
            with environ.context(fit=value):
                assert float(step(1.0)) == result
    assert len(traces) == 2


def test_a_compiled_call_without_dt_is_an_error():
    step, _ = counted(lambda: environ.get_dt() / u.ms * jnp.ones(()))
    with environ.context(dt=0.1 * u.ms):
        step()
    with pytest.raises(KeyError, match="'dt' is not set"):
        step()


def test_a_compiled_call_without_t_is_an_error():
    step, _ = counted(lambda: environ.get('t') * 1.0)
    with environ.context(t=1.0):
        step()
    with pytest.raises(KeyError, match="'t' is not set"):
        step()


@pytest.mark.parametrize(('key', 'value', 'seen'), [('gain', 3.0, 3.0), ('fit', True, 1.0), ('dt', 0.5, 0.5)])
def test_a_setting_that_was_absent_is_seen_when_it_appears(key, value, seen):
    step, traces = counted(lambda: environ.get(key, 7.0) * jnp.ones(()))
    assert float(step()) == 7.0
    with environ.context(**{key: value}):
        assert float(step()) == seen
        assert float(step()) == seen
    assert float(step()) == 7.0
    assert len(traces) == 2


def test_a_numeric_setting_may_become_a_switch_and_a_number_again():
    step, _ = counted(lambda: jnp.ones(()) * (7.0 if isinstance(environ.get('mode'), (str, bool)) else environ.get('mode')))
    for value, seen in ((2.0, 2.0), ('fast', 7.0), (3.0, 3.0), (True, 7.0), (4.0, 4.0)):
        with environ.context(mode=value):
            assert float(step()) == seen


def test_threads_with_contexts_of_their_own_share_one_program():
    step, traces = counted(lambda x: x * environ.get('gain'))
    with environ.context(gain=1.0):
        step(1.0)
    seen = {}

    def work(gain):
        with environ.context(gain=gain):
            seen[gain] = {float(step(1.0)) for _ in range(100)}

    threads = [threading.Thread(target=work, args=(float(k),)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {float(k): {float(k)} for k in range(4)}
    assert len(traces) == 1


def test_precision_decides_what_is_compiled():
    step, traces = counted(lambda: jnp.zeros(3))
    for _ in range(2):
        assert step().dtype == jnp.float32
        with environ.context(precision=64):
            assert step().dtype == jnp.float64
    assert len(traces) == 2


def test_a_context_inside_a_compiled_function_may_set_traced_values():
    @bst.transform.jit
    def step(i):
        with environ.context(i=i, t=i * environ.get_dt()):
            return environ.get('t')

    with environ.context(dt=0.5 * u.ms):
        assert step(4) == 2.0 * u.ms
        assert step(6) == 3.0 * u.ms


def test_a_traced_value_cannot_be_set_for_the_process_or_as_dt():
    with pytest.raises(TypeError, match='environ.context'):
        bst.transform.jit(lambda t: environ.set(t=t))(1.0)
    with pytest.raises(TypeError, match='concrete'):
        bst.transform.jit(lambda dt: environ.context(dt=dt).__enter__())(1.0)
    assert environ.all() == {}


@pytest.mark.parametrize('outer', ['jit', 'for_loop', 'grad'])
def test_dt_and_t_reach_through_nested_transforms(outer):
    inner = bst.transform.jit(lambda x: x * environ.get('t') * environ.get_dt())
    traces = []

    def body(x):
        traces.append(x)
        return inner(x)

    if outer == 'jit':
        compiled = bst.transform.jit(body)

        def f():
            return float(compiled(1.0))
    elif outer == 'for_loop':

        def f():
            return float(bst.transform.for_loop(body, jnp.ones(2))[1])
    else:
        gradient = bst.transform.grad(body)

        def f():
            return float(gradient(1.0))

    for dt, t in ((0.5, 1.0), (0.5, 3.0), (0.25, 4.0)):
        with environ.context(dt=dt, t=t):
            assert f() == dt * t
    assert len(traces) == 2


@pytest.mark.parametrize(('bits', 'names'), [(32, 'float32 int32 uint32 complex64'), (64, 'float64 int64 uint64 complex128')])
def test_types_follow_the_precision(bits, names):
    with environ.context(precision=bits):
        assert environ.get_precision() == bits
        types = environ.dftype(), environ.ditype(), environ.dutype(), environ.dctype()
        assert ' '.join(t.name for t in types) == names
    assert environ.get_precision() == 32


@pytest.mark.parametrize('name', ['tpu', 'abacus', 3])
def test_a_platform_that_is_not_there_is_an_error_that_names_those_that_are(name):
    with pytest.raises(ValueError, match=rf'platform = {name!r}.*only.*cpu'):
        environ.set(platform=name, gain=1.0)
    assert environ.all() == {}


def test_the_platform_decides_where_values_are_made():
    assert jax.config.jax_default_device is None
    environ.set(platform='cpu')
    assert jax.config.jax_default_device == jax.devices('cpu')[0]
    assert jax.numpy.ones(2).devices() == {jax.devices('cpu')[0]}
    assert environ.pop('platform') == 'cpu'
    assert jax.config.jax_default_device is None


@pytest.mark.parametrize('setting', [{'platform': 'cpu'}, {'host_device_count': 2}])
def test_what_holds_for_the_whole_process_is_not_set_for_a_block(setting):
    with pytest.raises(ValueError, match=r'environ\.set'), environ.context(**setting):
        pass


@pytest.mark.slow
def test_the_number_of_host_devices_is_set_before_jax_is_used(python):
    code = 'import jax, brainpy_state as bst; bst.environ.set(host_device_count={}); print(jax.device_count())'
    assert python('-c', code.format(3), JAX_PLATFORMS='cpu').split() == ['3']
    jax.devices()
    for count in (2, 0, 'two'):
        with pytest.raises(ValueError, match='host_device_count'):
            environ.set(host_device_count=count)
