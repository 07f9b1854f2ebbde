"""`for_loop` and `scan`: many steps in one compiled loop, with the states as its carry."""

from __future__ import annotations

import functools
import operator
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import event
from .._errors import BrainStateError, ShapeError
from .._tracebacks import entry
from ..event._interrupts import may_listen
from ..state import State
from ._args import name_of, same_type, show_types
from ._lift import Lifted, Trace, lift
from ._program import Program
from ._programs import Programs, shared_programs
from ._progress import as_bar, teller

_CARRY_CHANGED = """\
{where}: {owner} changes inside the loop from {old} to {new}.
A loop carries values of one shape and type: give it the type from the start, or cast before writing."""


@entry
def for_loop(f: Callable, *xs: Any, length: int | None = None, reverse: bool = False, unroll: int = 1, pbar: Any = None) -> Any:
    """Call ``f`` for each step of a compiled loop and stack what it returns.

    Parameters
    ----------
    f : callable
        ``f(*x)`` with one slice of each of ``xs``; without ``xs``, ``f()`` is called ``length``
        times. States that it writes are carried from step to step.
    *xs : pytree of arrays
        All of the same length along the first axis.
    length : int, optional
        Number of steps; needed only without ``xs``.
    reverse : bool
        Run from the last step to the first; results keep the order of ``xs``.
    unroll : int
        Steps to put into one iteration of the compiled loop.
    pbar : ProgressBar or int, optional
        Show progress; a number is that of steps between displays.

    Returns
    -------
    pytree
        The results of ``f`` with a leading axis of the number of steps.

    Raises
    ------
    ShapeError
        If lengths differ or nothing says how many steps to run.
    BrainStateError
        If the shape or type of a state changes inside the loop.
    KeyboardInterrupt
        If it was interrupted (Ctrl-C): states hold what they held before the loop. A native loop (see `explain`) of 10,000 steps or
        more, without ``pbar``, ends at once when it is called in the main thread and outside of other transforms; else it is heard
        when the loop has ended.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> total = bst.State(jnp.zeros(()))
    >>> def add(x):
    ...     total.value += x
    ...     return total.value
    >>> bst.transform.for_loop(add, jnp.arange(4.))
    Array([0., 1., 3., 6.], dtype=float32)
    """
    return loop(f, (), xs, call_step, length, reverse, unroll, pbar=pbar)[1]


@entry
def scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, *, reverse: bool = False, unroll: int = 1, pbar: Any = None
) -> tuple[Any, Any]:
    """``jax.lax.scan`` for functions that read and write states.

    Parameters
    ----------
    f : callable
        ``f(carry, x) -> (carry, y)``.
    init : pytree of arrays
        The first carry.
    xs : pytree of arrays, optional
        All of the same length along the first axis.
    length, reverse, unroll, pbar
        As in `for_loop`.

    Returns
    -------
    carry : pytree
        After the last step.
    ys : pytree
        The results of the steps, stacked.

    Raises
    ------
    ShapeError, BrainStateError, KeyboardInterrupt
        As `for_loop`, also for the carry.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> total = bst.State(jnp.array(0.))
    >>> def step(carry, x):
    ...     total.value += x
    ...     return carry + 1, total.value
    >>> bst.transform.scan(step, 0, jnp.arange(3.))
    (Array(3, dtype=int32), Array([0., 1., 3.], dtype=float32))
    """
    return loop(f, init, xs, call_scan_body, length, reverse, unroll, pbar=pbar)


def call_step(f: Callable, args: Any) -> Any:
    """A step of `for_loop`, as a step of `loop`."""
    return (), f(*args[1])


def call_scan_body(f: Callable, args: Any) -> Any:
    """A step of `scan`, as a step of `loop`."""
    out = f(*args)
    if not (isinstance(out, tuple) and len(out) == 2):
        raise TypeError(f'{name_of(f)}: a scan body returns (carry, y), but it returned {type(out).__name__}.')
    return out


@dataclass(frozen=True)
class Plain:
    """One compiled loop over all steps of ``body(same, carry, x)``; ``same`` are the arrays that every step reads.

    Attributes
    ----------
    listens : bool
        Whether Ctrl-C ends it.
    """

    listens: bool = False

    def __call__(
        self, body: Callable, same: Any, init: Any, xs: Any, length: int, reverse: bool, unroll: int, tell: Callable | None
    ) -> tuple[Any, Any]:
        step = functools.partial(body, same)
        return event.scan(step, init, xs, length, reverse=reverse, unroll=unroll, tell=tell, listens=self.listens)


class _Loops(threading.local):
    called = 0


_loops = _Loops()


def loop(
    f: Callable,
    init: Any,
    xs: Any,
    call: Callable,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
    *,
    scan: Callable | None = None,
    pbar: Any = None,
) -> tuple[Any, Any]:
    """Scan ``call(f, (carry, x)) -> (carry, y)``."""
    steps = steps_of(f, xs, length)
    scan = Plain(pbar is None and may_listen(steps)) if scan is None else scan
    return loops(f, call, steps, reverse, unroll, scan=scan, pbar=pbar)(f, (init, xs))


def loops(
    f: Callable, call: Callable, length: int, reverse: bool = False, unroll: int = 1, *, scan: Callable, pbar: Any = None
) -> Programs:
    """The programs of `loop`, to be called with ``f, (init, xs)``; ``call`` and ``scan`` are compared, so that they are found again."""
    bar = as_bar(pbar)
    _loops.called += 1

    def build(f: Callable, args: Any) -> Program:
        init, xs = args
        first = jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x)[1:], jax.typeof(x).dtype, weak_type=jax.typeof(x).weak_type), xs)
        called = _loops.called
        trace = Trace(name_of(f), defers=True)
        lifted = lift(f, (init, first), call, trace=trace)
        dt = lifted.static.get('dt') if _loops.called == called else None  # a step with a loop inside is no step of the clock
        # what the body writes before it reads is a result only: it may have had another type before
        touched = lifted.reads if length else lifted.touched
        check_carry(lifted, lifted.avals[0][0], init, touched)
        made = dict(zip(lifted.writes, lifted.avals[1], strict=True))
        only_read = [s for s in lifted.reads if s not in made]
        tell = None if bar is None else teller(bar, length, dt)

        def pure(values: Any, settings: Any, captured: Any, args: Any) -> Any:
            start = dict(zip(touched, values, strict=True))

            def body(same: Any, carry: Any, x: Any) -> Any:
                (kept, settings, captured), (carried, user_carry) = same, carry
                now = dict(zip(only_read, kept, strict=True)) | dict(zip(lifted.writes, carried, strict=True))
                (user_carry, y), new = lifted.pure([now[s] for s in lifted.reads], settings, captured, (user_carry, x))
                return (new, user_carry), y

            same = [start[s] for s in only_read], settings, captured
            carry = [start[s] if s in start else _zeros(made[s]) for s in lifted.writes], args[0]
            (new, user_carry), ys = scan(body, same, carry, args[1], length, reverse, unroll, tell)
            return (user_carry, ys), new

        if trace.checks:
            program = _checked_first(pure, lifted, touched, trace.checks, args)
        else:
            program = Program(pure, lifted, touched, lifted.writes, args)
        program.listens = getattr(scan, 'listens', False)
        return program

    return shared_programs(f, (call, length, reverse, unroll, scan, bar), build)


def _checked_first(pure: Callable, lifted: Lifted, touched: Sequence[State], checks: Sequence[Callable[[], None]], args: Any) -> Program:
    """The program of a loop that makes checks before it, of states that its steps do not write."""

    def check_all() -> None:
        for check in checks:
            check()

    first = lift(check_all, (), where=lifted.where)
    reads = tuple(dict.fromkeys((*first.reads, *touched)))
    writes = tuple(dict.fromkeys((*first.writes, *lifted.writes)))
    keys = tuple(dict.fromkeys((*first.settings, *lifted.settings)))  # as the program orders them

    def both(values: Any, settings: Any, captured: Any, args: Any) -> Any:
        now, setting = dict(zip(reads, values, strict=True)), dict(zip(keys, settings, strict=True))
        _, flags = first.pure([now[s] for s in first.reads], [setting[key] for key in first.settings], captured[0], ())
        now.update(zip(first.writes, flags, strict=True))
        out, new = pure([now[s] for s in touched], [setting[key] for key in lifted.settings], captured[1], args)
        now.update(zip(lifted.writes, new, strict=True))
        return out, [now[s] for s in writes]

    return Program(both, [first, lifted], reads, writes, args)


def steps_of(f: Callable, xs: Any, length: int | None) -> int:
    """The number of steps, from the leading axes of ``xs`` or from ``length``."""
    if length is not None:
        try:
            length = operator.index(length)
        except TypeError:
            raise ShapeError(f'{name_of(f)}: length must be an integer, but is a {type(length).__name__}: {length!r}.') from None
    shapes = [np.shape(x) for x in jax.tree.leaves(xs)]
    if () in shapes:
        raise ShapeError(f'{name_of(f)}: every array that is looped over needs a leading axis of steps, but one is a scalar.')
    lengths = {shape[0] for shape in shapes} | ({length} if length is not None else set())
    if not lengths:
        raise ShapeError(f'{name_of(f)}: nothing says how many steps to run; pass arrays to loop over, or `length=`.')
    if len(lengths) > 1:
        given = '' if length is None else f' and length={length}'
        raise ShapeError(f'{name_of(f)}: the number of steps is not clear: leading axes {[s[0] for s in shapes]}{given} differ.')
    steps = int(lengths.pop())
    if steps < 0:
        raise ShapeError(f'{name_of(f)}: the number of steps is {steps}, but must be zero or more.')
    return steps


def _zeros(avals: Any) -> Any:
    return jax.tree.map(lambda aval: jnp.zeros(aval.shape, aval.dtype), avals)


def check_carry(lifted: Lifted, carry: Any, init: Any, carried: Sequence[State]) -> None:
    """Raise before XLA does when a carried value or a state changes its shape or type."""
    pairs = [(s.label, s.peek(), after) for s, after in zip(lifted.writes, lifted.avals[1], strict=True) if s in carried]
    for owner, before, after in [*pairs, ('the carry', init, carry)]:
        if not same_type(before, after):
            raise BrainStateError(_CARRY_CHANGED.format(where=lifted.where, owner=owner, old=show_types(before), new=show_types(after)))
