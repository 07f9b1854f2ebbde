"""What the commands of this folder share: options, timing, a table, JSON and a plot."""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

import brainpy_state as bst

_NEURONS = 250  # of a raster that are shown
_PACKAGES = ('jax', 'jaxlib', 'brainunit', 'numba', 'numpy')


def arguments(description: str | None, *, neurons: int = 4000, **choices: tuple[str, ...]) -> argparse.Namespace:
    """The options that every network of this kind has, and choices of its own, of which the first is the default."""
    parser = common_arguments(description)
    for name, allowed in choices.items():
        parser.add_argument(f'--{name}', choices=allowed, default=allowed[0])
    parser.add_argument('--neurons', type=positive(int), default=neurons)
    parser.add_argument('--repeats', type=positive(int), default=1, help='timed runs, of which the median is given')
    parser.add_argument('--threads', type=positive(int), default=bst.event.threads(), help='for large networks (default: all)')
    return parse(parser)


def common_arguments(description: str | None, *, duration: float | None = 1000.0, seed: int | None = 1) -> argparse.ArgumentParser:
    """A parser with the options that every model has; add those of the model and give it to `parse`.

    A model whose duration follows from what it does, or that draws nothing, has None for it and no such option.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if duration is not None:
        parser.add_argument('--duration', type=positive(float), default=duration, help='ms')
    parser.add_argument('--dt', type=positive(float), default=0.1, help='ms')
    if seed is not None:
        parser.add_argument('--seed', type=int, default=seed)
    parser.add_argument('--precision', type=int, choices=(32, 64), default=32, help='bits of a state variable')
    parser.add_argument('--plot', type=Path, help='write a figure to this file')
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options, after a check of the files to write."""
    options = parser.parse_args()
    for path in (options.plot, options.json):
        if path is not None and not path.resolve().parent.is_dir():
            parser.error(f'the folder of {path} does not exist')
    return options


def positive(kind: type) -> Callable[[str], Any]:
    """A type of positive numbers for an option."""

    def convert(text: str) -> Any:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f'{text} must be positive')
        return value

    return convert


class Published(NamedTuple):
    """A published number, and between which bounds a reproduction should find it.

    It is ``checked`` if the text has been compared with the source; otherwise it is as others quote it, and the table says so.
    """

    text: str
    source: str
    low: float
    high: float
    unit: str = ''
    checked: bool = False


def holds(published: dict[str, Published], found: dict[str, float]) -> dict[str, bool]:
    """Whether each published number is found again."""
    return {name: bool(claim.low <= found[name] <= claim.high) for name, claim in published.items()}


def comparison(published: dict[str, Published], found: dict[str, float]) -> list[tuple[str, str]]:
    """Rows of a table that put what is found beside what is published."""
    rows = []
    for name, ok in holds(published, found).items():
        claim = published[name]
        verdict = '' if ok else f'  DIFFERS: expected {claim.low:g} to {claim.high:g}'
        value = f'{found[name]:.3g} {claim.unit}'
        source = claim.source if claim.checked else f'{claim.source}, not checked'
        rows.append((name, f'{value:<16}published: {claim.text} ({source}){verdict}'))
    return rows


class Stopwatch:
    """Seconds since the last lap."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.timings[name] = now - self._last
        self._last = now


def time_runs(run: Callable[[Any], Any], duration: Any, chunk: Any, repeats: int) -> dict[str, float]:
    """Time compiling and running apart.

    The first runs compile: one chunk of each length that the whole needs. What they take longer
    than a compiled run of the same duration is the time of compiling.
    """
    rest = duration % chunk
    clock = Stopwatch()
    first = [d for d in (chunk, rest) if 0.0 * u.ms < d <= duration]
    for d in first:
        run(d)
    clock.lap('first')
    runs = []
    for _ in range(repeats):
        run(duration)
        clock.lap('run')
        runs.append(clock.timings['run'])
    run_s = float(np.median(runs))
    warm = run_s * float(sum(first[1:], first[0]) / duration)
    return {
        'compile_s': max(clock.timings['first'] - warm, 0.0),
        'run_s': run_s,
        'real_time_factor': run_s / float(duration.to_decimal(u.second)),
    }


def peak_rss_mb() -> float:
    """Peak resident memory of this process in MiB."""
    try:
        status = Path('/proc/self/status').read_text()
        return int(status.split('VmHWM:')[1].split()[0]) / 1024
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == 'darwin' else peak / 1024


def publish(title: str, result: dict[str, Any], options: argparse.Namespace, more: Sequence[tuple[str, str]] = ()) -> None:
    """Print the table of a timed network, with more rows, and write the JSON."""
    result['peak_rss_mb'] = peak_rss_mb()
    rows = [
        ('neurons', f'{result["neurons"]:,}'),
        ('synapses', f'{result["synapses"]:,}'),
        ('model time', f'{result["duration_ms"]:g} ms in steps of {result["dt_ms"]:g} ms'),
        ('build', f'{result["build_s"]:.2f} s'),
        ('compile', f'{result["compile_s"]:.2f} s'),
        ('run', f'{result["run_s"]:.3f} s'),
        ('real-time factor', f'{result["real_time_factor"]:.3f}  (run / model time)'),
        ('peak memory', f'{result["peak_rss_mb"]:.0f} MiB'),
        *((f'rate {name}', f'{rate:.2f} Hz') for name, rate in result['rate_hz'].items()),
        ('CV of ISI', f'{result["cv_isi"]:.3f}'),
        ('spikes', f'{result["spikes"]:,}'),
        ('event kernels', bst.event.backend()),
        *more,
    ]
    show(title, rows, result, options)


def show(title: str, rows: list[tuple[str, str]], result: dict[str, Any], options: argparse.Namespace) -> None:
    """Print a table, and write the result as JSON where asked to."""
    width = max(18, *(len(name) + 2 for name, _ in rows))
    print(title)
    for name, text in rows:
        print(f'  {name:<{width}}{text}')
    result['versions'] = {'python': platform.python_version(), 'brainpy-state': bst.__version__}
    result['versions'] |= {name: version(name) for name in _PACKAGES if find_spec(name)}
    if options.json:
        options.json.write_text(json.dumps(_without_nan(result), indent=1, allow_nan=False) + '\n')


def _without_nan(x: Any) -> Any:
    """The same with None for NaN, which JSON does not have."""
    if isinstance(x, dict):
        return {key: _without_nan(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [_without_nan(value) for value in x]
    return None if x != x else x


@contextmanager
def figure(path: Path, size: tuple[float, float] = (10, 8)) -> Iterator[Any]:
    """A figure that is written to a file at the end, without the frames of its axes."""
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    canvas = plt.figure(figsize=size, layout='constrained')
    try:
        yield canvas
        for axis in canvas.axes:
            axis.spines[['top', 'right']].set_visible(False)
        canvas.savefig(path, dpi=150)
    finally:
        plt.close(canvas)


def plot_activity(
    path: Path, populations: dict[str, bst.record.Spikes], V: Any, title: str, *, V_th: Any = None, shown: Any = 500.0 * u.ms
) -> None:
    """A raster, the rate of each population and the membrane potential of the first neuron, at the end of a run.

    Parameters
    ----------
    path : Path
        The file to write.
    populations : dict
        Names and spikes of the populations; the raster has some neurons of each, in their true proportion.
    V : voltage, shape (steps,)
        Potential of the first neuron.
    title : str
        What stands above.
    V_th : voltage, optional
        Threshold of a model that is reset there and has no action potential of its own: one is drawn.
    shown : time
        How much of the end of the run is drawn.
    """
    first = next(iter(populations.values()))
    dt, stop = first.dt, first.stop
    steps = min(round(float(shown / dt)), stop)
    start = stop - steps
    seen = {name: spikes.between(start * dt, stop * dt) for name, spikes in populations.items()}
    with figure(path) as canvas:
        raster, rates, trace = canvas.subplots(3, 1, sharex=True, height_ratios=(5, 2, 2))
        bst.plots.raster(seen, most=_NEURONS, ax=raster)
        bst.plots.rate(seen, ax=rates)
        # a model that is not reset has an action potential of its own
        spikes = None if V_th is None else next(iter(seen.values())).of(0, 1)
        bst.plots.trace(V[start:stop], np.arange(start, stop) * dt, spikes=spikes, V_th=V_th, ax=trace)
        raster.set_title(title)
