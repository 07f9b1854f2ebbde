"""What a synapse makes of spikes, what an output makes of a conductance, and what short-term plasticity makes of a train."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import brainpy_state as bst

from .axes import NARROW, WIDE, label, number

DT = 0.05  # ms
TRAIN, RATE = 8, 20.0  # spikes, Hz
POTENTIALS = (-100.0, 40.0)  # mV


def draw(cls: type) -> Figure:
    """The picture of a synapse, an output, or short-term plasticity."""
    if issubclass(cls, bst.SynOut):
        return output(cls)
    return release(cls) if issubclass(cls, bst.ShortTermPlasticity) else conductance(cls)


def caption(cls: type) -> str:
    """What `draw` shows."""
    if issubclass(cls, bst.SynOut):
        return 'The current for a conductance of 1 nS, at each potential. Defaults.'
    if issubclass(cls, bst.ShortTermPlasticity):
        return f'What each spike of a train of {RATE:g} Hz releases, and one more after a pause of a second. Defaults.'
    return f'The conductance after one spike, and during {TRAIN} spikes at 100 Hz. Defaults.'


def conductance(cls: type) -> Figure:
    """After one spike, and during a train."""
    figure = Figure(figsize=WIDE, layout='constrained')
    one, several = figure.subplots(1, 2)
    longest = 8 * max(_times(cls(1)))
    for axes, spikes in ((one, [0.0]), (several, 10.0 * np.arange(TRAIN))):
        t, g = _run(cls, longest + spikes[-1], spikes)
        axes.plot(t, number(g)[:, 0])
        axes.plot(spikes, np.full(len(spikes), 1.04), '|', ms=7, color='C1', transform=axes.get_xaxis_transform(), clip_on=False)
        axes.set(xlabel='time (ms)', ylabel=label('g', g), xlim=(-0.02 * t[-1], t[-1]))
        axes.set_ylim(bottom=0)
    return figure


def output(cls: type) -> Figure:
    """Current against potential."""
    V = np.linspace(*POTENTIALS, 141)
    current = cls().current(1.0 * u.nS, V * u.mV) + np.zeros(len(V)) * u.pA
    figure = Figure(figsize=NARROW, layout='constrained')
    axes = figure.subplots()
    axes.axhline(0, color='0.7', lw=0.8)
    axes.plot(V, np.asarray(current.to_decimal(u.pA)))
    axes.set(xlabel='V (mV)', ylabel='I (pA)', xlim=POTENTIALS)
    return figure


def release(cls: type) -> Figure:
    """The amounts that the spikes of a train release."""
    spikes = np.append(np.arange(TRAIN) * 1000 / RATE, (TRAIN - 1) * 1000 / RATE + 1000.0)
    t, released = _run(cls, spikes[-1] + 50, spikes)
    amounts = number(released)[np.rint(spikes / DT).astype(int), 0]
    figure = Figure(figsize=NARROW, layout='constrained')
    axes = figure.subplots()
    axes.vlines(spikes, 0, amounts, color='C0', lw=2.5)
    axes.plot(spikes, amounts, 'o', ms=4)
    axes.set(xlabel='time (ms)', ylabel='released', xlim=(-20, t[-1]))
    axes.set_ylim(bottom=0)
    return figure


def _run(cls: type, duration: float, spikes: Any) -> tuple[np.ndarray, Any]:
    model = bst.nn.init_all_states(cls(1))
    unit = u.get_unit(model.g.value) if issubclass(cls, bst.Synapse) else 1.0  # a unit input of a linear synapse
    x = np.zeros(round(duration / DT), np.float32)
    x[np.rint(np.asarray(spikes) / DT).astype(int)] = 1
    with bst.environ.context(dt=DT * u.ms):
        given = bst.transform.for_loop(lambda spike: model(jnp.full(1, spike) * unit), jnp.asarray(x))
    return np.arange(len(x)) * DT, given


def _times(model: Any) -> list[float]:
    """Time constants in ms, also those of rates."""
    found = []
    for key in model.parameters:
        x = getattr(model, key)
        if u.get_dim(x) == u.ms.dim and key.startswith('tau'):
            found.append(float(x.to_decimal(u.ms)))
        elif u.get_dim(x) == (1 / u.ms).dim and key.startswith('beta'):
            found.append(float((1 / x).to_decimal(u.ms)))
    return found
