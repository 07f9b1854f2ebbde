"""Eligibility traces: how weights have acted on states up to now, carried along with the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun

from .._errors import ParameterError
from ..event._fuse import alone, inlined
from ._eprop_forms import Each
from ._eprop_paths import Paths, Tap, is_neuron_by_neuron

_UNEQUAL = (
    '{name}: after the readout with {weight}, {state} does not decay alike for all outputs, so e-prop would need a trace for each of them. '
    'Use a readout that is linear and has one time constant, or filter the spikes before the weights.'
)


class Traces:
    """The traces of all trained weights, and what a step makes of them.

    For a state h that weights W act on, the trace is the derivative of h by each weight with the spikes that the weights multiply
    held as they are. The derivative of a state by a state, neuron by neuron, is a *slope*; so is that of a state by what arrives.

    Parameters
    ----------
    paths : Paths
    avals : sequence of array or ShapeDtypeStruct
        The operands of the step.
    """

    def __init__(self, paths: Paths, avals: Sequence[Any]):
        self.paths = paths
        self.taps = list(dict.fromkeys((*paths.trained, *paths.readouts)))
        self.states = [v for v in paths.carried if any(v in paths.follows[tap] for tap in self.taps)]
        self.targets: dict[Any, Any] = {paths.loss: paths.loss}  # from a key to the value: a state, the loss, what a readout reads
        self.targets |= {v: paths.carried[v] for v in self.states} | {tap: tap.data for tap in paths.readouts}
        self.wanted = [(target, source) for target, v in self.targets.items() for source in (*self.states, *self.taps) if self._links(v, source)]
        made = jax.make_jaxpr(self._with_slopes)(*avals)
        self.step = inlined(made)
        self.equal = dict(zip(self.wanted, _are_equal(self.step)[-len(self.wanted) :], strict=True))
        for tap in paths.readouts:
            self._check_decay(tap)
        self.shared = {tap: self._shared(tap) for tap in paths.trained}

    def _links(self, target: Any, source: Any) -> bool:
        return any(source in self.paths.links(target, tap) for tap in self.taps)

    def _with_slopes(self, *operands: Any) -> list[Any]:
        """The results of a step, what the sources of each tap send, and the slopes."""
        values = self.paths.values(operands)
        slopes = {}
        for target, v in self.targets.items():
            sources = [source for wanted, source in self.wanted if wanted is target]
            slopes |= dict(zip([(target, source) for source in sources], self.paths.slopes(v, sources, values), strict=True))
        results = [v.val if isinstance(v, Literal) else values[v] for v in self.paths.jaxpr.outvars]
        return [*results, *(values[tap.data] for tap in self.taps if tap.data is not None), *(slopes[pair] for pair in self.wanted)]

    def _check_decay(self, readout: Tap) -> None:
        for v in self.paths.follows[readout]:
            if not all(self.equal[v, source] for source in self.paths.links(self.targets[v], readout)):
                weight = 'weights that are fixed' if readout.weight is None else self.paths.names(readout.weight)
                raise ParameterError(_UNEQUAL.format(name=self.paths.name, weight=weight, state=self.paths.names(v)))

    def _shared(self, tap: Tap) -> set[Any]:
        """The states whose trace is the same for all targets."""
        found = set(self.paths.follows[tap])
        while True:
            links = {v: self.paths.links(self.targets[v], tap) for v in found}
            lost = {v for v, sources in links.items() if not all(self.equal[v, s] and (s is tap or s in found) for s in sources)}
            if not lost:
                return found
            found -= lost

    def begin(self, fixed: Mapping[Any, Any]) -> tuple[Any, Any]:
        """The forms of the traces, and traces before the first step, with nothing collected.

        Parameters
        ----------
        fixed : dict
            Values of the operands that are the same in all steps.
        """
        forms: dict[Tap, Any] = {}
        carry = []
        for tap in self.paths.trained:
            forms[tap] = form = Each() if tap.product is None else tap.product.form(tap.eqn, [fixed.get(v) for v in map(_key, tap.eqn.invars)])
            sent = jnp.zeros(tap.data.aval.shape if tap.product else tap.aval.shape, tap.aval.dtype)
            arrived = jnp.zeros(tap.aval.shape, tap.aval.dtype)
            full = form.spread(sent) * form.at(arrived)
            traces = [form.spread(sent) if v in self.shared[tap] else full for v in self.paths.follows[tap]]
            behind = [[full for _ in self.paths.follows[readout]] for readout in self._read_by(tap)]
            carry.append((traces, behind, full))
        return forms, carry

    def _read_by(self, tap: Tap) -> list[Tap]:
        return [readout for readout in self.paths.readouts if self.paths.links(readout.data, tap)]

    def look(self, feedback: Mapping[Any, Any], operands: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Do a step; gives what `follow` needs to know of it, and its results.

        Parameters
        ----------
        feedback : dict
            From the weights of readouts to those that learning signals come back through.
        operands : sequence of array
            Of the step.
        """
        made = jaxpr_as_fun(self.step)(*operands)
        n, products = len(self.paths.jaxpr.outvars), [tap for tap in self.taps if tap.data is not None]
        sent, slopes = made[n : n + len(products)], made[n + len(products) :]
        values = dict(zip(self.paths.jaxpr.invars, operands, strict=True)) | feedback
        back = [self._back(tap, dict(zip(self.wanted, slopes, strict=True)), values) for tap in self.paths.readouts]
        return (sent, slopes, back), made[:n]

    def follow(self, forms: Any, looked: Any, carry: Any) -> Any:
        """Traces after a step, from those before it and from what `look` has found."""
        sent, slopes, back = looked
        sent = dict(zip([tap for tap in self.taps if tap.data is not None], sent, strict=True))
        slopes = dict(zip(self.wanted, slopes, strict=True))
        signals = dict(zip(self.paths.readouts, back, strict=True))
        parts = zip(self.paths.trained, carry, strict=True)
        return [self._moved(tap, forms[tap], sent.get(tap), slopes, signals, *part) for tap, part in parts]

    def _back(self, readout: Tap, slopes: Any, values: Mapping[Any, Any]) -> list[Any]:
        """The learning signals of the neurons that a readout reads: by what it gives now, and by its states before the step."""
        single = alone(self.paths.jaxpr, readout.eqn)
        given = {v: jnp.zeros(v.aval.shape, v.aval.dtype) if v is readout.data else values[v] for v in single.jaxpr.invars}
        _, pull = jax.vjp(lambda x: jaxpr_as_fun(single)(*(given | {readout.data: x}).values())[0], given[readout.data])
        return [pull(slopes[self.paths.loss, source])[0] for source in self.paths.links(self.paths.loss, readout)]

    def _moved(self, tap: Tap, form: Any, sent: Any, slopes: Any, signals: Any, traces: list[Any], behind: list[Any], collected: Any) -> Any:
        paths, old = self.paths, dict(zip(self.paths.follows[tap], traces, strict=True))
        old[tap] = jnp.ones(tap.aval.shape, tap.aval.dtype) if sent is None else form.spread(sent)

        def moved(target: Any) -> Any:
            links = paths.links(self.targets[target], tap)
            return sum(form.at(self._slope(slopes, target, source)) * old[source] for source in links)

        found = [(old[source], slopes[paths.loss, source]) for source in paths.links(paths.loss, tap)]
        after = []
        for readout, filtered in zip(self._read_by(tap), behind, strict=True):
            seen = dict(zip(paths.follows[readout], filtered, strict=True)) | {readout: moved(readout)}
            found += zip([seen[source] for source in paths.links(paths.loss, readout)], signals[readout], strict=True)
            after.append([sum(_number(slopes[v, s]) * seen[s] for s in paths.links(self.targets[v], readout)) for v in paths.follows[readout]])
        return [moved(v) for v in paths.follows[tap]], after, collected + sum(trace * form.at(signal) for trace, signal in found)

    def totals(self, forms: Any, carry: Any) -> list[tuple[Any, Any]]:
        """The derivative by each trained operand of the step, after the last step."""
        return [(tap.weight, forms[tap].total(collected)) for tap, (*_, collected) in zip(self.paths.trained, carry, strict=True)]

    def _slope(self, slopes: Any, target: Any, source: Any) -> Any:
        """A slope, or where it is the same for all neurons, one of its last axis."""
        slope = slopes[target, source]
        return slope[..., :1] if slope.ndim and self.equal[target, source] else slope


def _key(v: Any) -> Any:
    return None if isinstance(v, Literal) else v


def _number(slope: Any) -> Any:
    return slope.reshape(-1)[0]


def _are_equal(closed: ClosedJaxpr) -> list[bool]:
    """Of each result, whether all of its items are certain to be one and the same number."""
    known = {v: v.aval.size == 1 for v in (*closed.jaxpr.constvars, *closed.jaxpr.invars)}

    def equal(v: Any) -> bool:
        return v.aval.size == 1 if isinstance(v, Literal) else known[v]

    for eqn in closed.jaxpr.eqns:
        is_plain = is_neuron_by_neuron(eqn) or eqn.primitive.name == 'broadcast_in_dim'
        known |= {v: v.aval.size == 1 or (is_plain and all(map(equal, eqn.invars))) for v in eqn.outvars}
    return [equal(v) for v in closed.jaxpr.outvars]
