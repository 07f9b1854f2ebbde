"""A stateful step as e-prop sees it: what is computed once, what differs from step to step, and the loop over all steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal, Var, jaxpr_as_fun

from .. import environ, event
from .._errors import ParameterError, StateTreeError
from ..event._fuse import inlined
from ..event._rewrite import hoisted
from ..state import State, write_back
from ._args import same_type, show_types
from ._eprop_paths import Paths
from ._eprop_slopes import Slopes
from ._eprop_traces import Trace
from ._lift import Lifted
from ._loop import check_carry
from ._units import numbers_of

_NO_SUM = (
    'eprop_grad: {where} is one step and must return its share of the loss, one real number{aux}, but returned {given}. e-prop adds up the '
    'losses of steps as they come; a loss of the whole sequence, such as the largest potential, needs `grad` over `for_loop`.'
)
_UNREAD = 'eprop_grad: {where} never reads {state}, so there is no gradient. Leave it out, or use it in the step.'
_WRITTEN = 'eprop_grad: {where} writes {state}, by which the gradient is taken; weights must stay as they are during a sequence.'
_NO_FLOAT = 'eprop_grad: {state} holds {kind}, which has no derivative. Make it a float, or leave it out.'
_NO_READOUT = (
    'eprop_grad: feedback is given for {state}, which are no weights of a readout. It replaces weights by which outputs, and no further '
    'neurons, are made of spikes{known}.'
)
_OTHER_FEEDBACK = 'eprop_grad: the feedback for {state} is {given}, but must have its structure, shape and unit: {expected}.'


class Step:
    """One step, lifted, as a jaxpr of plain arrays.

    Parameters
    ----------
    lifted : Lifted
        The user's function of one slice of the inputs.
    weights : sequence of State
        What the derivative is taken by.
    feedback : dict
        From weights of readouts to states that stand for them in the way back.
    x : pytree
        One slice of the inputs, or its shapes.
    has_aux : bool
        Whether the step returns something besides the loss.
    """

    def __init__(self, lifted: Lifted, weights: Sequence[State], feedback: dict[State, State], x: Any, has_aux: bool):
        self.lifted, self.weights, self.feedback, self.x = lifted, tuple(weights), feedback, x
        self._check()
        self.loss = _loss_of(lifted, has_aux)
        start = {s: s.peek() for s in dict.fromkeys((*lifted.reads, *feedback.values()))}
        made = dict(zip(lifted.writes, lifted.avals[1], strict=True))
        kept = [s for s in lifted.reads if s not in made and s not in self.weights]
        zeros = {s: jax.tree.map(lambda aval: jnp.zeros(aval.shape, aval.dtype), made[s]) for s in lifted.writes if s not in start}

        def flat(weights: Any, same: Any, carried: Any, x: Any) -> Any:
            now = dict(zip((*self.weights, *kept, *lifted.writes), (*weights, *same[0], *carried), strict=True))
            out, new = lifted.pure([now[s] for s in lifted.reads], *same[1:], (x,))
            value, aux = out if has_aux else (out, None)
            return numbers_of(value).reshape(()), new, aux

        self.theta = [start[s] for s in self.weights]
        self.same = [start[s] for s in kept], [environ.get(key) for key in lifted.settings], lifted.captured
        self.carried = [start.get(s, zeros.get(s)) for s in lifted.writes]
        closed, shapes = jax.make_jaxpr(flat, return_shape=True)(self.theta, self.same, self.carried, x)
        self.results = jax.tree.structure(shapes)
        self._split(inlined(closed))
        self._follow(start)

    def _check(self) -> None:
        lifted = self.lifted
        for s in self.weights:
            if s not in lifted.reads:
                raise ParameterError(_UNREAD.format(where=lifted.where, state=s.label))
            if s in lifted.writes:
                raise ParameterError(_WRITTEN.format(where=lifted.where, state=s.label))
            for leaf in jax.tree.leaves(s.peek()):
                if not jnp.issubdtype(jnp.result_type(leaf), np.floating):
                    raise TypeError(_NO_FLOAT.format(state=s.label, kind=jnp.result_type(leaf)))
        for s, instead in self.feedback.items():
            if not same_type(s.peek(), instead.peek()):
                given, expected = show_types(instead.peek()), show_types(s.peek())
                raise StateTreeError(_OTHER_FEEDBACK.format(state=s.label, given=given, expected=expected))
        check_carry(lifted, (), (), lifted.reads)

    def _split(self, closed: Any) -> None:
        """Part what is the same in all steps from the step."""
        consts, operands = closed.jaxpr.constvars, closed.jaxpr.invars
        counts = np.cumsum([len(jax.tree.leaves(part)) for part in (self.theta, self.same, self.carried)])
        self._weight_vars, same, carried, _ = (operands[a:b] for a, b in zip((0, *counts), (*counts, None), strict=True))
        self._consts = closed.consts
        self._before, self._closed = hoisted(closed, [*consts, *self._weight_vars, *same])
        self._fixed_vars = self._closed.jaxpr.invars[: len(self._before.jaxpr.outvars) + len(consts) + int(counts[1])]
        after = self._closed.jaxpr.outvars[1:]
        self._carried_vars = dict(zip(carried, after, strict=False))

    def _follow(self, start: dict[State, Any]) -> None:
        """Find how weights act, and which of the operands are made of them."""
        leaves = [s for s in self.weights for _ in jax.tree.leaves(start[s])]
        self.made_of: dict[Var, dict[State, None]] = {v: {s: None} for v, s in zip(self._weight_vars, leaves, strict=True)}
        for eqn in self._before.jaxpr.eqns:
            found = {s: None for v in eqn.invars if not isinstance(v, Literal) for s in self.made_of.get(v, ())}
            self.made_of |= {v: found for v in eqn.outvars if found}
        flat = [s for s, value in zip(self.lifted.writes, self.carried, strict=True) for _ in jax.tree.leaves(value)]
        labels = {v: s.label for v, s in zip(self._carried_vars, flat, strict=True)}
        labels |= {v: next(iter(found)).label for v, found in self.made_of.items()}
        fixed = {*self._fixed_vars}
        trained = {v for v in self.made_of if v in fixed}
        jaxpr = self._closed.jaxpr
        self.paths = Paths('eprop_grad', jaxpr, fixed, trained, self._carried_vars, jaxpr.outvars[0], labels.__getitem__)
        self.paths.require([[v for v in trained if s in self.made_of[v]] for s in self.weights])
        self.slopes = Slopes(self.paths, [v.aval for v in jaxpr.invars])
        readouts = {s for tap in self.paths.readouts if tap.weight is not None for s in self.made_of[tap.weight]}
        for s in self.feedback:
            if s not in readouts:
                known = f': {", ".join(r.label for r in self.weights if r in readouts)}' if readouts else ''
                raise ParameterError(_NO_READOUT.format(state=s.label, known=known))

    def run(self, xs: Any, length: int) -> tuple[list[Any], Any, Any]:
        """Do all steps; gives the gradient by each weight, the sum of the losses, and what steps return besides.

        A gradient has the structure of its weight's value. States then hold what they hold after the last step.
        """
        theta, same = jax.tree.leaves(self.theta), jax.tree.leaves(self.same)
        before, pull, indirect = self._prepared(theta, same)
        fixed = [*before, *self._consts, *theta, *same]
        values = dict(zip(self._fixed_vars, fixed, strict=True))
        instead, n = self._instead(same), len(self._carried_vars)
        traces = [Trace(self.slopes, tap, values) for tap in self.paths.trained]

        def look(carried: Any, x: Any) -> tuple[Any, list[Any]]:
            return self.slopes.of([*fixed, *carried, *jax.tree.leaves(x)], instead)

        def follow(known: Any, followed: list[Any]) -> list[Any]:
            seen = self.slopes.seen(known)
            return [trace.advance(seen, *part) for trace, part in zip(traces, followed, strict=True)]

        def advance(carry: Any, x: Any) -> Any:
            carried, known, followed, total = carry
            followed = follow(known, followed)
            known, made = look(carried, x)
            return (made[1 : 1 + n], known, followed, total + made[0]), made[1 + n :]

        # What is known of a step waits in the carry for the next one: else it would be computed again for each of the weights.
        carried = jax.tree.leaves(self.carried)
        nothing = jax.tree.map(lambda aval: jnp.zeros(aval.shape, aval.dtype), jax.eval_shape(look, carried, self.x)[0])
        zero = jnp.zeros((), self._closed.jaxpr.outvars[0].aval.dtype)
        first = carried, nothing, [trace.begin() for trace in traces], zero
        (carried, known, followed, total), aux = event.scan(advance, first, xs, length)
        value, new, aux = jax.tree.unflatten(self.results, [total, *carried, *aux])
        write_back(self.lifted.writes, new)
        sums: dict[Any, Any] = {}
        for trace, (*_, collected) in zip(traces, follow(known, followed), strict=True):
            weight = trace.tap.weight
            sums[weight] = sums.get(weight, 0) + trace.total(collected)
        through = pull([sums.get(v, jnp.zeros(v.aval.shape, v.aval.dtype)) for v in indirect])[0]
        direct = [sums.get(v, 0) + g for v, g in zip(self._weight_vars, through, strict=True)]
        return jax.tree.unflatten(jax.tree.structure(self.theta), direct), value, aux

    def _prepared(self, theta: list[Any], same: list[Any]) -> tuple[list[Any], Callable, list[Any]]:
        """What is computed before the loop, and the derivative of what is made of weights, of these variables."""
        made = self._before.jaxpr.outvars
        indirect = [v for v in made if v in self.made_of and jnp.issubdtype(v.aval.dtype, np.floating)]

        def before(theta: list[Any]) -> tuple[list[Any], list[Any]]:
            values = jaxpr_as_fun(self._before)(*self._consts, *theta, *same)
            return [x for v, x in zip(made, values, strict=True) if v in indirect], values

        _, pull, values = jax.vjp(before, theta, has_aux=True)
        return values, pull, indirect

    def _instead(self, same: list[Any]) -> dict[Var, Any]:
        """What stands for the weights of readouts in the way back."""
        if not self.feedback:
            return {}
        theta = jax.tree.leaves([self.feedback.get(s, s).peek() for s in self.weights])
        made = zip(self._before.jaxpr.outvars, jaxpr_as_fun(self._before)(*self._consts, *theta, *same), strict=True)
        return dict(zip(self._weight_vars, theta, strict=True)) | {v: x for v, x in made if v in self.made_of}


def _loss_of(lifted: Lifted, has_aux: bool) -> Any:
    """The abstract loss of a step."""
    out: Any = lifted.avals[0]
    pair = isinstance(out, tuple) and len(out) == 2
    loss = out[0] if has_aux and pair else out
    leaves = jax.tree.leaves(loss)
    if (has_aux and not pair) or len(leaves) != 1 or leaves[0].size != 1 or not jnp.issubdtype(leaves[0].dtype, np.floating):
        aux = ', and something besides in a pair' if has_aux else ''
        raise TypeError(_NO_SUM.format(where=lifted.where, aux=aux, given=show_types(out)))
    return loss
