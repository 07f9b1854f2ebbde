"""Leaky integrate-and-fire neurons."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Parameter, Variable, non_negative, positive
from ._neuron import Neuron


class IF(Neuron):
    r"""Integrate-and-fire neuron that leaks to zero and is reset to zero.

    .. math:: \tau \frac{dV}{dt} = -V + R\,I

    Notes
    -----
    Exponential Euler is exact while the input is constant over a step.
    Source: Lapicque 1907; Abbott 1999, doi:10.1016/S0361-9230(99)00161-6.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.IF(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(1.1 * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    8
    """

    V_reset = 0.0 * u.mV

    R: Any = Parameter(1.0 * u.ohm, positive, 'membrane resistance')
    tau: Any = Parameter(5.0 * u.ms, positive, 'membrane time constant')
    V_th: Any = Parameter(1.0 * u.mV, positive, 'threshold')

    V: Any = Variable(0.0 * u.mV, 'membrane potential')

    def dV(self, V: Any, I: Any) -> Any:  # noqa: E741
        return (self.R * I - V) / self.tau


class LIF(Neuron):
    r"""Leaky integrate-and-fire neuron.

    .. math:: \tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + R\,I

    A spike is emitted when :math:`V \ge V_\mathrm{th}`.

    Notes
    -----
    Exponential Euler is exact while the input is constant over a step, also with conductances.
    Source: Lapicque 1907; Gerstner et al. 2014, *Neuronal Dynamics*, equation 1.5, doi:10.1017/CBO9781107447615.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.LIF(1, tau=10. * u.ms))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spike = neuron(1. * u.mA)
    >>> neuron.V.value
    Quantity([0.0099501...], "mV")
    """

    R: Any = Parameter(1.0 * u.ohm, positive, 'membrane resistance')
    tau: Any = Parameter(5.0 * u.ms, positive, 'membrane time constant')
    V_th: Any = Parameter(1.0 * u.mV, doc='threshold')
    V_reset: Any = Parameter(0.0 * u.mV, doc='reset potential')
    V_rest: Any = Parameter(0.0 * u.mV, doc='resting potential')

    V: Any = Variable('V_rest', 'membrane potential')

    def dV(self, V: Any, I: Any) -> Any:  # noqa: E741
        return (self.V_rest - V + self.R * I) / self.tau


class LIFRef(LIF):
    """`LIF` with a refractory period of 5 ms by default.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.LIFRef(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(1.1 * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    6
    """

    tau_ref: Any = Parameter(5.0 * u.ms, non_negative, 'refractory period')


class ALIF(LIF):
    r"""Leaky integrate-and-fire neuron whose threshold rises with its own spikes.

    .. math::
        \tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + R\,I, \qquad \tau_a \frac{da}{dt} = -a

    A spike is emitted when :math:`V \ge V_\mathrm{th} + \beta a` and raises a by 1.

    Notes
    -----
    Both equations are solved exactly while the input is constant over a step.
    Source: Bellec et al. 2018, arXiv:1803.09574, section 2.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.ALIF(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(1.2 * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    4
    """

    order = (('V', 'a'),)

    tau_a: Any = Parameter(100.0 * u.ms, positive, 'time constant of the adaptation')
    beta: Any = Parameter(0.1 * u.mV, doc='rise of the threshold by one spike')

    a: Any = Variable(0.0, 'adaptation')

    def da(self, a: Any) -> Any:
        return -a / self.tau_a

    def threshold(self, a: Any) -> Any:
        return self.V_th + self.beta * a

    def jump(self, a: Any) -> dict[str, Any]:
        return {'a': a + 1.0}


class CubaLIF(LIF):
    r"""Leaky integrate-and-fire neuron with one current-based synapse built in.

    .. math:: \tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + R\,(g + I), \qquad \tau_\mathrm{syn} \frac{dg}{dt} = -g

    Delta inputs are added to g.

    Notes
    -----
    g decays and takes its input before V is integrated with it; that is of first order in dt.
    Source: Vogels & Abbott 2005, doi:10.1523/JNEUROSCI.3508-05.2005.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.CubaLIF(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(1.1 * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    8
    """

    order = (('g',), ('V',))
    delta_to, delta_like = 'g', 1.0 * u.mA

    tau_syn: Any = Parameter(5.0 * u.ms, positive, 'time constant of the synapse')

    g: Any = Variable(0.0 * u.mA, 'synaptic current')

    def dg(self, g: Any) -> Any:
        return -g / self.tau_syn

    def dV(self, V: Any, g: Any, I: Any) -> Any:  # noqa: E741
        return (self.V_rest - V + self.R * (g + I)) / self.tau


class CobaLIF(LIF):
    r"""Leaky integrate-and-fire neuron with one conductance-based synapse built in.

    .. math:: \tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + R\,(g\,(E - V) + I), \qquad \tau_\mathrm{syn} \frac{dg}{dt} = -g

    Delta inputs are added to g.

    Notes
    -----
    g decays and takes its input before V is integrated with it; that is of first order in dt.
    Source: Vogels & Abbott 2005, doi:10.1523/JNEUROSCI.3508-05.2005.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.CobaLIF(1, E=10. * u.mV))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(1.1 * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    8
    """

    order = (('g',), ('V',))
    delta_to, delta_like = 'g', 1.0 * u.siemens

    E: Any = Parameter(0.0 * u.mV, doc='reversal potential')
    tau_syn: Any = Parameter(5.0 * u.ms, positive, 'time constant of the synapse')

    g: Any = Variable(0.0 * u.siemens, 'synaptic conductance')

    def dg(self, g: Any) -> Any:
        return -g / self.tau_syn

    def dV(self, V: Any, g: Any, I: Any) -> Any:  # noqa: E741
        return (self.V_rest - V + self.R * (g * (self.E - V) + I)) / self.tau
