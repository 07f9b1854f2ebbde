"""Brunel's network in NEST."""

import brunel_parameters as p
import nest_process
import numpy as np
from nest_process import nest
from worker import population_sizes


def build(options):
    """Create and connect all neurons, each with external spikes of its own."""
    g, eta = p.REGIMES[options.regime]
    neurons = nest.Create(
        'iaf_psc_delta',
        options.neurons,
        {'tau_m': p.TAU, 't_ref': p.TAU_REF, 'E_L': p.V_REST, 'V_reset': p.V_RESET, 'V_th': p.V_TH},
    )
    neurons.V_m = np.random.default_rng(options.seed).uniform(p.V_REST, p.V_TH, options.neurons)
    n_e, n_i = population_sizes(options.neurons)
    c_e, c_i = p.in_degrees(n_e, n_i)
    for sources, indegree, weight in ((neurons[:n_e], c_e, p.J), (neurons[n_e:], c_i, -g * p.J)):
        rule = {'rule': 'fixed_indegree', 'indegree': indegree}
        nest.Connect(sources, neurons, rule, {'weight': weight, 'delay': p.DELAY})
    external = nest.Create('poisson_generator', {'rate': c_e * p.external_rate(eta, c_e)})
    nest.Connect(external, neurons, 'all_to_all', {'weight': p.J, 'delay': options.dt})
    return neurons


if __name__ == '__main__':
    nest_process.main(build, p.NEURONS, p.REGIME)
