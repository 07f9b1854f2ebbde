"""How pairs, triplets and quadruplets of spikes change a synapse, with the published fits of the triplet rule.

Pfister & Gerstner 2006, *J. Neurosci.* 26:9673, doi:10.1523/JNEUROSCI.1425-06.2006: pairs of spikes at different rates in visual cortex
(data of Sjöström, Turrigiano & Nelson 2001, doi:10.1016/S0896-6273(01)00542-6), and pairs, triplets and quadruplets in cultures of
hippocampus (data of Wang, Gerkin, Nauen & Bi 2005, doi:10.1038/nn1387). Eight fits: for each data, the rule where all spikes interact and
the one of nearest spikes, with all its parameters (full) and without those that matter little (minimal).

A fit is judged by the mean of the squared distance between rule and data, in standard errors of the data, which the paper gives for each.

    python -m models.pfister_gerstner_2006 --plot pairing.png

The text of the paper could not be compared: parameters, data and distances are as others quote them, and marked as not checked. Data are
known to two digits, which alone moves the distances by up to 15 %. The paper has more digits of the intervals in quadruplets.

Every protocol is a synapse between a source and a target whose spikes are given. Beside the simulation stands the sum over spikes that the
rule means, `expected`, which also draws the lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

import brainpy_state as bst
from brainpy_state.plasticity import NearestTripletSTDP, TripletSTDP

from . import report
from .report import Published

DT = 1.0 * u.ms
REPEATS = 60
TAU_PLUS, TAU_MINUS = 16.8, 33.7  # ms
ONE = 1e-6 * u.mV  # the first weight of a synapse; its spikes are to do nothing to the target
ONSET = 2  # ms, before the first spike


class Fit(NamedTuple):
    """Parameters of the rule (times in ms; no ``tau_x`` where it does not matter), whether only nearest spikes interact."""

    A2_plus: float
    A3_plus: float
    A2_minus: float
    A3_minus: float
    tau_x: float | None
    tau_y: float
    nearest: bool

    def rule(self) -> Any:
        """A description of the rule."""
        times = {'tau_plus': TAU_PLUS, 'tau_minus': TAU_MINUS, 'tau_y': self.tau_y}
        times |= {} if self.tau_x is None else {'tau_x': self.tau_x}
        amplitudes = {key: getattr(self, key) for key in ('A2_plus', 'A3_plus', 'A2_minus', 'A3_minus')}
        kind = NearestTripletSTDP if self.nearest else TripletSTDP
        return kind.desc(w_0=ONE, **amplitudes, **{key: tau * u.ms for key, tau in times.items()})


FITS = {
    'visual cortex': {
        'all, full': Fit(5e-10, 6.2e-3, 7e-3, 2.3e-4, 101.0, 125.0, False),
        'all, minimal': Fit(0.0, 6.5e-3, 7.1e-3, 0.0, None, 114.0, False),
        'nearest, full': Fit(8.8e-11, 5.3e-2, 6.6e-3, 3.1e-3, 714.0, 40.0, True),
        'nearest, minimal': Fit(0.0, 5e-2, 8e-3, 0.0, None, 40.0, True),
    },
    'hippocampus': {
        'all, full': Fit(6.1e-3, 6.7e-3, 1.6e-3, 1.4e-3, 946.0, 27.0, False),
        'all, minimal': Fit(5.3e-3, 8e-3, 3.5e-3, 0.0, None, 40.0, False),
        'nearest, full': Fit(4.6e-3, 9.1e-3, 3e-3, 7.5e-9, 575.0, 47.0, True),
        'nearest, minimal': Fit(4.6e-3, 9.1e-3, 3e-3, 0.0, None, 48.0, True),
    },
}


class Protocol(NamedTuple):
    """Spikes of source and target (ms) that are repeated with a period (ms)."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    period: int

    def times(self, repeats: int) -> tuple[np.ndarray, np.ndarray]:
        """All spikes of source and target (ms)."""
        starts = ONSET + self.period * np.arange(repeats)[:, None]
        return (starts + self.before).ravel(), (starts + self.after).ravel()


def pairs(period: int, lag: int) -> Protocol:
    """A spike of the target ``lag`` after each one of the source."""
    return Protocol((max(-lag, 0),), (max(lag, 0),), period)


def triplet(first: int, second: int) -> Protocol:
    """Two spikes around one: times of target after source, positive first for source, target, source."""
    return Protocol((0, first - second), (first,), 1000) if first > 0 else Protocol((-first,), (0, second - first), 1000)


def quadruplet(T: int, lag: int = 5) -> Protocol:
    """Two pairs at a distance T from middle to middle: target first and then source first, or for a negative T the other way round."""
    outer, inner = (0, abs(T) + lag), (lag, abs(T))
    return Protocol(inner, outer, 1000) if T > 0 else Protocol(outer, inner, 1000)


class Measured(NamedTuple):
    """A protocol, the relative change of the weight that it caused, and the standard error."""

    protocol: Protocol
    change: float
    error: float


RATES = (0.1, 10.0, 20.0, 40.0, 50.0)  # Hz
TRIPLETS = ((5, -5), (10, -10), (15, -5), (5, -15), (-5, 5), (-10, 10), (-5, 15), (-15, 5))
QUADRUPLETS = (-89, 20, 84)
CORTEX = {
    10: ((-0.04, 0.05), (0.14, 0.10), (0.29, 0.14), (0.53, 0.11), (0.56, 0.26)),
    -10: ((-0.29, 0.08), (-0.41, 0.11), (-0.34, 0.10), (0.56, 0.32), (0.75, 0.19)),
}
_TRIPLETS = (
    (-0.01, 0.04), (0.03, 0.04), (0.01, 0.03), (0.24, 0.06), (0.33, 0.04), (0.34, 0.04), (0.22, 0.08), (0.29, 0.05),
)  # fmt: skip
DATA = {
    'visual cortex': [
        Measured(pairs(round(1000 / rate), lag), *values)
        for lag, row in CORTEX.items()
        for rate, values in zip(RATES, row, strict=True)
    ],
    'hippocampus': [
        Measured(pairs(1000, 10), 0.25, 0.05),
        Measured(pairs(1000, -10), -0.17, 0.05),
        *(Measured(triplet(*lags), *values) for lags, values in zip(TRIPLETS, _TRIPLETS, strict=True)),
        *(Measured(quadruplet(T), *x) for T, x in zip(QUADRUPLETS, ((-0.003, 0.03), (0.21, 0.04), (0.06, 0.04)), strict=True)),
    ],
}  # fmt: skip
_ERRORS = {'visual cortex': (0.33, 0.34, 0.22, 0.34), 'hippocampus': (2.9, 3.5, 2.9, 2.9)}
PUBLISHED = {
    f'{place}: {fit}': Published(f'{E:g}', f'table {table}', 0.87 * E, 1.13 * E)
    for table, (place, row) in zip((3, 4), _ERRORS.items(), strict=True)
    for fit, E in zip(FITS[place], row, strict=True)
}


class Experiment(bst.nn.Module):
    """A synapse for each protocol, between a source and a target of its own, once for each fit.

    Parameters
    ----------
    protocols : list of Protocol
    fits : dict of Fit
    repeats : int
        How many times a protocol is repeated.
    """

    def __init__(self, protocols: list[Protocol], fits: dict[str, Fit], repeats: int = REPEATS):
        super().__init__()
        n = len(protocols)
        times = [protocol.times(repeats) for protocol in protocols]
        self.duration = (max(t.max() for pair in times for t in pair) + 2) * u.ms
        before, after = ([pair[k] for pair in times] for k in (0, 1))
        self.before = bst.SpikeTime(n, *_events(before))
        # a synapse hears of its target one step late
        index, t = _events(after)
        self.after = bst.SpikeTime(n, index, t - bst.environ.get_dt(), weights=1000.0 * u.mA)
        self.N = bst.LIF(n, R=1.0 * u.ohm, tau=10.0 * u.ms, V_th=1.0 * u.mV, spk_reset='hard')
        self.synapses = {
            name: bst.DeltaProj(comm=bst.one_to_one(n, n, weight=np.ones(n) * ONE), post=self.N, plasticity=fit.rule())
            for name, fit in fits.items()
        }

    def update(self) -> None:
        """One step."""
        spikes = self.before()
        for projection in self.synapses.values():
            projection(spikes)
        self.N(self.after())

    def changes(self) -> dict[str, np.ndarray]:
        """The relative changes of the weights, for each fit."""
        return {name: np.asarray((x.comm.weight.value / ONE - 1.0), float) for name, x in self.synapses.items()}


def _events(times: list[np.ndarray]) -> tuple[np.ndarray, Any]:
    return np.repeat(np.arange(len(times)), [t.size for t in times]), np.concatenate(times) * u.ms


def simulate(protocols: list[Protocol], fits: dict[str, Fit], repeats: int = REPEATS) -> dict[str, np.ndarray]:
    """The relative changes of the weights after all repetitions, for each fit, shape ``(protocols,)``; needs ``dt`` in ``environ``."""
    experiment = Experiment(protocols, fits, repeats)
    bst.Simulation(experiment).run(experiment.duration)
    return experiment.changes()


def expected(protocol: Protocol, fit: Fit, repeats: int = REPEATS) -> float:
    """The same as a sum over spikes, for one protocol and one fit, without steps of time."""
    before, after = protocol.times(repeats)

    def traces(at: np.ndarray, of: np.ndarray, *taus: float | None) -> list[np.ndarray]:
        since = np.where(at[:, None] > of, at[:, None] - of, np.inf)
        since = since.min(axis=1, keepdims=True) if fit.nearest else since
        return [np.exp(-since / (tau or 1.0)).sum(axis=1) for tau in taus]

    (o1,), (r2,) = traces(before, after, TAU_MINUS), traces(before, before, fit.tau_x)
    (r1,), (o2,) = traces(after, before, TAU_PLUS), traces(after, after, fit.tau_y)
    return float((r1 * (fit.A2_plus + fit.A3_plus * o2)).sum() - (o1 * (fit.A2_minus + fit.A3_minus * r2)).sum())


def run(repeats: int = REPEATS) -> dict[str, dict[str, np.ndarray]]:
    """The changes by the protocols of `DATA`, for each place and fit."""
    return {place: simulate([x.protocol for x in DATA[place]], fits, repeats) for place, fits in FITS.items()}


def summary(changes: dict[str, dict[str, np.ndarray]]) -> dict[str, float]:
    """The mean squared distance from the data in standard errors, for each place and fit."""
    return {f'{place}: {fit}': float((distances(place, x) ** 2).mean()) for place, row in changes.items() for fit, x in row.items()}


def distances(place: str, change: np.ndarray) -> np.ndarray:
    """Distances from the data in standard errors, shape ``(protocols,)``."""
    measured, error = np.array([(x.change, x.error) for x in DATA[place]]).T
    return (change - measured) / error


def check(changes: dict[str, dict[str, np.ndarray]]) -> dict[str, bool]:
    """Whether each published number is found again."""
    return report.holds(PUBLISHED, summary(changes))


COLOURS = {'full': bst.plots.PALETTE[0], 'minimal': bst.plots.PALETTE[1]}


def plot(path: Path, changes: dict[str, dict[str, np.ndarray]]) -> None:
    """Data with their errors, the simulated changes at the same protocols, and lines of the sum over spikes between them."""
    periods, T = np.unique(np.r_[np.geomspace(20, 1000, 60).astype(int), 2000, 10_000]), np.r_[-100:-10, 0, 11:101]
    with report.figure(path, (12, 8)) as canvas:
        rows = canvas.subplots(2, 3, width_ratios=(1, 1.2, 1), sharey='row')
        for row, scheme in zip(rows, ('all', 'nearest'), strict=True):
            rate, patterns, quadruplets = row
            for kind, colour in COLOURS.items():
                name, label = f'{scheme}, {kind}', kind
                fit, found = FITS['visual cortex'][name], changes['visual cortex'][name]
                for k, (lag, style) in enumerate(((10, '-'), (-10, '--'))):
                    rate.plot(1000 / periods, [expected(pairs(int(p), lag), fit) for p in periods], style, color=colour, lw=1.2)
                    rate.plot(RATES, found[5 * k : 5 * k + 5], 'o', color=colour, ms=4)
                fit, found = FITS['hippocampus'][name], changes['hippocampus'][name]
                patterns.plot(np.arange(10) + 0.25, found[:10], 'o', color=colour, ms=4, label=label)
                quadruplets.plot(T, [expected(quadruplet(int(t)), fit) if abs(t) > 10 else np.nan for t in T], color=colour, lw=1.2)
                quadruplets.plot(QUADRUPLETS, found[10:], 'o', color=colour, ms=4)
            for k, marker in enumerate('^v'):
                _bars(rate, RATES, DATA['visual cortex'][5 * k : 5 * k + 5], marker)
            _bars(patterns, np.arange(10), DATA['hippocampus'][:10], 's')
            _bars(quadruplets, QUADRUPLETS, DATA['hippocampus'][10:], 's')
            rate.set(ylabel=f'relative change ({scheme} spikes)', xlabel='rate of pairs (Hz)')
            lags = ('10', '-10', *(f'{a}, {b}' for a, b in TRIPLETS))
            patterns.set_xticks(np.arange(10), lags, rotation=45)
            patterns.set(xlabel='pairs, triplets: target after source (ms)')
            patterns.legend(frameon=False, loc='upper left')
            quadruplets.set(xlabel='quadruplets: distance T (ms)')
            for axis in row:
                axis.axhline(0.0, color='0.8', lw=0.8, zorder=-1)
        for axis, title in zip(rows[0], ('visual cortex, 10 ms (▲), -10 ms (▼, dashed)', 'hippocampus', 'hippocampus'), strict=True):
            axis.set_title(title)


def _bars(axis: Any, x: Any, data: list[Measured], marker: str) -> None:
    axis.errorbar(x, [d.change for d in data], [d.error for d in data], fmt=marker, color='0.3', mfc='w', ms=5, capsize=2, zorder=-1)


def main() -> None:
    parser = report.common_arguments(__doc__, duration=None, seed=None)
    parser.set_defaults(dt=float(DT.to_decimal(u.ms)))
    parser.add_argument('--repeats', type=report.positive(int), default=REPEATS, help='how many times each protocol is repeated')
    options = report.parse(parser)
    bst.environ.set(precision=options.precision, dt=options.dt * u.ms)
    clock = report.Stopwatch()
    changes = run(options.repeats)
    clock.lap('run_s')
    found = summary(changes)
    rows = [('build and run', f'{clock.timings["run_s"]:.2f} s with compiling')]
    result = {'dt_ms': options.dt, 'repeats': options.repeats, **clock.timings, 'found': found}
    result['changes'] = {place: {name: x.tolist() for name, x in row.items()} for place, row in changes.items()}
    report.show('Pfister & Gerstner 2006: distances from the data', report.comparison(PUBLISHED, found) + rows, result, options)
    if options.plot:
        plot(options.plot, changes)


if __name__ == '__main__':
    main()
