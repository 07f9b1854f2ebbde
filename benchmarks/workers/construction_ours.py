"""The microcircuit's connections in this project."""

import argparse

import brainunit as u
import construction_parameters as p
from worker import emit, peak_rss_mb, time_call, time_runs, versions_of

import brainpy_state as bst


def connect(scale: float, seed: int) -> list[bst.Connection]:
    """All projections; weights do not change their sign, the shortest delay is one step."""
    made = []
    for x in p.projections(scale):
        limit = {'low' if x.weight > 0 else 'high': 0.0 * u.pA}
        weight = bst.drawn.normal(x.weight * u.pA, x.weight_std * u.pA, **limit)
        delay = bst.drawn.normal(x.delay * u.ms, x.delay_std * u.ms, low=p.DT * u.ms)
        options = {'weight': weight, 'delay': delay, 'seed': (seed, x.source, x.target)}
        made.append(bst.fixed_total_number(x.n_sources, x.n_targets, x.synapses, **options))
    return made


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    for flag, keywords in p.parser_options():
        parser.add_argument(flag, **keywords)
    options = parser.parse_args()
    bst.environ.set(dt=p.DT * u.ms)
    before = peak_rss_mb()
    with bst.event.use_backend('numba'):
        compile_s = time_call(lambda: connect(0.01, options.seed))

    def run() -> float:
        return time_call(lambda: connect(options.scale, options.seed))

    times = time_runs(run, options.repeats)
    report = {'build_s': 0.0, 'compile_s': compile_s, **times, 'rss_before_mb': before, 'peak_rss_mb': peak_rss_mb()}
    emit(report | {'synapses': sum(x.synapses for x in p.projections(options.scale)), 'versions': versions_of('brainpy-state', 'jax')})


if __name__ == '__main__':
    main()
