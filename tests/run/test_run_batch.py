"""`run` with a batch: its recorded spikes are those of as many single runs."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import event, run
from brainpy_state.record import SpikeRecorder

TRIALS, SIZE, STEPS = 4, 40, 200
DRIVE = np.random.default_rng(0).uniform(0.0, 4.0, (TRIALS, SIZE)).astype('float32')


class Net(bst.nn.Module):
    """Neurons that excite each other, by weights whose sums are exact in any order."""

    def __init__(self, capacity=1 << 12, as_bool=False):
        super().__init__()
        self.neurons, self.as_bool = bst.LIFRef(SIZE, tau_ref=0.3 * u.ms), as_bool
        comm = bst.pairwise_bernoulli(SIZE, SIZE, p=0.1, weight=0.125 * u.mV, seed=0)
        self.proj = bst.DeltaProj(comm=comm, post=self.neurons)
        self.recorder = SpikeRecorder(SIZE, capacity)
        self.drive = bst.State(jnp.zeros(SIZE))

    def update(self):
        self.proj(self.neurons.get_spike())
        spikes = self.neurons(self.drive.value * u.mA)
        self.recorder(spikes > 0 if self.as_bool else spikes)


def simulate(net, drive, step=None, **options):
    """The spikes of a run, of a batch if the drive is of one."""
    net.drive.value = jnp.asarray(drive)
    bst.nn.init_all_states(net, **({'batch_size': len(drive)} if drive.ndim == 2 else {}))
    with bst.environ.context(dt=0.1 * u.ms):
        run(step or net, 0.1 * STEPS * u.ms, **options)
        return net.recorder.spikes(0, STEPS)


def same(a, b):
    """Whether two records agree in all that they hold."""
    assert (a.size, a.start, a.stop, a.n_trials) == (b.size, b.start, b.stop, b.n_trials)
    np.testing.assert_array_equal(a.step, b.step)
    np.testing.assert_array_equal(a.i, b.i)
    np.testing.assert_array_equal(a.trial, b.trial)


@pytest.fixture(scope='module', params=['numba', 'xla'])
def singles(request):
    """The spikes of each trial in a run of its own."""
    with event.use_backend(request.param):
        net = Net()
        yield [simulate(net, drive) for drive in DRIVE]


@pytest.mark.quick('numba-whole')
@pytest.mark.parametrize(
    ('capacity', 'chunk', 'as_bool'),
    [(1 << 12, None, False), (1, None, True), (180, None, False), (200, 3.0 * u.ms, True)],
    ids=['whole', 'no room', 'small', 'chunks'],
)
def test_a_batch_equals_single_runs_bit_for_bit(singles, capacity, chunk, as_bool):
    net = Net(capacity, as_bool)
    spikes = simulate(net, DRIVE, chunk=chunk)
    assert (spikes.size, spikes.n_trials) == (SIZE, TRIALS)
    assert len(spikes) == sum(map(len, singles)) > 1000
    assert capacity > 1000 or len(net.recorder.kept.events) > 3  # it was emptied several times
    for k, single in enumerate(singles):
        same(spikes.of_trial(k), single)
    order = np.lexsort((spikes.i, spikes.trial, spikes.step))
    np.testing.assert_array_equal(order, np.arange(len(spikes)))


@pytest.mark.quick('numba')
def test_lanes_are_trials_as_well(singles):
    net = Net(capacity=50)
    net.drive.value = jnp.asarray(DRIVE)
    bst.nn.vmap_init_all_states(net, axis_size=TRIALS, node_to_exclude=bst.Connection)
    states = net.states(bst.ShortTermState)
    step = bst.transform.vmap(net, in_states=[*states.values(), net.drive], axis_size=TRIALS)
    with bst.environ.context(dt=0.1 * u.ms):
        run(step, 0.1 * STEPS * u.ms)
        spikes = net.recorder.spikes(0, STEPS)
    same(spikes, simulate(Net(), DRIVE))
    same(spikes.of_trial(1), singles[1])


@pytest.mark.quick('numba')
def test_a_network_goes_to_a_batch_and_back_and_is_traced_once_for_each(singles):
    net, traces = Net(), []

    def step():
        traces.append(net.recorder.batch_size)
        net()

    for drive in (DRIVE[0], DRIVE, DRIVE[1], DRIVE):
        simulate(net, drive, step=step)
    assert traces == [None, TRIALS]
    same(simulate(net, DRIVE[2], step=step), singles[2])


@pytest.mark.quick('numba')
@pytest.mark.parametrize('fires', [True, False])
def test_a_batch_in_which_all_or_none_fire(fires, singles):
    recorder = bst.nn.init_all_states(SpikeRecorder(5, capacity=1), batch_size=4)
    with bst.environ.context(dt=0.1 * u.ms):
        run(lambda: recorder(jnp.full((4, 5), float(fires))), 1.0 * u.ms)
        spikes = recorder.spikes(0, 10)
    np.testing.assert_array_equal(spikes.count, np.full((4, 5), 10 * fires))
    np.testing.assert_array_equal(spikes.trial, np.tile(np.repeat(np.arange(4), 5), 10 * fires))


def test_spikes_recorded_before_a_run_are_kept(dt):
    recorder = bst.nn.init_all_states(SpikeRecorder(5, capacity=8), batch_size=3)
    with bst.environ.context(i=0):
        recorder(jnp.eye(3, 5))
    run(lambda: recorder(jnp.ones((3, 5))), 0.2 * u.ms, start=0.1 * u.ms)
    spikes = recorder.spikes(0, 3)
    np.testing.assert_array_equal(np.bincount(spikes.step), [3, 15, 15])
    np.testing.assert_array_equal(spikes.between(0.0 * u.ms, 0.1 * u.ms).count, np.eye(3, 5))
