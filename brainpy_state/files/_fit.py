"""Whether a leaf of a file can stand where a state has one."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ._leaf import NOTHING, Leaf
from ._values import KEPT

_KINDS = (np.bool_, np.unsignedinteger, np.signedinteger, np.floating, np.complexfloating)
_REAL = (np.floating, np.complexfloating)  # of which numbers are converted
_OF_PYTHON = {'bool': np.bool_, 'int': np.signedinteger, 'float': np.floating, 'complex': np.complexfloating}


class DiffersError(Exception):
    """What was read cannot stand there; the text says why.

    Attributes
    ----------
    by_precision : bool
        Whether it could if numbers were converted to another precision.
    """

    def __init__(self, why: str, by_precision: bool = False):
        super().__init__(why)
        self.by_precision = by_precision


def told(leaf: Leaf) -> str:
    """A leaf in a message."""
    unit = f' in {leaf.unit}' if leaf.unit is not None and not leaf.unit.is_unitless else ''
    if leaf.kind == NOTHING:
        return leaf.value
    what = {'array': '', 'numpy': '', 'scalar': '', 'key': 'random key '}.get(leaf.kind, leaf.kind)
    return f'{what}{leaf.dtype}{f" {leaf.shape}" if leaf.is_array else ""}{unit}'


def fitted(read: Leaf, held: Leaf, cast: bool) -> Any:
    """What to write for a leaf: the value exactly as it was, except that quantities take the scale of the unit that is held.

    Parameters
    ----------
    read : Leaf
        Of a file.
    held : Leaf
        Of the state.
    cast : bool
        Whether floating-point numbers may be of another precision.

    Raises
    ------
    DiffersError
        If it does not fit: by kind, type, shape or dimension.
    """
    both = f'{told(read)} in the file, {told(held)} here'
    family, other = _family(read), _family(held)
    if family != other or read.shape != held.shape or (family == 'key' and read.dtype != held.dtype):
        raise DiffersError(both)
    if read.kind == NOTHING:
        return KEPT
    theirs, ours = read.unit or u.UNITLESS, held.unit or u.UNITLESS
    if theirs.dim != ours.dim:
        raise DiffersError(both)
    new = _precise(read, held, both, cast)
    if theirs != ours:
        if family not in _REAL:
            raise DiffersError(f'{both}; integers are not converted')
        new = _scaled(new, theirs, ours)
    if new is not read and not np.array_equal(np.isfinite(new.value), np.isfinite(read.value)):
        raise DiffersError(f'{both}; numbers in the file are too large')
    return new.given if held.unit is None else jax.tree.unflatten(jax.tree.structure(u.Quantity(0.0, unit=held.unit)), [new.given])


def _family(leaf: Leaf) -> Any:
    """What numbers a leaf holds, whatever their precision; or its kind, if it holds none."""
    if leaf.kind == 'key' or not leaf.is_array:
        return _OF_PYTHON.get(leaf.kind, NOTHING + leaf.value if leaf.kind == NOTHING else leaf.kind)
    dtype = leaf.value.dtype
    return next((kind for kind in _KINDS if jnp.issubdtype(dtype, kind)), dtype)


def _precise(read: Leaf, held: Leaf, both: str, cast: bool) -> Leaf:
    """What was read in a precision that the state and JAX's mode allow."""
    if not read.is_array or read.kind == 'key':
        return read
    dtype = read.value.dtype
    wanted = held.value.dtype if held.is_array else dtype
    if read.kind == 'array':
        wanted = jax.dtypes.canonicalize_dtype(wanted)
    if dtype == wanted:
        return read
    if held.dtype in ('', read.dtype):
        both = f'{read.dtype} in the file, but the 64-bit mode of JAX is off'
    if not cast or _family(read) not in _REAL:
        raise DiffersError(both, by_precision=_family(read) in _REAL)
    with np.errstate(over='ignore'):
        return read._replace(value=read.value.astype(wanted), dtype=str(wanted))


def _scaled(leaf: Leaf, theirs: Any, ours: Any) -> Leaf:
    """Numbers in another scale: computed in double precision."""
    power, factor = theirs.scale - ours.scale, theirs.factor / ours.factor
    numbers = np.asarray(leaf.value)
    wide = numbers.astype(np.complex128 if np.iscomplexobj(numbers) else np.float64)
    wide = wide * factor * 10.0**power if power >= 0 else wide * factor / 10.0**-power
    if not leaf.is_array:
        return leaf._replace(value=wide.item())
    with np.errstate(over='ignore'):
        return leaf._replace(value=np.asarray(wide).astype(numbers.dtype))
