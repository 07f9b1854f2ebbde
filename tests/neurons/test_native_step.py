"""Each model's step, under a compiled loop, is one native function."""

from __future__ import annotations

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from tests.synapses import models as synapses

from .models import MODELS

N = 260
DT = 0.025 * u.ms
DELAYS = {
    'none': 0.0 * u.ms,
    'one': 1.0 * u.ms,
    'one for each': np.round(np.linspace(0, 1, N), 1) * u.ms,
    'longer for each': (0.1 + np.round(np.linspace(0, 1, N), 1)) * u.ms,
}


def check(step, dt=DT):
    with bst.environ.context(dt=dt):
        report = bst.explain(step)
    assert len(report.native) == 1 and not report.left, str(report)


@pytest.mark.quick('^(LIF|CobaLIF|AdExIFRef|Gif|Izhikevich)-|HH-exp')
@pytest.mark.parametrize('method', ['exp_euler', 'rk4'])
@pytest.mark.parametrize('name', MODELS)
def test_neurons(name, method):
    case = MODELS[name]
    with bst.environ.context(dt=DT):
        neuron = bst.nn.init_all_states(case.make(N, method=method), batch_size=2)
    check(lambda: neuron(case.current))


REPEATING = ('STP', 'STD')


@pytest.mark.parametrize('name', synapses.CASES)
def test_synapses(name):
    case = synapses.CASES[name]
    with bst.environ.context(dt=DT):
        synapse = bst.nn.init_all_states(case.make(N))
    # several spikes in a step are a branch that XLA runs; what fires or does not has none
    spikes = np.ones(N, bool) if name in REPEATING else np.ones(N) * case.input
    check(lambda: synapse(spikes))


@pytest.mark.slow
@pytest.mark.parametrize('interpolate', [False, True])
@pytest.mark.parametrize('batch', [None, 3])
@pytest.mark.parametrize('name', DELAYS)
def test_delays(name, batch, interpolate):
    with bst.environ.context(dt=0.1 * u.ms):
        delay = bst.nn.init_all_states(bst.nn.Delay(N, DELAYS[name], interpolate=interpolate), batch_size=batch)
        neuron = bst.nn.init_all_states(bst.LIF(N), batch_size=batch)
    check(lambda: delay(neuron(5.0 * u.mA)), 0.1 * u.ms)


INPUTS = {
    'constant': lambda: bst.ConstantInput(N, 3.0 * u.nA, 0.2 * u.ms),
    'ramp': lambda: bst.RampInput(N, 0.0 * u.nA, 2.0 * u.nA, duration=0.4 * u.ms),
    'sine': lambda: bst.SinusoidalInput(N, 1.0 * u.nA, 2.5 * u.kHz, bias=1.0 * u.nA),
    'white noise': lambda: bst.WienerProcessInput(N, 20.0 * u.pA * u.ms**0.5, seed=1),
    'coloured noise': lambda: bst.OUProcessInput(N, 1.0 * u.nA, 0.5 * u.nA, 5.0 * u.ms, seed=1),
    'many Poisson sources': lambda: bst.PoissonInput(bst.LIF(N), 1000, 10.0 * u.Hz, 0.1 * u.mV, seed=1),
    'Poisson sources of many rates': lambda: bst.PoissonInput(bst.LIF(N), 1000, np.linspace(1, 100, N) * u.Hz, 0.1 * u.mV, seed=1),
    'spike trains': lambda: bst.PoissonSpike(N, 10.0 * u.Hz, seed=1),
}


@pytest.mark.parametrize('name', INPUTS)
def test_inputs(name):
    drive = INPUTS[name]()
    with bst.environ.context(dt=0.1 * u.ms):
        bst.nn.init_all_states(drive)
        if hasattr(drive, 'target'):
            bst.nn.init_all_states(drive.target)
    check(lambda: (drive(), drive.target())[1] if hasattr(drive, 'target') else drive(), 0.1 * u.ms)
