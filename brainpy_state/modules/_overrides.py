"""Methods that a model gives to its base: what they must take, and what they must leave as it is."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import brainunit as u
import numpy as np

from .._errors import ModelError, ShapeError, UnitError

if TYPE_CHECKING:
    from ._dynamics import Dynamics


def check_overrides(cls: type[Dynamics]) -> None:
    """Raise `ModelError` where a method cannot be called as that of the base is, with the same arguments in the same order."""
    for name in cls.gives:
        first = next(vars(base)[name] for base in reversed(cls.__mro__) if name in vars(base).get('gives', ()))
        raw = inspect.getattr_static(cls, name)
        if raw is first:
            continue
        if not callable(getattr(cls, name)):
            raise ModelError(f'{cls.__name__}: {name} must be a method, but is {getattr(cls, name)!r}.')
        if isinstance(raw, (staticmethod, classmethod)):
            continue
        given, expected = inspect.signature(raw), inspect.signature(first)
        wanted = list(expected.parameters)
        places = {p.name: i for i, p in enumerate(given.parameters.values())}
        try:
            given.bind(*wanted)
            moved = any(places.get(p, i) != i for i, p in enumerate(wanted))
        except TypeError:
            moved = True
        if moved:
            raise ModelError(
                f'{cls.__name__}: {name}({", ".join(given.parameters)}) does not take what it is called with; '
                f'write {name}({", ".join(wanted)}).'
            )


@contextmanager
def keeping_variables(model: Dynamics, method: str) -> Iterator[None]:
    """Raise, and put them back, if a method gives the variables of a model another unit or shape."""
    before = {name: vars(model)[name] for name in model.variables if name in vars(model)}
    values = {name: state.value for name, state in before.items()}
    yield
    for name, old in values.items():
        new = before[name].value
        units, shapes = (tuple(f(x) for x in (old, new)) for f in (u.get_unit, lambda x: np.shape(u.get_mantissa(x))))
        if units[0].dim == units[1].dim and shapes[0] == shapes[1]:
            continue
        for each, state in before.items():
            state.value = values[each]
        if shapes[0] != shapes[1]:
            raise ShapeError(f'{model.label}: {method} gives {name} the shape {shapes[1]}, but it has {shapes[0]}.')
        has, needs = ('no unit' if unit.is_unitless else f'the unit {unit}' for unit in reversed(units))
        raise UnitError(f'{model.label}: {method} gives {name} {has}, but it has {needs}.')
