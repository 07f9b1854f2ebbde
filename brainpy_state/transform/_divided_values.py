"""Values of a network that is divided between devices: known in parts, as a whole, or both."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import event
from ..event._bits import ITEMS, words_for
from ..event._parts import Axis, of_part


class Mesh:
    """The devices among which values are divided, as an equation of one of them sees it.

    Parameters
    ----------
    names : tuple of str
        Axes of the mesh.
    parts : int
        The number of devices.
    sizes : set of int
        Of populations: what is made with one of them as its last axis is divided.
    index : int32, optional
        The number of the device, where it is known.
    """

    def __init__(self, names: tuple[str, ...], parts: int, sizes: Collection[int] = (), index: Any = None):
        self.names, self.parts, self.sizes = names, parts, sizes
        self._index = index
        self.asked: list[Value] = []
        self.exchanged: list[Value] = []
        self.delivers: Any = None  # whether deliveries into rings happen, where that is not certain

    def along(self, shape: Sequence[int]) -> Axis | None:
        """The axis of neurons of an array of this shape."""
        return Axis(len(shape) - 1, shape[-1]) if shape and shape[-1] in self.sizes else None

    @property
    def index(self) -> Any:
        """The number of the device."""
        return jax.lax.axis_index(self.names) if self._index is None else self._index

    def part(self, x: Any, axis: Axis) -> Any:
        """The own part of a whole array."""
        return of_part(x, axis, self.index, self.parts)

    def inside(self) -> Mesh:
        """The same within a branch, from which nothing may be asked outside."""
        return Mesh(self.names, self.parts, self.sizes, self._index)

    def told(self, words: Any) -> Any:
        """What all devices tell, with a first axis of devices: one direct message between each two, where `all_gather` passes it around."""
        same = jnp.broadcast_to(words, (self.parts, *words.shape))
        return jax.lax.all_to_all(same, self.names, 0, 0)

    def exchange(self) -> None:
        """Gather all values that were asked for, in one message."""
        asked, self.asked = self.asked, []
        self.exchanged += asked
        message = [value.to_send for value in asked]
        told = self.told(jnp.concatenate(message) if len(message) > 1 else message[0])
        start = 0
        for value, words in zip(asked, message, strict=True):
            value.also(value.form.read(told[:, start : start + words.size]))
            start += words.size


class NotYet(Exception):  # noqa: N818  (a signal, not an error)
    """Raised where a whole is needed that devices have still to exchange."""


class Value:
    """A value of the whole network, known as a whole, or in parts, or both; made when it is asked for.

    Parameters
    ----------
    mesh : Mesh
    axis : Axis, optional
        Along which it is divided; None where each device has all of it.
    is_bit : bool
        Whether it is certain that all items are 0 or 1.
    part, whole : callable, optional
        How to make the own part along an axis; how to make the whole.
    follows : bool
        Whether each device can know the whole from bits that are exchanged, and from what it knows already.

    Attributes
    ----------
    is_known : bool
        Whether each device knows the whole, or can compute it at once.
    was_asked : bool
        Whether the whole was asked for.
    """

    def __init__(
        self,
        mesh: Mesh,
        axis: Axis | None = None,
        is_bit: bool = False,
        *,
        part: Callable | None = None,
        whole: Callable | None = None,
        follows: bool = False,
    ):
        self.mesh, self.axis, self.is_bit, self.follows = mesh, axis, is_bit, follows or is_bit
        self.is_known = False
        self._make_part, self._make_whole = part, whole
        self._parts: dict[Axis, Any] = {}
        self._whole: Any = None
        self.was_asked = False

    @classmethod
    def of(cls, mesh: Mesh, x: Any, axis: Axis | None) -> Value:
        """A value of which each device has its part along an axis, or all of it where there is none."""
        return cls.of_whole(mesh, x) if axis is None else cls.of_part(mesh, x, axis)

    @classmethod
    def of_part(
        cls, mesh: Mesh, x: Any, axis: Axis, is_bit: bool = False, *, whole: Callable | None = None, follows: bool = False
    ) -> Value:
        """A value of which each device has its part."""
        value = cls(mesh, axis, is_bit, whole=whole, follows=follows)
        value._parts[axis] = x
        return value

    @classmethod
    def of_whole(cls, mesh: Mesh, x: Any, is_bit: bool = False) -> Value:
        """A value that all devices have."""
        value = cls(mesh, None, is_bit, follows=True)
        return value.also(x)

    def also(self, whole: Any) -> Value:
        """The same, of which the whole is known too."""
        self._whole, self.follows, self.is_known = whole, True, True
        return self

    def part(self, axis: Axis) -> Any:
        """The own part of it along an axis."""
        if axis not in self._parts:
            self._parts[axis] = self._make_part(axis) if self._make_part is not None else self.mesh.part(self.whole(), axis)
        return self._parts[axis]

    def whole(self) -> Any:
        """All of it."""
        self.was_asked = True
        if self._whole is None and self._make_whole is not None:
            self._whole = self._make_whole()
        if self._whole is None:
            if self not in self.mesh.asked:
                self.mesh.asked.append(self)
            raise NotYet
        return self._whole

    def like(self, axis: Axis | None) -> Any:
        """Divided along an axis, or as a whole."""
        return self.whole() if axis is None else self.part(axis)

    @property
    def form(self) -> Form:
        """How it is sent."""
        own = self.part(self.axis)  # type: ignore[arg-type]
        return Form(own.shape, own.dtype, self.is_bit, self.axis)

    @property
    def to_send(self) -> Any:
        """What a device gives, so that all have the whole."""
        return encoded(self.part(self.axis), self.is_bit)  # type: ignore[arg-type]


class Picked(Value):
    """Items at known places of a divided value; the device that has an item gives it, and others zero."""

    def __init__(self, mesh: Mesh, own: Any, is_mine: Any, is_bit: bool):
        super().__init__(mesh, None, is_bit, follows=True)
        self._own, self._is_mine = own, is_mine

    @property
    def form(self) -> Form:
        return Form(self._own.shape, self._own.dtype, self.is_bit, None)

    @property
    def to_send(self) -> Any:
        return encoded(jnp.where(self._is_mine, self._own, jnp.zeros_like(self._own)), self.is_bit)


class Form(NamedTuple):
    """How a value is sent.

    Attributes
    ----------
    shape, dtype
        Of what a device gives.
    is_bit : bool
    axis : Axis, optional
        Along which parts are put together; None where all but one are zero.
    """

    shape: tuple[int, ...]
    dtype: Any
    is_bit: bool
    axis: Axis | None

    @property
    def words(self) -> int:
        """How many words of 32 bits it takes."""
        size = math.prod(self.shape)
        return words_for(size) if self.is_bit or self.dtype == np.bool_ else size * max(1, self.dtype.itemsize // 4)

    def read(self, words: Any) -> Any:
        """The whole, from what all devices gave."""
        if self.axis is None:
            return decoded(words.sum(0, dtype=jnp.uint32, keepdims=True), self)[0]
        k, size = self.axis
        found = jnp.moveaxis(decoded(words, self), 0, k)
        return jax.lax.slice_in_dim(found.reshape(*found.shape[:k], -1, *found.shape[k + 2 :]), 0, size, axis=k)


def encoded(x: Any, is_bit: bool) -> Any:
    """The items of an array as words of 32 bits; of bits, 32 in a word."""
    x = x.reshape(-1)
    if is_bit or x.dtype == np.bool_:
        return event.pack(x if x.dtype in ITEMS else x != 0)
    if x.dtype.itemsize < 4:
        return jax.lax.bitcast_convert_type(x, f'uint{8 * x.dtype.itemsize}').astype(jnp.uint32)
    return jax.lax.bitcast_convert_type(x, jnp.uint32).reshape(-1)


def decoded(words: Any, form: Form) -> Any:
    """The arrays, one for each row of words."""
    n, dtype = words.shape[0], form.dtype
    if form.is_bit or dtype == np.bool_:
        found = event.unpack(words, math.prod(form.shape), dtype if dtype in ITEMS else bool).astype(dtype)
    elif dtype.itemsize < 4:
        found = jax.lax.bitcast_convert_type(words.astype(f'uint{8 * dtype.itemsize}'), dtype)
    else:
        found = jax.lax.bitcast_convert_type(words.reshape(n, -1, 2) if dtype.itemsize == 8 else words, dtype)
    return found.reshape(n, *form.shape)
