"""Izhikevich's simple model."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Option, Parameter, Variable, non_negative, positive
from ._neuron import Neuron

_QUADRATIC, _LINEAR, _CONSTANT = 0.04 / (u.ms * u.mV), 5.0 / u.ms, 140.0 * u.mV / u.ms


class Izhikevich(Neuron):
    r"""Izhikevich's simple model of spiking neurons.

    .. math::
        \frac{dV}{dt} &= 0.04\,V^2 + 5\,V + 140 - u + I \quad \text{(V in mV, time in ms)} \\
        \frac{du}{dt} &= a\,(b\,V - u)

    At a spike :math:`V \leftarrow c`, :math:`u \leftarrow u + d`.

    Notes
    -----
    V is limited to ``V_th``, so a spike is finite; u is integrated with the V that the step has reached. u starts at 0
    by default; at rest it is ``b * V``, so give ``u_initializer=-13. * u.mV / u.ms`` for a neuron that starts there.
    Source: Izhikevich 2003, doi:10.1109/TNN.2003.820440.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.Izhikevich(1, V_initializer=-70. * u.mV, u_initializer=-14. * u.mV / u.ms))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(10. * u.mV / u.ms), 100. * u.ms)
    >>> int(spikes.sum())
    3
    """

    order = (('V',), ('u',))
    input_like = 1.0 * u.mV / u.ms
    runs_away = True

    a: Any = Parameter(0.02 / u.ms, positive, 'rate of the recovery')
    b: Any = Parameter(0.2 / u.ms, doc='sensitivity of the recovery to V')
    c: Any = Parameter(-65.0 * u.mV, doc='reset potential')
    d: Any = Parameter(8.0 * u.mV / u.ms, doc='recovery by one spike')
    V_th: Any = Parameter(30.0 * u.mV, doc='potential at which the spike is cut')

    spk_reset: Any = Option('hard', ('soft', 'hard'), "``'hard'`` sets V to c, ``'soft'`` subtracts ``V_th - c``")

    V: Any = Variable('c', 'membrane potential')
    u: Any = Variable(0.0 * u.mV / u.ms, 'recovery')

    def check(self) -> None:
        self.require_above('V_th', 'c', 'or the neuron would be at threshold right after a reset')

    @property  # type: ignore[misc]
    def V_reset(self) -> Any:
        return self.c

    def dV(self, V: Any, u: Any, I: Any) -> Any:  # noqa: E741
        return (_QUADRATIC * V + _LINEAR) * V + _CONSTANT - u + I

    def du(self, V: Any, u: Any) -> Any:
        return self.a * (self.b * V - u)

    def jump(self, u: Any) -> dict[str, Any]:
        return {'u': u + self.d}


class IzhikevichRef(Izhikevich):
    """`Izhikevich` with a refractory period, of 0 ms by default.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.IzhikevichRef(1, V_initializer=-70. * u.mV, u_initializer=-14. * u.mV / u.ms))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(10. * u.mV / u.ms), 100. * u.ms)
    >>> int(spikes.sum())
    3
    """

    tau_ref: Any = Parameter(0.0 * u.ms, non_negative, 'refractory period')
