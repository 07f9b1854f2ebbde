"""What pictures have in common."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

WIDE, NARROW = (7.5, 2.8), (5.2, 2.8)
SHADE = '0.92'


def label(name: str, x: Any) -> str:
    """A name with the unit of a value, or of a unit."""
    unit = x if isinstance(x, u.Unit) else u.get_unit(x)
    return name if unit.is_unitless else f'{name} ({unit})'


def number(x: Any) -> np.ndarray:
    """A value in its own unit."""
    return np.asarray(u.get_mantissa(x))
