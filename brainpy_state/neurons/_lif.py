"""Leaky integrate-and-fire neurons."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..nn import Parameter, Variable, positive
from ._neuron import Neuron


class LIF(Neuron):
    r"""Leaky integrate-and-fire neuron.

    .. math:: \tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + R\,I

    A spike is emitted when :math:`V \ge V_\mathrm{th}`.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    R : resistance
        Membrane resistance, 1 ohm.
    tau : time
        Membrane time constant, 5 ms.
    V_th, V_reset, V_rest : voltage
        Threshold 1 mV, reset 0 mV and resting potential 0 mV; ``V_reset < V_th``.
    tau_ref : time, optional
        Refractory period; none by default.
    V_initializer : voltage or callable, optional
        First V, or a callable from the shape to it; ``V_rest`` by default.
    spk_fun, spk_reset, detach_reset
        See `Neuron`.

    Notes
    -----
    States: V (voltage) and spike, of shape ``(batch, *size)``; refractory (steps) with ``tau_ref``.
    Exponential Euler: exact while the input is constant over a step, also with conductances.
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

    def drift(self, V: Any, I: Any) -> Any:  # noqa: E741
        return (self.V_rest - V + self.R * I) / self.tau


class LIFRef(LIF):
    """`LIF` with a refractory period of 5 ms by default."""

    tau_ref: Any = Parameter(5.0 * u.ms, positive, 'refractory period')
