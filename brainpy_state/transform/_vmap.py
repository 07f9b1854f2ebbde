"""`vmap`: run a function for every lane of a batch, with states that are shared or have a lane axis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.extend.core as jex_core
import jax.numpy as jnp
import numpy as np
from jax.interpreters import ad, batching, mlir

from .._errors import BatchAxisError, ShapeError
from .._tracebacks import entry
from ..state import State
from ..state import filter as filters
from ._args import describe_place, name_of
from ._error_if import Flag
from ._lift import Lifted, Trace, lift
from ._made import Made
from ._program import Program
from ._programs import programs_of

_LANE_DEPENDENT = """\
{where}: {state} is shared by all lanes, but the value written to it differs between lanes.
Give it a lane axis with `in_states` (read and written lane by lane) or `out_states` (one is added), or reduce the value first."""


@entry
def vmap(
    fn: Callable | None = None,
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    axis_name: Any = None,
    axis_size: int | None = None,
    spmd_axis_name: Any = None,
    in_states: Any = None,
    out_states: Any = None,
) -> Any:
    """Run a function for every lane of a batch at once.

    States are shared by all lanes unless they are declared: of a state in ``in_states`` each lane
    reads and writes its own slice. Random generators give each lane numbers of its own and go on by
    one step in all; a `random.Stream` gives the lanes the numbers of the rows of a batch and needs no
    declaration. The Python body runs once, as if for one lane.

    Parameters
    ----------
    fn : callable
        The function for one lane. Without it, a decorator is returned.
    in_axes, out_axes : int, None or pytree of them
        As in ``jax.vmap``; keyword arguments are mapped over axis 0.
    axis_name : hashable, optional
        A name for the lane axis, for collective operations such as ``jax.lax.pmean``.
    axis_size : int, optional
        The number of lanes; needed only where nothing is mapped.
    spmd_axis_name : hashable, optional
        As in ``jax.vmap``.
    in_states : State, filter, collection of them, or dict of axis to collection, optional
        States with a lane axis: axis 0, or the one that the dict says. Written ones keep it. A filter, such as a class of states
        or ``...``, stands for those that the function uses, besides random generators. With None as the axis they have none, whatever
        other filters say: ``{0: ..., None: ParamState}``.
    out_states : likewise, optional
        States that get a lane axis by being written.

    Returns
    -------
    callable
        With the arguments of ``fn``, each with its lane axis.

    Raises
    ------
    BatchAxisError
        If a shared state would get values that differ between lanes, or a state is declared twice.
    ShapeError
        If lane axes differ in size, or nothing says how many lanes there are.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> gain, total = bst.State(2.), bst.State(jnp.zeros(3))
    >>> def step(x):
    ...     total.value += gain.value * x
    >>> bst.transform.vmap(step, in_states=total)(jnp.arange(3.))
    >>> total.value
    Array([0., 2., 4.], dtype=float32)
    """
    given = {
        'in_axes': in_axes, 'out_axes': out_axes, 'axis_name': axis_name, 'axis_size': axis_size, 'spmd_axis_name': spmd_axis_name,
        'in_states': in_states, 'out_states': out_states,
    }  # fmt: skip
    options = Options(in_axes, out_axes, axis_name, axis_size, spmd_axis_name)
    came, went = lane_axes(in_states, 'in_states'), lane_axes(out_states, 'out_states')
    for state in came.keys() & went.keys():
        if came[state] != went[state]:
            raise BatchAxisError(f'vmap: {state.label} has axis {came[state]} in in_states, but {went[state]} in out_states.')
    key = ('vmap', options.key, came.key, went.key)

    def build(fn: Callable, args: Any) -> Program:
        lanes = Lanes(name_of(fn), options, args, came)
        lifted = lift(fn, lanes.args, call=call_with, trace=Trace(lanes.where, lanes.view), axes=lanes.axes)
        pure, reads = lanes.mapped(lifted, lanes.out_axes(lifted, came, went))
        return Program(pure, lifted, reads, lifted.writes, args)

    def decorate(fn: Callable) -> Callable:
        def mapped(*args: Any, **kwargs: Any) -> Any:
            return programs_of(fn, key, build)((args, kwargs))

        return Made(vmap, fn, given, mapped, f'vmap({getattr(fn, "__name__", "function")})', key)

    return decorate if fn is None else decorate(fn)


def call_with(fn: Callable, args: Any) -> Any:
    """Call a function with arguments given as ``(positional, named)``."""
    return fn(*args[0], **args[1])


class Options(NamedTuple):
    """How `jax.vmap` is to be called."""

    in_axes: Any
    out_axes: Any
    axis_name: Any
    axis_size: int | None
    spmd_axis_name: Any

    @property
    def key(self) -> Any:
        leaves, tree = jax.tree.flatten((self.in_axes, self.out_axes), is_leaf=lambda x: x is None)
        return tuple(leaves), tree, self[2:]


class Lanes:
    """One call of a mapped function: how many lanes, and which axis of everything is theirs.

    Parameters
    ----------
    where : str
        The function's name in messages.
    options : Options
        How to map.
    args : (tuple, dict)
        The arguments of the call.
    declared : Axes
        The lane axis of states that have one.
    """

    def __init__(self, where: str, options: Options, args: Any, declared: Axes):
        self.where, self.options, self.declared, self.token = where, options, declared, object()
        self.state_axes = {state: axis for state, axis in declared.items() if axis is not None}
        in_axes = tuple(options.in_axes) if isinstance(options.in_axes, list) else options.in_axes
        self.arg_axes: list[int | None] = []
        try:
            jax.tree.map(self._spread, (in_axes, 0), args, is_leaf=lambda x: x is None)
        except ValueError as error:
            raise ShapeError(f'{where}: in_axes {in_axes} does not match the structure of the arguments: {error}') from None
        leaves, self._tree = jax.tree_util.tree_flatten_with_path(args)
        places = [describe_place(args, path) for path, _ in leaves]
        mapped = [(f'argument {place}', x, axis) for place, (_, x), axis in zip(places, leaves, self.arg_axes, strict=True)]
        mapped += [(s.label, x, axis) for s, axis in self.state_axes.items() for x in jax.tree.leaves(s.peek())]
        self.size = self._agree([(owner, self._size(owner, np.shape(x), axis)) for owner, x, axis in mapped if axis is not None])
        lane = [_without(jax.typeof(x), axis) for (_, x), axis in zip(leaves, self.arg_axes, strict=True)]
        self.args = jax.tree.unflatten(self._tree, lane)
        self.axes = () if options.axis_name is None else ((options.axis_name, self.size),)

    def _spread(self, axis: int | None, part: Any) -> None:
        self.arg_axes += [axis] * len(jax.tree.leaves(part))

    def _size(self, owner: str, shape: tuple[int, ...], axis: int) -> int:
        if not isinstance(axis, (int, np.integer)):
            raise TypeError(f'{self.where}: the axis of {owner} is {axis!r}, but must be an integer or None.')
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(f'{self.where}: {owner} has shape {shape}, so it has no axis {axis} to map over.')
        return shape[axis]

    def _agree(self, sizes: list[tuple[str, int]]) -> int:
        given = sizes if self.options.axis_size is None else [('axis_size', self.options.axis_size), *sizes]
        if not given:
            raise ShapeError(f'{self.where}: nothing says how many lanes there are; map an argument or a state, or give `axis_size=`.')
        if len({size for _, size in given}) > 1:
            told = ', '.join(f'{owner} has {size}' for owner, size in given)
            raise ShapeError(f'{self.where}: the lane axes differ in size: {told}.')
        size = given[0][1]
        if size < 1:
            raise ShapeError(f'{self.where}: the number of lanes is {size}, but must be one or more.')
        return size

    def view(self, state: State, avals: list[Any]) -> list[Any]:
        """What one lane sees of a state."""
        axis = self.declared.of(state)
        if axis is None:
            return avals
        if state not in self.state_axes:
            told = [('the rest', self.size), *((state.label, self._size(state.label, aval.shape, axis)) for aval in avals)]
            self._agree(told)
            self.state_axes[state] = axis
        return [_without(aval, axis) for aval in avals]

    def out_axes(self, lifted: Lifted, came: Axes, went: Axes) -> dict[State, int | None]:
        """The lane axis of each state after the function, where it has one."""
        found: dict[State, int | None] = {**self.state_axes, **went}
        for state in lifted.writes:
            axis = came.of(state) if state not in found else None
            axis = went.of(state) if axis is None and state not in found else axis
            if axis is not None:
                found[state] = axis
        return found

    def same_on_all_lanes(self, value: Any, state: State) -> Any:
        """The value itself; raises, while all lanes are made from this one, if it differs between them."""
        return same_on_all(value, self.token, _LANE_DEPENDENT.format(where=self.where, state=state.label))

    def mapped(self, lifted: Lifted, out_axes: Mapping[State, int | None], extra: Any = None) -> tuple[Callable, tuple[State, ...]]:
        """The function for all lanes at once, and the states whose values it takes: also those that only tell how many lanes there are.

        Parameters
        ----------
        lifted : Lifted
            The function for one lane.
        out_axes : mapping
            The lane axis of states after they were written; others must be the same on all lanes.
        extra : optional
            ``out_axes`` of a second result besides the function's own.
        """
        reads = (*lifted.reads, *(s for s in self.state_axes if s not in lifted.reads))
        split = [s for s in lifted.writes if s.lanes is not None and s not in self.state_axes and s in lifted.reads]
        flags = [isinstance(s, Flag) for s in lifted.writes]
        in_axes = [0 if s in split else self.state_axes.get(s) for s in lifted.reads]
        new_axes = [out_axes.get(s, 0 if s in split or flag else None) for s, flag in zip(lifted.writes, flags, strict=True)]

        def one_lane(values: Any, settings: Any, captured: Any, leaves: Any) -> Any:
            out, new = lifted.pure(values, settings, captured, jax.tree.unflatten(self._tree, leaves))
            checked = [
                self.same_on_all_lanes(value, state) if axis is None else value
                for value, state, axis in zip(new, lifted.writes, new_axes, strict=True)
            ]
            return out, checked

        def pure(values: Any, settings: Any, captured: Any, args: Any) -> Any:
            values, after = list(values[: len(lifted.reads)]), {}
            for state in split:
                k = lifted.reads.index(state)
                after[state], values[k] = state.lanes(values[k], self.size)  # type: ignore[misc]
            options = self.options
            run = jax.vmap(
                one_lane,
                in_axes=(in_axes, None, None, self.arg_axes),
                out_axes=(options.out_axes if extra is None else (options.out_axes, extra), new_axes),
                axis_name=options.axis_name,
                axis_size=self.size,
                spmd_axis_name=options.spmd_axis_name,
            )
            with checking(self.token):
                out, new = run(values, settings, captured, jax.tree.leaves(args))
            new = [
                value if state in out_axes else after_lanes(state, after, value) for state, value in zip(lifted.writes, new, strict=True)
            ]
            return out, [first_failure(value) if flag else value for value, flag in zip(new, flags, strict=True)]

        return pure, reads


def after_lanes(state: State, after: Mapping[State, Any], value: Any) -> Any:
    """The next value of a state that was written by lanes, given those of random states and what the lanes wrote."""
    if state not in after:
        return value
    return after[state] if state.rejoin is None else state.rejoin(after[state], value)


def first_failure(value: Any) -> Any:
    """One flag from the flags of all lanes: that of the first lane that failed."""
    first = jnp.argmax(value[0])
    return jax.tree.map(lambda x: x[first], value)


class Axes(dict[State, int | None]):
    """The lane axis of each declared state, and of those that a filter stands for; None for states that are declared to have none."""

    asked: tuple[tuple[Callable, int | None], ...] = ()

    @property
    def key(self) -> Any:
        """What distinguishes it, for keeping programs."""
        return tuple(self.items()), self.asked

    def found(self, state: State) -> list[int | None]:
        """What is declared of a state; nothing, if it is not meant."""
        if state in self or state.lanes is not None or isinstance(state, Flag):
            return [self[state]] if state in self else []
        return [axis for meant, axis in self.asked if meant((), state)]

    def of(self, state: State) -> int | None:
        """The lane axis of a state; None if it has none."""
        axes = self.found(state)
        return None if not axes or None in axes else axes[0]


def lane_axes(states: Any, name: str) -> Axes:
    """The lane axis of each declared state that can have one."""
    asked: list[tuple[Callable, int | None]] = []
    found = Axes({state: axis for state, axis in axes_of(_without_filters(states, 0, asked), name).items() if state.rejoin is None})
    found.asked = tuple(asked)
    return found


def _without_filters(states: Any, axis: int | None, asked: list[tuple[Callable, int | None]]) -> Any:
    """The declaration without filters, which are moved to a list together with their axes."""
    if isinstance(states, Mapping) and states and all(_is_axis(key) for key in states):
        return {key: _without_filters(part, key, asked) for key, part in states.items()}
    if isinstance(states, (list, tuple, set, frozenset)):
        return [_without_filters(part, axis, asked) for part in states]
    if states is ... or isinstance(states, (bool, str, type)) or (callable(states) and not isinstance(states, (State, Mapping, Sequence))):
        asked.append((filters.to_predicate(states), axis))
        return []
    return states


def _is_axis(key: Any, kind: type = int) -> bool:
    return isinstance(key, kind) or (key is None and kind is int)


def axes_of(states: Any, name: str, axis: Any = 0, kind: type = int) -> dict[State, Any]:
    """The axis of each declared state, from states, collections of them, or dicts of axis to collection."""
    if states is None:
        return {}
    if isinstance(states, State):
        return {states: axis}
    if isinstance(states, Mapping):
        if states and all(_is_axis(key, kind) for key in states):
            parts = [axes_of(part, name, key, kind) for key, part in states.items()]
        else:
            parts = [axes_of(part, name, axis, kind) for part in states.values()]
    elif isinstance(states, Sequence) and not isinstance(states, str):
        parts = [axes_of(part, name, axis, kind) for part in states]
    else:
        raise TypeError(f'{name} holds states, or dicts of {kind.__name__} to states, but {states!r} is a {type(states).__name__}.')
    found: dict[State, int] = {}
    for part in parts:
        for state in part.keys() & found.keys():
            raise BatchAxisError(f'{state.label} stands twice in {name}.')
        found |= part
    return found


def _without(aval: Any, axis: int | None) -> Any:
    shape = list(aval.shape)
    if axis is not None:
        del shape[axis]
    return jax.core.ShapedArray(tuple(shape), aval.dtype, weak_type=aval.weak_type)


# An identity that stands where a value must be the same on all lanes. Its batching rule sees whether it is,
# by JAX's own bookkeeping, while the function that it belongs to is being mapped; else it does nothing.
_shared_p = jex_core.Primitive('same_on_all_lanes')


class _Armed(threading.local):
    tokens: frozenset[object] = frozenset()


_armed = _Armed()


def same_on_all(value: Any, token: object, message: str) -> Any:
    """The value itself; mapping it over an axis raises ``message`` if it differs along it, inside of ``checking(token)``."""
    return jax.tree.map(lambda x: _shared_p.bind(x, token=token, message=message), value)


@contextmanager
def checking(token: object) -> Iterator[None]:
    """A block in which `same_on_all` of the same token checks."""
    outer = _armed.tokens
    _armed.tokens = outer | {token}
    try:
        yield
    finally:
        _armed.tokens = outer


def _batch_shared(args: Any, dims: Any, *, token: object, message: str) -> Any:
    if token in _armed.tokens:
        raise BatchAxisError(message)
    return _shared_p.bind(*args, token=token, message=message), dims[0]


_shared_p.def_impl(lambda x, **_: x)
_shared_p.def_abstract_eval(lambda x, **_: x)
batching.primitive_batchers[_shared_p] = _batch_shared
ad.deflinear2(_shared_p, lambda ct, x, **_: [ct])
mlir.register_lowering(_shared_p, lambda ctx, x, **_: [x])
