"""Vogels-Abbott network in NEST.

``run_s`` is the wall clock of ``Simulate``; NEST has no compile phase. A process simulates once: a
second run would have to build its network anew.
"""

import time

START = time.perf_counter()

import nest  # noqa: E402
import numpy as np  # noqa: E402
import vogels_abbott_parameters as p  # noqa: E402
from spike_statistics import summarize  # noqa: E402
from worker import emit, parse_options, peak_rss_mb, time_call, time_runs, versions_of  # noqa: E402

IMPORT_S = time.perf_counter() - START


def build(options):
    """Create, connect and wire every neuron to one spike recorder, which is returned."""
    nest.ResetKernel()
    nest.set(
        resolution=options.dt,
        local_num_threads=options.threads,
        rng_seed=options.seed,
        overwrite_files=True,
    )
    random = np.random.default_rng(options.seed)
    common = {
        'C_m': p.TAU * p.G_LEAK_NS,
        'V_th': p.V_TH,
        'V_reset': p.V_RESET,
        't_ref': p.TAU_REF,
        'tau_syn_ex': p.TAU_E,
        'tau_syn_in': p.TAU_I,
    }
    make = _coba if options.synapses == 'coba' else _cuba
    neurons, w_e, w_i = make(options.neurons, common, random)
    n_e, _ = p.population_sizes(options.neurons)
    rule = {'rule': 'pairwise_bernoulli', 'p': p.CONNECTION_PROBABILITY}
    for sources, weight in ((neurons[:n_e], w_e), (neurons[n_e:], w_i)):
        nest.Connect(sources, neurons, rule, {'weight': weight, 'delay': options.dt})
    recorder = nest.Create('spike_recorder')
    nest.Connect(neurons, recorder)
    return recorder


def _coba(size: int, common: dict, random: np.random.Generator):
    neurons = nest.Create(
        'iaf_cond_exp',
        size,
        {
            **common,
            'g_L': p.G_LEAK_NS,
            'E_L': p.COBA_V_REST,
            'E_ex': p.COBA_E_E,
            'E_in': p.COBA_E_I,
        },
    )
    neurons.set(
        V_m=random.normal(*p.COBA_V_START, size),
        g_ex=p.G_LEAK_NS * random.normal(*p.COBA_G_E_START, size),
        g_in=p.G_LEAK_NS * random.normal(*p.COBA_G_I_START, size),
    )
    return neurons, p.G_LEAK_NS * p.COBA_W_E, -p.G_LEAK_NS * p.COBA_W_I


def _cuba(size: int, common: dict, random: np.random.Generator):
    neurons = nest.Create('iaf_psc_exp', size, {**common, 'tau_m': p.TAU, 'E_L': p.CUBA_V_REST})
    neurons.V_m = random.uniform(p.V_RESET, p.V_TH, size)
    return neurons, p.G_LEAK_NS * p.CUBA_W_E, p.G_LEAK_NS * p.CUBA_W_I


def main() -> None:
    options = parse_options(('--threads', {'type': int, 'default': 1}))
    nest.set_verbosity('M_ERROR')
    start = time.perf_counter()
    recorder = build(options)
    build_s = time.perf_counter() - start
    times = time_runs(lambda: time_call(lambda: nest.Simulate(options.duration)), repeats=1)
    events = recorder.events
    emit(
        {
            'import_s': IMPORT_S,
            'build_s': build_s,
            'compile_s': 0.0,
            **times,
            **summarize(
                events['senders'] - 1,
                events['times'],
                *p.population_sizes(options.neurons),
                options.duration,
            ),
            'peak_rss_mb': peak_rss_mb(),
            'threads': options.threads,
            'versions': versions_of('nest-simulator', 'numpy'),
        }
    )


if __name__ == '__main__':
    main()
