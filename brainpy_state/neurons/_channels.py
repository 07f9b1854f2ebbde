"""Conductance-based neurons as a table of channels and gates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import brainunit as u

from ..modules import Parameter, Variable, positive
from ..numerics import plain
from ._neuron import Neuron, Values

Rate = Callable[[Any], Any]


class Gate(Variable):
    r"""The open fraction of a channel's gates, :math:`\dot x = \phi\,(\alpha(V)\,(1 - x) - \beta(V)\,x)`.

    Parameters
    ----------
    doc : str
        What it means.
    alpha, beta : callable
        From V in mV, a plain number, to the rate of opening and of closing per ms.
    relative_to : str, optional
        The parameter that V is measured from.
    speed : str, optional
        The parameter :math:`\phi`; 1 by default.
    start : float, optional
        The first value; the steady state by default.
    instantaneous : bool
        Whether the gate is always at its steady state :math:`\alpha / (\alpha + \beta)`. It is no state then.

    """

    def __init__(
        self,
        doc: str,
        alpha: Rate,
        beta: Rate,
        *,
        relative_to: str | None = None,
        speed: str | None = None,
        start: float | None = None,
        instantaneous: bool = False,
    ):
        super().__init__(self._at_rest if start is None else start, doc, like=1.0)
        self.alpha, self.beta = alpha, beta
        self.relative_to, self.speed, self.stored = relative_to, speed, not instantaneous

    def _at_rest(self, model: Any, shape: tuple[int, ...]) -> Any:
        return self.steady(model, model.V.value)

    def steady(self, model: Any, V: Any) -> Any:
        """The fraction that is open after a long time at V."""
        alpha, beta = self._rates(model, V)
        return alpha / (alpha + beta)

    def derivative(self, model: Any, V: Any, x: Any) -> Any:
        """The derivative of the open fraction x in time."""
        alpha, beta = self._rates(model, V)
        speed = 1.0 if self.speed is None else getattr(model, self.speed)
        return speed * (alpha * (1.0 - x) - beta * x) / u.ms

    def _rates(self, model: Any, V: Any) -> tuple[Any, Any]:
        v = (V if self.relative_to is None else V - getattr(model, self.relative_to)).to_decimal(u.mV)
        return self.alpha(v), self.beta(v)


class Channel:
    r"""A current :math:`g \prod_k x_k^{p_k}\,(E - V)` through the membrane.

    Parameters
    ----------
    g, E : str
        The parameters that give its maximal conductance and its reversal potential.
    **powers : int
        The power of each gate.
    """

    def __init__(self, g: str, E: str, **powers: int):
        self.g, self.E, self.powers = g, E, powers

    def current(self, model: Any, values: Values) -> Any:
        """The current into the cell, given V and the gates."""
        conductance = getattr(model, self.g)
        for name, power in self.powers.items():
            conductance = conductance * _power(values[name], power)
        return conductance * (getattr(model, self.E) - values['V'])


class ConductanceNeuron(Neuron):
    """Base of conductance-based neurons: a subclass lists ``channels`` and declares their gates.

    A spike is a crossing of ``V_th`` from below; there is no reset. Exponential Euler integrates all variables from
    their values at the start of the step, each exactly while the others stand still; that is of first order in dt.
    """

    channels: ClassVar[tuple[Channel, ...]]
    input_like = 1.0 * u.uA
    up_crossing = True

    C: Any = Parameter(1.0 * u.uF, positive, 'membrane capacitance')
    V_th: Any = Parameter(20.0 * u.mV, doc='potential whose crossing is a spike')
    spk_width: Any = Parameter(20.0 * u.mV, positive, 'distance from the threshold that counts as 1 for spk_fun')

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.gates = {name: x for name, x in cls.variables.items() if isinstance(x, Gate)}
        cls.order = (('V', *(name for name, gate in cls.gates.items() if gate.stored)),)

    gates: ClassVar[dict[str, Gate]] = {}

    def instantaneous(self, V: Any) -> Values:
        return {name: gate.steady(self, V) for name, gate in self.gates.items() if not gate.stored}

    def derivative(self, name: str, values: Values, current: Callable[[Any], Any]) -> Any:
        if name in self.gates:
            return self.gates[name].derivative(self, values['V'], values[name])
        total = current(values['V'])
        for channel in self.channels:
            total = total + channel.current(self, values)
        return total / self.C


def _power(x: Any, power: int) -> Any:
    """``x ** power`` by multiplications."""
    result = x
    for _ in range(power - 1):
        result = result * x
    return plain(result)
