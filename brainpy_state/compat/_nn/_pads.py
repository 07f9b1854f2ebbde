"""Layers that put something around their input."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ... import environ, nn
from ..._errors import ShapeError
from ..._typing import as_size
from ...numerics import with_unit


class Pad(nn.Module):
    """Base of layers that make the axes before that of channels longer.

    Parameters
    ----------
    padding : int or tuple of int
        How many elements at every end; or for each axis how many at its beginning and at its end, in the order of the axes.
    in_size : tuple of int, optional
        The shape of the input.
    name : str, optional
        A label for messages.
    """

    ndim: int
    mode: str

    def __init__(self, padding: Any, in_size: Any = None, name: str | None = None):
        super().__init__(name)
        self.padding = self._pairs(padding)
        if in_size is not None:
            self.in_size = as_size(in_size, self.label)
            self.out_size = jax.eval_shape(self.update, jax.ShapeDtypeStruct(self.in_size, environ.dftype())).shape

    def _pairs(self, padding: Any) -> list[tuple[int, int]]:
        n = self.ndim
        given = (int(padding),) * n if np.ndim(padding) == 0 else tuple(padding)
        if len(given) == n:
            given = tuple(p for p in given for _ in range(2))
        if len(given) != 2 * n:
            raise ShapeError(f'{self.label}: padding is an integer, {n} or {2 * n} of them, but is {padding!r}.')
        return list(zip(given[::2], given[1::2], strict=True))

    def update(self, x: Any) -> Any:
        """Pad an input of shape ``(*axes, channels)``, or with a batch."""
        if x.ndim not in (self.ndim + 1, self.ndim + 2):
            raise ShapeError(f'{self.label}: the input has shape {x.shape}, expected {self.ndim + 1} axes, or one more for a batch.')
        width = [(0, 0)] * (x.ndim - self.ndim - 1) + [*self.padding, (0, 0)]
        return with_unit(self._pad(u.get_mantissa(x), width, u.get_unit(x)), u.get_unit(x))

    def _pad(self, x: Any, width: Any, unit: Any) -> Any:
        return jnp.pad(x, width, mode=self.mode)


class ConstantPad(Pad):
    """Put a value around the input.

    Parameters
    ----------
    padding, in_size, name
        See `Pad`.
    value : number or quantity
        What stands there.
    """

    def __init__(self, padding: Any, value: Any = 0, in_size: Any = None, name: str | None = None):
        self.value = value
        super().__init__(padding, in_size, name)

    def _pad(self, x: Any, width: Any, unit: Any) -> Any:
        value = self.value.to_decimal(unit) if isinstance(self.value, u.Quantity) else self.value
        return jnp.pad(x, width, constant_values=value)


class ZeroPad(ConstantPad):
    """Put zeros around the input.

    Parameters
    ----------
    padding, in_size, name
        See `Pad`.
    """

    def __init__(self, padding: Any, in_size: Any = None, name: str | None = None):
        super().__init__(padding, 0, in_size, name)


class ReflectionPad(Pad):
    """Mirror the input at its edges, whose elements are not repeated.

    Parameters
    ----------
    padding, in_size, name
        See `Pad`.
    """

    mode = 'reflect'


class ReplicationPad(Pad):
    """Repeat the elements at the edges.

    Parameters
    ----------
    padding, in_size, name
        See `Pad`.
    """

    mode = 'edge'


class CircularPad(Pad):
    """Go on at the other end of the input.

    Parameters
    ----------
    padding, in_size, name
        See `Pad`.
    """

    mode = 'wrap'


def _of(base: type, ndim: int) -> type:
    return type(f'{base.__name__}{ndim}d', (base,), {'ndim': ndim, '__module__': __name__, '__doc__': base.__doc__})


ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = (_of(ReflectionPad, n) for n in (1, 2, 3))
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = (_of(ReplicationPad, n) for n in (1, 2, 3))
ZeroPad1d, ZeroPad2d, ZeroPad3d = (_of(ZeroPad, n) for n in (1, 2, 3))
ConstantPad1d, ConstantPad2d, ConstantPad3d = (_of(ConstantPad, n) for n in (1, 2, 3))
CircularPad1d, CircularPad2d, CircularPad3d = (_of(CircularPad, n) for n in (1, 2, 3))
