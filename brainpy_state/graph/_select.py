"""Share out objects by filters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._typing import Path
from ..state import filter


def select(items: Iterable[tuple[Path, Any]], filters: tuple[Any, ...], exhaustive: str = '') -> list[dict[Path, Any]]:
    """A dict for each filter, or one of everything without a filter; the first filter that fits gets an item.

    Parameters
    ----------
    items : iterable of (path, object)
        What to share out.
    filters : tuple
        What users give.
    exhaustive : str
        Who asks, if every item must fit a filter.

    Raises
    ------
    TypeError
        If a filter is none.
    ValueError
        If a filter of everything is not the last, or something fits no filter and must.
    """
    if not filters:
        return [dict(items)]
    predicates = [filter.to_predicate(f) for f in filters]
    for k, predicate in enumerate(predicates[:-1]):
        if isinstance(predicate, filter.Everything):
            raise ValueError(
                f'Filter {k + 1} of {len(filters)} is {filters[k]!r}, which leaves nothing for those after it; it must be the last.'
            )
    chosen: list[dict[Path, Any]] = [{} for _ in filters]
    for path, x in items:
        for predicate, found in zip(predicates, chosen, strict=True):
            if predicate(path, x):
                found[path] = x
                break
        else:
            if exhaustive:
                kind = type(x).__name__
                raise ValueError(f'{exhaustive}: {kind} at {path} fits no filter. Add `...` as the last one, which takes the rest.')
    return chosen
