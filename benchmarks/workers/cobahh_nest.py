"""COBAHH network in NEST.

The model has no conductances to set at the start, so one spike in the first step gives each neuron its own
pair of them; those drawn below 0 start at 0, since the sign of a weight says which of the two it raises.
"""

import cobahh_parameters as p
import nest_process
import numpy as np
from nest_process import nest
from worker import population_sizes


def build(options):
    """Create and connect all neurons, and the spike that sets their conductances."""
    random = np.random.default_rng(options.seed)
    neurons = nest.Create(
        'hh_cond_exp_traub',
        options.neurons,
        {
            'C_m': p.C_M, 'g_L': p.G_LEAK, 'E_L': p.E_LEAK, 'g_Na': p.G_NA, 'E_Na': p.E_NA, 'g_K': p.G_K, 'E_K': p.E_K,
            'V_T': p.V_T, 't_ref': p.TAU_REF, 'tau_syn_ex': p.TAU_E, 'tau_syn_in': p.TAU_I, 'E_ex': p.E_E, 'E_in': p.E_I,
            'Act_m': 0.0, 'Inact_h': 0.0, 'Act_n': 0.0,
        },
    )  # fmt: skip
    neurons.V_m = random.normal(*p.V_START, options.neurons)
    n_e, _ = population_sizes(options.neurons)
    nest_process.connect_pairwise(neurons, n_e, p.CONNECTION_PROBABILITY, p.W_E, -p.W_I, delay=options.dt)
    first = nest.Create('spike_generator', {'spike_times': [options.dt]})
    for sign, moments in ((1.0, p.G_E_START), (-1.0, p.G_I_START)):
        g = sign * np.maximum(random.normal(*moments, options.neurons), 0.0)
        nest.Connect(first, neurons, 'all_to_all', {'weight': g[:, None], 'delay': options.dt})
    return neurons


if __name__ == '__main__':
    nest_process.main(build, p.NEURONS)
