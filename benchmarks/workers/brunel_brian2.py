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
    exc, inh = neurons[:n_e], neurons[n_e:]
    projections = []

    def project(sources, targets, indegree: int, weight: float, **rule) -> None:
        constants = {'w': weight * b2.mV} if not rule else {}
        model = rule or {'on_pre': 'v += w', 'namespace': constants}
        synapses = b2.Synapses(sources, targets, delay={'pre': delay} if rule else delay, **model)
        synapses.connect(i=f'k for k in sample(N_pre, size={indegree})')
        if rule:
            synapses.w = weight * b2.mV
        projections.append(synapses)

    if options.plasticity == 'stdp':
        project(exc, exc, c_e, p.J, **plastic())
        project(exc, neurons[n_e:], c_e, p.J)
    else:
        project(exc, neurons, c_e, p.J)
    project(inh, neurons, c_i, -g * p.J)
    external = b2.PoissonInput(neurons, 'v', N=c_e, rate=p.external_rate(eta, c_e) * b2.Hz, weight=p.J * b2.mV)
    return [neurons, *projections, external]


def plastic() -> dict:
    """Arguments of synapses whose weights change by pairs of spikes; delays lie before the synapse."""
    constants = {
        'tau_plus': p.TAU_PLUS * b2.ms,
        'tau_minus': p.TAU_MINUS * b2.ms,
        'w_max': p.W_MAX * b2.mV,
        'up': p.LEARNING_RATE * p.W_MAX * b2.mV,
        'down': p.LEARNING_RATE * p.ALPHA * p.W_MAX * b2.mV,
    }
    return {
        'model': 'w : volt\ndx/dt = -x / tau_plus : 1 (event-driven)\ndy/dt = -y / tau_minus : 1 (event-driven)',
        'on_pre': 'x += 1\nw = clip(w - down * y, 0*volt, w_max)\nv_post += w',
        'on_post': 'y += 1\nw = clip(w + up * x, 0*volt, w_max)',
        'namespace': constants,
    }


if __name__ == '__main__':
    brian2_binary.main(build, p.NEURONS, p.REGIME, p.PLASTICITY)
