"""`Sequential`: layers one after the other."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import brainunit as u
import jax
import numpy as np

from .. import environ
from .._errors import ParameterError, ShapeError
from ..modules import Module
from ..transform._args import name_of
from ..transform._lift import lift


class Sequential(Module):
    """Layers one after the other: each takes what the one before returns.

    Parameters
    ----------
    first : Module, callable or description
        The first layer; a description gives its ``in_size`` itself.
    *layers : Module, callable or description
        The others. A description, such as ``Linear.desc(10)``, leaves out ``in_size``: it is what
        the layers before return.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError
        If a layer is neither of these, or the ``in_size`` of a description cannot be found.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> net = bst.nn.Sequential(bst.nn.Linear(3, 10), jax.nn.relu, bst.nn.Linear.desc(2))
    >>> net(jnp.ones((5, 3))).shape, net.out_size, list(net.states())
    ((5, 2), (2,), [('layers', 0, 'weight'), ('layers', 2, 'weight')])
    """

    def __init__(self, first: Any, *layers: Any, name: str | None = None):
        super().__init__(name)
        self.layers: list[Callable] = []
        self.extend((first, *layers))

    @property
    def in_size(self) -> tuple[int, ...] | None:  # type: ignore[override]
        """The shape that the first layer takes, without batch axes; None where it is not known."""
        return getattr(self.layers[0], 'in_size', None)

    @property
    def out_size(self) -> tuple[int, ...] | None:  # type: ignore[override]
        """The shape that the last layer returns, without batch axes; None where it is not known."""
        try:
            return self._size_after(len(self.layers))
        except Exception:  # what a layer makes of a shape cannot be found by a trial
            return None

    def update(self, *args: Any) -> Any:
        """Pass the arguments to the first layer, and on.

        An error that a layer raises has a note of the layer's place and class.
        """
        for place, layer in enumerate(self.layers):
            try:
                args = (layer(*args),)
            except Exception as error:
                error.add_note(f'in layer {place} of {self.label}: {_title(layer)}')
                raise
        return args[0]

    def append(self, layer: Any) -> None:
        """Add a layer at the end."""
        self.insert(len(self.layers), layer)

    def insert(self, index: int, layer: Any) -> None:
        """Add a layer before the one at ``index``."""
        place = range(len(self.layers))[:index].stop  # as `list.insert` takes it
        self.layers = [*self.layers[:place], self._built(layer, place), *self.layers[place:]]  # a new list, which compiled functions notice

    def extend(self, layers: Iterable[Any]) -> None:
        """Add layers at the end; all, or none if one of them fails."""
        before = self.layers
        try:
            for layer in layers:
                self.append(layer)
        except BaseException:
            self.layers = before
            raise

    def __getitem__(self, index: int | slice | tuple[int, ...]) -> Any:
        if not isinstance(index, (slice, tuple)):
            return self.layers[index]
        chosen = self.layers[index] if isinstance(index, slice) else [self.layers[k] for k in index]
        if not chosen:
            raise ParameterError(f'{self.label}: there are no layers at {index} of {len(self.layers)}.')
        return type(self)(*chosen)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def _built(self, layer: Any, place: int) -> Callable:
        """A layer from what the user gives."""
        if isinstance(layer, type) or not callable(layer):
            hint = f'; did you mean {layer.__name__}.desc(...)?' if isinstance(layer, type) else '.'
            raise ParameterError(f'{self.label}: layer {place} must be a module, a callable or a description, but is {layer!r}{hint}')
        kind = layer.func if isinstance(layer, functools.partial) else None
        if not (isinstance(layer, functools.partial) and isinstance(kind, type) and issubclass(kind, Module)):
            return layer
        parameters = list(inspect.signature(layer.func).parameters)
        if place == 0 or 'in_size' in layer.keywords or 'in_size' not in parameters:
            return layer()
        size = self._size_after(place)
        if size is None:
            raise ParameterError(
                f'{self.label}: the in_size of layer {place} ({layer.func.__name__}) is not known, because no layer '
                f'before it has an out_size; give `in_size=...` to the description.'
            )
        if parameters[0] == 'in_size':
            return layer.func(size, *layer.args, **layer.keywords)
        return layer(in_size=size)

    def _size_after(self, place: int) -> tuple[int, ...] | None:
        """What the layers before ``place`` return, without batch axes."""
        for known in range(place, 0, -1):
            size = getattr(self.layers[known - 1], 'out_size', None)
            if size is not None:
                break
        else:
            return None
        for k in range(known, place):
            size = self._size_through(k, size)
        return size

    def _size_through(self, place: int, size: tuple[int, ...]) -> tuple[int, ...]:
        """What a layer that does not tell makes of a shape: it is traced, which changes nothing."""
        layer = self.layers[place]
        with environ.context(fit=False):
            try:
                out = lift(layer, (jax.ShapeDtypeStruct((1, *size), environ.dftype()),), where=_title(layer)).avals[0]
                shape = np.shape(u.get_mantissa(out))
            except Exception as error:
                error.add_note(f'while finding what layer {place} of {self.label} makes of an input of shape {(1, *size)}')
                raise
        if shape[:1] != (1,):
            raise ShapeError(
                f'{self.label}: layer {place} ({_title(layer)}) makes shape {shape} of {(1, *size)}, but must keep the batch axis.'
            )
        return shape[1:]


def _title(layer: Any) -> str:
    return layer.label if isinstance(layer, Module) else name_of(layer)
