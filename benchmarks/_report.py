"""From reports to medians, ratios and a Markdown table."""

import statistics
from collections.abc import Iterable

from benchmarks._contender import OURS
from benchmarks._schedule import Measured

HEADER = (
    'contender',
    'build s',
    'compile s',
    'run s (min-max)',
    'run / ours',
    'whole process s',
    'whole / ours',
    'peak MiB',
    'spikes',
    'rate E, I Hz',
    'CV ISI',
)


def summarize(measured: Iterable[Measured]) -> list[dict]:
    """Medians of each contender, and their ratios to ours where ours took part.

    ``build_s`` and ``wall_s`` come from processes that ran the model once; ``run_s`` from the
    repeats inside a process where the contender has them.
    """
    rows = [_medians(entry) for entry in measured]
    ours = next((row for row in rows if row['peer'] == OURS), None)
    for row in rows:
        row['ratio_to_ours'] = ours and {quantity: row[f'{quantity}_s'] / ours[f'{quantity}_s'] for quantity in ('run', 'wall')}
    return rows


def _medians(entry: Measured) -> dict:
    runs = entry.repeated or entry.alone
    last = runs[-1]
    compile_s = median_of(entry.alone, 'compile_s')
    return {
        'name': entry.contender.name,
        'peer': entry.contender.peer,
        'build_s': median_of(entry.alone, 'build_s'),
        'compile_s': median_of(runs, 'compile_s') if compile_s is None else compile_s,
        'run_s': median_of(runs, 'run_s'),
        'run_s_range': [min(r['run_s'] for r in runs), max(r['run_s'] for r in runs)],
        'wall_s': median_of(entry.alone, 'wall_s'),
        'first_wall_s': entry.first_wall_s,
        'peak_rss_mb': median_of(entry.alone, 'peak_rss_mb'),
        'binary_peak_rss_mb': median_of(entry.alone, 'binary_peak_rss_mb'),
        **{key: last.get(key) for key in ('spikes', 'rate_hz', 'cv_isi', 'versions')},
        'reports': {'alone': entry.alone, 'repeated': entry.repeated},
    }


def median_of(reports: Iterable[dict], key: str) -> float | None:
    """Median of the values under ``key``; None where no report has one."""
    values = [r[key] for r in reports if r.get(key) is not None]
    return statistics.median(values) if values else None


def markdown_table(rows: Iterable[dict]) -> str:
    """The rows as one Markdown table."""
    lines = [HEADER, ('---',) + ('---:',) * (len(HEADER) - 1), *map(_cells, rows)]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def _cells(row: dict) -> tuple[str, ...]:
    low, high = row['run_s_range']
    ratio = row['ratio_to_ours'] or {}
    return (
        row['name'],
        number(row['build_s']),
        number(row['compile_s']),
        f'{number(row["run_s"])} ({number(low)}-{number(high)})',
        number(ratio.get('run')),
        number(row['wall_s']),
        number(ratio.get('wall')),
        _memory(row),
        '-' if row['spikes'] is None else str(row['spikes']),
        _of_each_population(row['rate_hz']),
        _of_each_population(row['cv_isi']),
    )


def number(value: float | None) -> str:
    """Three significant digits and no exponent; a dash for what was not reported."""
    if value is None:
        return '-'
    if value == 0 or abs(value) < 1e-4:
        return '0'
    return f'{value:.0f}' if abs(value) >= 100 else f'{value:#.3g}'


def versions_line(rows: Iterable[dict]) -> str:
    """Versions that each simulator reported, one bracket a simulator."""
    reported = {row['peer']: row['versions'] for row in rows if row['versions']}
    return '; '.join(
        f'{peer} ({", ".join(f"{name} {version}" for name, version in versions.items())})' for peer, versions in reported.items()
    )


def _memory(row: dict) -> str:
    binary = row['binary_peak_rss_mb']
    own = number(row['peak_rss_mb'])
    return own if binary is None else f'{own} + {number(binary)}'


def _of_each_population(value: dict | float | None) -> str:
    if isinstance(value, dict):
        return ', '.join(number(v) for v in value.values())
    return number(value)
