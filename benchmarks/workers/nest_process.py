"""A run in NEST, whatever the network.

``run_s`` is the wall clock of ``Simulate``; NEST has no compile phase. A process simulates once: a
second run would have to build its network anew.
"""

import time
from collections.abc import Callable

START = time.perf_counter()

import nest  # noqa: E402
from spike_statistics import summarize  # noqa: E402
from worker import Option, emit, parse_options, peak_rss_mb, population_sizes, time_call, time_runs, versions_of  # noqa: E402

IMPORT_S = time.perf_counter() - START


def main(build: Callable, neurons: int, *extra: Option) -> None:
    """Simulate the population that ``build(options)`` creates and connects, with all spikes recorded."""
    options = parse_options(neurons, ('--threads', {'type': int, 'default': 1}), *extra)
    nest.verbosity = nest.VerbosityLevel.ERROR

    def build_all():
        nest.ResetKernel()
        nest.set(resolution=options.dt, local_num_threads=options.threads, rng_seed=options.seed, overwrite_files=True)
        recorder = nest.Create('spike_recorder')
        population = build(options)
        nest.Connect(population, recorder)
        return recorder, population[0].global_id

    start = time.perf_counter()
    recorder, first = build_all()
    build_s = time.perf_counter() - start
    times = time_runs(lambda: time_call(lambda: nest.Simulate(options.duration)), repeats=1)
    events = recorder.events
    emit(
        {
            'import_s': IMPORT_S,
            'build_s': build_s,
            'compile_s': 0.0,
            **times,
            **summarize(events['senders'] - first, events['times'], *population_sizes(options.neurons), options.duration),
            'peak_rss_mb': peak_rss_mb(),
            'threads': options.threads,
            'versions': versions_of('nest-simulator', 'numpy'),
        }
    )


def connect_pairwise(neurons, n_e: int, probability: float, w_e: float, w_i: float, delay: float) -> None:
    """Connect every pair with a fixed probability; the first ``n_e`` neurons excite."""
    rule = {'rule': 'pairwise_bernoulli', 'p': probability}
    for sources, weight in ((neurons[:n_e], w_e), (neurons[n_e:], w_i)):
        nest.Connect(sources, neurons, rule, {'weight': weight, 'delay': delay})
