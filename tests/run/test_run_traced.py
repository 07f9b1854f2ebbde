"""`run` inside of compiled and mapped functions."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.record import SpikeRecorder

SIZE, DURATION = 80, 6.0 * u.ms


class Net(bst.nn.Module):
    def __init__(self, capacity=1 << 12):
        super().__init__()
        self.cells = bst.LIFRef(SIZE, tau=5.0 * u.ms, tau_ref=1.0 * u.ms)
        self.proj = bst.DeltaProj(comm=bst.fixed_indegree(SIZE, SIZE, 5, weight=0.125 * u.mV, seed=1), post=self.cells)
        self.recorder = SpikeRecorder(SIZE, capacity)
        self.drive = bst.State(0.0 * u.mA)

    def update(self):
        self.proj(self.cells.get_spike())
        spikes = self.cells(self.drive.value * jnp.linspace(1.0, 2.0, SIZE))
        self.recorder(spikes)
        return spikes.sum(), bst.environ.get('t')


def simulate(net, drive, start=None):
    net.drive.value = drive
    bst.nn.init_all_states(net)
    return bst.run(net, DURATION, start=start)


DRIVES = jnp.array([1.0, 2.0, 4.0]) * u.mA


def test_a_run_is_the_same_in_a_compiled_function(dt):
    net = Net()
    count, t = simulate(net, 2.0 * u.mA, start=1.0 * u.ms)
    spikes = net.recorder.spikes()
    compiled = bst.transform.jit(lambda drive: simulate(net, drive, start=1.0 * u.ms))
    again, times = compiled(2.0 * u.mA)
    np.testing.assert_array_equal(again, count)
    np.testing.assert_allclose(times.to_decimal(u.ms), t.to_decimal(u.ms), rtol=1e-6)
    found = net.recorder.spikes()
    np.testing.assert_array_equal(found.step, spikes.step)
    np.testing.assert_array_equal(found.i, spikes.i)
    assert (found.start, found.stop) == (10, 70)


@pytest.mark.parametrize('capacity', [1 << 12, 40])
def test_recorders_in_lanes_are_emptied_after_the_call(capacity, dt):
    net, one = Net(capacity), Net()
    states = [net.drive, *net.states(bst.ShortTermState).values()]
    counts, _ = bst.transform.vmap(lambda drive: simulate(net, drive), out_states=states)(DRIVES)
    total = int(counts.sum())
    assert total > 100
    if capacity < total:
        with pytest.raises(bst.BrainStateError, match=rf'{total} events .* holds {capacity - 2}.*capacity={total + 2}'):
            net.recorder.spikes()
        return
    spikes = net.recorder.spikes()
    for k, drive in enumerate(DRIVES):
        count, _ = simulate(one, drive)
        np.testing.assert_array_equal(counts[k], count)
        lane, single = spikes.of_trial(k), one.recorder.spikes()
        np.testing.assert_array_equal(lane.step, single.step)
        np.testing.assert_array_equal(lane.i, single.i)


def test_a_chunk_inside_of_a_compiled_function_is_an_error(dt):
    cells = bst.nn.init_all_states(bst.LIF(3))
    with pytest.raises(bst.ParameterError, match='chunk= has no meaning inside of a compiled function'):
        bst.transform.jit(lambda: bst.run(lambda: cells(1.0 * u.mA), DURATION, chunk=1.0 * u.ms))()
