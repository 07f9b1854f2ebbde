"""Brunel's network in Brian2."""

import brian2_binary
import brunel_parameters as p
from brian2_binary import b2
from worker import population_sizes


def build(options) -> list:
    """The neurons, the synapses between them and the external input."""
    g, eta = p.REGIMES[options.regime]
    constants = {
        'tau': p.TAU * b2.ms,
        'V_rest': p.V_REST * b2.mV,
        'V_reset': p.V_RESET * b2.mV,
        'V_th': p.V_TH * b2.mV,
    }
    neurons = b2.NeuronGroup(
        options.neurons,
        'dv/dt = (V_rest - v) / tau : volt (unless refractory)',
        threshold='v >= V_th',
        reset='v = V_reset',
        refractory=p.TAU_REF * b2.ms,
        method='exact',
        namespace=constants,
    )
    neurons.v = 'V_rest + rand()*(V_th - V_rest)'
    n_e, n_i = population_sizes(options.neurons)
    c_e, c_i = p.in_degrees(n_e, n_i)
    delay = (p.DELAY - options.dt) * b2.ms  # a spike without delay is tested for its effect one step later
    projections = []
    for sources, indegree, weight in ((neurons[:n_e], c_e, p.J), (neurons[n_e:], c_i, -g * p.J)):
        constants = {'w': weight * b2.mV}
        synapses = b2.Synapses(sources, neurons, on_pre='v += w', delay=delay, namespace=constants)
        synapses.connect(i=f'k for k in sample(N_pre, size={indegree})')
        projections.append(synapses)
    external = b2.PoissonInput(neurons, 'v', N=c_e, rate=p.external_rate(eta, c_e) * b2.Hz, weight=p.J * b2.mV)
    return [neurons, *projections, external]


if __name__ == '__main__':
    brian2_binary.main(build, p.NEURONS, p.REGIME)
