"""Conditions on parameters: checked at once where values are known, and when the program runs where they are not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import brainunit as u
import jax
import jax.extend.core as jex_core
import numpy as np

from .._errors import ParameterError
from .._frames import EAGER, current_trace
from ..numerics import brief
from ..state import State
from ..transform._error_if import error_if
from ..transform._lift import innermost
from ._param import Param

_SHOWN = 4  # as many numbers of a traced value come with an error

_PYTHON_IF = """\
{label}.check() asks for the value of a parameter that is a state, or traced: use `self.require(condition, text)` or
`self.require_above(...)` instead of `if`, which also work when a compiled function runs."""


class _Checking(threading.local):
    """The model whose `check` is running in this thread, and the parameters that it has read."""

    model: Any = None
    names: dict[str, None]


_checking = _Checking()


def trained_state(value: Any) -> State | None:
    """The state behind a parameter that can change without being assigned; None for a number."""
    if isinstance(value, Param):
        return value.val if value.fit else None
    return value if isinstance(value, State) else None


def read(value: Any) -> Any:
    """The value of a parameter: a number, a state or a `Param`."""
    return value.value if isinstance(value, State) else value.value() if isinstance(value, Param) else value


def in_check(model: Any, name: str) -> bool:
    """Whether a parameter is read by the model's own `check`, which takes note of it."""
    if _checking.model is not model:
        return False
    _checking.names[name] = None
    return True


def related(model: Any) -> tuple[str, ...]:
    """Run the model's `check`; returns the parameters that it has looked at."""
    outer = vars(_checking).copy()
    _checking.model, _checking.names = model, {}
    try:
        model.check()
        return tuple(_checking.names)
    except jax.errors.ConcretizationTypeError as error:
        error.add_note(_PYTHON_IF.format(label=model.label))
        raise
    finally:
        _checking.model = outer.get('model')
        _checking.names = outer.get('names', {})


def verify(model: Any, name: str) -> None:
    """Check a parameter that is a state, where it is read, and its relations to others.

    In a function that is being traced this becomes a part of the program, once for each value, and before the first step of a loop
    that does not write the state; inside of a transform of JAX itself nothing can raise, so there is no check.
    """
    own, relations = vars(model), vars(model).get('_related', ())
    names = (name, *(n for n in relations if n != name)) if name in relations else (name,)
    states = [state for n in names if (state := trained_state(own[n])) is not None]

    def check() -> None:
        model.parameters[name].check(model, read(own[name]))
        if name in relations:
            related(model)

    frame = innermost()
    if frame is None:
        if current_trace() is EAGER:
            check()
    elif frame.first((model, name), [state.peek() for state in states]) and not frame.defer(check, states):
        with _trace_of(frame, states) as can_raise:
            if can_raise:
                check()


@contextmanager
def _trace_of(frame: Any, states: list[State]) -> Iterator[bool]:
    """The trace in which a check of these states is computed, and whether there is one that can raise."""
    if current_trace() is frame.trace:
        yield True
    elif any(frame.owns(state._home) for state in states):  # made inside of a transform of JAX itself, whose values are of that
        yield False
    else:
        with jex_core.set_current_trace(frame.trace):
            yield True


def require(holds: Any, text: str, *values: Any, error: type[Exception] = ParameterError) -> None:
    """Raise unless a condition holds everywhere; when the program runs, where it is traced.

    Parameters
    ----------
    holds : bool, any shape
        The condition.
    text : str
        The message, with ``{}`` for each of ``values``, as in ``str.format``.
    *values : quantity, number, array or str
        Values for the message; long arrays are shown by their shape.
    error : type of exception
        Its class.
    """
    if not isinstance(holds, jax.core.Tracer):
        if not np.all(holds):
            raise error(text.format(*map(brief, values)))
        return
    frame = innermost()
    if frame is None or current_trace() is not frame.trace:
        return  # a transform of JAX itself, where nothing can raise
    shown, args = [], []
    for x in values:
        number = u.get_mantissa(x)
        if isinstance(number, jax.core.Tracer) and np.size(number) <= _SHOWN:
            shown.append('{}')
            args.append(x)
        else:
            shown.append(brief(x))
    if args:
        shown = [x if x == '{}' else x.replace('{', '{{').replace('}', '}}') for x in shown]
    error_if(~holds, error, text.format(*shown), *args)


def exact(*values: Any) -> Any:
    """Where to compute a condition on values: at once, also while a function is traced, unless one of them is traced."""
    if any(isinstance(u.get_mantissa(x), jax.core.Tracer) for x in values):
        return nullcontext()
    return jax.ensure_compile_time_eval()
