"""Single neurons against stored runs of NEST and Brian2; `data/README.md` tells their protocols.

A spike of step k is told by NEST as (k + 1) dt and by Brian2 as k dt. After a spike, NEST's integrate-and-fire neurons stand
still for one step more than ours and Brian2's, so their ``t_ref`` is our ``tau_ref`` less one step. NEST's `aeif_cond_exp`
is reset within a step, ours at its end: with a step of a quarter, ours is as near.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.transform import for_loop

from .models import number

pytestmark = pytest.mark.slow

DATA = Path(__file__).parent / 'data'
NEST, BRIAN2 = (json.loads((DATA / f'{name}.json').read_text()) for name in ('nest', 'brian2_spikes'))
DC, SYN = 0, 1  # rows of the batch: the two protocols
STORED = 1e-6  # mV; digits of the stored V


def lif(p, dt):
    """NEST's `iaf_*` with our LIF: solved exactly by exponential Euler."""
    tau = p['tau_m'] * u.ms if 'tau_m' in p else p['C_m'] * u.pF / (p['g_L'] * u.nS)
    return bst.LIF(
        1, tau=tau, R=tau / (p['C_m'] * u.pF), V_rest=p['E_L'] * u.mV, V_th=p['V_th'] * u.mV, V_reset=p['V_reset'] * u.mV,
        tau_ref=(p['t_ref'] + dt) * u.ms, spk_reset='hard',
    )  # fmt: skip


def adex(p, dt):
    g = p['g_L'] * u.nS
    return bst.AdExIF(
        1, R=1 / g, tau=p['C_m'] * u.pF / g, V_rest=p['E_L'] * u.mV, V_reset=p['V_reset'] * u.mV, V_th=p['V_peak'] * u.mV, V_T=p['V_th'] * u.mV,
        delta_T=p['Delta_T'] * u.mV, a=p['a'] * u.nS, b=p['b'] * u.pA, tau_w=p['tau_w'] * u.ms, w_initializer=0.0 * u.pA,
        spk_reset='hard', method='rk4',
    )  # fmt: skip


def traub(p, dt):
    """The parameters are the defaults of ours, as the test of the defaults of NEST's shows; the gates start elsewhere."""
    gates = {'m_initializer': p['Act_m'], 'h_initializer': p['Inact_h'], 'n_initializer': p['Act_n']}
    return bst.TraubMilesHH(1, method='rk4', **gates)


def izhikevich(p, dt):
    return bst.Izhikevich(1, V_initializer=p['c'] * u.mV, u_initializer=p['U_m'] * u.mV / u.ms, method='rk4')


BUILD = {
    'iaf_psc_exp': lif,
    'iaf_psc_delta': lif,
    'iaf_cond_exp': lif,
    'aeif_cond_exp': adex,
    'hh_cond_exp_traub': traub,
    'izhikevich': izhikevich,
}


class Run(NamedTuple):
    """Steps of spikes of both protocols, and V in mV after each step, of shape (steps, 2)."""

    spikes: list[np.ndarray]
    V: np.ndarray


def inputs(model, neuron, mean):
    """What delivers arriving spikes (excitatory and inhibitory), and in which step after its arrival."""
    p, weights = model['params'], {'ex': model['w_ex'], 'in': model['w_in']}
    if 'tau_syn_ex' not in p:  # a jump at the end of the step before, so that V holds it at the time of arrival
        jump = bst.DeltaProj(comm=lambda arriving: (weights['ex'] * arriving[0] + weights['in'] * arriving[1]) * u.mV, post=neuron)
        return jump, -1
    to = []
    for kind, weight in weights.items():
        tau, conductance = p[f'tau_syn_{kind}'], 'E_ex' in p
        unit = u.nS if conductance else u.pA
        w = (abs(weight) if conductance else weight) * unit
        out = bst.COBA.desc(E=p[f'E_{kind}'] * u.mV) if conductance else bst.CUBA.desc(scale=1.0)
        syn = bst.Expon.desc(tau=tau * u.ms, g_initializer=0.0 * unit, acts='mean' if mean else 'start')
        to.append(bst.AlignPostProj(comm=lambda x, w=w: x * w, syn=syn, out=out, post=neuron))
    return lambda arriving: [projection(x) for projection, x in zip(to, arriving, strict=True)], 0


@cache
def simulate(name: str, dt: float, mean: bool = True) -> Run:
    """Both protocols at once, in float64."""
    protocol, model = NEST['protocol'], NEST['models'][name]
    steps, unit = round(protocol['T_ms'] / dt), u.mV / u.ms if name == 'izhikevich' else u.pA
    with bst.environ.context(precision=64, dt=dt * u.ms):
        neuron = BUILD[name](model['params'], dt)
        deliver, shift = inputs(model, neuron, mean)
        current, arriving = np.zeros((steps, 2, 1)), np.zeros((steps, 2, 2, 1))
        current[round(protocol['on_ms'] / dt) : round(protocol['off_ms'] / dt), DC] = model['I_pA']
        for kind, times in enumerate((protocol['t_ex_ms'], protocol['t_in_ms'])):
            arriving[[round((t + protocol['delay_ms']) / dt) + shift for t in times], kind, SYN] = 1.0
        bst.nn.init_all_states(neuron, batch_size=2)

        def step(x: Any, spikes: Any) -> Any:
            deliver(spikes)
            return neuron(x * unit), neuron.V.value

        spikes, V = (number(x)[..., 0] for x in for_loop(step, jnp.asarray(current), jnp.asarray(arriving)))
    return Run([np.flatnonzero(s) for s in spikes.T], V)


def nest(name, row, dt):
    """NEST's spike times and V, and ours at the same times, all in ms and mV."""
    run = NEST['models'][name]['runs'][f'{("dc", "syn")[row]}_{dt}']
    return np.array(run['spikes_ms']), np.array(run['V_mV'])


def sampled(run, row, dt):
    every = round(NEST['protocol']['sample_ms'] / dt)
    return run.V[every - 1 :: every, row]


def ends(steps, dt):
    return (np.asarray(steps) + 1) * dt


def gap(name, row, dt, mean=True, until=200.0):
    """The largest difference of V from NEST's before a time."""
    V = nest(name, row, dt)[1]
    before = NEST['protocol']['sample_ms'] * np.arange(1, V.size + 1) <= until
    return np.abs(sampled(simulate(name, dt, mean), row, dt) - V)[before].max()


@pytest.mark.parametrize('dt', [0.1, 0.01])
@pytest.mark.parametrize('name', ['iaf_psc_exp', 'iaf_psc_delta', 'iaf_cond_exp'])
def test_lif_under_current_steps_is_nests_to_the_last_stored_digit(name, dt):
    run, (times, V) = simulate(name, dt), nest(name, DC, dt)
    assert times.size >= 10
    np.testing.assert_allclose(ends(run.spikes[DC], dt), times, rtol=1e-12)
    np.testing.assert_allclose(sampled(run, DC, dt), V, atol=STORED)


@pytest.mark.parametrize('dt', [0.1, 0.01])
def test_lif_with_jumps_is_nests_to_the_last_stored_digit(dt):
    run, (times, V) = simulate('iaf_psc_delta', dt), nest('iaf_psc_delta', SYN, dt)
    np.testing.assert_allclose(ends(run.spikes[SYN], dt), times, rtol=1e-12)
    np.testing.assert_allclose(sampled(run, SYN, dt), V, atol=STORED)


@pytest.mark.parametrize('name', ['iaf_psc_exp', 'iaf_cond_exp', 'aeif_cond_exp'])
def test_synapses_held_over_a_step_are_of_first_order_and_their_mean_of_second(name):
    start = [gap(name, SYN, dt, mean=False) for dt in (0.1, 0.01)]
    mean = [gap(name, SYN, dt) for dt in (0.1, 0.01)]
    assert start[0] / start[1] == pytest.approx(10.0, rel=0.2)
    assert mean[0] / mean[1] == pytest.approx(100.0, rel=0.2)
    # of some 5 mV: dt / (2 tau) of it, with the shortest time constant of 0.2 ms; and the square of dt / tau, much reduced by the membrane
    assert start[1] < 5.0 * 0.01 / 0.4
    assert mean[1] < 5e-5


def test_adex_spikes_when_nests_does_and_approaches_it_from_above():
    times = nest('aeif_cond_exp', DC, 0.01)[0]
    late = [ends(simulate('aeif_cond_exp', dt).spikes[DC], dt) - times for dt in (0.01, 0.0025)]
    assert (np.abs(late[1]) <= 0.01 + 1e-9).all()
    # each reset comes up to a step late, and the slow approach to the next spike makes more of it
    assert late[0][-1] > 2 * late[1][-1]
    assert gap('aeif_cond_exp', DC, 0.01, until=times[0]) < STORED


@pytest.mark.parametrize('row', [DC, SYN], ids=['dc', 'syn'])
def test_traub_miles_peaks_when_nests_does(row):
    dt = 0.01
    run, (times, V) = simulate('hh_cond_exp_traub', dt), nest('hh_cond_exp_traub', row, dt)
    v = run.V[:, row]
    # NEST's spike is a maximum above V_T + 30 mV, told in the step after it
    peaks = 1 + np.flatnonzero((v[1:-1] > v[:-2]) & (v[1:-1] >= v[2:]) & (v[1:-1] > -33.0))
    np.testing.assert_allclose(ends(peaks + 1, dt), times, rtol=1e-12)
    # the error of NEST's adaptive method, within its tolerance of 1e-6 a step, grows at the steepest points of the action potentials
    np.testing.assert_allclose(sampled(run, row, dt), V, atol=5e-3)
    # ours are the crossings of -20 mV, one for each peak and up to 0.2 ms before it
    before = times - ends(run.spikes[row], dt)
    assert ((before > 0.05) & (before < 0.3)).all()


def test_the_defaults_of_traub_miles_are_nests():
    p, ours = NEST['models']['hh_cond_exp_traub']['params'], bst.TraubMilesHH(1)
    for theirs, name, unit in [
        ('C_m', 'C', u.pF), ('g_Na', 'gNa', u.nS), ('g_K', 'gK', u.nS), ('g_L', 'gL', u.nS),
        ('E_Na', 'ENa', u.mV), ('E_K', 'EK', u.mV), ('E_L', 'EL', u.mV), ('V_T', 'V_T', u.mV),
    ]:  # fmt: skip
        assert p[theirs] == pytest.approx(getattr(ours, name).to_decimal(unit))


def euler(dt, current):
    """Spike times in ms and V after each step of Izhikevich's equations by forward Euler, as NEST does them."""
    v, w, spikes, V = -65.0, -13.0, [], []
    for k, x in enumerate(current):
        v, w = v + dt * (0.04 * v * v + 5.0 * v + 140.0 - w + x), w + dt * 0.02 * (0.2 * v - w)
        if v >= 30.0:
            v, w = -65.0, w + 8.0
            spikes.append((k + 1) * dt)
        V.append(v)
    return np.array(spikes), np.array(V)


def test_izhikevich_differs_from_nests_by_the_error_of_forward_euler():
    protocol = NEST['protocol']
    gaps = []
    for dt in (0.1, 0.01):
        current = np.zeros(round(protocol['T_ms'] / dt))
        current[round(protocol['on_ms'] / dt) : round(protocol['off_ms'] / dt)] = 10.0
        times, V = nest('izhikevich', DC, dt)
        spikes, v = euler(dt, current)
        np.testing.assert_allclose(spikes, times, rtol=1e-12)
        every = round(protocol['sample_ms'] / dt)
        np.testing.assert_allclose(v[every - 1 :: every], V, atol=STORED)  # so that is what NEST does
        gaps.append([gap('izhikevich', row, dt, until=20.0) for row in (DC, SYN)])
    np.testing.assert_allclose(np.divide(*gaps), 10.0, rtol=0.2)
    # Euler's rule is late by about two steps in each spike
    times = nest('izhikevich', DC, 0.01)[0]
    late = (times - ends(simulate('izhikevich', 0.01).spikes[DC], 0.01)) / 0.01
    np.testing.assert_allclose(late, 2 * np.arange(len(times)) + 1, atol=1.0)


@pytest.mark.parametrize('name', ['aeif_cond_exp', 'hh_cond_exp_traub'])
def test_with_the_same_method_and_step_spikes_are_in_the_steps_of_brian2(name):
    dt = BRIAN2['dt_ms']
    np.testing.assert_array_equal(simulate(name, dt).spikes[DC], np.rint(np.array(BRIAN2[name]) / dt))
