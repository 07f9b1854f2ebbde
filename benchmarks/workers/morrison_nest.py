"""The plastic balanced network of Morrison et al. 2007 in NEST, as its ``hpc_benchmark.py`` has it.

``run_s`` is the wall clock of ``Simulate`` after the warm-up.
"""

import argparse
import time

START = time.perf_counter()

import nest  # noqa: E402
import numpy as np  # noqa: E402
from spike_statistics import cv_of_each_neuron  # noqa: E402
from worker import emit, peak_rss_mb, time_call, versions_of  # noqa: E402

IMPORT_S = time.perf_counter() - START
N_E, N_I, C, TAU, TAU_SYN, V_TH, PSP, G, ETA, DELAY = 9000, 2250, 250.0, 10.0, 0.32582722403722841, 20.0, 0.14, -5.0, 1.685, 1.5
LOOKED_AT = 100  # sources whose weights are read


def current() -> float:
    """The peak of a current (pA) whose potential has the peak PSP."""
    t = np.linspace(1.0, 3.0, 2_000_001)
    b = 1.0 / TAU_SYN - 1.0 / TAU
    shape = (np.exp(-t / TAU) - np.exp(-t / TAU_SYN)) / b - t * np.exp(-t / TAU_SYN)
    return PSP * TAU_SYN * C * b / np.e / shape.max()


def build(scale: float, spread: float) -> tuple:
    """Create and connect all neurons."""
    J = current()
    rate = 1e3 * ETA * V_TH * C / (TAU * J * np.e * TAU_SYN)  # Hz, of all external inputs of a neuron
    neuron = {'C_m': C, 'tau_m': TAU, 't_ref': 0.5, 'E_L': 0.0, 'V_reset': 0.0, 'V_th': V_TH}
    neuron |= {'tau_syn_ex': TAU_SYN, 'tau_syn_in': TAU_SYN, 'tau_minus': 30.0}
    exc, inh = (nest.Create('iaf_psc_alpha', int(size * scale), neuron) for size in (N_E, N_I))
    drive = nest.Create('poisson_generator', {'rate': rate})
    for model, weight in (('excites', J), ('inhibits', G * J)):
        nest.CopyModel('static_synapse_hpc', model, {'weight': weight, 'delay': DELAY})
    rule = {'delay': DELAY, 'alpha': 0.0513, 'lambda': 0.1, 'mu': 0.4, 'tau_plus': 15.0, 'weight': J}
    nest.CopyModel('stdp_pl_synapse_hom_hpc', 'learns', rule)
    learns = {'synapse_model': 'learns'}
    if spread:
        learns['weight'] = nest.math.redraw(nest.random.normal(J, spread), min=0.0, max=1e3)
    for cells in (exc, inh):
        cells.V_m = nest.random.normal(5.7, 7.2)
        nest.Connect(drive, cells, 'all_to_all', {'synapse_model': 'excites'})
    inhibits, excites = {'synapse_model': 'inhibits'}, {'synapse_model': 'excites'}
    for sources, targets, indegree, synapse in (
        (exc, exc, N_E, learns),
        (inh, exc, N_I, inhibits),
        (exc, inh, N_E, excites),
        (inh, inh, N_I, inhibits),
    ):
        how = {'rule': 'fixed_indegree', 'indegree': indegree, 'allow_autapses': False, 'allow_multapses': True}
        nest.Connect(sources, targets, how, synapse)
    return exc, inh


def weights(exc) -> np.ndarray:
    """Of the synapses of some sources."""
    return np.array(nest.GetConnections(source=exc[: min(LOOKED_AT, len(exc))], synapse_model='learns').weight)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--scale', type=float, default=1.0)
    parser.add_argument('--spread', type=float, default=0.0, help='standard deviation of the first weights, pA')
    parser.add_argument('--warm-up', type=float, default=50.0, help='ms, before the time that is measured')
    parser.add_argument('--duration', type=float, default=250.0, help='ms')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=1, choices=(1,))
    options = parser.parse_args()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.set(resolution=0.1, local_num_threads=options.threads, rng_seed=options.seed)
    start = time.perf_counter()
    exc, inh = build(options.scale, options.spread)
    recorder = nest.Create('spike_recorder')
    nest.Connect(exc + inh, recorder)
    build_s = time.perf_counter() - start
    nest.Simulate(options.warm_up)
    before = weights(exc)
    run_s = time_call(lambda: nest.Simulate(options.duration))
    after = weights(exc)
    i, t = recorder.events['senders'] - 1, recorder.events['times'] - options.warm_up
    i, t = i[t > 0], t[t > 0]
    rates = np.bincount(i, minlength=len(exc) + len(inh)) / (options.duration / 1e3)
    excites = i < len(exc)
    counts = np.histogram(t[excites], np.arange(0.0, options.duration + 0.1, 3.0))[0]
    found = {
        'rate E': rates[: len(exc)].mean(),
        'rate I': rates[len(exc) :].mean(),
        'CV E': np.nanmean(cv_of_each_neuron(i[excites], t[excites], len(exc))),
        'Fano factor E': counts.var() / counts.mean(),
        'mean weight': after.mean(),
        'spread of weights': after.std(),
        'mean change': (after - before).mean(),
        'spread of changes': (after - before).std(),
    }
    report = {'import_s': IMPORT_S, 'build_s': build_s, 'compile_s': 0.0, 'run_s': run_s, 'found': {k: float(x) for k, x in found.items()}}
    report |= {
        'spikes': len(i),
        'peak_rss_mb': peak_rss_mb(),
        'threads': options.threads,
        'versions': versions_of('nest-simulator', 'numpy'),
    }
    emit(report)


if __name__ == '__main__':
    main()
