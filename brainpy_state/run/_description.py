"""What a simulation is made of besides its states, as JSON: two of equal states that would go on differently are told apart."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import brainunit as u
import jax
import numpy as np

from ..modules import Dynamics, Module, trained_state
from ..transform._program import Program
from ._synapses import arrays_of_synapses, connected


def description(models: Sequence[Module], program: Program) -> dict[str, Any]:
    """Classes, parameters and options of models, and a checksum of the arrays that their step uses, such as which neurons are connected."""
    found: dict[str, Any] = {}
    for model in models:
        parts = {'.'.join(map(str, path)) or 'itself': _part(node) for path, node in model.nodes().items()}
        found[f'model {len(found)}'] = parts
    of_synapses = arrays_of_synapses(models)
    captured = [x for x in jax.tree.leaves(program.captured) if id(x) not in of_synapses]
    return {'models': found, 'arrays': _checksum(captured), 'connections': connected(models)}


def _part(node: Any) -> dict[str, Any]:
    values = {}
    if isinstance(node, Dynamics):
        given = {name: vars(node)[name] for name in (*node.parameters, *node.options)}
        values = {name: _told(x) for name, x in given.items() if trained_state(x) is None}
    return {'class': type(node).__name__, **values}


def _told(x: Any) -> Any:
    if x is None or isinstance(x, (bool, int, float, str)):
        return x
    number = u.get_mantissa(x)
    if not isinstance(number, (int, float, np.ndarray, np.generic, jax.Array)):
        return getattr(x, '__qualname__', type(x).__qualname__)
    unit = '' if u.get_unit(x).is_unitless else f' {u.get_unit(x)}'
    return f'{float(number):.9g}{unit}' if np.ndim(number) == 0 else f'{np.shape(number)}{unit}, checksum {_checksum([number])}'


def _checksum(arrays: Iterable[Any]) -> str:
    """Of what arrays hold, in any order."""
    sums = []
    for x in map(np.asarray, arrays):
        kind = f'{x.dtype} {x.shape}'.encode()
        sums.append(zlib.crc32(np.ascontiguousarray(x).reshape(-1).view(np.uint8).data, zlib.crc32(kind)))
    return f'{zlib.crc32(repr(sorted(sums)).encode()):08x}'
