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

import brainunit as u
import jax
import jax.extend.core as jex_core
import numpy as np

from .. import environ, event
from .._errors import TraceContextError
from .._frames import EAGER, Escaped, Frame, Setting, current_trace, stack
from ..state import State

_input_p = jex_core.Primitive('input')
_input_p.multiple_results = True
_input_p.def_abstract_eval(lambda *, index, avals: list(avals))

_INNER_WRITE = """\
{state} was written inside a raw JAX transform within {where}, where the new value would leak.
Use the transform of the same name from this package, which knows states (for_loop, scan, grad, …)."""

_ARRAYS = (jax.Array, np.ndarray, np.generic, bool, int, float, complex)


def abstract(x: Any) -> tuple:
    """What compiling depends on of an array: shape, type and whether the type is weak."""
    aval = x if hasattr(x, 'weak_type') else jax.typeof(x)
    return aval.shape, aval.dtype, aval.weak_type


def signature(tree: Any) -> tuple:
    """What compiling depends on of a pytree of arrays."""
    leaves, treedef = jax.tree.flatten(tree)
    return treedef, tuple(map(abstract, leaves))


class Trace(Frame):
    """The frame of one function being traced. Values live here, so a failed trace leaves no mark."""

    def __init__(self, where: str):
        self.where = where
        self.trace: Any = None
        self.values: dict[State, Any] = {}
        self.inputs: list[State | str] = []
        self.written: dict[State, None] = {}
        self.settings: dict[str, Any] = {}
        self.static: dict[str, Any] = {}
        self.static_states: dict[State, Any] = {}
        self.born: list[weakref.ref[State]] = []

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
        if leaves and not any(isinstance(leaf, _ARRAYS) for leaf in leaves):
            self.static_states[state] = outer
            return outer
        self.values[state] = value = self._bind(state, outer)
        return value

    def write(self, state: State, value: Any) -> None:
        if current_trace() is not self.trace:
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

    def _bind(self, owner: State | str, outer: Any) -> Any:
        """A stand-in for a value from outside: an input of the program."""
        leaves, treedef = jax.tree.flatten(outer)
        if not all(isinstance(leaf, _ARRAYS) for leaf in leaves):
            label = owner if isinstance(owner, str) else owner.label
            raise TypeError(f'{label} mixes arrays with other Python objects, so {self.where} cannot use it: keep them in two states.')
        with jex_core.set_current_trace(self.trace):
            tracers = _input_p.bind(index=len(self.inputs), avals=tuple(map(jax.typeof, leaves)))
        self.inputs.append(owner)
        return jax.tree.unflatten(treedef, tracers)


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


def lift(fn: Callable, args: Any, call: Callable = lambda fn, args: fn(*args), where: str | None = None) -> Lifted:
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
    """
    where = where or name_of(fn)
    leaves, in_tree = jax.tree.flatten(args)
    trace = Trace(where)
    trees: dict[str, Any] = {}

    def flat(*leaves: Any) -> list[Any]:
        with trace.opened():
            out, trees['out'] = jax.tree.flatten(call(fn, jax.tree.unflatten(in_tree, leaves)))
            _check_outputs(out, where)
            new, trees['new'] = jax.tree.flatten([trace.values[s] for s in trace.written])
            _check_outputs(new, where, tuple(trace.written))
        return out + new

    closed = jax.make_jaxpr(flat)(*leaves)
    call_flat, captured = _inputs_first(closed, len(trace.inputs))
    reads = tuple(x for x in trace.inputs if isinstance(x, State))
    order = sorted(range(len(trace.inputs)), key=lambda k: isinstance(trace.inputs[k], str))
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
    return x if isinstance(x, jax.Array) else jax.numpy.asarray(x)


def _check_outputs(leaves: list[Any], where: str, states: tuple[State, ...] = ()) -> None:
    for leaf in leaves:
        if not isinstance(leaf, _ARRAYS):
            what = f'wrote {leaf!r} into a state ({", ".join(s.label for s in states)})' if states else f'returned {leaf!r}'
            raise TypeError(f'{where} {what}; a compiled function can pass on arrays, numbers and quantities only.')


def name_of(fn: Callable) -> str:
    """What to call a function in messages."""
    return f'`{getattr(fn, "__qualname__", None) or type(fn).__name__}`'


class OtherSignature(Exception):  # noqa: N818  (a signal, not an error)
    """Raised while JAX traces a program for arguments that it was not made for."""


class Program:
    """A pure function over states, with the states that it is about; compiled once.

    Parameters
    ----------
    pure : callable
        ``pure(values, settings, captured, args) -> (out, new_values)``.
    lifted : Lifted
        Where settings and captured arrays come from.
    reads, writes : sequence of State
        Whose values go in and come out.
    args : pytree
        Arguments of the first call.
    """

    def __init__(self, pure: Callable, lifted: Lifted, reads: Sequence[State], writes: Sequence[State], args: Any):
        self.reads, self.writes = tuple(reads), tuple(writes)
        self.settings = lifted.settings
        self.static = tuple(lifted.static.items())
        self.static_states = tuple(lifted.static_states.items())
        self.captured = lifted.captured
        self.signature = signature((self._values(), self._settings(), args))
        self.mode = _mode()

        def checked(values: Any, settings: Any, captured: Any, args: Any) -> Any:
            if self.mode != _mode() or signature((values, settings, args)) != self.signature:
                raise OtherSignature
            return pure(values, settings, captured, args)

        self.jitted = jax.jit(checked)

    @property
    def reusable(self) -> bool:
        """False when an array of an enclosing trace was captured, which ends with that trace."""
        return not any(isinstance(x, jax.core.Tracer) for x in self.captured)

    def _values(self) -> list[Any]:
        return [s.value for s in self.reads]

    def _settings(self) -> list[Any]:
        return [environ.get(key) for key in self.settings]

    def same_statics(self) -> bool:
        """Whether what was taken as a constant has the same value still, and what was taken as an input is one still."""
        inputs = map(environ.lookup, self.settings)
        if any(setting is None or setting.static for setting in inputs):  # no longer set, or to something that is no number
            return False
        for key, value in self.static:
            now = environ.peek(key)
            if now is not value and not _equal(now, value):
                return False
        return all(_equal(s.value, value) for s, value in self.static_states)

    def fits(self, args: Any) -> bool:
        """Whether this program is the right one for the world as it is now."""
        if self.mode != _mode() or not self.same_statics():
            return False
        return signature((self._values(), self._settings(), args)) == self.signature

    def __call__(self, args: Any) -> Any:
        out, new = self.jitted(self._values(), self._settings(), self.captured, args)
        for state, value in zip(self.writes, new, strict=True):
            state.value = value
        return out

    def call_eagerly(self, args: Any) -> Any:
        """The quick way for a call outside of every trace; raises `OtherSignature` if it does not fit.

        That types or the mode are others is left to JAX to find: its own cache misses then.
        """
        if not self.same_statics():
            raise OtherSignature
        out, new = self.jitted([s.local_value for s in self.reads], self._settings(), self.captured, args)
        for state, value in zip(self.writes, new, strict=True):
            state._value = value
        return out


def _mode() -> tuple[bool, str]:
    """What decides a trace besides the settings of `environ`."""
    return jax.config.jax_enable_x64, event.preference()  # type: ignore[attr-defined]


def _equal(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, u.Quantity) and isinstance(b, u.Quantity):
        return a.unit == b.unit and bool(np.all(a.mantissa == b.mantissa))
    return type(a) is type(b) and bool(np.all(a == b))


class Programs:
    """The programs made from one function, found again by the signature of the call.

    Parameters
    ----------
    build : callable
        ``build(args)`` traces and returns a `Program`.
    """

    def __init__(self, build: Callable[[Any], Program]):
        self._build = build
        self._table: dict[Any, list[Program]] = {}
        self._only: Program | None = None

    def __call__(self, args: Any) -> Any:
        if self._only is not None and stack.top is None and current_trace() is EAGER:
            try:
                return self._only.call_eagerly(args)
            except OtherSignature:
                pass
        return self._find(args)(args)

    def _find(self, args: Any) -> Program:
        key = signature(args)
        for program in self._table.get(key, ()):
            if program.fits(args):
                return program
        program = self._build(args)
        if program.reusable:
            self._only = program if not self._table else None
            self._table.setdefault(key, []).append(program)
        return program

    def clear(self) -> None:
        """Forget every program."""
        self._table.clear()
        self._only = None


_shared: weakref.WeakKeyDictionary[Any, dict[Any, Programs]] = weakref.WeakKeyDictionary()


def programs_of(fn: Any, key: Any, build: Callable[[Callable, Any], Program]) -> Programs:
    """The programs of a transform that is called anew each time, kept as long as ``fn`` lives.

    Parameters
    ----------
    fn : callable
        The user's function; a bound method counts as its object's.
    key : hashable
        The transform and its options.
    build : callable
        ``build(fn, args)`` returns a `Program`; it must not hold ``fn``.
    """
    function = getattr(fn, '__func__', None)  # a built-in function has `__self__`, its module, but is no method
    owner = fn if function is None else fn.__self__
    key = (key, function)
    try:
        table = _shared.setdefault(owner, {})
    except TypeError:  # not weakly referable: nothing to hang the programs on
        table = {}
    if key not in table:
        ref: Any = _reference(fn) if function is None else weakref.WeakMethod(fn)
        table[key] = Programs(lambda args: build(ref(), args))
    return table[key]


def _reference(fn: Callable) -> Any:
    try:
        return weakref.ref(fn)
    except TypeError:
        return lambda: fn
