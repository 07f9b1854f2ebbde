"""How weights act on the states of a step, neuron by neuron, once the spikes that they are multiplied by are taken as given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr, Literal

from .._errors import ParameterError
from ..event._equations import ELEMENTWISE, RENAMES, called
from ..event._explain import where
from ._eprop_forms import Product, product_of

_NEURON_BY_NEURON = ELEMENTWISE | set(RENAMES) | {'heaviside_surrogate_gradient', 'reduce_precision'}

_HIDDEN_WAY = (
    '{name}: e-prop cannot follow how {weight} acts on {target}: the way goes through `{primitive}`{where}, which is neither neuron by '
    'neuron nor a product with a matrix or a Connection. {hint}'
)
_DELAYED = 'Synapses with delays of their own cannot be followed; a delay for each source, Projection(delay=...), can.'
_MIXED = 'Let neurons act on each other through a Linear or a Connection, and give each population its own.'
_STRANGE_USE = (
    '{name}: {weight} enters the step through `{primitive}`{where}. e-prop follows weights that multiply what sources send, as '
    '`x @ W`, Linear and Connection do, and those that act neuron by neuron, as a bias does. {hint}'
)
_NO_SIGNAL = (
    '{name}: no learning signal reaches {weight}: neither the loss nor a readout takes what its targets do. e-prop has no signals '
    'that pass through further neurons; read these neurons out as well, or leave the weights out of grad_states.'
)


@dataclass(frozen=True, eq=False)
class Tap:
    """Where something fixed enters a step.

    Attributes
    ----------
    eqn : JaxprEqn
    weight : Var or None
        The operand that is fixed, if it is trained.
    product : Product or None
        The product that the equation is; None for what acts neuron by neuron.
    """

    eqn: Any
    weight: Any
    product: Product | None = None

    @property
    def aval(self) -> Any:
        """What is made there: the shape of the targets."""
        return self.eqn.outvars[0].aval

    @property
    def data(self) -> Any:
        """What sources send; None for what acts neuron by neuron."""
        return None if self.product is None else self.eqn.invars[self.product.data]


class Paths:
    """The ways from weights to states and to the loss in one step.

    *Sources* of change are the carried states and the taps. What a value depends on is a dict from sources to None, where each
    of its items depends on the item of the same place, or to the equation that mixes them.

    Parameters
    ----------
    name : str
        The transform, for messages.
    jaxpr : Jaxpr
        The step.
    fixed, trained : set of Var
        Operands that are the same in all steps, and those of them that the derivative is taken by.
    carried : dict
        From the operand that a state is to its value after the step.
    loss : Var
    names : callable
        From an operand to its name in messages.
    """

    def __init__(self, name: str, jaxpr: Jaxpr, fixed: set, trained: set, carried: dict, loss: Any, names: Callable[[Any], str]):
        self.name, self.jaxpr, self.carried, self.loss, self.names = name, jaxpr, carried, loss, names
        self.taps: list[Tap] = []
        self._at: dict[int, list[Tap]] = {}
        self._of: dict[Any, dict[Any, Any]] = {v: {v: None} for v in carried if _is_float(v)}
        self._find(set(fixed), trained)
        products = [tap for tap in self.taps if tap.product]
        self.reach = {tap: self._reached(tap) for tap in self.taps}
        sending = {source for tap in products for source in self.of(tap.data)}
        self.readouts = [tap for tap in products if self.of(tap.data) and sending.isdisjoint((tap, *self.reach[tap]))]
        self.needed = self._needed()
        self.follows = {tap: [v for v in self.reach[tap] if v in self.needed] for tap in self.taps}
        taken = sending | self.of(loss).keys()
        self.trained = [tap for tap in self.taps if tap.weight is not None and not taken.isdisjoint((tap, *self.reach[tap]))]
        self._check()

    def require(self, weights: Sequence[Sequence[Any]]) -> None:
        """Raise unless each of several groups of trained operands enters the step somewhere, and none leaves it as it is."""
        used = {tap.weight for tap in self.trained}
        for group in weights:
            if used.isdisjoint(group) or any(v is new for v in group for new in self.carried.values()):
                raise ParameterError(_NO_SIGNAL.format(name=self.name, weight=self.names(group[0])))

    def of(self, v: Any) -> dict[Any, Any]:
        """What a value depends on."""
        return {} if isinstance(v, Literal) else self._of.get(v, {})

    def links(self, target: Any, tap: Tap) -> list[Any]:
        """The sources through which a tap acts on a target: states that follow it, and itself."""
        return [source for source in (*self.follows[tap], tap) if source in self.of(target)]

    def at(self, eqn: Any) -> list[Tap]:
        """The taps at an equation."""
        return self._at.get(id(eqn), [])

    def _find(self, fixed: set, trained: set) -> None:
        eqns: Any = self.jaxpr.eqns
        for eqn in eqns:
            product = product_of(eqn, lambda v: isinstance(v, Literal) or v in fixed)
            out: Any = next(iter(eqn.outvars), None)
            if product is not None:
                weight = eqn.invars[product.weight]
                self._of[out] = self._enter(Tap(eqn, weight if weight in trained else None, product))
                continue
            found: dict[Any, Any] = {}
            is_plain = is_neuron_by_neuron(eqn)
            for v in eqn.invars:
                if not isinstance(v, Literal) and v in trained and _is_float(v):
                    if not (spreads(eqn) or (is_plain and _broadcasts(v.aval.shape, out.aval.shape))):
                        raise ParameterError(self._told(_STRANGE_USE, v, eqn))
                    found |= self._enter(Tap(eqn, v))
                for source, mixed in self.of(v).items():
                    if mixed is None and not (is_plain and v.aval.shape == out.aval.shape):
                        mixed = eqn
                    found[source] = mixed or found.get(source)
            if eqn.primitive.name != 'stop_gradient':
                self._of |= {v: found for v in eqn.outvars if _is_float(v)}
            if all(isinstance(v, Literal) or v in fixed for v in eqn.invars) and not found:
                fixed.update(eqn.outvars)

    def _enter(self, tap: Tap) -> dict[Any, Any]:
        self.taps.append(tap)
        self._at.setdefault(id(tap.eqn), []).append(tap)
        return {tap: None}

    def _reached(self, tap: Tap) -> list[Any]:
        """The states that a tap acts on, sooner or later."""
        found: dict[Any, None] = {}
        while True:
            more = [v for v, new in self.carried.items() if v not in found and not self.of(new).keys().isdisjoint((tap, *found))]
            if not more:
                return [v for v in found if _is_float(v)]
            found |= dict.fromkeys(more)

    def _needed(self) -> set[Any]:
        """The states that the loss and the readouts take, sooner or later."""
        found: set[Any] = set()
        ends = [self.loss, *(tap.data for tap in self.readouts)]
        while ends:
            more = {source for end in ends for source in self.of(end) if not isinstance(source, Tap)} - found
            found |= more
            ends = [self.carried[v] for v in more]
        return found

    def _check(self) -> None:
        read = [tap.data for tap in self.readouts]
        for tap in self.trained:
            if not (self.links(self.loss, tap) or any(self.links(data, tap) for data in read)):
                raise ParameterError(_NO_SIGNAL.format(name=self.name, weight=self.names(tap.weight)))
        for tap in dict.fromkeys((*self.trained, *self.readouts)):
            targets = [(self.carried[v], self.names(v)) for v in self.follows[tap]] + [(data, 'a readout') for data in read]
            for target, name in targets:
                for source in self.links(target, tap):
                    if (eqn := self.of(target)[source]) is not None:
                        weight = 'a readout' if tap.weight is None else self.names(tap.weight)
                        raise ParameterError(self._told(_HIDDEN_WAY, weight, eqn, name))

    def _told(self, text: str, weight: Any, eqn: Any, target: str = '') -> str:
        primitive, place = eqn.primitive.name, where(eqn)
        return text.format(
            name=self.name, weight=weight if isinstance(weight, str) else self.names(weight), target=target, primitive=primitive,
            where=f' at {place}' if place else '', hint=_DELAYED if primitive in ('event_to_ring', 'event_due') else _MIXED,
        )  # fmt: skip


def _is_float(v: Any) -> bool:
    return not isinstance(v, Literal) and jnp.issubdtype(v.aval.dtype, np.inexact)


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return shape == () or (len(shape) == len(to) and all(n in (1, m) for n, m in zip(shape, to, strict=True)))


def spreads(eqn: Any) -> bool:
    """Whether an equation repeats its operand."""
    return eqn.primitive.name == 'broadcast_in_dim'


def is_neuron_by_neuron(eqn: Any) -> bool:
    """Whether each item of the results depends on the items of the same place alone."""
    if (inner := called(eqn)) is not None:
        return all(is_neuron_by_neuron(e) or (spreads(e) and e.invars[0].aval.size == 1) for e in inner.jaxpr.eqns)
    return len(eqn.outvars) == 1 and eqn.primitive.name in _NEURON_BY_NEURON
