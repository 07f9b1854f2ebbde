"""COBAHH network in brainpy's ``brainpy.state``.

Its Hodgkin-Huxley class tells a spike from ``(V - V_th) / V_th``, which turns round for a threshold below 0 mV,
and what projections read stays a spike for the whole action potential; both are put right here.
"""

import brainpy_loop
import brainstate
import braintools
import cobahh_parameters as p
import jax.numpy as jnp
from brainpy_loop import bp, u


class TraubMiles(bp.HH):
    """Neurons after Traub and Miles (1991), which spike when V crosses the threshold from below."""

    def __init__(self, size: int):
        closed = braintools.init.Constant(0.0)
        mean, sd = p.V_START
        super().__init__(
            size,
            C=p.C_M * u.pF,
            gNa=p.G_NA * u.nS,
            ENa=p.E_NA * u.mV,
            gK=p.G_K * u.nS,
            EK=p.E_K * u.mV,
            gL=p.G_LEAK * u.nS,
            EL=p.E_LEAK * u.mV,
            V_th=p.V_TH * u.mV,
            V_initializer=braintools.init.Normal(mean * u.mV, sd * u.mV),
            m_initializer=closed,
            h_initializer=closed,
            n_initializer=closed,
        )

    def m_alpha(self, V):
        return 1.28 / u.math.exprel((13.0 - _above(V)) / 4.0) / u.ms

    def m_beta(self, V):
        return 1.4 / u.math.exprel((_above(V) - 40.0) / 5.0) / u.ms

    def h_alpha(self, V):
        return 0.128 * jnp.exp((17.0 - _above(V)) / 18.0) / u.ms

    def h_beta(self, V):
        return 4.0 / (1.0 + jnp.exp((40.0 - _above(V)) / 5.0)) / u.ms

    def n_alpha(self, V):
        return 0.16 / u.math.exprel((15.0 - _above(V)) / 5.0) / u.ms

    def n_beta(self, V):
        return 0.5 * jnp.exp((10.0 - _above(V)) / 40.0) / u.ms

    def init_state(self, batch_size=None, **kwargs):
        super().init_state(batch_size, **kwargs)
        self.spike = brainstate.ShortTermState(jnp.zeros(self.varshape, jnp.float32))

    def reset_state(self, batch_size=None, **kwargs):
        super().reset_state(batch_size, **kwargs)
        self.spike.value = jnp.zeros(self.varshape, jnp.float32)

    def get_spike(self, V=None):
        return self.spike.value if V is None else jnp.where(self.V_th <= V, 1.0, 0.0)

    def update(self, x=0.0 * u.pA):
        self.spike.value = super().update(x)
        return self.spike.value


def _above(V):
    """Potential above ``V_T`` in mV."""
    return u.get_magnitude((V - p.V_T * u.mV).in_unit(u.mV))


def build(options) -> brainpy_loop.BalancedNetwork:
    """The neurons and the synapses between them."""
    excitatory = p.W_E * u.nS, p.TAU_E * u.ms, bp.COBA.desc(E=p.E_E * u.mV), p.G_E_START
    inhibitory = p.W_I * u.nS, p.TAU_I * u.ms, bp.COBA.desc(E=p.E_I * u.mV), p.G_I_START
    return brainpy_loop.BalancedNetwork(options, TraubMiles(options.neurons), p.CONNECTION_PROBABILITY, excitatory, inhibitory)


if __name__ == '__main__':
    brainpy_loop.main(build, p.NEURONS)
