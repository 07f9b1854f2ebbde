"""Hodgkin-Huxley models."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from .. import random
from ..modules import Parameter, Variable, non_negative, positive
from ..numerics import bernoulli
from ._channels import Channel, ConductanceNeuron, Gate
from ._neuron import Neuron


def _somewhere_at_rest(_: Any, shape: tuple[int, ...]) -> Any:
    """random between -70 and -60 mV"""
    return random.uniform(-70.0, -60.0, shape) * u.mV


class HH(ConductanceNeuron):
    r"""Hodgkin-Huxley model of the squid giant axon.

    .. math:: C \frac{dV}{dt} = g_\mathrm{Na} m^3 h\,(E_\mathrm{Na} - V) + g_\mathrm{K} n^4 (E_\mathrm{K} - V) + g_L (E_L - V) + I

    Notes
    -----
    V starts at random between -70 and -60 mV. The default ``gL`` is kept for the sake of published scripts; the squid
    axon has 0.3 mS: ``HH(n, gL=0.3 * u.mS)``. Steps of ``method='rk2'`` may be up to 0.06 ms long, those of ``'rk4'`` up
    to 0.08 ms.
    Source: Hodgkin & Huxley 1952, doi:10.1113/jphysiol.1952.sp004764, with V relative to -65 mV at rest.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.HH(1, V_initializer=-65. * u.mV))
    >>> with bst.environ.context(dt=0.02 * u.ms):
    ...     spikes = bst.run(lambda: neuron(10. * u.uA), 100. * u.ms)
    >>> int(spikes.sum())
    7
    """

    gNa: Any = Parameter(120.0 * u.mS, non_negative, 'sodium conductance')
    ENa: Any = Parameter(50.0 * u.mV, doc='sodium reversal potential')
    gK: Any = Parameter(36.0 * u.mS, non_negative, 'potassium conductance')
    EK: Any = Parameter(-77.0 * u.mV, doc='potassium reversal potential')
    gL: Any = Parameter(0.03 * u.mS, non_negative, 'leak conductance')
    EL: Any = Parameter(-54.387 * u.mV, doc='leak reversal potential')

    V: Any = Variable(_somewhere_at_rest, 'membrane potential', like=1.0 * u.mV)
    m: Any = Gate('sodium activation', lambda V: bernoulli(-(V + 40.0) / 10.0), lambda V: 4.0 * jnp.exp(-(V + 65.0) / 18.0))
    h: Any = Gate('sodium inactivation', lambda V: 0.07 * jnp.exp(-(V + 65.0) / 20.0), lambda V: jax.nn.sigmoid((V + 35.0) / 10.0))
    n: Any = Gate('potassium activation', lambda V: 0.1 * bernoulli(-(V + 55.0) / 10.0), lambda V: 0.125 * jnp.exp(-(V + 65.0) / 80.0))

    channels = (Channel('gNa', 'ENa', m=3, h=1), Channel('gK', 'EK', n=4), Channel('gL', 'EL'))


class WangBuzsakiHH(ConductanceNeuron):
    r"""Wang-Buzsaki model of a fast-spiking interneuron, with instantaneous sodium activation.

    .. math:: C \frac{dV}{dt} = g_\mathrm{Na} m_\infty^3 h\,(E_\mathrm{Na} - V) + g_\mathrm{K} n^4 (E_\mathrm{K} - V) + g_L (E_L - V) + I

    Notes
    -----
    Source: Wang & Buzsáki 1996, doi:10.1523/JNEUROSCI.16-20-06402.1996.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.WangBuzsakiHH(1))
    >>> with bst.environ.context(dt=0.05 * u.ms):
    ...     spikes = bst.run(lambda: neuron(1. * u.uA), 100. * u.ms)
    >>> int(spikes.sum())
    5
    """

    gNa: Any = Parameter(35.0 * u.mS, non_negative, 'sodium conductance')
    ENa: Any = Parameter(55.0 * u.mV, doc='sodium reversal potential')
    gK: Any = Parameter(9.0 * u.mS, non_negative, 'potassium conductance')
    EK: Any = Parameter(-90.0 * u.mV, doc='potassium reversal potential')
    gL: Any = Parameter(0.1 * u.mS, non_negative, 'leak conductance')
    EL: Any = Parameter(-65.0 * u.mV, doc='leak reversal potential')
    phi: Any = Parameter(5.0, positive, 'how much quicker the gates are')

    V: Any = Variable(-65.0 * u.mV, 'membrane potential')
    m: Any = Gate(
        'sodium activation', lambda V: bernoulli(-0.1 * (V + 35.0)), lambda V: 4.0 * jnp.exp(-(V + 60.0) / 18.0), instantaneous=True
    )
    h: Any = Gate(
        'sodium inactivation', lambda V: 0.07 * jnp.exp(-(V + 58.0) / 20.0), lambda V: jax.nn.sigmoid(0.1 * (V + 28.0)),
        speed='phi', start=0.6,
    )  # fmt: skip
    n: Any = Gate(
        'potassium activation', lambda V: 0.1 * bernoulli(-0.1 * (V + 34.0)), lambda V: 0.125 * jnp.exp(-(V + 44.0) / 80.0),
        speed='phi', start=0.32,
    )  # fmt: skip

    channels = (Channel('gNa', 'ENa', m=3, h=1), Channel('gK', 'EK', n=4), Channel('gL', 'EL'))


class TraubMilesHH(ConductanceNeuron):
    r"""Hodgkin-Huxley model of a hippocampal pyramidal cell after Traub and Miles, as in the COBAHH benchmark.

    .. math:: C \frac{dV}{dt} = g_\mathrm{Na} m^3 h\,(E_\mathrm{Na} - V) + g_\mathrm{K} n^4 (E_\mathrm{K} - V) + g_L (E_L - V) + I

    Notes
    -----
    The conductances are those of a membrane of 20,000 square micrometres. With these values the cell fires slowly
    without input; a higher ``V_T`` keeps it at rest. Steps of ``method='rk2'`` may be up to 0.05 ms long, those of ``'rk4'``
    up to 0.06 ms; longer ones are unstable, as the sodium gates open at rates of up to 32 per ms.
    Source: Traub & Miles 1991, doi:10.1017/CBO9780511895401; Brette et al. 2007, benchmark 3,
    doi:10.1007/s10827-007-0038-6.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.TraubMilesHH(1, V_T=-50. * u.mV))
    >>> with bst.environ.context(dt=0.05 * u.ms):
    ...     spikes = bst.run(lambda: neuron(1. * u.nA), 100. * u.ms)
    >>> int(spikes.sum())
    10
    """

    C: Any = Parameter(200.0 * u.pF, positive, 'membrane capacitance')
    gNa: Any = Parameter(20.0 * u.uS, non_negative, 'sodium conductance')
    ENa: Any = Parameter(50.0 * u.mV, doc='sodium reversal potential')
    gK: Any = Parameter(6.0 * u.uS, non_negative, 'potassium conductance')
    EK: Any = Parameter(-90.0 * u.mV, doc='potassium reversal potential')
    gL: Any = Parameter(10.0 * u.nS, non_negative, 'leak conductance')
    EL: Any = Parameter(-60.0 * u.mV, doc='leak reversal potential')
    V_T: Any = Parameter(-63.0 * u.mV, doc='potential that the rates are measured from; it sets the threshold')
    V_th: Any = Parameter(-20.0 * u.mV, doc='potential whose crossing is a spike')

    V: Any = Variable('EL', 'membrane potential')
    m: Any = Gate(
        'sodium activation', lambda V: 1.28 * bernoulli((13.0 - V) / 4.0), lambda V: 1.4 * bernoulli((V - 40.0) / 5.0), relative_to='V_T'
    )
    h: Any = Gate(
        'sodium inactivation', lambda V: 0.128 * jnp.exp((17.0 - V) / 18.0), lambda V: 4.0 * jax.nn.sigmoid((V - 40.0) / 5.0),
        relative_to='V_T',
    )  # fmt: skip
    n: Any = Gate(
        'potassium activation', lambda V: 0.16 * bernoulli((15.0 - V) / 5.0), lambda V: 0.5 * jnp.exp((10.0 - V) / 40.0), relative_to='V_T'
    )

    channels = (Channel('gNa', 'ENa', m=3, h=1), Channel('gK', 'EK', n=4), Channel('gL', 'EL'))


class MorrisLecar(Neuron):
    r"""Morris-Lecar model of the barnacle muscle fibre: instantaneous calcium and slow potassium.

    .. math::
        C \frac{dV}{dt} &= g_\mathrm{Ca} M_\infty (V_\mathrm{Ca} - V) + g_\mathrm{K} W (V_\mathrm{K} - V) + g_l (V_l - V) + I,
        \qquad \frac{dW}{dt} = \frac{W_\infty - W}{\tau_W} \\
        M_\infty &= \tfrac12 (1 + \tanh \tfrac{V - V_1}{V_2}), \quad W_\infty = \tfrac12 (1 + \tanh \tfrac{V - V_3}{V_4}), \quad
        \tau_W^{-1} = \phi \cosh \tfrac{V - V_3}{2 V_4}

    Notes
    -----
    V starts at random between -70 and -60 mV. A spike is a crossing of ``V_th`` from below.
    Source: Morris & Lecar 1981, doi:10.1016/S0006-3495(81)84782-0.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.MorrisLecar(1, V_initializer=-60. * u.mV))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(150. * u.uA), 100. * u.ms)
    >>> int(spikes.sum())
    2
    """

    order = (('V', 'W'),)
    input_like = 1.0 * u.uA
    up_crossing = True

    C: Any = Parameter(20.0 * u.uF, positive, 'membrane capacitance')
    g_Ca: Any = Parameter(4.4 * u.mS, non_negative, 'calcium conductance')
    V_Ca: Any = Parameter(130.0 * u.mV, doc='calcium reversal potential')
    g_K: Any = Parameter(8.0 * u.mS, non_negative, 'potassium conductance')
    V_K: Any = Parameter(-84.0 * u.mV, doc='potassium reversal potential')
    g_leak: Any = Parameter(2.0 * u.mS, non_negative, 'leak conductance')
    V_leak: Any = Parameter(-60.0 * u.mV, doc='leak reversal potential')
    V1: Any = Parameter(-1.2 * u.mV, doc='potential of half calcium activation')
    V2: Any = Parameter(18.0 * u.mV, positive, 'width of the calcium activation')
    V3: Any = Parameter(2.0 * u.mV, doc='potential of half potassium activation')
    V4: Any = Parameter(30.0 * u.mV, positive, 'width of the potassium activation')
    phi: Any = Parameter(0.04 / u.ms, positive, 'rate of the potassium activation')
    V_th: Any = Parameter(10.0 * u.mV, doc='potential whose crossing is a spike')
    spk_width: Any = Parameter(10.0 * u.mV, positive, 'distance from the threshold that counts as 1 for spk_fun')

    V: Any = Variable(_somewhere_at_rest, 'membrane potential', like=1.0 * u.mV)
    W: Any = Variable(0.02, 'potassium activation')

    def instantaneous(self, V: Any) -> dict[str, Any]:
        return {'M': 0.5 * (1.0 + u.math.tanh((V - self.V1) / self.V2))}

    def dV(self, V: Any, M: Any, W: Any, I: Any) -> Any:  # noqa: E741
        calcium, potassium = self.g_Ca * M * (self.V_Ca - V), self.g_K * W * (self.V_K - V)
        return (calcium + potassium + self.g_leak * (self.V_leak - V) + I) / self.C

    def dW(self, V: Any, W: Any) -> Any:
        steady = 0.5 * (1.0 + u.math.tanh((V - self.V3) / self.V4))
        return (steady - W) * self.phi * u.math.cosh((V - self.V3) / (2.0 * self.V4))
