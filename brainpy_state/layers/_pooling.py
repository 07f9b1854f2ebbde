"""Pooling, with channels last."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._typing import Size
from ._windows import Padding, Windowed


class _Pool(Windowed):
    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Padding = 'VALID',
        *,
        in_size: Size | None = None,
        name: str | None = None,
    ):
        super().__init__(in_size, name)
        self.kernel_size = self.per_axis('kernel_size', kernel_size)
        self.stride = self.kernel_size if stride is None else self.per_axis('stride', stride)
        self.padding = self.padding_of(padding)
        if self.in_size is not None:
            self.out_size = self.size_after(self._pool, environ.dftype())

    def _reduce(self, x: Any, start: Any, combine: Any) -> Any:
        padding = self.padding if isinstance(self.padding, str) else [(0, 0), *self.padding, (0, 0)]
        return jax.lax.reduce_window(x, start, combine, (1, *self.kernel_size, 1), (1, *self.stride, 1), padding)

    def _pool(self, x: Any) -> Any:
        raise NotImplementedError

    def update(self, x: Any) -> Any:
        """Pool.

        Parameters
        ----------
        x : array or quantity, shape ``(..., *in_size)``

        Returns
        -------
        array or quantity, shape ``(..., *out_size)``

        Raises
        ------
        ShapeError
            If the input has another shape, or too few axes.
        """
        return self.with_one_batch_axis(self._pool, x)


class _MaxPool(_Pool):
    def _pool(self, x: Any) -> Any:
        if x.dtype == bool:
            return self._reduce(x, False, jax.lax.bitwise_or)
        lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
        return self._reduce(x, np.array(lowest, x.dtype), jax.lax.max)


class _AvgPool(_Pool):
    def _pool(self, x: Any) -> Any:
        x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(environ.dftype())
        zero = np.array(0, x.dtype)
        counts = self._reduce(jnp.ones((1, *x.shape[1:-1], 1), x.dtype), zero, jax.lax.add)
        return self._reduce(x, zero, jax.lax.add) / jnp.maximum(counts, 1)  # a window may lie in the padding alone


class MaxPool1d(_MaxPool):
    """The largest element of each window along one axis.

    Parameters
    ----------
    kernel_size : int
        Length of the window.
    stride : int, optional
        Steps between windows; their length by default.
    padding : {'SAME', 'VALID'}, int or (int, int)
        How far windows reach beyond the ends; not at all by default.
    in_size : (int, int), optional
        Length and channels of the input.
    name : str, optional
        A label for messages.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.MaxPool1d(2)(np.array([[1.], [4.], [2.], [3.]])).ravel().tolist()
    [4.0, 3.0]
    """

    ndim = 1


class MaxPool2d(_MaxPool):
    """The largest element of each window along two axes.

    Parameters
    ----------
    kernel_size : int or (int, int)
        Size of the window.
    stride : int or (int, int), optional
        Steps between windows; their size by default.
    padding : {'SAME', 'VALID'}, int, or for each axis an int or (int, int)
        How far windows reach beyond the edges; not at all by default.
    in_size : (int, int, int), optional
        Height, width and channels of the input.
    name : str, optional
        A label for messages.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.nn.MaxPool2d(2)(jnp.arange(16.).reshape(4, 4, 1))[..., 0]
    Array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """

    ndim = 2


class MaxPool3d(_MaxPool):
    """The largest element of each window along three axes.

    Parameters
    ----------
    kernel_size, stride, padding, in_size, name
        See `MaxPool2d`, for three axes.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.MaxPool3d(2)(np.arange(64.).reshape(4, 4, 4, 1)).shape
    (2, 2, 2, 1)
    """

    ndim = 3


class AvgPool1d(_AvgPool):
    """The mean of each window along one axis; what lies beyond the ends is not counted.

    Parameters
    ----------
    kernel_size, stride, padding, in_size, name
        See `MaxPool1d`.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.AvgPool1d(2)(np.array([[1.], [4.], [2.], [3.]])).ravel().tolist()
    [2.5, 2.5]
    """

    ndim = 1


class AvgPool2d(_AvgPool):
    """The mean of each window along two axes; what lies beyond the edges is not counted.

    Parameters
    ----------
    kernel_size, stride, padding, in_size, name
        See `MaxPool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.AvgPool2d(2)(np.arange(16.).reshape(4, 4, 1)).shape
    (2, 2, 1)
    """

    ndim = 2


class AvgPool3d(_AvgPool):
    """The mean of each window along three axes; what lies beyond the edges is not counted.

    Parameters
    ----------
    kernel_size, stride, padding, in_size, name
        See `MaxPool3d`.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.AvgPool3d(2)(np.arange(64.).reshape(4, 4, 4, 1)).shape
    (2, 2, 2, 1)
    """

    ndim = 3


class _AdaptiveAvgPool(Windowed):
    def __init__(self, target_size: Size, *, in_size: Size | None = None, name: str | None = None):
        super().__init__(in_size, name)
        self.target_size = self.per_axis('target_size', target_size)
        if self.in_size is not None:
            self.out_size = (*self.target_size, self.in_size[-1])

    def update(self, x: Any) -> Any:
        """Pool.

        Parameters
        ----------
        x : array or quantity, shape ``(..., *in_size)``

        Returns
        -------
        array or quantity, shape ``(..., *target_size, channels)``
        """
        return self.with_one_batch_axis(self._pool, x)

    def _pool(self, x: Any) -> Any:
        for axis, n in enumerate(self.target_size, start=1):
            means = _means(x.shape[axis], n).astype(x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else environ.dftype())
            x = jnp.moveaxis(jnp.moveaxis(x, axis, -1) @ means, -1, axis)
        return x


def _means(size: int, n: int) -> np.ndarray:
    """The matrix of shape ``(size, n)`` that takes the means over n parts, which overlap where n does not divide the size."""
    k, i = np.arange(n), np.arange(size)[:, None]
    inside = (i >= k * size // n) & (i < -(-(k + 1) * size // n))
    return inside / inside.sum(axis=0)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means over so many parts of an axis as the output has elements.

    Parameters
    ----------
    target_size : int
        Length of the output. Part k of n goes from ``floor(k * length / n)`` to ``ceil((k + 1) * length / n)``.
    in_size : (int, int), optional
        Length and channels of the input.
    name : str, optional
        A label for messages.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.AdaptiveAvgPool1d(2)(np.ones((6, 1))).shape
    (2, 1)
    """

    ndim = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means over so many parts of two axes as the output has elements.

    Parameters
    ----------
    target_size : int or (int, int)
        Height and width of the output; parts are those of `AdaptiveAvgPool1d`.
    in_size : (int, int, int), optional
        Height, width and channels of the input.
    name : str, optional
        A label for messages.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.AdaptiveAvgPool2d(2)(np.ones((6, 6, 1))).shape
    (2, 2, 1)
    """

    ndim = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Means over so many parts of three axes as the output has elements.

    Parameters
    ----------
    target_size : int or (int, int, int)
        Depth, height and width of the output; parts are those of `AdaptiveAvgPool1d`.
    in_size : (int, int, int, int), optional
        Depth, height, width and channels of the input.
    name : str, optional
        A label for messages.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.AdaptiveAvgPool3d(2)(np.ones((6, 6, 6, 1))).shape
    (2, 2, 2, 1)
    """

    ndim = 3
