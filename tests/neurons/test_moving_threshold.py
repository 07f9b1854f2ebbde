"""Thresholds that move: spikes in the steps of twins in NumPy, without a reset and with one."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.nn import Parameter, Variable, positive
from brainpy_state.transform import for_loop, grad

from .models import number

pytestmark = [pytest.mark.usefixtures('x64'), pytest.mark.slow]

DT = 0.1
CELL = {'R': 50.0 * u.Mohm, 'tau': 5.0 * u.ms, 'V_rest': -70.0 * u.mV, 'V_th': -51.0 * u.mV}
# pA: below the threshold, at three rates, and so strong that the threshold is passed while the neuron is refractory or by a single jump
CURRENTS = np.array([300.0, 600.0, 1000.0, 3000.0, 30_000.0])


class MAT2(bst.LIF):
    """Multi-timescale adaptive threshold, Kobayashi, Tsubo & Shinomoto 2009, doi:10.3389/neuro.10.009.2009."""

    order, up_crossing = (('V', 'h1', 'h2'),), True
    spk_width = Parameter(10.0 * u.mV, positive)
    rise1, rise2 = Parameter(37.0 * u.mV), Parameter(2.0 * u.mV)
    h1, h2 = Variable(0.0 * u.mV), Variable(0.0 * u.mV)

    def dh1(self, h1):
        return -h1 / (10.0 * u.ms)

    def dh2(self, h2):
        return -h2 / (200.0 * u.ms)

    def threshold(self, h1, h2):
        return self.V_th + h1 + h2

    def jump(self, h1, h2):
        return {'h1': h1 + self.rise1, 'h2': h2 + self.rise2}


def run(neuron, current, steps, batch=None):
    bst.nn.init_all_states(neuron, batch_size=batch)
    with bst.environ.context(dt=DT * u.ms):
        return np.asarray(for_loop(lambda: neuron(current), length=steps))


def mat2_by_hand(currents, steps, refractory, reset=None):
    """A neuron spikes whenever it is at its threshold and not refractory, as NEST's mat2_psc_exp does; or it is reset as well."""
    V, h1, h2, left = np.full(len(currents), -70.0), np.zeros(len(currents)), np.zeros(len(currents)), np.zeros(len(currents), int)
    found = []
    for _ in range(steps):
        held = left > 0
        moved = V + (1 - np.exp(-DT / 5.0)) * (-70.0 + 0.05 * currents - V)
        V = moved if reset is None else np.where(held, V, moved)
        h1, h2 = h1 * np.exp(-DT / 10.0), h2 * np.exp(-DT / 200.0)
        spike = (V >= -51.0 + h1 + h2) & ~held
        left = np.where(spike, refractory - 1, np.maximum(left - 1, 0))
        V = V if reset is None else np.where(spike, reset, V)
        h1, h2 = h1 + 37.0 * spike, h2 + 2.0 * spike
        found.append(spike)
    return np.array(found)


def test_a_mat2_neuron_spikes_as_often_as_that_of_nest():
    spikes = run(MAT2(1, tau_ref=2.0 * u.ms, **CELL), 600.0 * u.pA, 5000)
    assert spikes.sum() == 17  # of mat2_psc_exp with these parameters, in 500 ms


@pytest.mark.parametrize('tau_ref', [None, 2.0])
def test_a_spike_that_raises_the_threshold_makes_way_for_the_next(tau_ref):
    steps, refractory = 500, 1 if tau_ref is None else round(tau_ref / DT)
    given = {'tau_ref': None if tau_ref is None else tau_ref * u.ms, **CELL}
    expected = mat2_by_hand(CURRENTS, steps, refractory)
    assert expected.sum(axis=0)[0] == 0
    assert (expected.sum(axis=0)[1:] > 1).all()
    batch = run(MAT2(len(CURRENTS), **given), np.stack([CURRENTS, CURRENTS[::-1]]) * u.pA, steps, batch=2)
    np.testing.assert_array_equal(batch, np.stack([expected, expected[:, ::-1]], axis=1))
    if tau_ref is not None:
        for method in ('rk2', 'rk4'):
            counts = run(MAT2(len(CURRENTS), method=method, **given), CURRENTS * u.pA, steps).sum(axis=0)
            assert np.abs(counts - expected.sum(axis=0)).max() <= 1, method


@pytest.mark.parametrize('refractory', [1, 20])
def test_with_a_reset_a_neuron_spikes_whenever_it_is_at_its_moving_threshold(refractory):
    class Reset(MAT2):
        up_crossing = False

    neuron = Reset(len(CURRENTS), tau_ref=refractory * DT * u.ms, V_reset=-75.0 * u.mV, spk_reset='hard', **CELL)
    expected = mat2_by_hand(CURRENTS, 1000, refractory, reset=-75.0)
    assert (expected.sum(axis=0)[1:] > 1).all()
    np.testing.assert_array_equal(run(neuron, CURRENTS * u.pA, 1000), expected)


def test_a_spike_that_does_not_raise_the_threshold_is_one_crossing_alone():
    rise = np.array([-5.0, 0.0]) * u.mV  # lowers it, leaves it
    spikes = run(MAT2(2, rise1=rise, rise2=0.0 * u.mV, **CELL), 600.0 * u.pA, 1000)
    np.testing.assert_array_equal(spikes.sum(axis=0), [1, 1])


def test_a_threshold_that_sinks_below_v_is_crossed_once():
    class Sinking(bst.LIF):
        order, up_crossing = (('V', 'h'),), True
        h = Variable(0.0 * u.mV)

        def dh(self, h):
            return -h / (10.0 * u.ms)

        def threshold(self, h):
            return self.V_th + h

    h = np.array([20.0, 20.0])
    V = np.array([3.0, -3.0]) * u.mV
    neuron = Sinking(2, V_th=1.0 * u.mV, V_reset=-9.0 * u.mV, V_rest=V, h_initializer=h * u.mV)
    spikes = run(neuron, 0.0 * u.mA, 500)
    np.testing.assert_array_equal(np.flatnonzero(spikes[:, 0]), [int(np.ceil(100 * np.log(10.0))) - 1])  # h falls to 2 mV
    assert not spikes[:, 1].any()


def test_an_action_potential_is_one_spike_also_under_a_moving_threshold():
    class Adapting(bst.HH):
        rise = Variable(0.0 * u.mV)

        def drise(self, rise):
            return -rise / (5.0 * u.ms)

        def threshold(self, rise):
            return self.V_th + rise

        def jump(self, rise):
            return {'rise': rise + 80.0 * u.mV}  # above the peak

    neurons = [kind(1, V_initializer=-65.0 * u.mV, V_th=-20.0 * u.mV) for kind in (bst.HH, Adapting)]
    bst.nn.init_all_states(neurons)
    with bst.environ.context(dt=0.02 * u.ms):
        fixed, moving = for_loop(lambda: [neuron(10.0 * u.uA) for neuron in neurons], length=2500)
    assert (fixed.sum(), moving.sum()) == (4, 4)
    # the threshold has sunk to within 5 mV by the next spike, which V passes in a few steps
    assert 0 <= (np.flatnonzero(moving) - np.flatnonzero(fixed)).max() <= 5


def test_the_gradient_can_stop_at_the_jump_of_a_model_without_a_reset():
    neurons = [MAT2(1, tau_ref=2.0 * u.ms, detach_reset=detach, **CELL) for detach in (False, True)]

    def heights(scale):
        bst.nn.init_all_states(neurons)
        with bst.environ.context(dt=DT * u.ms):
            for_loop(lambda: [neuron(scale * 600.0 * u.pA) for neuron in neurons], length=200)
        return sum(w * jnp.sum(u.get_mantissa(n.h1.value)) for n, w in zip(neurons, (1.0, 1000.0), strict=True))

    assert number(neurons[0].threshold(1.0 * u.mV, 0.0 * u.mV)) == -50.0
    gradient = float(grad(heights)(1.0))
    assert gradient != 0
    assert abs(gradient) < 1000  # nothing of the second, whose jumps alone depend on the input
