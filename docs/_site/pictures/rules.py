"""What plasticity does: the change of a weight by pairs of spikes, by rates, or over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import brainunit as u
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import brainpy_state as bst
from brainpy_state import plasticity
from brainpy_state.nn import Dynamics, Variable

from .axes import NARROW, WIDE

DT = 0.5  # ms
LAGS = np.arange(-80.0, 80.5, 1.0)  # ms, from the spike of the source to that of the target
RATES = np.array([1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0])  # Hz
REPEATS, NEAR = 10, 10.0  # ms, of the pairs at these rates
REST, PEAK, AFTER, TAU = -70.6, 33.0, 15.0, 50.0  # of a target's potential: mV, mV, mV above rest, ms


class Target(Dynamics):
    """A target whose spikes, rates and potentials are given."""

    spike = Variable(0.0)
    r = Variable(0.0)
    V = Variable(REST * u.mV)

    def get_spike(self) -> Any:
        """The spikes."""
        return self.spike.value

    def update(self) -> Any:
        """Take what projections bring."""
        return self.sum_delta_inputs(0.0), self.sum_current_inputs(0.0)


class Setting(NamedTuple):
    """How a rule is shown that sees spikes."""

    parameters: dict[str, Any] = {}
    weight: float = 0.5
    pairs: int = 1  # at 1 Hz, in the window
    before: Callable[[Any, Any], None] = lambda rule, i: None  # what is done to the rule in each step
    note: str = ''


def reward(rule: Any, i: Any) -> None:
    """Dopamine, 200 ms after the pair."""
    rule.release(jnp.where(i == round(400 / DT), 1.0, 0.0))


def constant(rule: Any, i: Any) -> None:
    """A modulator that stays as it is."""
    rule.modulator.value = (1.0 / u.second).in_unit(u.get_unit(rule.modulator.value))


SETTINGS = {
    'PowerLawSTDP': Setting(weight=1.0),
    'VoltageSTDP': Setting(
        note=f'The potential of the target is {PEAK:g} mV for 2 ms at a spike and then decays from {REST + AFTER:g} to {REST} mV '
        f'with a time constant of {TAU:g} ms.'
    ),
    'CalciumPlasticity': Setting({'sigma': 0.0, 'D': 13.5 * u.ms}, pairs=20),
    'ThreeFactor': Setting(weight=5.0, before=constant, note='The modulator is 1 / s throughout.'),
    'DopamineSTDP': Setting(weight=5.0, before=reward, note='One unit of dopamine comes 200 ms after the first spike of the source.'),
}


def draw(cls: type) -> Figure:
    """The picture of a rule."""
    if cls in DRAWN:
        return DRAWN[cls][0](cls)
    return by_spikes(cls)


def caption(cls: type) -> str:
    """What `draw` shows."""
    if cls in DRAWN:
        return DRAWN[cls][1]
    setting = SETTINGS.get(cls.__name__, Setting())
    pairs = 'one pair of spikes' if setting.pairs == 1 else f'{setting.pairs} pairs of spikes at 1 Hz'
    given = ''.join(f' With `{key}={value}`.' for key, value in setting.parameters.items())
    return (
        f'Left: how much a weight of {setting.weight:g} changes by {pairs}, against the time from the spike of the source to that of the '
        f'target. Right: by {REPEATS} pairs, {NEAR:g} ms apart, at each rate. {setting.note}{given}'
    ).strip()


def by_spikes(cls: type) -> Figure:
    """The change of weights against the time between two spikes, and against the rate of pairs."""
    setting = SETTINGS.get(cls.__name__, Setting())
    figure = Figure(figsize=WIDE, layout='constrained')
    window, rates = figure.subplots(1, 2, width_ratios=(1.5, 1))
    starts = 200.0 + 1000 * np.arange(setting.pairs)
    change = changes(cls, setting, [starts] * len(LAGS), [starts + lag for lag in LAGS])
    window.axhline(0, color='0.7', lw=0.8)
    window.axvline(0, color='0.7', lw=0.8)
    for side in (LAGS < 0, LAGS > 0):
        window.plot(LAGS[side], change[side], color='C0')
    window.plot(0, change[LAGS == 0], '.', color='C0')
    window.set(xlabel='target after source (ms)', ylabel='change of weight', xlim=(LAGS[0], LAGS[-1]))

    trains = [200.0 + 1000 / rate * np.arange(REPEATS) for rate in RATES]
    rates.axhline(0, color='0.7', lw=0.8)
    for lag, text in ((NEAR, 'source first'), (-NEAR, 'target first')):
        rates.plot(RATES, changes(cls, setting, trains, [train + lag for train in trains]), '.-', label=text)
    rates.set(xlabel='rate of pairs (Hz)', xlim=(0, RATES[-1]))
    rates.legend(fontsize=8)
    return figure


def changes(cls: type, setting: Setting, sources: list[np.ndarray], targets: list[np.ndarray]) -> np.ndarray:
    """How much the weights of single synapses change, with spikes at given times in ms."""
    n, steps = len(sources), round((max(map(np.max, sources)) + 2000) / DT)
    pre, post, V = (np.zeros((steps, n), np.float32) for _ in range(3))
    for k in range(n):
        pre[np.rint(sources[k] / DT).astype(int), k] = 1
        at = np.rint(targets[k] / DT).astype(int)
        post[at, k] = 1
        since = np.arange(steps)[:, None] - at[None]
        since = np.where(since >= 0, since, steps).min(1) * DT
        V[:, k] = np.where(since < 2, PEAK, REST + AFTER * np.exp(-since / TAU))
    proj, target = projection(cls.desc(**setting.parameters), n, setting.weight)

    def step(x: Any) -> None:
        i, pre, target.spike.value, potential = x
        target.V.value = potential * u.mV
        setting.before(proj.plasticity, i)
        proj(pre)
        target()

    with bst.environ.context(dt=DT * u.ms):
        bst.nn.init_all_states([proj, target])
        bst.transform.for_loop(step, (jnp.arange(steps), pre, post, V))
    return np.asarray(proj.comm.weight.value) - np.float32(setting.weight)


def projection(rule: Any, n: int, weight: float, kind: Any = bst.DeltaProj) -> tuple[Any, Target]:
    """Single synapses between n sources and n targets."""
    target = Target(n)
    return kind(comm=bst.one_to_one(n, n, weight=np.full(n, weight)), post=target, plasticity=rule), target


def by_rates(cls: type) -> Figure:
    """How fast a weight changes, against the rate of the target."""
    figure = Figure(figsize=NARROW, layout='constrained')
    axes = figure.subplots()
    axes.axhline(0, color='0.7', lw=0.8)
    y = np.linspace(0, 2, 81)
    name, values = ('theta', (0.5, 1.0, 1.5)) if cls is plasticity.BCM else ('w', (0.25, 0.5, 1.0))
    for value in values:
        weight, first = (1.0, {'theta_initializer': value}) if name == 'theta' else (value, {})
        proj, target = projection(cls.desc(**first), len(y), weight, bst.CurrentProj)
        with bst.environ.context(dt=DT * u.ms):
            bst.nn.init_all_states([proj, target])
            target.r.value = jnp.asarray(y)
            proj(jnp.ones(len(y)))
        slope = (np.asarray(proj.comm.weight.value) - weight) / (DT * 1e-3)
        axes.plot(y, slope, label=f'{name} = {value:g}')
    axes.set(xlabel='rate of the target', ylabel='change of weight (1 / s)', xlim=(0, 2))
    axes.legend(fontsize=8)
    return figure


def by_rate_of_target(cls: type) -> Figure:
    """How fast weights grow in parts, against the rate at which the target fires."""
    rates = np.linspace(0, 30, 16)
    proj, target = projection(cls.desc(fired_initializer=lambda shape: jnp.asarray(rates * 100.0)), len(rates), 1.0)
    with bst.environ.context(dt=DT * u.ms):
        bst.nn.init_all_states([proj, target])
        bst.transform.for_loop(lambda: (proj(jnp.zeros(len(rates))), target())[0], length=round(100 / DT))
    figure = Figure(figsize=NARROW, layout='constrained')
    axes = figure.subplots()
    axes.axhline(0, color='0.7', lw=0.8)
    axes.plot(rates, 100 * (np.asarray(proj.comm.weight.value) - 1) / 0.1, '.-')
    axes.set(xlabel='rate of the target (Hz)', ylabel='growth (% in a second)')
    return figure


def over_time(cls: type) -> Figure:
    """The rates of neurons with different drives."""
    n, seconds = 12, 20
    neuron, drive = bst.LIF(n, R=100 * u.Mohm, tau=20 * u.ms, V_th=15 * u.mV), cls(n, gain=0.5 * u.pA)
    bst.nn.init_all_states([neuron, drive])
    given = np.linspace(100, 250, n) * u.pA

    def second(_: Any) -> Any:
        return bst.transform.for_loop(lambda: neuron(given + drive(neuron.get_spike())), length=round(1000 / DT)).sum(0)

    with bst.environ.context(dt=DT * u.ms):
        rates = bst.transform.for_loop(second, jnp.arange(seconds))
    figure = Figure(figsize=NARROW, layout='constrained')
    axes = figure.subplots()
    axes.plot(np.arange(seconds) + 0.5, np.asarray(rates), color='C0', lw=0.8)
    axes.axhline(5, color='C1', ls='--')
    axes.set(xlabel='time (s)', ylabel='rate (Hz)', xlim=(0, seconds))
    return figure


DRAWN = {
    plasticity.Oja: (by_rates, 'How fast weights change against the rate of the target, with a source that has the rate 1. Defaults.'),
    plasticity.BCM: (by_rates, 'How fast weights change against the rate of the target, with a source that has the rate 1. Defaults.'),
    plasticity.SynapticScaling: (
        by_rate_of_target,
        'How fast all weights of a target grow, against the rate at which it has been firing. Defaults.',
    ),
    plasticity.IntrinsicHomeostasis: (
        over_time,
        'Twelve neurons with currents from 100 to 250 pA come to the rate of 5 Hz (dashed). With `gain=0.5 * u.pA`, else defaults.',
    ),
}
