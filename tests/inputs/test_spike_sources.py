"""Spikes at given times against a dense table, and Poisson spikes against their statistics."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import PoissonEncoder, PoissonSpike, SpikeTime, State
from brainpy_state.transform import for_loop, jit

N, STEPS, FIRST = 7, 50, 3
every_backend = pytest.mark.parametrize('backend', ['numba', 'xla'])


def spike_list(count=200, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, N, count), rng.integers(FIRST, STEPS - 5, count), rng.uniform(-1, 2, count).astype(np.float32)


def dense(indices, steps, weights=1.0):
    table = np.zeros((STEPS, N))
    np.add.at(table, (steps, indices), weights)
    return table


def looped(source, first=0, last=STEPS):
    def step(i):
        with bst.environ.context(i=i):
            return source()

    return for_loop(step, jnp.arange(first, last))


@pytest.mark.quick('True-numba')
@every_backend
@pytest.mark.parametrize('weighted', [False, True])
def test_a_list_of_spikes_equals_the_dense_table(backend, weighted, dt):
    indices, steps, weights = spike_list()
    source = SpikeTime(N, indices, steps * 0.1 * u.ms, *([weights * u.mV] if weighted else []))
    expected = dense(indices, steps, weights if weighted else 1.0)
    assert expected.max() > 2
    with bst.event.use_backend(backend):
        found = looped(source, -4, STEPS + 4)
        with bst.environ.context(i=int(steps[0])):
            single = source()
    if weighted:
        found, single = found.to_decimal(u.mV), single.to_decimal(u.mV)
    # sums of some ten float32 numbers of order 1
    np.testing.assert_allclose(found, np.pad(expected, ((4, 4), (0, 0))), atol=1e-6)
    np.testing.assert_allclose(single, expected[steps[0]], atol=1e-6)


def test_steps_far_out_are_silent(dt):
    source = SpikeTime(N, [0, 1], [-0.3, 5.0] * u.ms)
    for i in (-(2**30), -4, -2, 49, 51, 2**30, 2**31 - 1):
        with bst.environ.context(i=i):
            assert not source().any()
    for i, spikes in ((-3, [1, 0]), (50, [0, 1])):
        with bst.environ.context(i=i):
            np.testing.assert_array_equal(source()[:2], spikes)


def test_no_spikes_at_all(dt):
    assert not looped(SpikeTime(N, [], [] * u.ms)).any()


@pytest.mark.parametrize('mode', ['round', 'floor', 'ceil'])
@pytest.mark.parametrize('kind', [np.float64, np.float32])
def test_times_on_the_grid_are_never_moved(mode, kind):
    steps = np.arange(3000)
    for dt, unit in ((0.1, u.ms), (0.0001, u.second), (0.7, u.ms)):
        times = (steps * kind(dt)).astype(kind)
        with bst.environ.context(dt=dt * unit):
            source = SpikeTime(3000, steps, times * unit, time_as_step=mode)
        np.testing.assert_array_equal(np.diff(source.spikes.indptr), 1)
        np.testing.assert_array_equal(source.spikes.indices, steps)


@pytest.mark.parametrize(('mode', 'expected'), [('round', [2, 3, 3, 2]), ('floor', [2, 2, 2, 2]), ('ceil', [3, 3, 3, 2])])
def test_times_between_steps_go_where_the_option_says(mode, expected, dt):
    source = SpikeTime(4, [0, 1, 2, 3], [0.24, 0.26, 0.29, 0.2] * u.ms, time_as_step=mode)
    np.testing.assert_array_equal(np.argmax(looped(source), axis=0), expected)
    negative = SpikeTime(1, [0], [-0.24] * u.ms, time_as_step=mode)
    assert negative.first == {'round': -2, 'floor': -3, 'ceil': -2}[mode]


def test_times_in_another_unit_and_lists_of_quantities(dt):
    for times in ([0.0001, 0.0003] * u.second, [100.0 * u.us, 0.0003 * u.second]):
        np.testing.assert_array_equal(looped(SpikeTime(2, [0, 1], times))[:4], [[0, 0], [1, 0], [0, 0], [0, 1]])


def test_indices_count_through_a_population_of_two_axes_and_a_batch_gets_the_same(dt, precision):
    source = bst.nn.init_all_states(SpikeTime((2, 3), [0, 4], [0.1, 0.1] * u.ms, [2.0 * u.mS, 3e3 * u.uS]), batch_size=2)
    with bst.environ.context(i=1):
        spikes = source()
    assert spikes.dtype == f'float{precision}'
    np.testing.assert_allclose(spikes.to_decimal(u.mS), [[[2, 0, 0], [0, 3, 0]]] * 2)


def test_lists_take_four_bytes_for_a_spike_and_four_for_a_step(dt):
    source = SpikeTime(10, np.zeros(1000, int), np.full(1000, 20.0) * u.ms)
    assert source.spikes.indices.nbytes == 4000
    assert source.spikes.indptr.nbytes == 2 * 4  # from the first spike to the last
    assert SpikeTime(10, np.zeros(1000, int), np.full(1000, 20.0) * u.ms, np.ones(1000)).weights.nbytes == 4000


def test_a_list_belongs_to_the_dt_that_it_was_built_for():
    with bst.environ.context(dt=0.1 * u.ms):
        source = SpikeTime(1, [0], [0.5] * u.ms, name='stimulus')
    with bst.environ.context(dt=1e-4 * u.second, i=5):
        assert source()[0] == 1
    with bst.environ.context(dt=0.05 * u.ms, i=5), pytest.raises(bst.ParameterError, match="'stimulus': it was made for dt = 0.1 ms, but"):
        source()
    step = jit(source)
    with bst.environ.context(dt=0.1 * u.ms, i=5):
        assert step()[0] == 1
    with bst.environ.context(dt=0.2 * u.ms, i=5), pytest.raises(bst.ParameterError, match='made for dt = .*; build it again'):
        step()


def test_building_a_list_needs_dt():
    with pytest.raises(KeyError, match="'dt' is not set"):
        SpikeTime(1, [0], [0.5] * u.ms)


RATES = np.array([0.0, 5.0, 50.0, 1000.0, 1e6])  # Hz


def assert_rates(spikes, rates, dt=0.1e-3):
    """Counts over the leading axes are binomial; not one of them is 4.5 deviations off."""
    n = np.prod(spikes.shape[:-1])
    p = 1 - np.exp(-rates * dt)
    assert (np.abs(spikes.reshape(n, -1).sum(axis=0) - n * p) <= 4.5 * np.sqrt(n * p * (1 - p))).all()


@pytest.mark.slow
def test_rates_are_those_given(dt):
    fixed = bst.nn.init_all_states(PoissonSpike(5, RATES * u.Hz), batch_size=1000)
    trained = bst.nn.init_all_states(PoissonSpike(5, State(jnp.asarray(RATES) * u.Hz)), batch_size=1000)
    encoder = PoissonEncoder(5)
    given = jnp.broadcast_to(jnp.asarray(RATES), (1000, 5)) * u.Hz
    for spikes in bst.run(lambda: (fixed(), trained(), encoder(given)), 5.0 * u.ms):
        assert spikes.dtype == bool
        assert_rates(spikes, RATES)
        assert not spikes[..., 0].any()
        assert spikes[..., 4].all()


@pytest.mark.slow
def test_an_encoder_takes_any_leading_axes_and_broadcasts(dt):
    encode = PoissonEncoder((2, 3), spk_type=float)
    assert encode(jnp.zeros((5, 4, 2, 3)) * u.Hz).shape == (5, 4, 2, 3)
    assert encode(1e7 * u.Hz).tolist() == [[1.0] * 3] * 2
    bst.nn.init_all_states(encode, batch_size=4)
    assert encode(jnp.full((2, 3), 5.0) * u.kHz).shape == (4, 2, 3)
    rows = encode(jnp.full((2, 3), 7.0) * u.kHz)
    assert (rows != rows[:1]).any()


@pytest.mark.parametrize('kind', [bool, float, np.float32, 'int8'])
def test_spikes_have_the_type_asked_for(kind, dt, precision):
    expected = np.dtype({float: f'float{precision}'}.get(kind, kind))
    assert PoissonSpike(3, 5.0 * u.Hz, spk_type=kind)().dtype == expected
    assert PoissonEncoder(3, spk_type=kind)(5.0 * u.Hz).dtype == expected
