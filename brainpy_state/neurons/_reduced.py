"""Reduced models of excitability: smooth equations that spike by crossing a threshold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import brainunit as u

from ..modules import Parameter, Variable, positive
from ._neuron import Neuron


class FitzHughNagumo(Neuron):
    r"""FitzHugh-Nagumo model.

    .. math:: \tau \frac{dV}{dt} = V - \frac{V^3}{3} - w + I, \qquad \tau_w \frac{dw}{dt} = V + a - b\,w

    Notes
    -----
    All variables are plain numbers. A spike is a crossing of ``V_th`` from below.
    Source: FitzHugh 1961, doi:10.1016/S0006-3495(61)86902-6; Nagumo et al. 1962, doi:10.1109/JRPROC.1962.288235.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.FitzHughNagumo(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(0.5), 100. * u.ms)
    >>> int(spikes.sum())
    3
    """

    order = (('V', 'w'),)
    input_like = delta_like = 1.0
    up_crossing = True

    a: Any = Parameter(0.7, doc='shift of the recovery')
    b: Any = Parameter(0.8, doc='decay of the recovery')
    tau: Any = Parameter(1.0 * u.ms, positive, 'time constant of V')
    tau_w: Any = Parameter(12.5 * u.ms, positive, 'time constant of the recovery')
    V_th: Any = Parameter(1.0, doc='threshold')
    spk_width: Any = Parameter(1.0, positive, 'distance from the threshold that counts as 1 for spk_fun')

    V: Any = Variable(-1.2, 'membrane potential')
    w: Any = Variable(-0.62, 'recovery')

    def dV(self, V: Any, w: Any, I: Any) -> Any:  # noqa: E741
        return (V - V**3 / 3.0 - w + I) / self.tau

    def dw(self, V: Any, w: Any) -> Any:
        return (V + self.a - self.b * w) / self.tau_w

    def relaxations(self) -> Iterator[Any]:
        yield from super().relaxations()
        yield self.b / self.tau_w


class HindmarshRose(Neuron):
    r"""Hindmarsh-Rose model of bursting.

    .. math::
        \tau \frac{dV}{dt} &= y - a V^3 + b V^2 - z + I, \qquad \tau \frac{dy}{dt} = c - d V^2 - y \\
        \tau \frac{dz}{dt} &= r\,(s\,(V - V_r) - z)

    Notes
    -----
    All variables are plain numbers. A spike is a crossing of ``V_th`` from below.
    Source: Hindmarsh & Rose 1984, doi:10.1098/rspb.1984.0024.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.HindmarshRose(1))
    >>> with bst.environ.context(dt=0.02 * u.ms):
    ...     spikes = bst.run(lambda: neuron(3.), 100. * u.ms)
    >>> int(spikes.sum())
    17
    """

    order = (('V', 'y', 'z'),)
    input_like = delta_like = 1.0
    up_crossing = True

    a: Any = Parameter(1.0, doc='cubic coefficient')
    b: Any = Parameter(3.0, doc='quadratic coefficient')
    c: Any = Parameter(1.0, doc='drive of the fast recovery')
    d: Any = Parameter(5.0, doc='quadratic coefficient of the fast recovery')
    r: Any = Parameter(0.006, positive, 'rate of the slow recovery')
    s: Any = Parameter(4.0, doc='sensitivity of the slow recovery')
    V_r: Any = Parameter(-1.6, doc='resting potential')
    tau: Any = Parameter(1.0 * u.ms, positive, 'time constant')
    V_th: Any = Parameter(1.0, doc='threshold')
    spk_width: Any = Parameter(1.0, positive, 'distance from the threshold that counts as 1 for spk_fun')

    V: Any = Variable('V_r', 'membrane potential')
    y: Any = Variable(-10.0, 'fast recovery')
    z: Any = Variable(0.0, 'slow recovery')

    def dV(self, V: Any, y: Any, z: Any, I: Any) -> Any:  # noqa: E741
        return (y - self.a * V**3 + self.b * V**2 - z + I) / self.tau

    def dy(self, V: Any, y: Any) -> Any:
        return (self.c - self.d * V**2 - y) / self.tau

    def dz(self, V: Any, z: Any) -> Any:
        return self.r * (self.s * (V - self.V_r) - z) / self.tau

    def relaxations(self) -> Iterator[Any]:
        yield from super().relaxations()
        yield self.r / self.tau
