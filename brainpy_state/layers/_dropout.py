"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import brainunit as u
import numpy as np

from .. import environ, random
from .._errors import ParameterError
from .._typing import Size
from ._layer import Layer


class Dropout(Layer):
    """Keep each element with a probability, while training, and divide it by that; else set it to 0.

    Parameters
    ----------
    prob : float
        The probability to *keep* an element, above 0 and at most 1.
    in_size : int or tuple of int, optional
        The shape of the input without batch axes.
    shared_axes : sequence of int
        Axes of the whole input along which one draw holds, so that channels are dropped as a whole.
    name : str, optional
        A label for messages.

    Notes
    -----
    Draws from `random` with ``fit=True`` of `environ`; with ``fit=False`` the input passes.
    Source: Srivastava et al. 2014, *J. Mach. Learn. Res.* 15:1929.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> with bst.environ.context(fit=True):
    ...     sorted(set(bst.nn.Dropout(0.5)(jnp.ones(100)).tolist()))
    [0.0, 2.0]
    """

    def __init__(self, prob: float = 0.5, *, in_size: Size | None = None, shared_axes: Sequence[int] = (), name: str | None = None):
        super().__init__(in_size, name)
        self.out_size = self.in_size
        if not 0 < prob <= 1:
            raise ParameterError(f'{self.label}: prob = {prob} is the probability to keep an element, above 0 and at most 1.')
        self.prob, self.shared_axes = prob, tuple(shared_axes)

    def update(self, x: Any) -> Any:
        """Drop elements.

        Parameters
        ----------
        x : array or quantity, shape ``(..., *in_size)``

        Returns
        -------
        array or quantity
            Of the shape of ``x``.

        Raises
        ------
        ShapeError
            If the input has another shape than ``in_size``.
        KeyError
            If ``fit`` is not set.
        """
        if self.in_size is not None:
            self.batch_of(x)
        if not environ.get('fit', desc=f'{self.label} needs to know whether the model is trained'):
            return x
        return u.math.where(self.draw(np.shape(u.get_mantissa(x))), x / self.prob, u.math.zeros_like(x))

    def draw(self, shape: tuple[int, ...]) -> Any:
        """Which elements of an input are kept; of a shape that broadcasts to the input's.

        Raises
        ------
        ParameterError
            If the input has not all of ``shared_axes``.
        """
        ndim = len(shape)
        if any(not -ndim <= axis < ndim for axis in self.shared_axes):
            raise ParameterError(f'{self.label}: shared_axes = {self.shared_axes}, but the input has shape {shape}.')
        shared = {axis % ndim for axis in self.shared_axes}
        return random.bernoulli(self.prob, tuple(1 if axis in shared else n for axis, n in enumerate(shape)))
