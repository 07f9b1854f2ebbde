"""A neuron under a step of current, and its rate for each strength of the step."""

from __future__ import annotations

from typing import Any, NamedTuple

import brainunit as u
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import brainpy_state as bst

from .axes import SHADE, WIDE, label, number

SIZE, SPIKES = 64, 8
ONSET, OFFSET, END = 100, 400, 450  # ms


class Setting(NamedTuple):
    """What a model needs to be seen at its best."""

    parameters: dict[str, Any] = {}
    pace: float = 1.0  # how many times as long everything takes
    dt: float = 0.025  # ms, for a pace of 1


SETTINGS = {
    'CobaLIF': Setting({'E': 10.0 * u.mV}),
    'HindmarshRose': Setting(pace=2.0),
    'TraubMilesHH': Setting({'V_T': -50.0 * u.mV}),
}


class Simulated(NamedTuple):
    """A population whose neurons get steps of different strengths."""

    t: np.ndarray  # ms
    V: np.ndarray  # (steps, neurons), in its own unit
    spikes: np.ndarray  # as V
    unit: u.Unit  # of V


def draw(cls: type[bst.Neuron]) -> Figure:
    """Potential at a strength that makes some spikes, and the curve of rates."""
    setting = SETTINGS.get(cls.__name__, Setting())
    unit = u.get_unit(cls.input_like)
    simulate = simulation(cls, setting)
    coarse = np.geomspace(1e-4, 1e4, SIZE)
    fires = within(simulate(coarse * unit), setting).sum(0) > 0
    if not fires.any():
        raise ValueError(f'{cls.__name__}: no step of current from {coarse[0]:g} to {coarse[-1]:g} {unit} makes it fire')
    fine = np.linspace(0, 3 * coarse[fires][0], SIZE)
    run = simulate(fine * unit)
    counts = within(run, setting).sum(0)
    chosen = int(np.argmin(np.abs(np.log(np.maximum(counts, 0.1) / SPIKES))))
    fine, unit = readable(fine, unit)
    rates = counts / ((OFFSET - ONSET) * setting.pace * 1e-3)
    strength = f'I = {fine[chosen]:.3g}' + ('' if unit.is_unitless else f' {unit}')

    figure = Figure(figsize=WIDE, layout='constrained')
    trace, curve = figure.subplots(1, 2, width_ratios=(2.2, 1))
    trace.axvspan(ONSET * setting.pace, OFFSET * setting.pace, color=SHADE, lw=0, zorder=0)
    trace.plot(run.t, run.V[:, chosen], lw=1)
    times = run.t[run.spikes[:, chosen] > 0]
    trace.plot(times, np.full(len(times), 1.04), '|', ms=7, color='C1', transform=trace.get_xaxis_transform(), clip_on=False)
    trace.set(xlabel='time (ms)', ylabel=label('V', run.unit), xlim=(run.t[0], run.t[-1]))
    trace.set_title(strength, fontsize=10, pad=12)
    curve.plot(fine, rates, '.-', ms=3, lw=0.8)
    curve.plot(fine[chosen], rates[chosen], 'o', ms=6, color='C1')
    curve.set(xlabel=label('I', unit), ylabel='rate (Hz)', xlim=(0, fine[-1]))
    curve.set_ylim(bottom=0)
    return figure


def caption(cls: type[bst.Neuron]) -> str:
    """What `draw` shows."""
    given = SETTINGS.get(cls.__name__, Setting()).parameters
    text = (
        'Left: the potential under a step of current (grey), with the spikes above it. Right: the rate during the step, for each strength; '
    )
    return (
        text
        + 'the dot is the step on the left. '
        + (f'With {", ".join(f"`{k}={x}`" for k, x in given.items())}.' if given else 'Defaults.')
    )


def readable(values: np.ndarray, unit: u.Unit) -> tuple[np.ndarray, u.Unit]:
    """Small currents in a smaller unit."""
    smaller = {str(u.mA): u.uA, str(u.uA): u.nA, str(u.nA): u.pA}.get(str(unit))
    return readable(values * 1000, smaller) if smaller is not None and values[-1] < 0.1 else (values, unit)


def within(run: Simulated, setting: Setting) -> np.ndarray:
    """The spikes while the step lasts."""
    return run.spikes[(run.t >= ONSET * setting.pace) & (run.t < OFFSET * setting.pace)]


def simulation(cls: type[bst.Neuron], setting: Setting) -> Any:
    """A function of the strengths; compiled once."""
    dt = setting.dt * setting.pace
    steps = round(END / setting.dt)
    keep = max(1, steps // 3000)

    neuron = cls(SIZE, **setting.parameters)

    @bst.transform.jit
    def run(strengths: Any) -> Any:
        bst.nn.init_all_states(neuron)

        def step(t: Any) -> Any:
            is_on = (t >= ONSET * setting.pace) & (t < OFFSET * setting.pace)
            spike = neuron(strengths * jnp.where(is_on, 1.0, 0.0))
            return spike, neuron.V.value

        def piece(t: Any) -> Any:
            spikes, V = bst.transform.for_loop(step, t)
            return spikes.sum(0), V.max(0)  # so that narrow spikes are seen

        with bst.environ.context(dt=dt * u.ms):
            return bst.transform.for_loop(piece, (jnp.arange(steps // keep * keep) * dt).reshape(-1, keep))

    def simulate(strengths: Any) -> Simulated:
        bst.random.seed(1)  # some first values are random
        spikes, V = run(strengths)
        return Simulated(np.arange(len(spikes)) * keep * dt, number(V), np.rint(spikes).astype(int), u.get_unit(V))

    return simulate
