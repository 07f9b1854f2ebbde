"""The derivatives of one step, neuron by neuron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun

from .._errors import ParameterError
from ..event._fuse import alone, inlined
from ._eprop_paths import Paths, Tap, is_neuron_by_neuron, spreads

_UNEQUAL = (
    '{name}: after the readout with {weight}, {state} does not decay alike for all outputs, so e-prop would need a trace for each of them. '
    'Use a readout that is linear and has one time constant, or filter the spikes before the weights.'
)


class Slopes:
    """A step that also gives its derivatives, neuron by neuron: of states, of what readouts read, and of the loss; by states and at taps.

    Parameters
    ----------
    paths : Paths
    avals : sequence of array or ShapeDtypeStruct
        The operands of the step.

    Attributes
    ----------
    targets : dict
        From what is differentiated to its variable: a state before the step to that after it, a readout to what it reads, and the loss.
    """

    def __init__(self, paths: Paths, avals: Sequence[Any]):
        self.paths = paths
        self.taps = list(dict.fromkeys((*paths.trained, *paths.readouts)))
        self._products = [tap for tap in self.taps if tap.product is not None]
        states = [v for v in paths.carried if any(v in paths.follows[tap] for tap in self.taps)]
        self.targets = {paths.loss: paths.loss} | {v: paths.carried[v] for v in states} | {tap: tap.data for tap in paths.readouts}
        self._pairs = [(target, s) for target in self.targets for s in (*states, *self.taps) if self._is_linked(target, s)]
        self._step = inlined(jax.make_jaxpr(self._with_slopes)(*avals))
        self._alike = dict(zip(self._pairs, _are_alike(self._step)[-len(self._pairs) :], strict=True))
        for tap in paths.readouts:
            self._check_decay(tap)

    def links(self, target: Any, tap: Tap) -> list[Any]:
        """The sources through which a tap acts on a target: states that follow it, and itself."""
        return self.paths.links(self.targets[target], tap)

    def are_alike(self, target: Any, source: Any) -> bool:
        """Whether a slope is certain to be the same for all neurons and trials."""
        return self._alike[target, source]

    def of(self, operands: Sequence[Any], feedback: Mapping[Any, Any]) -> tuple[Any, list[Any]]:
        """Do a step; gives what is to be known of it for `Seen`, and its results.

        Parameters
        ----------
        operands : sequence of array
            Of the step.
        feedback : dict
            From the weights of readouts to those that learning signals come back through.
        """
        made = jaxpr_as_fun(self._step)(*operands)
        n, m = len(self.paths.jaxpr.outvars), len(self._products)
        slopes = dict(zip(self._pairs, made[n + m :], strict=True))
        values = {**dict(zip(self.paths.jaxpr.invars, operands, strict=True)), **feedback}
        back = [self._back(tap, slopes, values) for tap in self.paths.readouts]
        return (made[n : n + m], [self._short(*pair, slope) for pair, slope in slopes.items()], back), made[:n]

    def seen(self, known: Any) -> Seen:
        """What `of` has found, by name."""
        sent, slopes, back = known
        return Seen(
            dict(zip(self._products, sent, strict=True)),
            dict(zip(self._pairs, slopes, strict=True)),
            dict(zip(self.paths.readouts, back, strict=True)),
        )

    def _short(self, target: Any, source: Any, slope: Any) -> Any:
        """A slope, as one number where it is the same for all; signals have the shape of the targets."""
        return slope.reshape(-1)[0] if target is not self.paths.loss and self.are_alike(target, source) else slope

    def _is_linked(self, target: Any, source: Any) -> bool:
        return any(source in self.links(target, tap) for tap in self.taps)

    def _with_slopes(self, *operands: Any) -> list[Any]:
        """The results of a step, what the sources of products send, and the slopes."""
        values = self._values(operands)
        slopes = []
        for target, v in self.targets.items():
            slopes += self._slopes(v, [source for other, source in self._pairs if other is target], values)
        results = [v.val if isinstance(v, Literal) else values[v] for v in self.paths.jaxpr.outvars]
        return [*results, *(values[tap.data] for tap in self._products), *slopes]

    def _values(self, operands: Sequence[Any]) -> dict[Any, Any]:
        """What all variables of the step are."""
        env = dict(zip(self.paths.jaxpr.invars, operands, strict=True))
        for eqn in self.paths.jaxpr.eqns:
            env.update(zip(eqn.outvars, self._evaluate(eqn, env), strict=True))
        return env

    def _slopes(self, target: Any, sources: Sequence[Any], values: dict[Any, Any]) -> list[Any]:
        """The derivatives of a variable by states and by what is added at taps, place by place."""
        ways = self._ways(target, set(sources))

        def changed(*at: Any) -> Any:
            added = dict(zip(sources, at, strict=True))
            env = values | {source: x for source, x in added.items() if not isinstance(source, Tap)}
            for eqn in ways:
                taps = [tap for tap in self.paths.at(eqn) if tap in added]
                if taps and (taps[0].product is not None or spreads(eqn)):
                    env[eqn.outvars[0]] = values[eqn.outvars[0]] + added[taps[0]]
                else:
                    given = env | {tap.weight: env[tap.weight] + added[tap] for tap in taps}
                    env.update(zip(eqn.outvars, self._evaluate(eqn, given), strict=True))
            return env[target]

        at = [jnp.zeros(s.aval.shape, s.aval.dtype) if isinstance(s, Tap) else values[s] for s in sources]
        made, pull = jax.vjp(changed, *at)
        return list(pull(jnp.ones_like(made)))

    def _ways(self, target: Any, sources: set[Any]) -> list[Any]:
        """The equations between sources and a target, in their order."""
        found: list[Any] = []
        wanted = {target}
        for eqn in reversed(self.paths.jaxpr.eqns):
            if wanted.isdisjoint(eqn.outvars) or all(sources.isdisjoint(self.paths.of(v)) for v in eqn.outvars):
                continue
            found.append(eqn)
            if not any(tap.product for tap in self.paths.at(eqn)):
                wanted.update(v for v in eqn.invars if not isinstance(v, Literal))
        return found[::-1]

    def _evaluate(self, eqn: Any, env: dict[Any, Any]) -> list[Any]:
        single = alone(self.paths.jaxpr, eqn)
        return jaxpr_as_fun(single)(*(env[v] for v in single.jaxpr.invars))

    def _check_decay(self, readout: Tap) -> None:
        for v in self.paths.follows[readout]:
            if not all(self._alike[v, source] for source in self.links(v, readout)):
                weight = 'weights that are fixed' if readout.weight is None else self.paths.names(readout.weight)
                raise ParameterError(_UNEQUAL.format(name=self.paths.name, weight=weight, state=self.paths.names(v)))

    def _back(self, readout: Tap, slopes: Any, values: Mapping[Any, Any]) -> list[Any]:
        """The learning signals of the neurons that a readout reads, by each way from it to the loss."""
        single = alone(self.paths.jaxpr, readout.eqn)
        given = {v: jnp.zeros(v.aval.shape, v.aval.dtype) if v is readout.data else values[v] for v in single.jaxpr.invars}
        _, pull = jax.vjp(lambda x: jaxpr_as_fun(single)(*(given | {readout.data: x}).values())[0], given[readout.data])
        return [pull(slopes[self.paths.loss, source])[0] for source in self.links(self.paths.loss, readout)]


class Seen:
    """What is known of a step: what sources of a tap send, the slopes of targets by sources, and the learning signals by readouts."""

    def __init__(self, sent: dict[Tap, Any], slopes: dict[tuple[Any, Any], Any], back: dict[Tap, list[Any]]):
        self.sent, self.slopes, self.back = sent, slopes, back


def _are_alike(closed: ClosedJaxpr) -> list[bool]:
    """Of each result, whether all of its items are certain to be one and the same number."""
    operands: Any = (*closed.jaxpr.constvars, *closed.jaxpr.invars)
    known = {v: v.aval.size == 1 for v in operands}

    def alike(v: Any) -> bool:
        return bool(np.size(v.val) == 1) if isinstance(v, Literal) else known[v]

    eqns: Any = closed.jaxpr.eqns
    for eqn in eqns:
        is_plain = is_neuron_by_neuron(eqn) or spreads(eqn)
        known |= {v: v.aval.size == 1 or (is_plain and all(map(alike, eqn.invars))) for v in eqn.outvars}
    return [alike(v) for v in closed.jaxpr.outvars]
