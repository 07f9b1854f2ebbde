"""The cost of a step at different sizes: a table and a figure."""

from collections.abc import Iterable
from pathlib import Path

from benchmarks._contender import FLOOR, OURS, Size
from benchmarks._report import number

_LABELS = {OURS: 'brainpy_state', f'{OURS}-1-thread': 'brainpy_state, 1 thread', FLOOR: 'C program, 1 thread'}

Curves = dict[str, dict[str, dict[Size, float]]]
"""Microseconds for a step, by group of sizes, contender and size."""


def add(curves: Curves, size: Size, rows: Iterable[dict]) -> None:
    """Add the rows measured at ``size``, which keep their point as ``us_per_step``."""
    for row in rows:
        row['us_per_step'] = row['run_s'] / size.steps * 1e6
        curves.setdefault(size.group, {}).setdefault(row['name'], {})[size] = row['us_per_step']


def table(contenders: dict[str, dict[Size, float]]) -> str:
    """The curves of one group as a Markdown table, in microseconds."""
    sizes = _sizes(contenders)
    header = ('us per step', *(f'{size.neurons:,} neurons, {size.steps:,} steps' for size in sizes))
    rows = ((name, *(number(curve.get(size)) for size in sizes)) for name, curve in contenders.items())
    lines = [header, ('---',) + ('---:',) * len(sizes), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def plot(curves: Curves, file: Path) -> None:
    """One panel a group, one line a contender, the floor dashed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1 + 4.5 * len(curves), 4.5), layout='constrained')
    panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    for panel, (group, contenders) in zip(panels, curves.items(), strict=True):
        sizes = _sizes(contenders)
        for name, curve in contenders.items():
            style = {'color': 'black', 'ls': '--'} if name == FLOOR else {'lw': 2.5 if name == OURS else 1.5}
            points = [(size.neurons, curve[size]) for size in sizes if size in curve]
            panel.loglog(*zip(*points, strict=True), marker='o', ms=4, label=_LABELS.get(name, name), **style)
        panel.set(title=group, xlabel='neurons')
        panel.set_xticks([size.neurons for size in sizes], [f'{size.neurons:,}' for size in sizes])
        panel.set_xticks([], minor=True)
        panel.grid(alpha=0.3)
        panel.spines[['top', 'right']].set_visible(False)
    panels[0].set_ylabel('cost of a step (us)')
    panels[0].legend(frameon=False)
    figure.savefig(file, dpi=150)


def _sizes(contenders: dict[str, dict[Size, float]]) -> list[Size]:
    """All sizes, from small to large."""
    return sorted({size for curve in contenders.values() for size in curve}, key=lambda size: size.neurons)
