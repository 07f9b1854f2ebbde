"""`vmap_new_states`: create states with a lane axis; `map`: one element, or one chunk, after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .._errors import ShapeError
from .._frames import stack
from .._tracebacks import entry
from ..state import State
from ..state import filter as filters
from ._args import name_of
from ._lift import Trace, lift
from ._loop import for_loop
from ._made import Made
from ._program import Program
from ._vmap import Lanes, Options, call_with, lane_axes, vmap


@entry
def vmap_new_states(
    fn: Callable,
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    axis_name: Any = None,
    axis_size: int | None = None,
    in_states: Any = None,
    out_states: Any = None,
    state_tag: str | None = None,
    state_to_exclude: Any = None,
) -> Callable:
    """`vmap` for a function that creates states: each gets a leading lane axis.

    Random draws inside differ between lanes. The function runs once at each call, since each call
    creates other states.

    Parameters
    ----------
    fn : callable
        Creates states, for one lane.
    in_axes, out_axes, axis_name, axis_size, in_states, out_states
        As in `vmap`.
    state_tag : str, optional
        A tag for the created states.
    state_to_exclude : filter, optional
        Which created states stay without a lane axis; their value must be the same on all lanes.

    Returns
    -------
    callable
        With the arguments of ``fn``.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> made = []
    >>> bst.transform.vmap_new_states(lambda: made.append(bst.State(bst.random.rand(2))), axis_size=5)()
    >>> made[0].value.shape
    (5, 2)
    """
    options = Options(in_axes, out_axes, axis_name, axis_size, None)
    came, went = lane_axes(in_states, 'in_states'), lane_axes(out_states, 'out_states')
    excluded = filters.to_predicate(state_to_exclude)

    def mapped(*args: Any, **kwargs: Any) -> Any:
        lanes = Lanes(name_of(fn), options, (args, kwargs), came)
        trace = Trace(lanes.where, lanes.view)
        born: list[State] = []
        shared: list[bool] = []

        def finish() -> list[Any]:
            born.extend(state for state in (ref() for ref in trace.born) if state is not None)
            shared.extend(state.rejoin is None and excluded((), state) for state in born)
            return [lanes.same_on_all_lanes(s._value, s) if one else s._value for s, one in zip(born, shared, strict=True)]

        lifted = lift(fn, lanes.args, call=call_with, trace=trace, axes=lanes.axes, finish=finish)
        pure, reads = lanes.mapped(lifted, lanes.out_axes(lifted, came, went), extra=[None if one else 0 for one in shared])
        out, values = Program(pure, lifted, reads, lifted.writes, (args, kwargs))((args, kwargs))
        for state, value in zip(born, values, strict=True):
            if state.rejoin is not None:
                value = state.rejoin(jax.tree.map(lambda x: x[0], value), value)
            _move_here(state, value)
            if state_tag is not None:
                state.tag.add(state_tag)
        return out

    given = {
        'in_axes': in_axes, 'out_axes': out_axes, 'axis_name': axis_name, 'axis_size': axis_size, 'in_states': in_states,
        'out_states': out_states, 'state_tag': state_tag, 'state_to_exclude': state_to_exclude,
    }  # fmt: skip
    return Made(vmap_new_states, fn, given, mapped, f'vmap_new_states({name_of(fn)[1:-1]})')


def _move_here(state: State, value: Any) -> None:
    """Give a state that was created inside a trace its value outside of it."""
    state.enter(value)
    if stack.top is not None:
        stack.top.adopt(state)


@entry
def map(f: Callable, *xs: Any, batch_size: int | None = None) -> Any:
    """Apply a function to each element along the leading axis, one after the other or in chunks.

    Parameters
    ----------
    f : callable
        ``f(*x)`` with one element of each of ``xs``.
    *xs : pytrees of arrays
        All of the same length along the first axis.
    batch_size : int, optional
        How many elements to do at once, as by `vmap`; the memory that is needed grows with it. States that
        ``f`` writes must then get values that do not depend on the element.

    Returns
    -------
    pytree
        The results, stacked.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.transform.map(lambda x: x ** 2, jnp.arange(5.), batch_size=2)
    Array([ 0.,  1.,  4.,  9., 16.], dtype=float32)
    """
    if batch_size is None:
        return for_loop(f, *xs)
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ShapeError(f'{name_of(f)}: batch_size is {batch_size!r}, but must be one or more.')
    shapes = [np.shape(x) for x in jax.tree.leaves(xs)]
    if not shapes or any(not shape or shape[0] != shapes[0][0] for shape in shapes):
        raise ShapeError(f'{name_of(f)}: arrays to map over need leading axes of one size, but have shapes {shapes}.')
    n = shapes[0][0]
    whole = n - n % batch_size
    parts = []
    if whole or not n:
        chunks = jax.tree.map(lambda x: x[:whole].reshape(whole // batch_size, batch_size, *x.shape[1:]), xs)
        ys = for_loop(vmap(f), *chunks)
        parts.append(jax.tree.map(lambda y: y.reshape(whole, *y.shape[2:]), ys))
    if whole < n:
        parts.append(vmap(f)(*jax.tree.map(lambda x: x[whole:], xs)))
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *ys: jax.numpy.concatenate(ys), *parts)
