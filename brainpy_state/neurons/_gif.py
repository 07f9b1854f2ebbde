"""Generalised integrate-and-fire neurons."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Parameter, Variable, non_negative, positive
from ._neuron import Neuron


class Gif(Neuron):
    r"""Generalised integrate-and-fire neuron: two spike-triggered currents and a moving threshold.

    .. math::
        \tau \frac{dV}{dt} &= -(V - V_\mathrm{rest}) + R\,(I_1 + I_2 + I), \qquad \frac{dI_j}{dt} = -k_j I_j \\
        \frac{dV_\mathrm{th}}{dt} &= a\,(V - V_\mathrm{rest}) - b\,(V_\mathrm{th} - V_{\mathrm{th},\infty})

    At a spike :math:`I_j \leftarrow R_j I_j + A_j` and :math:`V_\mathrm{th} \leftarrow \max(V_\mathrm{th,reset}, V_\mathrm{th})`.

    Notes
    -----
    V is integrated with the currents that the step has reached, the threshold with the V at its start.
    Source: Mihalas & Niebur 2009, doi:10.1162/neco.2008.12-07-680.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.Gif(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(2. * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    7
    """

    order = (('I1', 'I2', 'V_th'), ('V',))

    R: Any = Parameter(20.0 * u.ohm, positive, 'membrane resistance')
    tau: Any = Parameter(20.0 * u.ms, positive, 'membrane time constant')
    V_rest: Any = Parameter(-70.0 * u.mV, doc='resting potential')
    V_reset: Any = Parameter(-70.0 * u.mV, doc='reset potential')
    V_th_inf: Any = Parameter(-50.0 * u.mV, doc='threshold at rest')
    V_th_reset: Any = Parameter(-60.0 * u.mV, doc='lowest threshold after a spike')
    a: Any = Parameter(0.0 / u.ms, doc='rate at which the threshold follows V')
    b: Any = Parameter(0.01 / u.ms, doc='rate at which the threshold returns')
    k1: Any = Parameter(0.2 / u.ms, doc='decay rate of the first current')
    k2: Any = Parameter(0.02 / u.ms, doc='decay rate of the second current')
    R1: Any = Parameter(0.0, doc='what a spike leaves of the first current')
    R2: Any = Parameter(1.0, doc='what a spike leaves of the second current')
    A1: Any = Parameter(0.0 * u.mA, doc='what a spike adds to the first current')
    A2: Any = Parameter(0.0 * u.mA, doc='what a spike adds to the second current')

    V: Any = Variable('V_rest', 'membrane potential')
    I1: Any = Variable(0.0 * u.mA, 'first spike-triggered current')
    I2: Any = Variable(0.0 * u.mA, 'second spike-triggered current')
    V_th: Any = Variable('V_th_inf', 'threshold')

    def check(self) -> None:
        self.require_above('V_th_reset', 'V_reset', 'or the neuron could be at threshold right after a reset')

    @property
    def spk_width(self) -> Any:
        return self.V_th_reset - self.V_reset

    def threshold(self, V_th: Any) -> Any:
        return V_th

    def dI1(self, I1: Any) -> Any:
        return -self.k1 * I1

    def dI2(self, I2: Any) -> Any:
        return -self.k2 * I2

    def dV_th(self, V: Any, V_th: Any) -> Any:
        return self.a * (V - self.V_rest) - self.b * (V_th - self.V_th_inf)

    def dV(self, V: Any, I1: Any, I2: Any, I: Any) -> Any:  # noqa: E741
        return (self.V_rest - V + self.R * (I1 + I2 + I)) / self.tau

    def jump(self, I1: Any, I2: Any, V_th: Any) -> dict[str, Any]:
        return {
            'I1': self.R1 * I1 + self.A1,
            'I2': self.R2 * I2 + self.A2,
            'V_th': u.math.maximum(V_th, self.V_th_reset),
        }


class GifRef(Gif):
    """`Gif` with a refractory period of 1.7 ms by default.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.GifRef(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(2. * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    6
    """

    tau_ref: Any = Parameter(1.7 * u.ms, non_negative, 'refractory period')
