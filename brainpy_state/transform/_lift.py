"""The one door from stateful Python to pure functions.

`lift` traces a Python function once and finds what it reads and writes of the world outside:
states, settings of `environ`, and arrays that it closes over. All of them become inputs of the
traced program, so nothing goes stale and nothing big is baked in. Every transform is a
`Program` made from a `Lifted` function.

How a state becomes an input: its first read inside the frame binds the primitive ``input`` in
the frame's own trace, whatever trace is current, and the tracer stands for the state from then on.
After tracing, the equations of that primitive are taken out of the jaxpr and their results become
its leading arguments.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.extend.core as jex_core
import numpy as np

from .._arrays import put
from .._errors import TraceContextError
from .._frames import Escaped, Frame, Setting, current_trace, stack
from ..state import State
from ._args import ARRAYS, check_args, name_of, reveal_statics

_input_p = jex_core.Primitive('input')
_input_p.multiple_results = True
_input_p.def_abstract_eval(lambda *, index, avals: list(avals))

_INNER_WRITE = """\
{state} was written inside a raw JAX transform within {where}, where the new value would leak.
Use the transform of the same name from this package, which knows states (for_loop, scan, grad, …)."""

_NEEDS_VALUE = """\
{where} is being compiled: its arguments, states and times have no values yet, but Python (`if`, `while`, `int()`, NumPy) asked for one.
Use `jnp.where` or `transform.cond` instead, or make an argument static (`jit(..., static_argnames=...)`). An array of NumPy takes no such
index: `jnp.asarray(x)[i]`."""


class Trace(Frame):
    """The frame of one function being traced. Values live here, so a failed trace leaves no mark.

    Parameters
    ----------
    where : str
        What to call the trace in messages.
    view : callable, optional
        ``view(state, avals)``: the abstract arrays that the function sees of an outside state, where they
        are not all of it (one lane, one shard).
    defers : bool
        Whether checks of states that the function does not write are left to `checks`: who calls the function many times then
        makes them once.
    """

    def __init__(self, where: str, view: Callable[[State, list[Any]], list[Any]] | None = None, *, defers: bool = False):
        self.where = where
        self.view = view
        self.defers = defers
        self.checks: list[Callable[[], None]] = []
        self.trace: Any = None
        self.values: dict[State, Any] = {}
        self.inputs: list[State | str] = []
        self.written: dict[State, None] = {}
        self.settings: dict[str, Any] = {}
        self.static: dict[str, Any] = {}
        self.static_states: dict[State, Any] = {}
        self.born: list[weakref.ref[State]] = []
        self.seen: dict[Any, tuple] = {}
        self._deferred: list[tuple[Callable[[], None], dict[State, Any]]] = []

    @contextmanager
    def opened(self) -> Iterator[None]:
        self.trace = current_trace()
        with self:
            try:
                yield
            finally:
                self._close()

    def _close(self) -> None:
        self.trace = None
        self.seen = {}
        self.values, self.settings = {}, dict.fromkeys(self.settings)  # no traced value outlives the trace
        for state in filter(None, (ref() for ref in self.born)):
            if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(state._value)):
                state._value = Escaped(self.where)

    def adopt(self, state: State) -> None:
        self.born.append(weakref.ref(state))

    def read(self, state: State) -> Any:
        if state in self.values:
            return self.values[state]
        if self.owns(state._home):
            return state.local_value
        outer = state.local_value if self.parent is None else self.parent.read(state)
        leaves = jax.tree.leaves(outer)
        if leaves and not any(isinstance(leaf, ARRAYS) for leaf in leaves):
            self.static_states[state] = outer
            return outer
        self.values[state] = value = self._bind(state, outer)
        return value

    def write(self, state: State, value: Any) -> None:
        if (now := current_trace()) is not self.trace and not state.born_in(now):
            raise TraceContextError(_INNER_WRITE.format(state=state.label, where=self.where))
        if self.owns(state._home):
            state._value = value
            return
        self.values[state] = value
        self.written[state] = None

    def read_setting(self, setting: Setting) -> Any:
        key = setting.key
        if self.owns(setting.home):
            return setting.value
        outer = setting.value if self.parent is None else self.parent.read_setting(setting)
        if setting.static:
            self.static[key] = outer
            return outer
        if key not in self.settings:
            self.settings[key] = self._bind(key, outer)
        return self.settings[key]

    def first(self, key: Any, values: Sequence[Any]) -> bool:
        """Whether a key has not been asked for with these very values before, in this trace."""
        before, self.seen[key] = self.seen.get(key), tuple(values)
        return before is None or len(before) != len(values) or any(a is not b for a, b in zip(before, values, strict=True))

    def defer(self, check: Callable[[], None], states: Sequence[State]) -> bool:
        """Leave a check of what states from outside hold, which are read and not yet written, for the end of the function."""
        if not self.defers or any(s not in self.values or s in self.written for s in states):
            return False
        self._deferred.append((check, {s: self.values[s] for s in states}))
        return True

    def settle(self) -> None:
        """Make the checks of states that the function has written after all, on what it found in them."""
        deferred, self._deferred = self._deferred, []
        for check, found in deferred:
            if self.written.keys().isdisjoint(found):
                self.checks.append(check)
            else:
                now = {s: self.values[s] for s in found}
                self.values.update(found)
                check()
                self.values.update(now)

    def _bind(self, owner: State | str, outer: Any) -> Any:
        """A stand-in for a value from outside: an input of the program."""
        leaves, treedef = jax.tree.flatten(outer)
        if not all(isinstance(leaf, ARRAYS) for leaf in leaves):
            label = owner if isinstance(owner, str) else owner.label
            raise TypeError(f'{label} mixes arrays with other Python objects, so {self.where} cannot use it: keep them in two states.')
        avals = list(map(jax.typeof, leaves))
        if self.view is not None and isinstance(owner, State):
            avals = self.view(owner, avals)
        with jex_core.set_current_trace(self.trace):
            tracers = _input_p.bind(index=len(self.inputs), avals=tuple(avals))
        self.inputs.append(owner)
        return jax.tree.unflatten(treedef, tracers)


def innermost() -> Trace | None:
    """The frame of the innermost function that is being traced in this thread."""
    frame = stack.top
    while frame is not None and not isinstance(frame, Trace):
        frame = frame.parent
    return frame


class Lifted(NamedTuple):
    """A traced function.

    ``pure(values, settings, captured, args)`` takes the values of ``reads`` and ``settings``, the
    captured arrays and the arguments that were traced, and returns ``(out, new_values)`` where
    ``new_values`` belong to ``writes``; ``avals`` is the same with abstract arrays.
    """

    pure: Callable[..., tuple[Any, list[Any]]]
    avals: tuple[Any, list[Any]]
    reads: tuple[State, ...]
    writes: tuple[State, ...]
    settings: tuple[str, ...]
    static: dict[str, Any]
    static_states: dict[State, Any]
    captured: list[Any]
    where: str

    @property
    def touched(self) -> tuple[State, ...]:
        """States read or written, each once."""
        return tuple(dict.fromkeys(self.reads + self.writes))


def lift(
    fn: Callable,
    args: Any,
    call: Callable = lambda fn, args: fn(*args),
    where: str | None = None,
    *,
    trace: Trace | None = None,
    axes: Sequence[tuple[Any, int]] = (),
    finish: Callable[[], Any] | None = None,
) -> Lifted:
    """Trace ``call(fn, args)`` once.

    Parameters
    ----------
    fn : callable
        The user's function; its Python body runs once.
    args : pytree
        Arrays, or ``jax.ShapeDtypeStruct`` in their place.
    call : callable, optional
        How ``fn`` is applied to ``args``.
    where : str, optional
        What to call the trace in messages.
    trace : Trace, optional
        A frame to trace in, instead of a plain one.
    axes : sequence of (name, size)
        Named axes that are mapped over while the function runs.
    finish : callable, optional
        Called inside the trace after ``fn``; its result joins ``out`` as ``(out, finish())``.
    """
    where = where or name_of(fn)
    check_args(where, args)
    leaves, in_tree = jax.tree.flatten(args)
    trace = trace or Trace(where)
    trees: dict[str, Any] = {}

    def flat(*leaves: Any) -> list[Any]:
        with trace.opened():
            result = call(fn, reveal_statics(jax.tree.unflatten(in_tree, leaves)))
            trace.settle()
            out, trees['out'] = jax.tree.flatten(result if finish is None else (result, finish()))
            _check_outputs(out, where)
            new, trees['new'] = jax.tree.flatten([trace.values[s] for s in trace.written])
            _check_outputs(new, where, tuple(trace.written))
        return out + new

    try:
        closed = jax.make_jaxpr(flat, axis_env=list(axes))(*leaves)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerIntegerConversionError, jax.errors.TracerArrayConversionError) as error:
        error.add_note(_NEEDS_VALUE.format(where=where))
        raise
    inputs = trace.inputs
    call_flat, captured = _inputs_first(closed, len(inputs))
    reads = tuple(x for x in inputs if isinstance(x, State))
    order = sorted(range(len(inputs)), key=lambda k: isinstance(inputs[k], str))
    n_out = trees['out'].num_leaves

    def pure(values: Sequence[Any], settings: Sequence[Any], captured: Sequence[Any], args: Any) -> tuple[Any, list[Any]]:
        inputs: list[Any] = [None] * len(order)
        for k, value in zip(order, itertools.chain(values, settings), strict=True):
            inputs[k] = jax.tree.leaves(value)
        flat_out = call_flat(*itertools.chain(*inputs), *captured, *jax.tree.leaves(args))
        return unflatten(flat_out)

    def unflatten(flat: list[Any]) -> tuple[Any, list[Any]]:
        return trees['out'].unflatten(flat[:n_out]), trees['new'].unflatten(flat[n_out:])

    return Lifted(
        pure,
        unflatten(closed.out_avals),
        reads,
        tuple(trace.written),
        tuple(trace.settings),
        trace.static,
        trace.static_states,
        captured,
        where,
    )


def _inputs_first(closed: Any, n_inputs: int) -> tuple[Callable, list[Any]]:
    """Turn the ``input`` equations and the captured arrays of a jaxpr into arguments of it."""
    jaxpr = closed.jaxpr
    inputs: list[list[Any]] = [[]] * n_inputs
    eqns = []
    for eqn in jaxpr.eqns:
        if eqn.primitive is _input_p:
            inputs[eqn.params['index']] = list(eqn.outvars)
        else:
            eqns.append(eqn)
    invars = [*itertools.chain(*inputs), *jaxpr.constvars, *jaxpr.invars]
    debug = jaxpr.debug_info._replace(arg_names=('',) * len(invars))
    jaxpr = jaxpr.replace(constvars=[], invars=invars, eqns=eqns, debug_info=debug)
    # the type asks for a closed jaxpr; captured arrays are arguments of it now
    return jex_core.jaxpr_as_fun(jex_core.ClosedJaxpr(jaxpr, ())), [_device_array(c) for c in closed.consts]


def _device_array(x: Any) -> Any:
    return x if isinstance(x, jax.Array) else put(np.array(x))


def _check_outputs(leaves: list[Any], where: str, states: tuple[State, ...] = ()) -> None:
    for leaf in leaves:
        if not isinstance(leaf, ARRAYS):
            what = f'wrote {leaf!r} into a state ({", ".join(s.label for s in states)})' if states else f'returned {leaf!r}'
            raise TypeError(f'{where} {what}; a compiled function can pass on arrays, numbers and quantities only.')
