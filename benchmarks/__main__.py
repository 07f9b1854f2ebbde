"""Command line of the benchmarks."""

import argparse
import json
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks import _machine, _scaling
from benchmarks._contender import Case
from benchmarks._peers import UsageError, parse_interpreters
from benchmarks._process import ContenderError
from benchmarks._report import markdown_table, summarize, versions_line
from benchmarks._schedule import Plan, measure, say
from benchmarks.cases import discover

BUSY_LOAD_PER_CORE = 0.5

EPILOG = """
Contenders take turns after a discarded round. In each round a contender runs once as a fresh process,
which gives the build, compile and whole-process times and the peak memory, and, where it can, in a
second process several times after a warm-up, which gives the run time. Ratios are theirs over ours:
above 1, ours is quicker. Peak memory of Brian2 and of the floor is that of a Python process plus its binary's.
The cost of a step is the median run time over the number of steps.
"""


def main(argv: Sequence[str] | None = None, cases: dict[str, Case] | None = None) -> int:
    """Run the command line ``argv`` over ``cases`` (default: all); returns the exit status."""
    cases = discover() if cases is None else cases
    options = _parser(cases).parse_args(argv)
    try:
        chosen = choose(options.cases, cases)
        plan = _plan(options)
        for option, file in (('--json', options.json), ('--plot', options.plot)):
            if file and not file.resolve().parent.is_dir():
                raise UsageError(f'{option}: the folder of {file} does not exist')
        if options.plot and not any(cases[name].size for name, _ in chosen):
            raise UsageError('--plot: none of these cases is about different sizes')
        machine = _machine.describe()
        _warn_if_busy(machine)
        result: dict = {'machine': machine, 'cases': {}}
        curves: _scaling.Curves = {}
        for name, variant in chosen:
            rows = summarize(measure(cases[name], variant, plan))
            if size := cases[name].size:
                _scaling.add(curves, size(variant), rows)
            result['cases'][f'{name}:{variant}'] = rows
            machine['load_1min_end'] = _machine.load_1min()
            _save(result, options.json)
            print(f'\n### {cases[name].title}: {variant}\n\n{markdown_table(rows)}', flush=True)
        for group, contenders in curves.items():
            print(f'\n### Cost of a step: {group}\n\n{_scaling.table(contenders)}')
        if options.plot:
            _scaling.plot(curves, options.plot)
    except (UsageError, ContenderError) as error:
        print(f'benchmarks: {error}', file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    everything = [row for rows in result['cases'].values() for row in rows]
    print(f'\n{_footnote(machine, everything)}')
    return 0


def choose(names: Iterable[str], cases: dict[str, Case]) -> list[tuple[str, str]]:
    """Pairs of case and variant that ``CASE`` or ``CASE:VARIANT`` stand for.

    Raises
    ------
    UsageError
        If a case or a variant does not exist.
    """
    chosen = []
    for text in names:
        name, colon, variant = text.partition(':')
        if name not in cases:
            raise UsageError(f'no case {name!r}; cases: {", ".join(cases)}')
        variants = cases[name].variants
        if colon and variant not in variants:
            raise UsageError(f'case {name!r} has no variant {variant!r}: {", ".join(variants)}')
        chosen += [(name, v) for v in ([variant] if colon else variants)]
    return chosen


def _save(result: dict, file: Path | None) -> None:
    """Write what is measured so far, so that a later failure does not lose it."""
    if file is not None:
        file.write_text(json.dumps(result, indent=1) + '\n')


def _plan(options: argparse.Namespace) -> Plan:
    names = None if options.peers is None else [p for p in options.peers.split(',') if p]
    return Plan(
        rounds=options.repeats,
        inner=options.inner,
        seed=options.seed,
        timeout_s=options.timeout,
        peers=[] if names == ['none'] else names,
        with_ours=not options.peers_only,
        interpreters=parse_interpreters(options.peer_python),
    )


def _footnote(machine: dict, rows: Iterable[dict]) -> str:
    return (
        f'{machine["cpu"]}, {machine["cores"]} cores, {machine["memory_gb"]} GiB, {machine["os"]}, '
        f'load {machine["load_1min"]} at the start and {machine["load_1min_end"]} at the end. {versions_line(rows)}.'
    )


def _warn_if_busy(machine: dict) -> None:
    if (machine['load_1min'] or 0.0) > BUSY_LOAD_PER_CORE * machine['cores']:
        say(f'this machine is busy (load {machine["load_1min"]}): timings will be off')


def _parser(cases: dict[str, Case]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m benchmarks', epilog=EPILOG)
    listed = '; '.join(f'{name} ({", ".join(case.variants)})' for name, case in cases.items())
    parser.add_argument('cases', nargs='+', metavar='CASE[:VARIANT]', help=listed)
    parser.add_argument('--peers', metavar='NAME,...', help="default: those installed; or 'none'")
    parser.add_argument('--peers-only', action='store_true', help='leave ourselves out')
    parser.add_argument('--repeats', type=_positive, default=3, help='rounds (default 3)')
    parser.add_argument('--inner', type=_positive, default=5, help='runs in a process (default 5)')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--timeout', type=float, default=600.0, help='seconds for one process')
    parser.add_argument(
        '--peer-python',
        action='append',
        default=[],
        metavar='NAME=PATH',
        help='interpreter of a peer with an environment of its own (or BENCH_PYTHON_NAME)',
    )
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument('--plot', type=Path, metavar='FILE', help='cost of a step against neurons, of cases that have sizes')
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{value} is not positive')
    return value


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, which ends the running contender too
    sys.exit(main())
