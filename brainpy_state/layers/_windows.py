"""What layers with moving windows share: sizes of windows, paddings and one batch axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from .._errors import ParameterError, ShapeError
from .._typing import Size
from ..numerics import with_unit
from ._layer import Layer

Padding = str | int | Sequence[int | tuple[int, int]]


class Windowed(Layer):
    """Base of layers that move a window along one to three axes beside that of channels, the last unless a subclass says so."""

    ndim: int  # how many axes the window has
    channel_axis: int = -1  # of those and that of channels

    def __init__(self, in_size: Size | None, name: str | None):
        super().__init__(in_size, name)
        if self.in_size is not None and len(self.in_size) != self.ndim + 1:
            raise ShapeError(f'{self.label}: in_size has {self.ndim} axes and one of channels, but is {self.in_size}.')
        if not -self.ndim - 1 <= self.channel_axis <= self.ndim:
            raise ParameterError(f'{self.label}: channel_axis = {self.channel_axis} is none of {self.ndim + 1} axes.')

    def per_axis(self, name: str, value: Size) -> tuple[int, ...]:
        """One positive integer for each axis of the window."""
        values = (value,) * self.ndim if isinstance(value, int) else tuple(value)
        if len(values) != self.ndim or not all(isinstance(v, int) and v > 0 for v in values):
            raise ParameterError(f'{self.label}: {name} is a positive integer, or {self.ndim} of them, but is {value!r}.')
        return values

    def padding_of(self, value: Padding) -> str | list[tuple[int, int]]:
        """The padding of each axis of the window, or its name."""
        if isinstance(value, str) and value in ('SAME', 'VALID'):
            return value
        given: Any = (value,) * self.ndim if isinstance(value, int) else value
        pairs = [] if isinstance(given, str) else [(p, p) if isinstance(p, int) else tuple(p) for p in given]
        if len(pairs) != self.ndim or not all(len(p) == 2 and min(p) >= 0 for p in pairs):
            raise ParameterError(
                f"{self.label}: padding is 'SAME', 'VALID', an integer, or an integer or a pair of them for each axis, but is {value!r}."
            )
        return pairs

    def with_one_batch_axis(self, f: Callable[[Any], Any], x: Any) -> Any:
        """Apply a function of a plain array ``(batch, *axes, channels)`` to an input with any batch axes and a unit."""
        mantissa = u.get_mantissa(x)
        if self.in_size is not None:
            batch = self.batch_of(x)
        elif mantissa.ndim > self.ndim:
            batch = mantissa.shape[: mantissa.ndim - self.ndim - 1]
        else:
            raise ShapeError(f'{self.label}: the input has shape {mantissa.shape}, expected at least {self.ndim + 1} axes.')
        y = self._channels_last(f)(mantissa.reshape((-1, *mantissa.shape[len(batch) :])))
        return with_unit(y.reshape((*batch, *y.shape[1:])), u.get_unit(x))

    def _channels_last(self, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A function of an array whose channels are at the end, for one where they are not."""
        axis = self.channel_axis % (self.ndim + 1) + 1
        return lambda x: jnp.moveaxis(f(jnp.moveaxis(x, axis, -1)), -1, axis)

    @property
    def channels(self) -> int:
        """How many channels an input of ``in_size`` has."""
        return (self.in_size or ())[self.channel_axis]

    def size_after(self, f: Callable[[Any], Any], dtype: Any) -> tuple[int, ...]:
        """The size that a function makes of an input of ``in_size``.

        Raises
        ------
        ShapeError
            If the window does not fit into the input.
        """
        shape = jax.eval_shape(self._channels_last(f), jax.ShapeDtypeStruct((1, *(self.in_size or ())), dtype)).shape
        if 0 in shape[1:]:
            raise ShapeError(f'{self.label}: the window does not fit into an input of size {self.in_size}.')
        return shape[1:]
