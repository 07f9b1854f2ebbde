"""Conductance-based neurons as a table of channels and gates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import brainunit as u

from .._errors import ModelError
from ..modules import Parameter, Variable, positive
from ..numerics import plain
from ._equations import Values, did_you_mean, listed
from ._neuron import Neuron

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


    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> n = bst.Gate('potassium activation', lambda V: 0.1 * jnp.exp(V / 50.), lambda V: 0.1)
    >>> n.doc
    'potassium activation'
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
        """at rest at the first V"""
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
        The power of each gate, 1 or more.

    Raises
    ------
    ModelError
        If a power is no such number; when a class with the channel is made, if it has no such parameter or gate.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> channel = bst.Channel('gK', 'EK', n=4)
    >>> channel.g, channel.E, channel.powers
    ('gK', 'EK', {'n': 4})
    """

    def __init__(self, g: str, E: str, **powers: int):
        for name, power in powers.items():
            if not isinstance(power, int) or power < 1:
                raise ModelError(f'Channel({g!r}, {E!r}): the power of {name} must be an integer of 1 or more, but is {power!r}.')
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

    Examples
    --------
    >>> import brainunit as u
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> class Cell(bst.ConductanceNeuron):
    ...     C = bst.nn.Parameter(1. * u.uF, bst.nn.positive, 'capacitance')
    ...     gL = bst.nn.Parameter(0.1 * u.mS, doc='leak conductance')
    ...     EL = bst.nn.Parameter(-65. * u.mV, doc='leak reversal potential')
    ...     gK = bst.nn.Parameter(1. * u.mS, doc='potassium conductance')
    ...     EK = bst.nn.Parameter(-90. * u.mV, doc='potassium reversal potential')
    ...     V_th = bst.nn.Parameter(-20. * u.mV, doc='threshold')
    ...     V = bst.nn.Variable('EL', 'membrane potential')
    ...     n = bst.Gate('potassium activation', lambda V: 0.1 * jnp.exp(V / 50.), lambda V: 0.1)
    ...     channels = bst.Channel('gL', 'EL'), bst.Channel('gK', 'EK', n=4)
    >>> cell = bst.nn.init_all_states(Cell(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     V = bst.run(lambda: (cell(1. * u.uA), cell.V.value)[1], 10. * u.ms)
    >>> V[-1]
    Quantity([-59.1012...], "mV")
    """

    channels: ClassVar[tuple[Channel, ...]]
    input_like = 1.0 * u.uA
    up_crossing = True

    C: Any = Parameter(1.0 * u.uF, positive, 'membrane capacitance')
    V_th: Any = Parameter(20.0 * u.mV, doc='potential whose crossing is a spike')
    spk_width: Any = Parameter(20.0 * u.mV, positive, 'distance from the threshold that counts as 1 for spk_fun')

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.lacks() is None:
            _check_table(cls)

    gates: ClassVar[dict[str, Gate]] = {}
    _order_is_given: ClassVar[bool] = False

    @classmethod
    def complete(cls) -> None:
        """Find the gates; unless a class gives its ``order``, integrate everything that has an equation together."""
        cls.gates = {name: x for name, x in cls.variables.items() if isinstance(x, Gate)}
        if 'order' in vars(cls):
            cls._order_is_given = True
        elif not cls._order_is_given:
            cls.order = (('V', *(name for name, x in cls.variables.items() if name != 'V' and x.stored and cls.has_equation(name))),)

    @classmethod
    def lacks(cls) -> str | None:
        if super().lacks() is None and not hasattr(cls, 'channels'):
            return 'there are no channels; list them as channels = (Channel(...), ...)'
        return super().lacks()

    def relaxations(self) -> Iterator[Any]:
        yield from super().relaxations()
        yield from (self.C / getattr(self, channel.g) for channel in self.channels if not channel.powers)
        yield from (getattr(self, gate.speed) / u.ms for gate in self.gates.values() if gate.speed is not None)

    def instantaneous(self, V: Any) -> Values:
        return {name: gate.steady(self, V) for name, gate in self.gates.items() if not gate.stored}

    def dV(self, I: Any, **values: Any) -> Any:  # noqa: E741
        """The derivative of V in time, from the current and those through the channels; ``values`` are V and the gates."""
        total = I
        for channel in self.channels:
            total = total + channel.current(self, values)
        return total / self.C


def _check_table(cls: type[ConductanceNeuron]) -> None:
    """Raise where channels or gates name what the class does not have; one with its own constructor may set parameters there."""
    if not isinstance(cls.channels, (tuple, list)) or not all(isinstance(x, Channel) for x in cls.channels):
        raise ModelError(f'{cls.__name__}: channels = {cls.channels!r} must be a tuple of Channel.')
    parameters = [(f'the channel of {x.g!r} and {x.E!r}', name) for x in cls.channels for name in (x.g, x.E)]
    parameters += [(f'the gate {key}', name) for key, x in cls.gates.items() for name in (x.relative_to, x.speed) if name is not None]
    for place, name in parameters:
        if not hasattr(cls, name) and cls.__init__ is ConductanceNeuron.__init__:
            hint = did_you_mean(name, cls.parameters)
            raise ModelError(f'{cls.__name__}: {place} names {name!r}, which is no parameter; there are {listed(cls.parameters)}{hint}')
    for channel in cls.channels:
        for name in channel.powers:
            if name not in cls.variables or name == 'V':
                hint = did_you_mean(name, cls.gates)
                raise ModelError(
                    f'{cls.__name__}: the channel of {channel.g!r} and {channel.E!r} names {name!r}, which is no gate; '
                    f'there are {listed(cls.gates)}{hint}'
                )


def _power(x: Any, power: int) -> Any:
    """``x ** power`` by multiplications."""
    result = x
    for _ in range(power - 1):
        result = result * x
    return plain(result)
