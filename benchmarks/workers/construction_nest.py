"""The microcircuit's connections in NEST."""

import argparse

import construction_parameters as p
import nest
from worker import emit, peak_rss_mb, time_call, time_runs, versions_of


def connect(scale: float) -> None:
    """All populations and projections; weights do not change their sign, the shortest delay is one step."""
    populations = [nest.Create('iaf_psc_exp', n) for n in p.sizes(scale)]
    for x in p.projections(scale):
        clip = nest.math.max if x.weight > 0 else nest.math.min
        weight = clip(nest.random.normal(x.weight, x.weight_std), 0.0)
        delay = nest.math.max(nest.random.normal(x.delay, x.delay_std), p.DT)
        rule = {'rule': 'fixed_total_number', 'N': x.synapses}
        nest.Connect(populations[x.source], populations[x.target], rule, {'weight': weight, 'delay': delay})


def main() -> None:
    """Measure; a process builds once."""
    parser = argparse.ArgumentParser()
    for flag, keywords in p.parser_options():
        parser.add_argument(flag, **keywords)
    options = parser.parse_args()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=p.DT, local_num_threads=options.threads, rng_seed=options.seed)
    before = peak_rss_mb()
    times = time_runs(lambda: time_call(lambda: connect(options.scale)), repeats=1)
    report = {'build_s': 0.0, 'compile_s': 0.0, **times, 'rss_before_mb': before, 'peak_rss_mb': peak_rss_mb()}
    emit(report | {'synapses': nest.num_connections, 'threads': options.threads, 'versions': versions_of('nest-simulator')})


if __name__ == '__main__':
    main()
