"""The cortical microcircuit of Potjans & Diesmann in NEST, driven by Poisson spikes.

``run_s`` is the wall clock of ``Simulate``, with the warm-up; NEST has no compile phase. A process simulates once: a second run would have
to build the network anew.
"""

import argparse
import time

START = time.perf_counter()

import nest  # noqa: E402
import numpy as np  # noqa: E402
import potjans_parameters as p  # noqa: E402
from worker import emit, peak_rss_mb, time_call, versions_of  # noqa: E402

IMPORT_S = time.perf_counter() - START


def build(scale: float, dt: float) -> list:
    """Create and connect all neurons."""
    to = p.scaled(scale)
    neuron = {'tau_m': p.TAU, 'tau_syn_ex': p.TAU_SYN, 'tau_syn_in': p.TAU_SYN, 'C_m': p.C, 't_ref': p.TAU_REF}
    neuron |= {'E_L': p.V_RESET, 'V_reset': p.V_RESET, 'V_th': p.V_TH}
    populations = []
    for t, size in enumerate(to['sizes']):
        population = nest.Create('iaf_psc_exp', int(size), {**neuron, 'I_e': to['current'][t]})
        population.V_m = nest.random.normal(p.V_START[t], p.V_START_SD[t])
        populations.append(population)
        drive = nest.Create('poisson_generator', {'rate': p.EXTERNAL_RATE * to['inputs'][t]})
        nest.Connect(drive, population, 'all_to_all', {'weight': to['weights'][0, 0], 'delay': p.DELAY_E})
    for name in ('excitatory', 'inhibitory'):  # a model of its own for each sign: NEST counts at most 2^27 synapses of a model in a thread
        nest.CopyModel('static_synapse', name)
    for t, target in enumerate(populations):
        for s, source in enumerate(populations):
            inhibits, number, weight = s % 2, int(to['synapses'][t, s]), to['weights'][t, s]
            if number:
                delay = p.DELAY_I if inhibits else p.DELAY_E
                synapse = {
                    'synapse_model': 'inhibitory' if inhibits else 'excitatory',
                    'weight': nest.random.normal(weight, abs(weight) * p.WEIGHT_SD),
                    'delay': nest.math.redraw(nest.random.normal(delay, delay * p.DELAY_SD), min=0.5 * dt, max=1e3),
                }
                nest.Connect(source, target, {'rule': 'fixed_total_number', 'N': number}, synapse)
    return populations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--scale', type=float, default=1.0)
    parser.add_argument('--warm-up', type=float, default=500.0, help='ms, before the time that is measured')
    parser.add_argument('--duration', type=float, default=1000.0, help='ms')
    parser.add_argument('--dt', type=float, default=0.1, help='ms')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=1, choices=(1,))
    parser.add_argument('--spikes', help='write neuron and time of each spike after the warm-up to this file')
    options = parser.parse_args()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.set(resolution=options.dt, local_num_threads=options.threads, rng_seed=options.seed)
    start = time.perf_counter()
    populations = build(options.scale, options.dt)
    recorder = nest.Create('spike_recorder', {'start': options.warm_up})
    for population in populations:
        nest.Connect(population, recorder)
    build_s = time.perf_counter() - start
    run_s = time_call(lambda: nest.Simulate(options.warm_up + options.duration))
    sizes = np.array([len(x) for x in populations])
    ids = np.concatenate([x.tolist() for x in populations])
    neuron = np.searchsorted(ids, recorder.events['senders'])
    counts = np.add.reduceat(np.bincount(neuron, minlength=ids.size), np.cumsum(sizes) - sizes)
    if options.spikes:
        np.savez_compressed(options.spikes, i=neuron, t=recorder.events['times'] - options.warm_up, sizes=sizes, ms=options.duration)
    emit(
        {
            'import_s': IMPORT_S,
            'build_s': build_s,
            'compile_s': 0.0,
            'run_s': run_s,
            'spikes': int(neuron.size),
            'rate_hz': dict(zip(p.NAMES, (counts / sizes / options.duration * 1e3).tolist(), strict=True)),
            'peak_rss_mb': peak_rss_mb(),
            'threads': options.threads,
            'versions': versions_of('nest-simulator', 'numpy'),
        }
    )


if __name__ == '__main__':
    main()
