"""Vogels-Abbott network in Brian2."""

import brian2_binary
import vogels_abbott_parameters as p
from brian2_binary import b2

COBA = """
dv/dt = (ge*(E_e - v) + gi*(E_i - v) + V_rest - v) / tau : volt (unless refractory)
dge/dt = -ge / tau_e : 1
dgi/dt = -gi / tau_i : 1
"""
CUBA = """
dv/dt = (ge + gi + V_rest - v) / tau : volt (unless refractory)
dge/dt = -ge / tau_e : volt
dgi/dt = -gi / tau_i : volt
"""


def build(options) -> list:
    """The neurons, and the synapses between them."""
    coba = options.synapses == 'coba'
    constants = {
        'tau': p.TAU * b2.ms,
        'tau_e': p.TAU_E * b2.ms,
        'tau_i': p.TAU_I * b2.ms,
        'V_rest': (p.COBA_V_REST if coba else p.CUBA_V_REST) * b2.mV,
        'V_th': p.V_TH * b2.mV,
        'V_reset': p.V_RESET * b2.mV,
        'E_e': p.COBA_E_E * b2.mV,
        'E_i': p.COBA_E_I * b2.mV,
        'w_e': p.COBA_W_E if coba else p.CUBA_W_E * b2.mV,
        'w_i': p.COBA_W_I if coba else p.CUBA_W_I * b2.mV,
    }
    neurons = b2.NeuronGroup(
        options.neurons,
        COBA if coba else CUBA,
        threshold='v > V_th',
        reset='v = V_reset',
        refractory=p.TAU_REF * b2.ms,
        method='exponential_euler' if coba else 'exact',
        namespace=constants,
    )
    if coba:
        neurons.v = f'({p.COBA_V_START[0]} + {p.COBA_V_START[1]}*randn())*mV'
        neurons.ge = f'{p.COBA_G_E_START[0]} + {p.COBA_G_E_START[1]}*randn()'
        neurons.gi = f'{p.COBA_G_I_START[0]} + {p.COBA_G_I_START[1]}*randn()'
    else:
        neurons.v = 'V_reset + rand()*(V_th - V_reset)'
    if options.connect == 'fixed_indegree':
        return [neurons, *brian2_binary.connect_fixed_indegree(neurons, p.IN_DEGREES, options.seed, constants)]
    return [neurons, *brian2_binary.connect_pairwise(neurons, p.CONNECTION_PROBABILITY, constants)]


if __name__ == '__main__':
    brian2_binary.main(build, p.NEURONS, p.SYNAPSES, p.CONNECT)
