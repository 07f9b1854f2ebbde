"""Distributions of the activity of the microcircuit, and how far they are from those of NEST.

Spread and irregularity of single neurons depend on how long they are observed; distributions therefore are over neurons and seconds.

The file beside this one holds the distributions that NEST finds. It was made of spikes that `benchmarks/workers/potjans_nest.py` wrote:

    python -m models.potjans_diesmann_2014_reference 0.1 seed1.npz seed2.npz ...
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

import brainpy_state as bst

FILE = Path(__file__).with_suffix('.json')
WINDOW, BIN = 1.0 * u.second, 2.0 * u.ms
MIN_SPIKES = 3  # of a neuron whose intervals count
PAIRS_AMONG = 200  # neurons
_POINTS = 100  # of a stored distribution
_TOLERANCE = 1.5  # times as far as a second of NEST is from all of them

Values = Mapping[str, np.ndarray]


class Distance(NamedTuple):
    """The largest distance between two cumulated distributions, and how large it may be."""

    found: float
    allowed: float


def measures(spikes: bst.record.Spikes) -> list[Values]:
    """Rates (Hz), CVs of intervals and correlation coefficients of the neurons of a population, in each second."""
    steps = round(float(WINDOW / spikes.dt))
    result = []
    for start in range(spikes.start, spikes.stop - steps + 1, steps):
        part = spikes.between(start * spikes.dt, (start + steps) * spikes.dt)
        matrix = bst.record.correlation_coefficient(part.of(0, min(PAIRS_AMONG, part.size)), BIN)
        pairs = matrix[np.triu_indices_from(matrix, 1)]
        rate = part.count / float(WINDOW.to_decimal(u.second))
        result.append({'rate': rate, 'cv': bst.record.cv(part, MIN_SPIKES), 'correlation': pairs[~np.isnan(pairs)]})
    return result


def distances(populations: Mapping[str, bst.record.Spikes], scale: float) -> dict[tuple[str, str], Distance]:
    """From NEST's distributions; none for a scale that NEST was not run at, or where less than a second was simulated."""
    stored = json.loads(FILE.read_text())['scales'].get(f'{scale:g}', {})
    result = {}
    for name, each in stored.items():
        seconds = measures(populations[name])
        for measure, known in each.items() if seconds else ():
            found = distance(_together(seconds, measure), known)
            result[name, measure] = Distance(found, _TOLERANCE * known['apart'])
    return result


def distance(values: np.ndarray, known: Mapping[str, Any]) -> float:
    """The largest distance between the share of values up to each point, and the known share; 1 without values."""
    if not values.size:
        return 1.0
    share = np.searchsorted(np.sort(values), known['points'], 'right') / values.size
    return float(np.abs(share - known['shares']).max())


def table(found: Mapping[tuple[str, str], Distance]) -> list[tuple[str, str]]:
    """Rows of a table, one for each population."""
    rows: dict[str, list[str]] = {}
    for (name, measure), d in found.items():
        rows.setdefault(name, []).append(f'{measure} {d.found:.3f}' + ('' if d.found <= d.allowed else f' DIFFERS (> {d.allowed:.3f})'))
    return [(f'KS {name}', ', '.join(texts)) for name, texts in rows.items()]


def summary(runs: Sequence[Sequence[Values]]) -> dict[str, Any]:
    """Distributions over all seconds of all runs, and how far that of a single second is from it."""
    seconds = [second for run in runs for second in run]
    result = {}
    for measure in seconds[0]:
        values = np.sort(_together(seconds, measure))
        digits = {'rate': 0, 'cv': 3, 'correlation': 4}[measure]
        points = np.unique(np.round(np.quantile(values, np.linspace(0.0, 1.0, _POINTS)), digits))
        shares = np.round(np.searchsorted(values, points, 'right') / values.size, 4)
        known: dict[str, Any] = {'points': points.tolist(), 'shares': shares.tolist()}
        known['apart'] = round(max(distance(second[measure], known) for second in seconds), 4)
        result[measure] = known
    return result


def _together(seconds: Iterable[Values], measure: str) -> np.ndarray:
    return np.concatenate([second[measure] for second in seconds])


def _spikes_of_nest(file: str) -> dict[str, bst.record.Spikes]:
    from .potjans_diesmann_2014 import NAMES

    dt = 0.1 * u.ms
    with np.load(file) as data:
        step = np.rint(data['t'] / 0.1).astype(int) - 1  # NEST tells the end of a spike's step
        stop, sizes, ends = round(float(data['ms']) / 0.1), data['sizes'], np.cumsum(data['sizes'])
        whole = bst.record.Spikes(step, data['i'], int(ends[-1]), dt, 0, stop)
    return {name: whole.of(int(end - size), int(end)) for name, size, end in zip(NAMES, sizes, ends, strict=True)}


def main() -> None:
    scale, *files = sys.argv[1:]
    runs = [{name: measures(spikes) for name, spikes in _spikes_of_nest(file).items()} for file in files]
    stored = json.loads(FILE.read_text()) if FILE.exists() else {'simulator': 'NEST 3.10.0', 'scales': {}}
    stored['scales'][f'{float(scale):g}'] = {name: summary([run[name] for run in runs]) for name in runs[0]}
    text = json.dumps(stored, separators=(',', ':'))
    FILE.write_text(text.replace('},"', '},\n"') + '\n')


if __name__ == '__main__':
    main()
