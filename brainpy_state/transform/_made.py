"""Functions that transforms make of others: copied and pickled as what they were made from."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from .._tracebacks import entry


class Remade:
    """What is made from a function and options, with programs that stay behind when it is copied or pickled."""

    _made_from: tuple[tuple, dict[str, Any]]

    def __getstate__(self) -> Any:
        return self._made_from

    def __setstate__(self, made_from: tuple[tuple, dict[str, Any]]) -> None:
        args, options = made_from
        self.__init__(*args, **options)  # type: ignore[misc]


class Made(Remade):
    """A function that a transform returns.

    Parameters
    ----------
    transform : callable
        The transform, a function of the user's function and options; it returns another one of these.
    fn : callable
        The user's function.
    options : dict
        Of the transform, by name.
    call : callable
        What to do when it is called; found anew by the transform in a copy.
    name : str
        For messages.
    key : hashable, optional
        What, with the function, says which programs are its.
    """

    def __init__(
        self, transform: Callable, fn: Callable, options: dict[str, Any], call: Callable | None = None, name: str = '', key: Any = None,
    ):  # fmt: skip
        self._made_from = (transform, fn, options), {}
        if call is None:  # a copy
            vars(self).update(vars(transform(fn, **options)))
            return
        self.__wrapped__, self._call = fn, call
        self.__name__ = self.__qualname__ = name
        if key is not None:
            self.stands_for = fn, key

    @entry
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def __get__(self, obj: Any, owner: type) -> Any:
        return self if obj is None else types.MethodType(self, obj)

    def __repr__(self) -> str:
        return f'<{self.__name__}>'
