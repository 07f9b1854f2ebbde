"""Vogels-Abbott network in brainpy's ``brainpy.state``."""

import brainpy_loop
import braintools
import vogels_abbott_parameters as p
from brainpy_loop import bp, u


def build(options) -> brainpy_loop.BalancedNetwork:
    """The neurons and the synapses between them."""
    coba = options.synapses == 'coba'
    if coba:
        mean, sd = p.COBA_V_START
        start = braintools.init.Normal(mean * u.mV, sd * u.mV)
        excitatory = p.COBA_W_E * u.mS, p.TAU_E * u.ms, bp.COBA.desc(E=p.COBA_E_E * u.mV), p.COBA_G_E_START
        inhibitory = p.COBA_W_I * u.mS, p.TAU_I * u.ms, bp.COBA.desc(E=p.COBA_E_I * u.mV), p.COBA_G_I_START
    else:
        start = braintools.init.Uniform(p.V_RESET * u.mV, p.V_TH * u.mV)
        excitatory = p.CUBA_W_E * u.mS, p.TAU_E * u.ms, bp.CUBA.desc(), None
        inhibitory = p.CUBA_W_I * u.mS, p.TAU_I * u.ms, bp.CUBA.desc(), None
    neurons = bp.LIFRef(
        options.neurons,
        R=1.0 * (u.kohm if coba else u.ohm),
        tau=p.TAU * u.ms,
        tau_ref=p.TAU_REF * u.ms,
        V_rest=(p.COBA_V_REST if coba else p.CUBA_V_REST) * u.mV,
        V_th=p.V_TH * u.mV,
        V_reset=p.V_RESET * u.mV,
        V_initializer=start,
    )
    # out-degrees stay the same whatever the size, where they are fixed
    probability = p.CONNECTION_PROBABILITY if options.wiring == 'bernoulli' else sum(p.IN_DEGREES) / options.neurons
    return brainpy_loop.BalancedNetwork(options, neurons, probability, excitatory, inhibitory)


if __name__ == '__main__':
    brainpy_loop.main(build, p.NEURONS, p.SYNAPSES)
