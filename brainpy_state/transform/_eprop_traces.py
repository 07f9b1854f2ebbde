"""Eligibility traces: how weights have acted on states up to now, carried along with the steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax.extend.core import Literal

from ._eprop_forms import Each
from ._eprop_paths import Tap
from ._eprop_slopes import Seen, Slopes


class Trace:
    """The traces of one trained operand.

    Each is the derivative of a state that follows it by each weight, with the spikes that weights multiply held as they are. For each
    readout that reads its targets, there are further ones: how the weight would act on a state of the readout through a weight of 1.

    Parameters
    ----------
    slopes : Slopes
    tap : Tap
        Where the operand enters the step.
    fixed : dict
        Values of the operands that are the same in all steps.
    """

    def __init__(self, slopes: Slopes, tap: Tap, fixed: Mapping[Any, Any]):
        self.slopes, self.tap, self.states = slopes, tap, slopes.paths.follows[tap]
        operands = [None if isinstance(v, Literal) else fixed.get(v) for v in tap.eqn.invars]
        self.form = Each() if tap.product is None else tap.product.form(tap.eqn, operands)
        self.readouts = {r: slopes.paths.follows[r] for r in slopes.paths.readouts if slopes.links(r, tap)}

    def begin(self) -> Any:
        """No traces yet: of the states, of the readouts' states, and the sum of traces times learning signals."""
        arrived = jnp.zeros(self.tap.aval.shape, self.tap.aval.dtype)
        sent = arrived if self.tap.data is None else jnp.zeros(self.tap.data.aval.shape, self.tap.aval.dtype)
        spread, shared = self.form.spread(sent), self._shared()
        full = spread * self.form.at(arrived)
        return [spread if v in shared else full for v in self.states], [[full for _ in states] for states in self.readouts.values()], full

    def advance(self, seen: Seen, traces: list[Any], behind: list[list[Any]], collected: Any) -> Any:
        """What `begin` gives, after another step."""
        loss = self.slopes.paths.loss
        now = dict(zip(self.states, traces, strict=True))
        one = jnp.ones(self.tap.aval.shape, self.tap.aval.dtype)
        now[self.tap] = one if self.tap.data is None else self.form.spread(seen.sent[self.tap])
        signals = [(now[s], seen.slopes[loss, s]) for s in self.slopes.links(loss, self.tap)]
        further = []
        for (readout, states), old in zip(self.readouts.items(), behind, strict=True):
            read = dict(zip(states, old, strict=True)) | {readout: self._moved(seen, now, readout)}
            signals += zip([read[s] for s in self.slopes.links(loss, readout)], seen.back[readout], strict=True)
            filtered = [sum(seen.slopes[v, s] * read[s] for s in self.slopes.links(v, readout)) for v in states]
            further.append([jnp.broadcast_to(x, collected.shape) for x in filtered])
        collected = collected + sum(trace * self.form.at(signal) for trace, signal in signals)
        return [self._moved(seen, now, v) for v in self.states], further, collected

    def total(self, collected: Any) -> Any:
        """The derivative by the operand."""
        weight = self.tap.weight.aval
        return _summed_to(self.form.total(collected), weight.shape).astype(weight.dtype)

    def _moved(self, seen: Seen, now: dict[Any, Any], target: Any) -> Any:
        """How the weights act on a target, through all that it depends on."""
        moved = 0
        for source in self.slopes.links(target, self.tap):
            slope = seen.slopes[target, source]
            moved = moved + (self.form.at(slope) if slope.ndim else slope) * now[source]
        return moved

    def _shared(self) -> set[Any]:
        """The states whose trace is the same for all targets."""
        found = set(self.states)
        while True:
            lost = {
                v
                for v in found
                for s in self.slopes.links(v, self.tap)
                if not (self.slopes.are_alike(v, s) and (s is self.tap or s in found))
            }
            if not lost:
                return found
            found -= lost


def _summed_to(x: Any, shape: tuple[int, ...]) -> Any:
    """The sum over what a number was spread over."""
    if x.shape == shape:
        return x
    x = x.sum(tuple(range(x.ndim - len(shape))))
    return x.sum(tuple(k for k, n in enumerate(shape) if n == 1), keepdims=True) if shape else x
