"""Dense layers."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ShapeError
from .._typing import Size, as_size
from ..modules import check_unit
from ..numerics import with_unit
from ..state import ParamState
from ._layer import Layer, WeightInit, first_value, he_normal, zeros


class Linear(Layer):
    r"""Dense layer.

    .. math:: y = x W + b

    Parameters
    ----------
    in_size, out_size : int or tuple of int
        Shapes of input and output; the layer acts on the last axis, the axes before must be equal.
    w_init : callable, array or quantity
        First weights, shape ``(in_size[-1], out_size[-1])``; He's normal distribution by default.
    b_init : callable, array or quantity, optional
        First bias, shape ``(out_size[-1],)``; 0 in the unit of the weights by default. ``None``: no bias.
    name : str, optional
        A label for messages.

    Notes
    -----
    States: ``weight``, a `ParamState` with a dict of ``'weight'`` and ``'bias'``.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Linear(3, 2, w_init=0.5, b_init=1.)
    >>> layer(jnp.ones(3))
    Array([2.5, 2.5], dtype=float32)
    """

    def __init__(
        self, in_size: Size, out_size: Size, w_init: WeightInit = he_normal, b_init: WeightInit | None = zeros, *, name: str | None = None
    ):
        super().__init__(in_size, name)
        size, out = as_size(in_size, self.label), as_size(out_size, self.label)
        if len(out) == 1:
            out = (*size[:-1], *out)
        if out[:-1] != size[:-1]:
            raise ShapeError(f'{self.label}: in_size {size} and out_size {out} may differ in the last axis only.')
        self.out_size = out
        value = {'weight': first_value(w_init, (size[-1], out[-1]), self.label, 'w_init')}
        if b_init is not None:
            bias = first_value(b_init, out[-1:], self.label, 'b_init')
            value['bias'] = with_unit(bias, u.get_unit(value['weight'])) if b_init is zeros else bias
        self.weight = ParamState(value)

    def update(self, x: Any) -> Any:
        """Multiply by the weights and add the bias.

        Parameters
        ----------
        x : array or quantity, shape ``(..., *in_size)``

        Returns
        -------
        array or quantity, shape ``(..., *out_size)``

        Raises
        ------
        ShapeError
            If the input has another shape.
        UnitError
            If the bias has another unit than the product.
        """
        self.batch_of(x)
        value = self.weight.value
        return add_bias(u.math.matmul(x, self.effective(value)), value, self.label)

    def effective(self, value: dict[str, Any]) -> Any:
        """The matrix that inputs are multiplied by, of the value of ``weight``; a subclass may mask or scale it."""
        return value['weight']


def add_bias(y: Any, value: dict[str, Any], owner: str) -> Any:
    """``y`` with the bias, if a layer has one."""
    if 'bias' not in value:
        return y
    check_unit(value['bias'], y, owner, 'bias')
    return y + value['bias']


class Flatten(Layer):
    """Several axes into one.

    Parameters
    ----------
    start_axis, end_axis : int
        The first and the last of the axes; all of them by default.
    in_size : int or tuple of int, optional
        The shape of the input without batch axes. With it, axes are counted within this shape and
        batch axes stay; without it, they are those of the whole array.
    name : str, optional
        A label for messages.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.nn.Flatten(in_size=(4, 4, 3))(jnp.ones((32, 4, 4, 3))).shape
    (32, 48)
    """

    def __init__(self, start_axis: int = 0, end_axis: int = -1, in_size: Size | None = None, *, name: str | None = None):
        super().__init__(in_size, name)
        self.start_axis, self.end_axis = start_axis, end_axis
        if self.in_size is not None:
            self.out_size = self._flat(self.in_size)

    def _flat(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        axes = range(len(shape))
        try:
            first, last = axes[self.start_axis], axes[self.end_axis]
        except IndexError:
            first, last = 1, 0
        if first > last:
            raise ShapeError(f'{self.label}: there are no axes from {self.start_axis} to {self.end_axis} in shape {shape}.')
        return (*shape[:first], int(np.prod(shape[first : last + 1])), *shape[last + 1 :])

    def update(self, x: Any) -> Any:
        """Merge the axes.

        Parameters
        ----------
        x : array or quantity, shape ``(..., *in_size)``

        Returns
        -------
        array or quantity, shape ``(..., *out_size)``
        """
        if self.in_size is None or self.out_size is None:
            return x.reshape(self._flat(x.shape))
        return x.reshape((*self.batch_of(x), *self.out_size))
