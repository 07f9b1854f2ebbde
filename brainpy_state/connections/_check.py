"""Checks that the connection rules share; each failure is one line that begins with the rule."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._errors import ParameterError
from ..random._keys import Seed, check_seed
from . import _sampling

_LIMIT = 2**31  # of what 32-bit indices can number


def sizes(rule: str, pre: Any, post: Any) -> tuple[int, int]:
    for name, n in (('pre', pre), ('post', post)):
        if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or not 0 <= n < _LIMIT:
            raise ParameterError(f'{rule}: {name} = {n!r} must be a number of neurons.')
    return int(pre), int(post)


def same_sizes(rule: str, pre: Any, post: Any) -> tuple[int, int]:
    pre, post = sizes(rule, pre, post)
    if pre != post:
        raise ParameterError(f'{rule}: {post} targets for {pre} sources; the populations must have the same size.')
    return pre, post


def probability(rule: str, p: Any) -> float:
    if not 0 <= _real(p) <= 1:
        raise ParameterError(f'{rule}: p = {p!r} must be a probability, from 0 to 1.')
    return float(p)


def number(rule: str, name: str, n: Any) -> int:
    if not (_real(n) >= 0 and _real(n).is_integer()):
        raise ParameterError(f'{rule}: {name} = {n!r} must be a whole number, zero or more.')
    return int(n)


def synapses(rule: str, n: float) -> None:
    """That a rule can make about this many."""
    if n >= _LIMIT:
        raise ParameterError(
            f'{rule}: {n:,.0f} synapses are too many for one connection, whose limit is 2**31 - 1 = {_LIMIT - 1:,}; '
            'split the targets over several.'
        )


def slots(rule: str, length: int, post: int) -> None:
    """That a ring of so many steps has numbers for all its slots."""
    if length * post >= 2**31:
        raise ParameterError(
            f'{rule}: {length} steps of delay onto {post} neurons are more than 2**31 slots; lower the longest delay, or split the targets '
            'over several.'
        )


def weight_shape(where: str, found: tuple[int, ...], synapses: int, matrix: tuple[int, ...] | None = None) -> str:
    """What is wrong with weights of this shape."""
    other = f', or of shape {matrix}' if matrix else ''
    return f'{where}: weight has shape {found}, expected one number or one for each of the {synapses} synapses{other}.'


def _real(x: Any) -> float:
    """A plain number as such, anything else as one that passes no check."""
    try:
        return math.nan if isinstance(x, (str, bool)) else float(x)
    except TypeError:
        return math.nan


def seed(rule: str, given: Seed) -> Seed:
    """A seed; where none is given, one that is drawn."""
    check_seed(given, rule)
    return _sampling.concrete(given)
