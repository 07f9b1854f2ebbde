"""What an input gives over time."""

from __future__ import annotations

import brainunit as u
import numpy as np
from matplotlib.figure import Figure

import brainpy_state as bst

from .axes import WIDE, label, number

DT, DURATION = 0.1, 200.0  # ms
CALLS = {
    'ConstantInput': 'bst.ConstantInput(1, 3. * u.nA, 120. * u.ms)',
    'SectionInput': 'bst.SectionInput(1, [0., 2., 1.] * u.nA, [30., 60., 80.] * u.ms)',
    'StepInput': 'bst.StepInput(1, [2., 5., 1.] * u.nA, [30., 80., 150.] * u.ms)',
    'RampInput': 'bst.RampInput(1, 0. * u.nA, 2. * u.nA, duration=150. * u.ms)',
    'SinusoidalInput': 'bst.SinusoidalInput(1, 1. * u.nA, 20. * u.Hz, bias=1. * u.nA)',
    'WienerProcessInput': 'bst.WienerProcessInput(1, 20. * u.pA * u.ms**0.5, seed=1)',
    'OUProcessInput': 'bst.OUProcessInput(3, 0.2 * u.nA, 0.05 * u.nA, 20. * u.ms, seed=1)',
    'SpikeTime': 'bst.SpikeTime(3, indices=[0, 1, 2, 0, 2], times=[20., 40., 60., 120., 125.] * u.ms)',
    'PoissonSpike': 'bst.PoissonSpike(40, 20. * u.Hz, seed=1)',
    'PoissonEncoder': 'bst.PoissonEncoder(40, seed=1)',
    'PoissonInput': 'bst.PoissonInput(neuron, num_input=1000, freq=5. * u.Hz, weight=0.2 * u.mV, seed=1)',
}


def draw(cls: type) -> Figure:
    """The values, or the spikes, of some time."""
    figure = Figure(figsize=WIDE, layout='constrained')
    axes = figure.subplots()
    x, mark = simulate(cls.__name__)
    t = np.arange(len(x)) * DT
    if mark:
        steps, sources = np.nonzero(number(x))
        axes.plot(t[steps], sources, '|', ms=60 / max(8, x.shape[1]) + 3)
        axes.set(ylabel='source', ylim=(-0.5, x.shape[1] - 0.5))
    else:
        axes.plot(t, number(x), lw=1)
        axes.set(ylabel=label('V' if cls is bst.PoissonInput else 'I', x))
    axes.set(xlabel='time (ms)', xlim=(0, DURATION))
    return figure


def caption(cls: type) -> str:
    """What `draw` shows."""
    text = f'`{CALLS[cls.__name__]}`'
    if cls is bst.PoissonEncoder:
        return f'{text}, called with rates from 0 to 80 Hz.'
    return (
        f'{text}; the potential of three such neurons (`bst.LIF(3, tau=20. * u.ms, V_th=50. * u.mV)`).'
        if cls is bst.PoissonInput
        else f'{text}.'
    )


def simulate(name: str) -> tuple[u.Quantity, bool]:
    """Values of each step, and whether they are spikes."""
    neuron = bst.LIF(3, tau=20.0 * u.ms, V_th=50.0 * u.mV)
    with bst.environ.context(dt=DT * u.ms):
        model = eval(CALLS[name], {'bst': bst, 'u': u, 'neuron': neuron})
        bst.nn.init_all_states([model, neuron])
        calls = {
            'PoissonEncoder': lambda: model(np.linspace(0, 80, 40) * u.Hz),
            'PoissonInput': lambda: (model(), neuron(), neuron.V.value)[2],
        }
        values = bst.run(calls.get(name, model), DURATION * u.ms)
    return values, name in ('SpikeTime', 'PoissonSpike', 'PoissonEncoder')
