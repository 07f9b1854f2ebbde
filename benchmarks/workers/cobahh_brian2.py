"""COBAHH network in Brian2."""

import brian2_binary
import cobahh_parameters as p
from brian2_binary import b2

EQUATIONS = """
dv/dt = (g_L*(E_L - v) + g_Na*m**3*h*(E_Na - v) + g_K*n**4*(E_K - v) + ge*(E_e - v) + gi*(E_i - v)) / C_m : volt
dm/dt = a_m*(1 - m) - b_m*m : 1
dh/dt = a_h*(1 - h) - b_h*h : 1
dn/dt = a_n*(1 - n) - b_n*n : 1
dge/dt = -ge / tau_e : siemens
dgi/dt = -gi / tau_i : siemens
x = (v - V_T) / mV : 1
a_m = 1.28 / exprel((13 - x)/4) / ms : Hz
b_m = 1.4 / exprel((x - 40)/5) / ms : Hz
a_h = 0.128 * exp((17 - x)/18) / ms : Hz
b_h = 4 / (1 + exp((40 - x)/5)) / ms : Hz
a_n = 0.16 / exprel((15 - x)/5) / ms : Hz
b_n = 0.5 * exp((10 - x)/40) / ms : Hz
"""


def build(options) -> list:
    """The neurons, and the synapses between them."""
    constants = {
        'C_m': p.C_M * b2.pF,
        'V_T': p.V_T * b2.mV,
        'V_th': p.V_TH * b2.mV,
        'tau_e': p.TAU_E * b2.ms,
        'tau_i': p.TAU_I * b2.ms,
        'w_e': p.W_E * b2.nS,
        'w_i': p.W_I * b2.nS,
        **{name: value * b2.nS for name, value in (('g_L', p.G_LEAK), ('g_Na', p.G_NA), ('g_K', p.G_K))},
        **{name: value * b2.mV for name, value in (('E_L', p.E_LEAK), ('E_Na', p.E_NA), ('E_K', p.E_K), ('E_e', p.E_E), ('E_i', p.E_I))},
    }
    neurons = b2.NeuronGroup(
        options.neurons,
        EQUATIONS,
        threshold='v > V_th',
        refractory=p.TAU_REF * b2.ms,
        method='exponential_euler',
        namespace=constants,
    )
    neurons.v = f'({p.V_START[0]} + {p.V_START[1]}*randn())*mV'
    neurons.ge = f'({p.G_E_START[0]} + {p.G_E_START[1]}*randn())*nS'
    neurons.gi = f'({p.G_I_START[0]} + {p.G_I_START[1]}*randn())*nS'
    return [neurons, *brian2_binary.connect_pairwise(neurons, p.CONNECTION_PROBABILITY, constants)]


if __name__ == '__main__':
    brian2_binary.main(build, p.NEURONS)
