"""Short tracebacks: the lines of the user, and at the end the one of this package that found the mistake."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any, TypeVar

import jax

from ._errors import BrainStateError

_OWN = __name__.partition('.')[0]
_INSIDE = frozenset({_OWN, 'jax', 'jaxlib', 'brainunit', 'saiunit', 'contextlib', 'functools'})
_FOUND = (BrainStateError, TypeError, ValueError, NotImplementedError, AttributeError, IndexError)  # raised for mistakes of users
_OF_JAX = 'JAX has removed its internal frames'

T = TypeVar('T')
Fn = TypeVar('Fn', bound=Callable[..., Any])


def entry(fn: Fn) -> Fn:
    """Shorten the traceback of errors that leave a function which users call.

    Nothing is left out where JAX's setting ``traceback_filtering`` is ``'off'``.
    """

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except Exception as error:
            shorten(error)
            raise

    return call  # type: ignore[return-value]


def entries(cls: type[T]) -> type[T]:
    """Shorten the traceback of errors that leave the constructor and the public methods of a class."""
    for name, value in list(vars(cls).items()):
        if isinstance(value, types.FunctionType) and (name == '__init__' or name[0] != '_'):
            setattr(cls, name, entry(value))
    return cls


def shorten(error: BaseException) -> None:
    """Leave out the frames of this package and of JAX but the last, where the mistake was found; also for the errors behind this one.

    Errors of kinds that are not raised for mistakes of users keep all that this package did at the end: they may be faults of its own.
    """
    if getattr(jax.config, 'jax_traceback_filtering', 'auto') == 'off':
        return
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        one.__traceback__ = _chain(_kept(one))
        if hasattr(one, '__notes__'):
            one.__notes__ = [note for note in one.__notes__ if _OF_JAX not in note]
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _kept(error: BaseException) -> list[types.TracebackType]:
    """The entries of a traceback that stay."""
    entries, entry = [], error.__traceback__
    while entry is not None:
        entries.append(entry)
        entry = entry.tb_next
    rooms = [str(x.tb_frame.f_globals.get('__name__')).partition('.')[0] for x in entries]
    users = [x for x, room in zip(entries, rooms, strict=True) if room not in _INSIDE]
    after = max((k for k, room in enumerate(rooms) if room not in _INSIDE), default=-1) + 1
    own = [x for x, room in zip(entries[after:], rooms[after:], strict=True) if room == _OWN]
    return users + (own[-1:] if isinstance(error, _FOUND) else own)


def _chain(entries: list[types.TracebackType]) -> types.TracebackType | None:
    found = None
    for x in reversed(entries):
        found = types.TracebackType(found, x.tb_frame, x.tb_lasti, x.tb_lineno)
    return found
