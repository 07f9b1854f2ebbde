"""What the random numbers of inputs depend on: seed, neuron and step, and nothing else."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import LIF, OUProcessInput, PoissonEncoder, PoissonInput, PoissonSpike, WienerProcessInput
from brainpy_state.transform import for_loop, jit, vmap

pytestmark = pytest.mark.quick('PoissonInput|^named')

RATE = 1e4 * u.Hz


class Drive(bst.nn.Module):
    """What Poisson sources give to a neuron in each step."""

    def __init__(self, n, **options):
        super().__init__()
        self.neuron = LIF(n)
        self.drive = PoissonInput(self.neuron, 1000, 10.0 * u.Hz, 1.0 * u.mV, **options)
        self.stream = self.drive.stream

    def update(self):
        self.drive()
        k = self.neuron.delta.value.to_decimal(u.mV)
        self.neuron()
        return k


class Encoder(PoissonEncoder):
    """At a constant rate."""

    def update(self):
        return super().update(RATE)


KINDS = {
    'PoissonSpike': lambda n, **options: PoissonSpike(n, RATE, **options),
    'PoissonEncoder': Encoder,
    'PoissonInput': Drive,
    'WienerProcessInput': lambda n, **options: WienerProcessInput(n, 1.0 * u.ms**0.5, **options),
    'OUProcessInput': lambda n, **options: OUProcessInput(n, 0.0, 1.0, 1e-3 * u.ms, **options),
}
every_kind = pytest.mark.parametrize('make', KINDS.values(), ids=KINDS)


def initialised(make, n, seed=None, batch=None):
    return bst.nn.init_all_states(make(n, seed=seed), batch_size=batch)


@every_kind
def test_steps_neurons_and_rows_of_a_batch_are_independent(make, dt):
    x = np.asarray(bst.run(initialised(make, 40, 'independent', batch=5), 5.0 * u.ms), float)[1:]  # the OU process begins at its mean
    x = (x - x.mean()) / x.std()
    bound = 4.5  # of hundreds of correlations that are normal, none is that far off
    assert x.shape == (49, 5, 40)
    assert abs(np.mean(x[1:] * x[:-1])) < bound / np.sqrt(x[1:].size)
    for axis, size in ((1, 5), (2, 40)):
        flat = np.moveaxis(x, axis, 0).reshape(size, -1)
        assert abs(np.corrcoef(flat)[np.triu_indices(size, 1)]).max() < bound / np.sqrt(flat.shape[1])


@pytest.mark.slow
@every_kind
def test_chunks_loops_and_single_calls_draw_the_same(make, dt):
    source = initialised(make, 7, 'chunks')
    whole = bst.run(source, 1.2 * u.ms)
    bst.nn.init_all_states(source)
    np.testing.assert_array_equal(bst.run(source, 1.2 * u.ms, chunk=0.5 * u.ms), whole)
    bst.nn.reset_all_states(source)
    with bst.environ.context(i=0):
        first = np.asarray([source(), jit(source)()])
        rest = for_loop(source, length=10)
    np.testing.assert_array_equal(np.concatenate([first, rest]), whole)


@pytest.mark.slow
@every_kind
def test_lanes_draw_as_rows_of_a_batch_and_the_first_as_a_single_run(make, dt):
    alone = bst.run(initialised(make, 7, 'lanes'), 0.6 * u.ms)
    rows = bst.run(initialised(make, 7, 'lanes', batch=3), 0.6 * u.ms)
    np.testing.assert_array_equal(rows[:, 0], alone)
    source = make(7, seed='lanes')
    bst.nn.vmap_init_all_states(source, axis_size=3)
    step = vmap(source.update, in_states=source.states(), axis_size=3)
    np.testing.assert_array_equal(bst.run(step, 0.6 * u.ms), rows)


@pytest.mark.slow
@every_kind
def test_without_a_seed_the_default_generator_decides_and_lanes_differ(make, dt):
    def lanes(seed):
        bst.random.seed(seed)
        source = make(20)
        bst.nn.vmap_init_all_states(source, axis_size=3)
        return np.asarray(bst.run(vmap(source.update, in_states=source.states(), axis_size=3), 0.3 * u.ms))[1:]

    first = lanes(1)
    np.testing.assert_array_equal(lanes(1), first)
    assert not np.array_equal(lanes(2), first)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(first[:, a], first[:, b])


@every_kind
def test_initialising_again_starts_a_seed_again_and_else_gives_other_numbers(make, dt):
    named, nameless = make(20, seed='again'), make(20)

    def run():
        bst.nn.init_all_states(named)
        bst.nn.init_all_states(nameless)
        return bst.run(lambda: (named(), nameless()), 0.3 * u.ms)

    (a, x), (b, y) = run(), run()
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(x, y)


class Network(bst.nn.Module):
    """Driven neurons, and others that have nothing to do with them."""

    def __init__(self, seeds, unrelated):
        super().__init__()
        self.a_first = PoissonSpike(50, RATE) if unrelated == 'before' else None
        self.drive, self.noise = Drive(30, seed=seeds[0]), WienerProcessInput(30, 20.0 * u.mA * u.ms**0.5, seed=seeds[1])
        self.z_last = PoissonSpike(50, RATE) if unrelated else None

    def update(self):
        for other in (self.a_first, self.z_last):
            if other is not None:
                other()
        k = self.drive()
        return k, self.drive.neuron(self.noise())


@pytest.mark.slow
@pytest.mark.parametrize(('seeds', 'unrelated'), [(('drive', 'noise'), 'before'), ((None, None), 'after')], ids=['named', 'nameless'])
def test_an_unrelated_population_changes_no_spike(seeds, unrelated, dt):
    def run(unrelated):
        net = Network(seeds, unrelated)
        bst.random.seed(1)  # for those without a seed, which draw one when they are initialised
        return bst.run(bst.nn.init_all_states(net), 3.0 * u.ms)

    (k, spikes), (k_with, spikes_with) = run(None), run(unrelated)
    assert spikes.sum() > 10
    np.testing.assert_array_equal(k, k_with)
    np.testing.assert_array_equal(spikes, spikes_with)


def test_a_chunk_that_runs_again_draws_the_same(dt):
    source, few, many = (
        initialised(KINDS['PoissonSpike'], 50, 'again'),
        bst.record.SpikeRecorder(50, 10),
        bst.record.SpikeRecorder(50, 10_000),
    )
    found = []
    for recorder in (few, many):
        bst.nn.init_all_states(source)
        bst.nn.init_all_states(recorder)
        bst.run(lambda recorder=recorder: recorder(source()), 1.0 * u.ms)
        found.append(recorder.spikes(0, 10))
    assert len(found[0]) > 100
    np.testing.assert_array_equal(found[0].i, found[1].i)


@pytest.mark.slow
def test_an_ensemble_over_parameters_has_other_noise_in_each_member(dt):
    noise = OUProcessInput(20, 0.0, 1.0, 1.0 * u.ms, seed='member')

    def member(scale):
        bst.nn.init_all_states(noise)
        with bst.environ.context(i=0):
            return scale * for_loop(noise, length=5)

    members = vmap(member)(jnp.ones(3))
    assert len(np.unique(members[:, 1:])) == 3 * 4 * 20
    np.testing.assert_array_equal(members[0], member(1.0))
