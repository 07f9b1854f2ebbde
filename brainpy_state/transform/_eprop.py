"""`eprop_grad`: gradients of recurrent spiking networks that are computed along with the steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import brainunit as u
import jax
import numpy as np

from .._tracebacks import entry
from ..state import State
from ._args import name_of
from ._derivative import Derivative
from ._eprop_step import Step
from ._lift import lift
from ._loop import steps_of
from ._made import Made
from ._program import Program
from ._programs import shared_programs
from ._units import gradient, numbers_of
from ._variables import Parts, Variables


@entry
def eprop_grad(
    step: Callable | None = None,
    grad_states: Any = None,
    *,
    feedback: Mapping[State, State] | None = None,
    has_aux: bool = False,
    return_value: bool = False,
    unit_aware: bool = False,
) -> Any:
    """TODO"""
    if step is None:
        options = {'feedback': feedback, 'has_aux': has_aux, 'return_value': return_value, 'unit_aware': unit_aware}
        return lambda step: eprop_grad(step, grad_states, **options)
    by = Variables('eprop_grad', grad_states, None)
    pairs = tuple((feedback or {}).items())
    key = ('eprop_grad', by.key, pairs, has_aux, unit_aware)

    def online(*xs: Any, length: int | None = None) -> Any:
        steps = steps_of(step, xs, length)

        def build(step: Callable, xs: Any) -> Program:
            lifted = lift(step, xs, call=lambda step, xs: _evaluate(by, dict(pairs), step, xs, steps, has_aux, unit_aware))
            return Program(lifted.pure, lifted, lifted.reads, lifted.writes, xs)

        found = shared_programs(step, (*key, steps), build)(step, xs)
        result = (by.pack(found.gradient),) + ((found.value,) if return_value else ()) + ((found.aux,) if has_aux else ())
        return result if len(result) > 1 else result[0]

    given = {'grad_states': grad_states, 'feedback': feedback, 'has_aux': has_aux, 'return_value': return_value, 'unit_aware': unit_aware}
    return Made(eprop_grad, step, given, online, f'eprop_grad({name_of(step)[1:-1]})', (*key, return_value))


def _evaluate(by: Variables, feedback: dict[State, State], step: Callable, xs: Any, steps: int, has_aux: bool, unit_aware: bool) -> Derivative:
    """The gradient while a lift traces; in it, the loop over the steps."""
    first = jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x)[1:], jax.typeof(x).dtype, weak_type=jax.typeof(x).weak_type), xs)
    back = {instead: s for s, instead in feedback.items()}
    weights = dict.fromkeys((*(back.get(s, s) for s in by.states), *feedback))
    lifted = lift(step, (first,), call=lambda step, args: step(*args[0]))
    made = Step(lifted, tuple(weights), feedback, first, has_aux)
    grads, value, aux = made.run(xs, steps)
    found = dict(zip(weights, grads, strict=True))
    values = [s.peek() for s in by.states]
    numbers = [numbers_of(found[back.get(s, s)]) for s in by.states]
    unit = u.get_unit(made.loss) if unit_aware else None
    return Derivative(Parts(gradient(values, numbers, unit), []), value, aux)
