"""What holds of `shard_map` on two devices; `test_shard_map.py` runs this file in a process that has them."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

import brainpy_state as bst
from brainpy_state import BatchAxisError, ParamState, ShapeError, State, TraceContextError
from brainpy_state.transform import cond, for_loop, grad, jit, jit_error_if, shard_map


@pytest.fixture
def mesh():
    assert jax.device_count() == 2
    return jax.make_mesh((2,), ('i',))


@pytest.fixture
def halves(mesh):
    """The decorator that divides the first axis of arguments and results in two."""
    return lambda **options: shard_map(mesh=mesh, **({'in_specs': P('i'), 'out_specs': P('i')} | options))


def devices_of(x):
    return {shard.device.id: shard.data.tolist() for shard in x.addressable_shards}


def test_each_device_has_its_part_of_arguments_and_results(halves):
    f = halves()(lambda x: x + jax.lax.axis_index('i') * 10)
    out = f(jnp.arange(4.0))
    assert devices_of(out) == {0: [0.0, 1.0], 1: [12.0, 13.0]}
    shapes = []
    halves(in_specs=({'a': P('i')}, P(), P(None, 'i')))(lambda *args: shapes.extend(x.shape for x in jax.tree.leaves(args)))(
        {'a': jnp.ones(4)}, jnp.ones(4), jnp.ones((3, 4))
    )
    assert shapes == [(2,), (4,), (3, 2)]


def test_keywords_are_replicated_and_units_are_kept(halves):
    f = halves()(lambda x, gain: x * gain.sum())
    assert u.math.allclose(f(jnp.arange(4.0) * u.mV, gain=jnp.ones(3)), 3 * np.arange(4.0) * u.mV)


def test_divided_states_are_read_and_written_part_by_part(halves):
    h, w, shapes = State(jnp.zeros(4)), ParamState(jnp.array(2.0)), []

    @halves(state_in_specs={P('i'): h})
    def step(x):
        shapes.append(h.value.shape)
        h.value = h.value + w.value * x
        return h.value

    for _ in range(2):
        step(jnp.arange(4.0))
    w.value = jnp.array(10.0)
    np.testing.assert_array_equal(jit(step)(jnp.arange(4.0)), 14 * np.arange(4.0))
    assert devices_of(h.value) == {0: [0.0, 14.0], 1: [28.0, 42.0]}
    assert shapes == [(2,)] * len(shapes)
    h.value = h.value + 1  # it is an array like any other
    np.testing.assert_array_equal(h.value, 14 * np.arange(4.0) + 1)


def test_a_state_may_be_divided_by_being_written(halves):
    h = State(jnp.zeros(()))

    def step(x):
        h.value = 2 * x

    for _ in range(2):
        halves(state_out_specs={P('i'): h})(step)(jnp.arange(4.0))
        np.testing.assert_array_equal(h.value, [0.0, 2.0, 4.0, 6.0])


def test_axes_of_a_mesh_divide_together_and_by_themselves():
    mesh = jax.make_mesh((2, 1), ('i', 'j'))
    h = State(jnp.zeros((4, 3)))

    def step(x):
        h.value = h.value + x[:, None]
        return jax.lax.psum(h.value.sum(), ('i', 'j'))

    f = shard_map(step, mesh=mesh, in_specs=P(('i', 'j')), out_specs=P(), state_in_specs={P('i', 'j'): h})
    assert float(f(jnp.arange(4.0))) == 18.0
    np.testing.assert_array_equal(h.value, np.arange(4.0)[:, None] + np.zeros(3))


def test_a_replicated_state_written_with_one_value_is_kept(halves):
    total, steps = State(jnp.zeros(())), State(0)

    @halves(out_specs=P())
    def step(x):
        total.value = total.value + jax.lax.psum(x.sum(), 'i')
        steps.value += 1
        return total.value

    assert [float(step(jnp.arange(4.0))) for _ in range(3)] == [6.0, 12.0, 18.0]
    assert (float(total.value), int(steps.value)) == (18.0, 3)
    assert devices_of(total.value) == {0: 18.0, 1: 18.0}


@pytest.mark.parametrize('how', ['directly', 'in a loop', 'in a branch', 'by the place'])
def test_a_replicated_state_written_with_values_that_differ_is_an_error_that_names_it(halves, how):
    total = State(jnp.zeros(()), name='total')

    def add(x):
        total.value = total.value + x

    def step(x):
        if how == 'directly':
            add(x.sum())
        elif how == 'in a loop':
            for_loop(add, x)
        elif how == 'in a branch':
            cond(x.sum() > 3, lambda: add(1.0), lambda: None)
        else:
            add(jax.lax.axis_index('i').astype(float))

    for call in (halves(out_specs=P())(step), jit(halves(out_specs=P())(step))):
        with pytest.raises(BatchAxisError, match="`.*step`: State 'total' is declared the same on all devices, but differs") as raised:
            call(jnp.arange(4.0))
        assert 'jax.lax.psum' in str(raised.value)
        assert float(total.value) == 0.0


def test_a_result_that_differs_but_is_declared_as_the_same_is_an_error(halves):
    with pytest.raises(BatchAxisError, match='a result is declared the same on all devices, but differs'):
        halves(out_specs=P())(lambda x: x.sum())(jnp.arange(4.0))
    with pytest.raises(BatchAxisError, match='a result is declared the same'):
        halves(out_specs=(P('i'), P()))(lambda x: (x, x))(jnp.arange(4.0))


def test_what_cannot_be_divided_is_an_error_that_names_it(halves):
    h = State(jnp.zeros(3), name='h')

    def step(x):
        h.value = h.value + 1.0

    with pytest.raises(ShapeError, match=r'axis 0 of argument 0 has size 3, which is not divisible into 2 parts'):
        halves()(lambda x: x)(jnp.ones(3))
    with pytest.raises(ShapeError, match=r"axis 1 of argument 0 at \['a'\] has size 3"):
        halves(in_specs=P(None, 'i'))(lambda x: x['a'])({'a': jnp.ones((2, 3))})
    with pytest.raises(ShapeError, match=r"axis 0 of State 'h' has size 3, which is not divisible into 2 parts"):
        halves(state_in_specs={P('i'): h})(step)(jnp.ones(4))
    np.testing.assert_array_equal(h.value, np.zeros(3))


@pytest.mark.parametrize(('xs', 'told'), [([0.0, 1.0, 2.0, 3.0], '2.5'), ([7.0, 0.0, 9.0, 9.0], '3.5')], ids=['second', 'first'])
def test_the_error_of_the_first_device_that_failed_is_raised(halves, xs, told):
    h = State(jnp.zeros(4))

    @halves(state_in_specs={P('i'): h})
    def step(x):
        h.value = h.value + x
        jit_error_if(x.mean() > 2, 'mean of {}', x.mean())
        return x

    for call in (step, jit(step), lambda xs: for_loop(lambda: step(xs), length=2)):
        with pytest.raises(ValueError, match=f'^mean of {told}$'):
            call(jnp.array(xs))
        np.testing.assert_array_equal(h.value, np.zeros(4))
        call(jnp.zeros(4))


def test_every_device_draws_numbers_of_its_own(halves):
    draw = halves()(lambda x: x + bst.random.rand(2))
    found = np.concatenate([draw(jnp.zeros(4)), draw(jnp.zeros(4))])
    assert len(np.unique(found)) == 8
    bst.random.seed(0)
    np.testing.assert_array_equal(draw(jnp.zeros(4)), found[:4])


def test_the_generator_goes_on_by_one_step_however_much_is_drawn(halves):
    after = []
    for n in (1, 5):
        bst.random.seed(0)
        halves()(lambda x, n=n: x + sum(bst.random.rand() for _ in range(n)))(jnp.zeros(4))
        after.append(bst.random.DEFAULT.value)
    np.testing.assert_array_equal(*after)
    assert devices_of(after[0])[0] == devices_of(after[0])[1]


def test_a_random_number_is_not_the_same_on_all_devices(halves):
    with pytest.raises(BatchAxisError, match='a result is declared the same'):
        halves(out_specs=P())(lambda x: bst.random.rand())(jnp.zeros(4))


def test_a_generator_that_is_declared_replicated_gives_every_device_the_same_numbers(halves):
    rng = bst.random.RandomState(0)
    alone = float(bst.random.RandomState(0).rand())
    assert float(halves(out_specs=P(), state_in_specs={P(): rng})(lambda x: rng.rand())(jnp.zeros(4))) == alone


def test_a_stream_gives_devices_the_numbers_of_lanes_unless_it_is_replicated(halves):
    stream, lanes = bst.random.Stream('devices'), bst.random.Stream('devices').random((2, 2))
    found = halves()(lambda x: x + stream.random(2))(jnp.zeros(4))
    np.testing.assert_array_equal(found, np.ravel(lanes))
    assert (int(stream.value.lane), int(stream.value.step)) == (0, 1)
    stream.restart()
    same = halves(out_specs=P(), state_in_specs={P(): stream})(lambda x: stream.random(2))(jnp.zeros(4))
    np.testing.assert_array_equal(same, lanes[0])
    assert int(stream.value.step) == 1


def test_random_numbers_inside_of_loops_and_gradients_differ_between_devices(halves):
    w = ParamState(jnp.ones(4))

    @halves(state_in_specs={P('i'): w})
    def slope(x):
        return grad(lambda: (w.value * for_loop(lambda x: x + bst.random.rand(), x)).sum(), w)()

    assert len(np.unique(slope(jnp.zeros(4)))) == 4


@pytest.fixture
def net():
    rng = np.random.default_rng(0)
    return ParamState(jnp.asarray(rng.normal(size=(4, 2)), jnp.float32)), jnp.asarray(rng.normal(size=(6, 4)), jnp.float32)


def test_the_gradient_through_shards_is_that_of_the_whole(halves, net):
    w, x = net

    def error(x):
        return (jnp.tanh(x @ w.value) ** 2).mean()

    whole = grad(lambda: error(x), w, return_value=True)()
    divided = halves(out_specs=P())(lambda x: jax.lax.pmean(error(x), 'i'))
    for take in (grad(lambda: divided(x), w, return_value=True), jit(grad(lambda: divided(x), w, return_value=True))):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), take(), whole)  # sums in another order
    by_x = grad(divided)(x)
    np.testing.assert_allclose(by_x, grad(error)(x), rtol=1e-5, atol=1e-8)


def test_the_gradient_by_a_divided_state_is_that_of_the_whole(halves, net):
    x = net[1][:4, 0]
    w, h = ParamState(jnp.arange(4.0)), State(jnp.zeros(4))

    def run(x):
        def step():
            h.value = jnp.tanh(w.value * h.value + x)
            return h.value**2

        return for_loop(step, length=5).sum(0)

    whole = grad(lambda: run(x).sum(), w)()
    states, h.value = h.value, jnp.zeros(4)
    divided = halves(state_in_specs={P('i'): [w, h]})(run)
    np.testing.assert_allclose(grad(lambda: divided(x).sum(), w)(), whole, rtol=1e-5)
    np.testing.assert_allclose(h.value, states, rtol=1e-6)


def test_a_second_call_compiles_nothing_and_the_body_runs_once(halves, compilations):
    h, traces = State(jnp.zeros(4)), []

    def step(x):
        traces.append(x)
        h.value = h.value + x
        return x

    def call():
        return halves(state_in_specs={P('i'): h})(step)(jnp.ones(4))

    call(), call()  # the first call divides the state
    with compilations() as found:
        call()
    assert found == []
    assert len(traces) == 1


def test_a_raw_jit_around_it_is_an_error(halves):
    h = State(jnp.zeros(4))

    def step(x):
        h.value = h.value + x

    with pytest.raises(TraceContextError):
        jax.jit(halves(state_in_specs={P('i'): h})(step))(jnp.ones(4))
    np.testing.assert_array_equal(h.value, np.zeros(4))
