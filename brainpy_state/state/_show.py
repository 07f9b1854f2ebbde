"""How a value is shown: by its abstract arrays."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import numpy as np


def show(value: Any, depth: int = 1) -> str:
    """A value by its abstract arrays, indented as a tree."""
    pad = '  ' * (depth + 1)
    if isinstance(value, dict):
        items = [f'{k!r}: {show(v, depth + 1)}' for k, v in value.items()]
        brackets = '{}'
    elif type(value) in (list, tuple):
        items = [show(v, depth + 1) for v in value]
        brackets = '[]' if isinstance(value, list) else '()'
    elif isinstance(value, u.Quantity):
        return f'Quantity({jax.typeof(value.mantissa)}, "{value.unit}")'
    elif isinstance(value, (jax.Array, np.ndarray)):
        return repr(jax.typeof(value))
    else:
        return repr(value)
    if not items:
        return brackets
    return brackets[0] + '\n' + ',\n'.join(pad + item for item in items) + '\n' + '  ' * depth + brackets[1]
