"""Vogels-Abbott network in NEST."""

import nest_process
import numpy as np
import vogels_abbott_parameters as p
from nest_process import nest
from worker import population_sizes


def build(options):
    """Create and connect all neurons."""
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
    n_e, _ = population_sizes(options.neurons)
    nest_process.connect_pairwise(neurons, n_e, p.CONNECTION_PROBABILITY, w_e, w_i, delay=options.dt)
    return neurons


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


if __name__ == '__main__':
    nest_process.main(build, p.NEURONS, p.SYNAPSES)
