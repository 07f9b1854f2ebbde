"""A delay of several values at once, and functions between two steps by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from .. import nn
from .._errors import ParameterError


def is_tree(info: Any) -> bool:
    """Whether a description of values is of several, in a dict, a list or a tuple."""
    return isinstance(info, (dict, list, tuple)) and all(hasattr(x, 'dtype') for x in jax.tree.leaves(info, is_leaf=_is_value))


def _is_value(x: Any) -> bool:
    return isinstance(x, u.Quantity)


class DelayTree(nn.Module):
    """One `Delay` for each value of a tree; takes in and gives trees.

    Parameters
    ----------
    make : callable
        Makes a `Delay` of a description of one value.
    target_info : pytree
        Descriptions of the values.
    **options
        As of `Delay`; ``init`` may be a tree of the same structure, too.
    """

    def __init__(self, make: Callable, target_info: Any, *, name: str | None = None, **options: Any):
        super().__init__(name)
        infos, structure = jax.tree.flatten(target_info, is_leaf=_is_value)
        self._structure: Any = structure
        init = options.pop('init', None)
        same = jax.tree.structure(init, is_leaf=_is_value) in (structure,)
        inits = jax.tree.leaves(init, is_leaf=_is_value) if same else [init] * len(infos)
        self.parts = [make(info, init=x, **options) for info, x in zip(infos, inits, strict=True)]

    def _each(self, call: Callable[[Any], Any]) -> Any:
        return jax.tree.unflatten(self._structure, [call(part) for part in self.parts])

    @property
    def max_time(self) -> Any:
        """The longest delay."""
        return self.parts[0].max_time

    @property
    def max_length(self) -> int:
        """How many values are kept."""
        return self.parts[0].max_length

    def register_entry(self, entry: str, *time: Any) -> DelayTree:
        """See `Delay.register_entry`."""
        for part in self.parts:
            part.register_entry(entry, *time)
        return self

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for all of them."""
        for part in self.parts:
            part.init_state(batch_size, **kwargs)

    def update(self, x: Any) -> None:
        """Take in the values of this step; a ValueError if they are no such tree."""
        values, found = jax.tree.flatten(x, is_leaf=_is_value)
        structure: Any = found
        if structure != self._structure:
            raise ParameterError(f'{self.label}: a tree {self._structure} is expected, but {structure} was given.')
        for part, value in zip(self.parts, values, strict=True):
            part.update(value)

    def retrieve_at_step(self, step: Any, *indices: Any) -> Any:
        """See `Delay.retrieve_at_step`."""
        return self._each(lambda part: part.retrieve_at_step(step, *indices))

    def retrieve_at_time(self, time: Any, *indices: Any) -> Any:
        """See `Delay.retrieve_at_time`."""
        return self._each(lambda part: part.retrieve_at_time(time, *indices))

    def at(self, entry: str, *indices: Any) -> Any:
        """See `Delay.at`."""
        return self._each(lambda part: part.at(entry, *indices))


class InterpolationRegistry:
    """Functions by name for ``Delay(interpolation=name)``: ``f(history, indices, position, length)`` of the ring."""

    _methods: dict[str, Callable] = {}

    @classmethod
    def register(cls, name: str, method: Callable) -> None:
        """Give a function a name."""
        if not callable(method):
            raise TypeError(f'InterpolationRegistry.register: a function is expected, but {method!r} was given.')
        cls._methods[name] = method

    @classmethod
    def get(cls, name: str) -> Callable:
        """The function of a name; a ValueError if there is none."""
        if name not in cls._methods:
            raise ParameterError(f'InterpolationRegistry: {name!r} is none of {", ".join(cls._methods)}.')
        return cls._methods[name]

    @classmethod
    def list_methods(cls) -> list[str]:
        """All names."""
        return list(cls._methods)


def at_position(first: int, weights: Callable[[Any], tuple[Any, ...]]) -> Callable:
    """A function of the ring, of weights for steps before a position; see `Delay`."""

    def between(history: Any, indices: tuple, position: Any, length: int) -> Any:
        newer = jnp.ceil(position)
        parts = weights(newer - position)
        rows = [(newer.astype(jnp.int32) - first - k) % length for k in range(len(parts))]
        values = [history[(row, *indices)] * w for row, w in zip(rows, parts, strict=True)]
        return sum(values[1:], values[0])

    return between
