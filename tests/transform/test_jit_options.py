"""`jit`: static and donated arguments, compiled methods, what can be looked at, and which calls share a program."""

import functools
import gc
import weakref

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import HiddenState, State
from brainpy_state.transform import for_loop, jit, vmap


@pytest.fixture
def traces():
    """What the Python bodies of a test append to."""
    return []


@pytest.fixture
def power(traces):
    def power(x, n=2, *, sign='+'):
        traces.append((n, sign))
        return sum([x] * n) if sign == '+' else -(x**n)

    return power


def test_each_value_of_a_static_argument_is_compiled_once(power, traces):
    f = jit(power, static_argnums=1)
    assert [float(f(3.0, n)) for n in (2, 3, 2, 3)] == [6.0, 9.0, 6.0, 9.0]
    assert traces == [(2, '+'), (3, '+')]


@pytest.mark.parametrize('options', [{'static_argnums': 1}, {'static_argnames': 'n'}, {'static_argnames': ['n', 'sign']}], ids=str)
def test_a_static_argument_may_be_given_by_place_by_name_or_not_at_all(power, options):
    f = jit(power, **options)
    assert [float(f(5.0, 3)), float(f(5.0, n=3)), float(f(5.0))] == [15.0, 15.0, 10.0]


def test_a_static_keyword(power, traces):
    f = jit(power, static_argnames=('sign',), static_argnums=(1,))
    assert [float(f(3.0, sign=sign)) for sign in '+-+-'] == [6.0, -9.0, 6.0, -9.0]
    assert len(traces) == 2


def test_static_values_of_other_types_are_told_apart():
    f = jit(lambda n: jnp.asarray(n), static_argnums=0)
    assert [f(n).dtype.kind for n in (1, 1.0, True)] == ['i', 'f', 'b']


def test_static_places_of_any_number_of_arguments():
    assert float(jit(lambda *xs: xs[0] * len(xs[1]), static_argnums=1)(2.0, 'abc')) == 6.0
    assert float(jit(lambda **xs: xs['a'] * len(xs['b']), static_argnames='b')(a=2.0, b='abc')) == 6.0


@pytest.mark.parametrize('value', [[1], np.ones(1), jnp.ones(1), {}], ids=['list', 'numpy', 'jax', 'dict'])
def test_a_static_value_that_is_not_hashable_is_an_error_that_names_the_argument(power, value):
    with pytest.raises(TypeError, match='`.*power`: argument 1 is static, so it must be a hashable value, but is a'):
        jit(power, static_argnums=1)(2.0, value)
    with pytest.raises(TypeError, match="argument 'n' is static"):
        jit(power, static_argnums=1)(2.0, n=value)


def test_a_traced_value_is_no_static_value(power):
    inner = jit(power, static_argnums=1)
    with pytest.raises(TypeError, match='argument 1 is static'):
        jit(lambda n: inner(2.0, n))(3)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'static_argnums': -1}, 'static_argnums must be non-negative integers'),
        ({'static_argnums': ('n',)}, 'static_argnums must be non-negative integers'),
        ({'donate_argnums': -1}, 'donate_argnums must be non-negative integers'),
        ({'static_argnums': 2}, 'static_argnums has 2, but there are 2 positional arguments'),
        ({'donate_argnums': (0, 2)}, 'donate_argnums has 2, but there are 2 positional arguments'),
        ({'static_argnames': 'm'}, r"static_argnames has \{'m'\}; arguments are \['x', 'n', 'sign'\]"),
        ({'donate_argnames': ['x', 'm']}, r"donate_argnames has \{'m'\}"),
    ],
    ids=str,
)
def test_an_argument_that_does_not_exist_is_an_error_when_decorating(power, options, message):
    with pytest.raises(ValueError, match=message):
        jit(power, **options)


@pytest.mark.parametrize('options', [{'donate_argnums': 0}, {'donate_argnames': 'x'}], ids=str)
@pytest.mark.parametrize('named', [False, True])
def test_only_a_donated_argument_is_gone_after_the_call(options, named):
    f = jit(lambda x, y: x + y, **options)
    x, y = jnp.arange(3.0), jnp.ones(3)
    np.testing.assert_array_equal(f(x=x, y=y) if named else f(x, y), [1.0, 2.0, 3.0])
    assert (x.is_deleted(), y.is_deleted()) == (True, False)


def test_every_array_of_a_donated_tree_is_gone_and_units_stay():
    f = jit(lambda tree: jax.tree.map(lambda x: 2 * x, tree), donate_argnums=0)
    tree = {'a': jnp.arange(3.0), 'b': [jnp.ones(2) * u.mV]}
    leaves = jax.tree.leaves(tree)
    assert u.math.allclose(f(tree)['b'][0], 2 * np.ones(2) * u.mV)
    assert [x.is_deleted() for x in leaves] == [True, True]


def test_an_array_that_is_donated_and_used_otherwise_is_copied():
    f = jit(lambda x, y: (x + 1, y + 2), donate_argnums=0)
    x = jnp.arange(3.0)
    np.testing.assert_array_equal(f(x, x), [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])
    np.testing.assert_array_equal(x, [0.0, 1.0, 2.0])


def test_arrays_of_written_states_are_kept_unless_they_are_donated():
    for donate in (False, True):
        written, read = State(jnp.zeros(3)), State(jnp.ones(3))
        before, constant = written.value, read.value

        @jit(donate_states=donate)
        def step():
            written.value = written.value + read.value  # noqa: B023  (called within the same turn)

        step()
        assert (before.is_deleted(), constant.is_deleted()) == (donate, False)
        step()
        np.testing.assert_array_equal(written.value, [2.0, 2.0, 2.0])


def test_donated_states_that_hold_one_array_are_both_right():
    a = State(jnp.ones(3))
    b = State(a.value)

    @jit(donate_states=True)
    def step():
        a.value, b.value = a.value + 1, b.value * 5

    step(), step()
    np.testing.assert_array_equal([a.value, b.value], [[3.0] * 3, [25.0] * 3])


def test_a_donating_step_compiles_again_for_other_shapes(compilations):
    state, traces = State(jnp.zeros(2)), []

    @jit(donate_states=True, donate_argnums=0)
    def step(x):
        traces.append(x)
        state.value = state.value + x
        return 2 * x

    for shape in ((2,), (3, 2)) * 3:
        state.value = jnp.zeros(shape)
        np.testing.assert_array_equal(step(jnp.ones(shape)), 2 * np.ones(shape))
        np.testing.assert_array_equal(state.value, np.ones(shape))
    assert len(traces) == 2


def test_a_donating_step_works_inside_of_other_transforms():
    state = State(jnp.zeros(3))

    @jit(donate_states=True, donate_argnums=0)
    def step(x):
        state.value = state.value + x
        return x

    before = state.value
    for_loop(step, jnp.ones((4, 3)))
    jit(step)(jnp.ones(3))
    vmap(step, in_states=state)(jnp.ones(3))
    np.testing.assert_array_equal(state.value, [6.0, 6.0, 6.0])
    np.testing.assert_array_equal(before, np.zeros(3))  # the outermost call decides


class Counter(bst.nn.Module):
    """Compiled methods, and how often Python runs them."""

    def __init__(self, gain=1.0):
        self.n = HiddenState(jnp.zeros(()))
        self.gain = gain
        self.traces = []

    @jit
    def update(self, x):
        """Add to the count."""
        self.traces.append('update')
        self.n.value = self.n.value + self.gain * x
        return self.n.value

    @jit(static_argnums=2, donate_argnames='x')
    def move(self, x, way='up'):
        self.traces.append(way)
        return x + 1 if way == 'up' else x - 1


class Doubled(Counter):
    @jit
    def update(self, x):
        return 2 * super().update(x)


def test_instances_do_not_share_states_or_attributes_of_a_compiled_method():
    a, b = Counter(), Counter(gain=10.0)
    assert [float(a(1.0)), float(b(1.0)), float(a(2.0)), float(b(2.0))] == [1.0, 10.0, 3.0, 30.0]
    assert (a.traces, b.traces) == (['update'], ['update'])


def test_an_equal_instance_has_programs_of_its_own():
    class Same(Counter):
        def __eq__(self, other):
            return True

        def __hash__(self):
            return 0

    a, b = Same(), Same(gain=10.0)
    assert [float(a(1.0)), float(b(1.0)), float(a(1.0))] == [1.0, 10.0, 2.0]


@pytest.mark.parametrize('kind', [Counter, Doubled])
def test_an_instance_with_compiled_methods_can_be_freed(kind):
    model = kind()
    model(1.0), model.move(jnp.ones(2), 'down')
    gone = weakref.ref(model), weakref.ref(model.n)
    del model
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_a_compiled_method_may_call_that_of_its_base():
    model = Doubled()
    assert [float(model(1.0)), float(model(1.0))] == [2.0, 4.0]
    assert model.traces == ['update']


def test_places_of_a_method_count_self():
    model, x = Counter(), jnp.zeros(2)
    assert [float(model.move(0.0, way)) for way in ('up', 'down', 'up')] == [1.0, -1.0, 1.0]
    assert float(model.move(0.0, way='down')) == -1.0
    model.move(x)
    assert x.is_deleted()
    assert model.traces == ['up', 'down', 'down', 'up']  # by place, by name, then another shape


def test_a_compiled_method_keeps_its_name_and_can_be_looked_at():
    model = Counter()
    assert (Counter.update.__name__, model.update.__name__, model.update.__doc__) == ('update', 'update', 'Add to the count.')
    assert 'stablehlo.add' in model.update.lower(1.0).as_text()
    assert float(model.n.value) == 0.0
    model(1.0)
    model.update.clear_cache()
    model(1.0)
    assert len(model.traces) == 2


def test_a_method_called_on_the_class_is_an_error_about_the_object():
    with pytest.raises(TypeError, match='argument 0 is a Counter, but a compiled function takes arrays'):
        Counter.update(Counter(), 1.0)


def test_static_and_class_methods_and_objects_without_a_dict():
    class Tools:
        __slots__ = ()
        scale = 3.0

        @staticmethod
        @jit
        def double(x):
            return 2 * x

        @classmethod
        @jit
        def scaled(cls, x):
            return cls.scale * x

        @jit
        def same(self, x):
            return x

    tools = Tools()
    assert [float(f(1.0)) for f in (Tools.double, tools.double, Tools.scaled, tools.scaled, tools.same)] == [2.0, 2.0, 3.0, 3.0, 1.0]


def test_a_module_and_a_partial_function_are_compiled_once_and_keep_their_states():
    class Add(bst.nn.Module):
        def __init__(self):
            self.n, self.traces = HiddenState(jnp.zeros(())), []

        def update(self, x, times=1.0):
            self.traces.append(x)
            self.n.value = self.n.value + times * x
            return self.n.value

    model = Add()
    f, g = jit(model), jit(functools.partial(model, times=10.0))
    assert [float(f(1.0)), float(f(2.0)), float(g(1.0)), float(g(2.0))] == [1.0, 3.0, 13.0, 33.0]
    assert len(model.traces) == 2
    assert 'Add' in f.__name__


def test_lower_tells_the_program_without_running_it_and_the_call_finds_it(traces):
    state = State(jnp.zeros(3))

    @jit
    def step(x):
        traces.append(x)
        state.value = state.value + jnp.sin(x)

    lowered = step.lower(jnp.ones(3))
    assert lowered.as_text().count('stablehlo.sine') == 1
    assert lowered.compile().memory_analysis().argument_size_in_bytes >= 24  # the state and x
    np.testing.assert_array_equal(state.value, np.zeros(3))
    step(jnp.ones(3))
    assert len(traces) == 1


def test_lower_of_a_donating_step_shows_what_is_used_again():
    state = State(jnp.zeros(3))

    def step(x):
        state.value = state.value + x

    assert 'tf.aliasing_output' in jit(step, donate_states=True).lower(jnp.ones(3)).as_text()
    assert 'tf.aliasing_output' not in jit(step).lower(jnp.ones(3)).as_text()


@pytest.mark.parametrize(
    'values',
    [
        (1.0, 2.0, jnp.asarray(3.0)),
        (np.float32(1), jnp.float32(1), jnp.zeros((), jnp.float32), np.zeros((), np.float32)),
        (np.ones(2, np.float32), jnp.ones(2), np.ones(2)),
        (1, 2**20, jnp.asarray(3)),
        (True, False, np.bool_(True), jnp.array(False)),
        (1.0, 1, True, 1j, np.float32(1), np.int32(1)),
    ],
    ids=['weak', 'scalars', 'arrays', 'weak int', 'bool', 'different'],
)
def test_numbers_and_arrays_share_programs_where_those_of_jax_do(values):
    ours, theirs = [], []

    def body(x, found):
        found.append(x)
        return x * 2

    f, raw = jit(lambda x: body(x, ours)), jax.jit(lambda x: body(x, theirs))
    for x in values:
        a, b = f(x), raw(x)
        assert (a.dtype, a.weak_type) == (b.dtype, b.weak_type)
    assert len(ours) == len(theirs)


def test_a_wrong_number_of_arguments_is_the_error_of_python():
    f = jit(lambda x, y: x + y)
    f(1.0, 2.0)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        f(1.0)
