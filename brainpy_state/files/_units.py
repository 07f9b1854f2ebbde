"""Units as JSON, read back exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import brainunit as u

_BASE = ('m', 'kg', 's', 'A', 'K', 'mol', 'cd')


def unit_as_json(unit: Any) -> dict[str, Any]:
    """A unit: its text, and what it is made of.

    Parameters
    ----------
    unit : brainunit.Unit
        Any unit, also a scaled one, a power or a product.

    Returns
    -------
    dict
        ``text`` to read; ``dim``, the powers of SI base units; ``scale`` and ``factor``: it is factor * 10^scale of the SI
        unit; ``name`` and ``dispname``, if it has a name.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.files.unit_of_json(bst.files.unit_as_json(u.mV)) == u.mV
    True
    """
    dim = {base: power for base in _BASE if (power := float(unit.dim.get_dimension(base)))}
    names = {'name': unit.name, 'dispname': unit.dispname} if unit.is_fullname else {}
    return {'text': '' if unit.is_unitless else str(unit), 'dim': dim, 'scale': unit.scale, 'factor': unit.factor, **names}


def unit_of_json(made: Mapping[str, Any]) -> Any:
    """The unit that `unit_as_json` described: equal to it, and of the same name.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.files.unit_of_json(bst.files.unit_as_json(u.mV)) == u.mV
    True
    """
    names = {key: made[key] for key in ('name', 'dispname') if key in made}
    return u.Unit(u.get_or_create_dimension(**made['dim']), scale=made['scale'], factor=made['factor'], **names)
