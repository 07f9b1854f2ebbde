"""Functions that also take their arguments under older names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def renamed(function: Callable, **older: str | None) -> Callable:
    """A function that also knows arguments by ``older`` names, as ``older=new``.

    With None in the place of the new name, an argument says how the function does what it does anyway, and is dropped.

    Raises
    ------
    TypeError
        If an argument is given under both names.
    """

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        for old in older.keys() & kwargs.keys():
            value, new = kwargs.pop(old), older[old]
            if new is None:
                continue
            if new in kwargs:
                raise TypeError(f'{function.__name__}: {old} and {new} are one argument; give it once.')
            kwargs[new] = value
        return function(*args, **kwargs)

    return called
