"""Numbers and their units."""

from __future__ import annotations

from typing import Any

import brainunit as u


def with_unit(array: Any, unit: Any) -> Any:
    """A quantity, or the array as it is where there is no unit."""
    return array if unit.is_unitless else u.Quantity(array, unit=unit)
