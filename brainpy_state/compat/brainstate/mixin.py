"""The names of ``brainstate.mixin``, for classes that inherit from them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .._described import HashableDict as HashableDict
from .._described import ParamDesc as ParamDesc
from .._described import ParamDescriber as ParamDescriber
from .._described import hashable as hashable
from .._missing import missing
from .._outputs import BindCondData as BindCondData
from .._several import JointTypes as JointTypes
from .._several import OneOfTypes as OneOfTypes


class Mixin:
    """Marks classes that add something to others."""


class AlignPost(Mixin):
    """Marks what takes input at the target, by a method of its own."""

    def align_post_input_add(self, *args: Any, **kwargs: Any) -> None:
        """Take input; for subclasses."""
        raise NotImplementedError(f'{type(self).__name__} is to write align_post_input_add.')


def not_implemented(func: Callable) -> Callable:
    """Let a function raise NotImplementedError, and mark it by an attribute ``not_implemented``."""

    @functools.wraps(func)
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f'{func.__name__} is not implemented.')

    refuse.not_implemented = True  # type: ignore[attr-defined]
    return refuse


def is_not_implemented(fn: Any) -> bool:
    """Whether a function is marked so."""
    return bool(getattr(fn, 'not_implemented', False))


class Mode(Mixin):
    """How a model is used; modes of one class are equal."""

    def __repr__(self) -> str:
        return type(self).__name__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mode) and type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    def is_a(self, mode: Any) -> bool:
        """Whether it is of exactly this class, or of the only one of `JointTypes`."""
        return type(self) is mode

    def has(self, mode: Any) -> bool:
        """Whether it is of this class, or of one derived from it."""
        return isinstance(self, mode)


class Training(Mode):
    """To be trained."""


class Batching(Mode):
    """With a batch.

    Parameters
    ----------
    batch_size, batch_axis : int
        How many, and along which axis.
    """

    def __init__(self, batch_size: int = 1, batch_axis: int = 0):
        self.batch_size, self.batch_axis = batch_size, batch_axis

    def __repr__(self) -> str:
        return f'{type(self).__name__}(batch_size={self.batch_size}, batch_axis={self.batch_axis})'


class JointMode(Mode):
    """Several modes at once, whose attributes it has.

    Parameters
    ----------
    *modes : Mode
        They.

    Raises
    ------
    TypeError
        If one is no mode.
    """

    def __init__(self, *modes: Mode):
        for mode in modes:
            if not isinstance(mode, Mode):
                raise TypeError(f'JointMode: a mode is expected, but {mode!r} was given.')
        self.modes = modes
        self.types = {type(mode) for mode in modes}

    def __repr__(self) -> str:
        return f'JointMode({", ".join(map(repr, self.modes))})'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JointMode) and self.types == other.types

    def __hash__(self) -> int:
        return hash(frozenset(self.types))

    def is_a(self, cls: Any) -> bool:
        """Whether its modes are exactly of these classes, one or `JointTypes`."""
        return JointTypes(*self.types) == cls

    def has(self, mode: Any) -> bool:
        """Whether one of its modes is of this class, or all of those of `JointTypes` are there."""
        wanted = getattr(mode, '__args__', (mode,))
        return all(any(issubclass(kind, w) for kind in self.types) for w in wanted)

    def __getattr__(self, item: str) -> Any:
        for mode in vars(self).get('modes', ()):
            if hasattr(mode, item):
                return getattr(mode, item)
        raise AttributeError(f'{type(self).__name__} has no attribute {item!r}, nor has one of its modes.')


__getattr__ = missing(__name__, globals())
