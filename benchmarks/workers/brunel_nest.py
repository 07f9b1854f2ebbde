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
    exc, inh = neurons[:n_e], neurons[n_e:]
    excites, inhibits = ({'weight': weight, 'delay': p.DELAY} for weight in (p.J, -g * p.J))
    if options.plasticity == 'stdp':
        neurons.tau_minus = p.TAU_MINUS
        changes = {'tau_plus': p.TAU_PLUS, 'lambda': p.LEARNING_RATE, 'alpha': p.ALPHA, 'Wmax': p.W_MAX, 'mu_plus': 0.0, 'mu_minus': 0.0}
        projections = [
            (exc, exc, c_e, {'synapse_model': 'stdp_synapse', **excites, **changes}),
            (exc, inh, c_e, excites),
            (inh, neurons, c_i, inhibits),
        ]
    else:
        projections = [(exc, neurons, c_e, excites), (inh, neurons, c_i, inhibits)]
    for sources, targets, indegree, synapse in projections:
        nest.Connect(sources, targets, {'rule': 'fixed_indegree', 'indegree': indegree}, synapse)
    external = nest.Create('poisson_generator', {'rate': c_e * p.external_rate(eta, c_e)})
    nest.Connect(external, neurons, 'all_to_all', {'weight': p.J, 'delay': options.dt})
    return neurons


if __name__ == '__main__':
    nest_process.main(build, p.NEURONS, p.REGIME, p.PLASTICITY)
