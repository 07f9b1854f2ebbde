"""The names of ``brainstate.util.filter``: filters that also know a tag which is a text, as objects of a script have it."""

from __future__ import annotations

import dataclasses
import typing

from ....state import filter as _core

Everything, Nothing = _core.Everything, _core.Nothing


def to_predicate(filter: typing.Any) -> typing.Any:
    """See `brainpy_state.filter.to_predicate`."""
    if isinstance(filter, str):
        return WithTag(filter)
    if isinstance(filter, type):
        return OfType(filter)
    return Any(*filter) if isinstance(filter, (list, tuple)) else _core.to_predicate(filter)


@dataclasses.dataclass(frozen=True, repr=False)
class WithTag(_core.WithTag):
    """Objects whose ``tag`` is, or holds, a text."""

    def __call__(self, path: typing.Any, x: typing.Any) -> bool:
        """Whether it is so."""
        tag = getattr(x, 'tag', None)
        return tag == self.tag if isinstance(tag, str) else isinstance(tag, (set, frozenset, list, tuple)) and self.tag in tag

    def __repr__(self) -> str:
        return f'WithTag({self.tag!r})'


@dataclasses.dataclass(frozen=True, repr=False)
class OfType(_core.OfType):
    """See `brainpy_state.filter.OfType`."""

    def __repr__(self) -> str:
        return f'OfType({self.type!r})'


@dataclasses.dataclass(frozen=True, repr=False)
class PathContains(_core.PathContains):
    """See `brainpy_state.filter.PathContains`."""

    def __repr__(self) -> str:
        return f'PathContains({self.key!r})'


class Any(_core.Any):
    """See `brainpy_state.filter.Any`."""

    def __init__(self, *filters: typing.Any):
        super().__init__(*map(to_predicate, filters))


class All(_core.All):
    """See `brainpy_state.filter.All`."""

    def __init__(self, *filters: typing.Any):
        super().__init__(*map(to_predicate, filters))


class Not(_core.Not):
    """See `brainpy_state.filter.Not`."""

    def __init__(self, filter: typing.Any):
        super().__init__(to_predicate(filter))
