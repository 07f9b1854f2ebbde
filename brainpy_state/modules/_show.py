"""A tree of modules as text: each object once, and arrays by their type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import brainunit as u
import jax
import numpy as np

from .. import graph
from .._typing import Path
from ..numerics import brief
from ..state import State

_WIDTH, _LONGEST, _MOST = 100, 120, 12  # columns, characters of a value, and items of a list


class Show:
    """Shows a tree; what stands in it twice is named by its first path the second time."""

    def __init__(self) -> None:
        self._paths: dict[int, Path] = {}

    def value(self, x: Any, path: Path = ()) -> str:
        """Anything that an attribute holds, also a module."""
        if isinstance(x, (graph.Node, State)):
            if (known := self._paths.get(id(x))) is not None:
                return f'<shared: {_title(x, known)}>'
            self._paths[id(x)] = path
            return self._node(x, path) if isinstance(x, graph.Node) else f'{type(x).__name__}({short(x._value)})'
        if isinstance(x, dict):
            return _block('{', [f'{k!r}: {self.value(v, (*path, k))}' for k, v in _first(x.items())] + _rest(x), '}')
        if type(x) in (list, tuple):
            return _block(*_bracketed(x, [self.value(v, (*path, k)) for k, v in enumerate(_first(x))]))
        return short(x)

    def _node(self, x: Any, path: Path) -> str:
        head = type(x).__name__
        if not getattr(type(x).__repr__, 'shows_tree', False):  # a class shows itself in its own way
            return repr(x)
        parts = [f'name={x.name!r}'] if getattr(x, 'name', None) else []
        for key, part in vars(x).items():
            if key[0] == '_' or part is None or (isinstance(part, (list, dict, tuple)) and not part and key not in ('in_size', 'out_size')):
                continue
            if key in ('varshape', 'out_size') and part == vars(x).get('in_size'):
                continue  # told already
            hidden = key in x.graph_invisible_attrs
            parts.append(f'{key}={self._refer(part) if hidden else self.value(part, (*path, key))}')
        parts += [f'{key}=<not allocated>' for key in getattr(x, 'not_allocated', tuple)()]
        return _block(f'{head}(', parts, ')')

    def _refer(self, x: Any) -> str:
        """What stands elsewhere in the tree."""
        if isinstance(x, (list, tuple)):
            return _block('[', [self._refer(part) for part in _first(x)] + _rest(x), ']')
        if isinstance(x, (graph.Node, State)):
            return f'<{_title(x, self._paths.get(id(x)))}>'
        return short(x)


def _title(x: Any, path: Path | None) -> str:
    if path is None:
        return str(getattr(x, 'label', type(x).__name__))
    name = (getattr(x, 'name', None) if isinstance(x, graph.Node) else None) or '.'.join(map(str, path))
    return f'{type(x).__name__} {name!r}' if name else type(x).__name__


def short(x: Any) -> str:
    """A number with its unit; an array by its type, so that nothing is fetched from a device."""
    number = u.get_mantissa(x) if isinstance(x, u.Quantity) else x
    if isinstance(number, (jax.Array, np.ndarray)):
        if np.ndim(number) == 0 and not isinstance(number, jax.core.Tracer):
            return brief(x)
        unit = u.get_unit(x)
        shape = ','.join(map(str, np.shape(number)))
        return f'{number.dtype}[{shape}]' + ('' if unit.is_unitless else f' {unit}')
    if isinstance(x, u.Quantity):
        return brief(x)
    if isinstance(x, dict):
        return _block('{', [f'{k!r}: {short(v)}' for k, v in _first(x.items())] + _rest(x), '}')
    if isinstance(x, (list, tuple)):
        return _block(*_bracketed(x, [short(v) for v in _first(x)]))
    if callable(x) and hasattr(x, '__qualname__'):
        return str(x.__qualname__)
    text = repr(x)
    return text if len(text) <= _LONGEST else f'{text[:_LONGEST]}...'


def _first(items: Iterable[Any]) -> list[Any]:
    return [item for _, item in zip(range(_MOST), items, strict=False)]


def _rest(x: Any) -> list[str]:
    return [f'... ({len(x)} in all)'] if len(x) > _MOST else []


def _bracketed(x: list | tuple, parts: list[str]) -> tuple[str, list[str], str]:
    if isinstance(x, list):
        return '[', parts + _rest(x), ']'
    return '(', parts + _rest(x), ',)' if len(x) == 1 else ')'


def _block(opening: str, parts: list[str], closing: str) -> str:
    """On one line where that fits, else indented; short parts share lines."""
    line = f'{opening}{", ".join(parts)}{closing}'
    if '\n' not in line and len(line) <= _WIDTH:
        return line
    lines = ['']
    for part in parts:
        alone = '\n' in part or '\n' in lines[-1]
        if lines[-1] and not alone and len(lines[-1]) + len(part) < _WIDTH - 2:
            lines[-1] += f', {part}'
        elif lines[-1]:
            lines.append(part)
        else:
            lines[-1] = part
    body = ',\n'.join(lines).replace('\n', '\n  ')
    return f'{opening}\n  {body}\n{closing}'
