"""`checkify` and `debug_nan`: checks that work inside compiled functions."""

from __future__ import annotations

import contextlib
import inspect
import os
import traceback
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import checkify as _checkify

from .. import event
from .._errors import NanError, TraceContextError
from .._frames import EAGER, current_trace
from .._tracebacks import entry
from ..state import State, Undo
from ._args import ARRAYS, Static, name_of
from ._error_if import error_if
from ._lift import lift
from ._made import Made
from ._program import Program
from ._programs import programs_of

all_checks = _checkify.all_checks
automatic_checks = _checkify.automatic_checks
div_checks = _checkify.div_checks
float_checks = _checkify.float_checks
index_checks = _checkify.index_checks
nan_checks = _checkify.nan_checks
user_checks = _checkify.user_checks
check = _checkify.check
check_error = _checkify.check_error

_MACHINERY = tuple(os.path.dirname(path) + os.sep for path in (jax.__file__, u.__file__, inspect.getfile(u.Quantity), __file__))
_KNOWN = (int, float, complex, np.generic)
_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep


@entry
def checkify(fun: Callable, errors: Any = user_checks) -> Callable:
    """``jax.experimental.checkify.checkify`` for functions that read and write states.

    The error is a value, so this works inside `jit`, `for_loop` and the other transforms. States are
    written with what the program computed, failed check or not, since only later the error is looked at;
    `debug_nan` puts them back.

    Parameters
    ----------
    fun : callable
        May call `check` on conditions that are known only when the program runs.
    errors : set of error categories
        One of ``user_checks``, ``nan_checks``, ``div_checks``, ``index_checks``, ``float_checks``,
        ``automatic_checks``, ``all_checks``, or a union of them. Others than ``user_checks`` look at
        single operations, so XLA takes the place of native functions.

    Returns
    -------
    callable
        With the arguments of ``fun``; it returns ``(error, out)``, and ``error.throw()`` raises if a check failed.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> level = bst.State(1.)
    >>> def drain(x):
    ...     level.value -= x
    ...     bst.transform.check(level.value >= 0., 'the level is {x}', x=level.value)
    >>> print(bst.transform.checkify(drain)(3.)[0].get().splitlines()[0])
    the level is -2.0 (`check` failed)
    """

    def build(fun: Callable, args: Any) -> Program:
        # checks of single operations do not see into native functions
        with event.use_backend('xla') if errors - user_checks else contextlib.nullcontext():
            lifted = lift(fun, args, call=lambda fn, args: fn(*args[0], **args[1]))

        def pure(*inputs: Any) -> Any:
            error, (out, new) = _checkify.checkify(lifted.pure, errors)(*inputs)
            return (error, out), new

        return Program(pure, lifted, lifted.reads, lifted.writes, args)

    def checked(*args: Any, **kwargs: Any) -> Any:
        return programs_of(fun, ('checkify', errors), build)((args, kwargs))

    return Made(checkify, fun, {'errors': errors}, checked, f'checkify({name_of(fun)[1:-1]})', ('checkify', errors))


@entry
def debug_nan(fn: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call a function, and raise if a NaN appears anywhere in it, saying where.

    Every operation is checked, so also a NaN that is masked afterwards is found. The program is
    compiled, and slower than without checks.

    Parameters
    ----------
    fn : callable
        A function that may read and write states; compiled once for each signature.
    *args, **kwargs
        Its arguments. Arrays among them are traced; numbers of Python, also with a unit, are known to it:
        ``debug_nan(run, step, 10. * u.ms)``.

    Returns
    -------
    pytree
        What ``fn`` returns; the states that it writes are written.

    Raises
    ------
    NanError
        If a NaN appears. It names the operation, the source line, and results and states that hold a NaN.
        States hold what they held before the call.
    TraceContextError
        If called inside of another transform, where there are no values to look at.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.transform.debug_nan(lambda x: jnp.log(x), -1.)
    Traceback (most recent call last):
    brainpy_state._errors.NanError: `<lambda>`: `log` gave a NaN at ...
    """
    return _checked(name_of(fn), fn, args, kwargs)


def guarded(where: str, run: Callable, args: tuple, kwargs: dict, watched: Callable[[Any], Any]) -> Any:
    """Call ``run``; if there is a NaN in what ``watched`` picks from the result, put the states back and say where it comes from.

    Inside of a transform, the error comes when the outermost compiled call ends, and does not say where.
    """
    if current_trace() is not EAGER:
        out = run(*args, **kwargs)
        numbers = [x for x in jax.tree.leaves(watched(out)) if jnp.issubdtype(jnp.result_type(x), jnp.inexact)]
        spoilt = jnp.stack([jnp.isnan(x).any() for x in numbers]).any() if numbers else jnp.zeros((), bool)
        error_if(spoilt, NanError, f'{where}: NaN is in the result. Call it outside of transforms to see which operation made it.')
        return out
    undo = _Before()
    with undo:
        out = run(*args, **kwargs)
    if not _nans(watched(out)):
        return out
    undo.restore()
    return _checked(where, run, args, kwargs)


def _checked(where: str, fn: Callable, args: tuple, kwargs: dict) -> Any:
    _need_values(where)
    undo = _Before()
    with undo:
        given, named = jax.tree.map(lambda x: Static(x) if isinstance(x, _KNOWN) else x, (args, kwargs))
        error, out = checkify(fn, nan_checks)(*given, **named)
    spoilt = [f'the result{path}' for path in _nans(out)] + [s.label for s in undo.before if _nans(s.value)]
    if error.get() is None and not spoilt:
        return out
    undo.restore()
    brought = [f'argument {path}' for path in _nans(args)] + [f'argument {path}' for path in _nans(kwargs)]
    brought += [s.label for s in undo.touched if _nans(s.value)]
    raise NanError(_message(where, error, spoilt, brought))


class _Before(Undo):
    """Remembers which states were used, too."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: dict[State, None] = {}

    def read(self, state: State) -> Any:
        self.touched[state] = None
        return super().read(state)


def _need_values(where: str) -> None:
    if current_trace() is not EAGER:
        raise TraceContextError(
            f'{where}: looking for NaN needs values, which there are none of inside of a transform. '
            'Call it outside, or use checkify, whose error is a value.'
        )


def _nans(tree: Any) -> list[str]:
    """Paths of the arrays that hold a NaN."""
    found = []
    for path, x in jax.tree_util.tree_leaves_with_path(tree):
        dtype = getattr(x, 'dtype', None) or (jnp.result_type(x) if isinstance(x, ARRAYS) else None)
        if dtype is not None and jnp.issubdtype(dtype, jnp.inexact) and bool(jnp.isnan(x).any()):
            found.append(jax.tree_util.keystr(path))
    return found


def _message(where: str, error: Any, spoilt: list[str], brought: list[str]) -> str:
    lines = [f'{where}: {_origin(error)}']
    lines.append(f'NaN is in {", ".join(spoilt)}.' if spoilt else 'No result and no state that was written holds a NaN.')
    if brought:
        lines.append(f'Before the call, there was a NaN in {", ".join(brought)} already.')
    return '\n'.join([*lines, 'States were put back to what they held before.'])


def _origin(error: Any) -> str:
    if error.get() is None:
        return 'a NaN came out that no checked operation made; it was there before, or is written as a constant.'
    try:
        error.throw()
    except _checkify.JaxRuntimeError as raised:
        cause: Any = raised.__cause__
    primitive = str(cause).removeprefix('nan generated by primitive: ').rstrip('.')
    frames = [f for f in traceback.extract_tb(cause.__traceback__) if not f.filename.startswith(_MACHINERY)]
    if not frames:
        return f'`{primitive}` gave a NaN.'
    told = f'`{primitive}` gave a NaN at {_show(frames[-1])}'
    callers = [f for f in frames if not f.filename.startswith(_PACKAGE)]
    return told if not callers or callers[-1] is frames[-1] else f'{told}\ncalled at {_show(callers[-1])}'


def _show(frame: traceback.FrameSummary) -> str:
    return f'{frame.filename}:{frame.lineno} in {frame.name}: {(frame.line or "").strip()}'
