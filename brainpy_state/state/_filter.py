"""Filters: which of many states (or other objects) at their paths are meant.

Wherever a filter is taken, all of these are: a class, a tag, a predicate of path and object, a list
or tuple of filters (any of them), ``True`` or ``...`` (everything), ``False`` or ``None`` (nothing).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import EllipsisType
from typing import Any as _Any

from jax.tree_util import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey

__all__ = ['All', 'Any', 'Everything', 'Not', 'Nothing', 'OfType', 'PathContains', 'WithTag', 'to_predicate']

Predicate = Callable[[_Any, _Any], bool]
Filter = type | str | Predicate | bool | EllipsisType | None | list | tuple

_PARTS = {DictKey: ('key',), FlattenedIndexKey: ('key',), SequenceKey: ('idx',), GetAttrKey: ('name',)}
_ALLOWED = (
    'A filter is a class, a tag (str), a callable `f(path, x) -> bool`, True or ... (everything), '
    'False or None (nothing), or a list or tuple of filters (any of them)'
)


def to_predicate(filter: Filter) -> Predicate:
    """Turn what a user may give as a filter into a function of path and object.

    Parameters
    ----------
    filter : type, str, callable, bool, ``...``, None, list or tuple
        A class, a tag, a predicate ``f(path, x)``, everything or nothing, or any of several filters.

    Returns
    -------
    callable
        ``predicate(path, x) -> bool``.

    Raises
    ------
    TypeError
        If ``filter`` is something else.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> is_weight = bst.filter.to_predicate([bst.ParamState, 'trained'])
    >>> is_weight(('w',), bst.ParamState(1.)), is_weight(('w',), bst.State(1., tag='trained')), is_weight(('w',), bst.State(1.))
    (True, True, False)
    """
    if filter is True or filter is ...:
        return Everything()
    if filter is False or filter is None:
        return Nothing()
    if isinstance(filter, type):
        return OfType(filter)
    if isinstance(filter, str):
        return WithTag(filter)
    if isinstance(filter, (list, tuple)):
        return Any(*filter)
    if callable(filter):
        return filter
    raise TypeError(f'{_ALLOWED}, but a {type(filter).__name__} was given: {filter!r}')


@dataclasses.dataclass(frozen=True)
class OfType:
    """Objects of a class, or of one derived from it; also states of the class that were taken apart."""

    type: type

    def __call__(self, path: _Any, x: _Any) -> bool:
        kind = getattr(x, 'type', None)  # of a `TreefyState`
        return isinstance(x, self.type) or (isinstance(kind, type) and issubclass(kind, self.type))


@dataclasses.dataclass(frozen=True)
class WithTag:
    """Objects that carry a tag."""

    tag: str

    def __post_init__(self) -> None:
        if not isinstance(self.tag, str):
            raise TypeError(f'WithTag: a tag is a text, but is {self.tag!r}.')

    def __call__(self, path: _Any, x: _Any) -> bool:
        tags = getattr(x, 'tag', None)  # of a model's own attribute of this name, a text is no set of tags
        return isinstance(tags, (set, frozenset)) and self.tag in tags


@dataclasses.dataclass(frozen=True)
class PathContains:
    """Objects with a certain part in their path, which may be one of JAX, such as ``DictKey('a')``."""

    key: _Any

    def __call__(self, path: _Any, x: _Any) -> bool:
        return self.key in path or any(getattr(part, name, None) == self.key for part in path for name in _PARTS.get(type(part), ()))


class _Combination:
    """Filters taken together; equal if class and parts are equal."""

    def __init__(self, *filters: Filter):
        self.predicates = tuple(map(to_predicate, filters))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.predicates == vars(other)['predicates']

    def __hash__(self) -> int:
        try:
            return hash((type(self), self.predicates))
        except TypeError:  # of a predicate that cannot be hashed
            return hash(type(self))

    def __repr__(self) -> str:
        return f'{type(self).__name__}({", ".join(map(repr, self.predicates))})'


class Any(_Combination):
    """What at least one of several filters selects; nothing, if there are none."""

    def __call__(self, path: _Any, x: _Any) -> bool:
        return any(predicate(path, x) for predicate in self.predicates)


class All(_Combination):
    """What each of several filters selects; everything, if there are none."""

    def __call__(self, path: _Any, x: _Any) -> bool:
        return all(predicate(path, x) for predicate in self.predicates)


class Not(_Combination):
    """What a filter does not select."""

    def __init__(self, filter: Filter):
        super().__init__(filter)

    def __call__(self, path: _Any, x: _Any) -> bool:
        return not self.predicates[0](path, x)


class Everything(_Combination):
    """Every object."""

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, path: _Any, x: _Any) -> bool:
        return True


class Nothing(_Combination):
    """No object."""

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, path: _Any, x: _Any) -> bool:
        return False
