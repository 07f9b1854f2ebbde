"""The results of a sweep with names: an `xarray.Dataset`."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import numpy as np

from .._optional import needed
from ._grid import Grid


def dataset(results: Any, grid: Grid) -> Any:
    """An `xarray.Dataset` of the results of a sweep.

    Dimensions are the parameters, or ``lane`` where they go together, and then, for result ``x``, ``x_0``, ``x_1`` and so on. Containers
    within each other become names such as ``net.rate``; a single result is called ``result``.
    """
    xarray = needed('xarray', 'views', 'sweep(labelled=True)')
    dims = ('lane',) if grid.zipped else tuple(grid.values)
    coords = {}
    for name, x in grid.values.items():
        numbers = np.asarray(u.get_mantissa(x))
        if numbers.ndim == 1:
            coords[name] = 'lane' if grid.zipped else name, numbers, _units(x)
    found, _ = jax.tree_util.tree_flatten_with_path(results, is_leaf=lambda x: isinstance(x, u.Quantity))
    variables = {}
    for path, x in found:
        name = '.'.join(str(getattr(key, 'key', getattr(key, 'name', getattr(key, 'idx', key)))) for key in path) or 'result'
        numbers = np.asarray(u.get_mantissa(x))
        own = tuple(f'{name}_{k}' for k in range(numbers.ndim - len(dims)))
        variables[name] = (*dims, *own), numbers, _units(x)
    return xarray.Dataset(variables, coords)


def _units(x: Any) -> dict[str, str]:
    return {'units': str(u.get_unit(x))} if isinstance(x, u.Quantity) else {}
