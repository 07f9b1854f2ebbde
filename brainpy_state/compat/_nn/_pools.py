"""Pooling with channels on any axis, or without; with the places of maxima, and back from them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import environ, nn
from ..._errors import ParameterError, ShapeError
from ..._typing import as_size
from ._sizes import paddings, per_axis


class Pool(nn.Module):
    """Base of pooling over the last axes beside that of channels.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Size of the window.
    stride : int or tuple of int, optional
        Steps between windows.
    padding : {'SAME', 'VALID'}, int, or for each axis an int or (int, int)
        How far windows reach beyond the edges.
    channel_axis : int or None
        The axis of the input that is that of channels; None where there is none.
    name : str, optional
        A label for messages.
    in_size : tuple of int, optional
        The shape of the input without batch axes.
    """

    ndim: int

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 'VALID',
        channel_axis: int | None = -1,
        name: Any = None,
        in_size: Any = None,
    ):
        super().__init__(name)
        self.kernel_size = per_axis(self.label, 'kernel_size', kernel_size, self.ndim)
        self.stride = self.kernel_size if stride is None else per_axis(self.label, 'stride', stride, self.ndim)
        pads = paddings(self.label, padding, self.ndim)
        self.padding = pads if isinstance(pads, str) else list(pads)
        self._begin(channel_axis, in_size)

    def _begin(self, channel_axis: int | None, in_size: Any) -> None:
        if not (channel_axis is None or isinstance(channel_axis, int)):
            raise TypeError(f'{self.label}: channel_axis is an integer or None, but is {channel_axis!r}.')
        self.channel_axis = channel_axis
        if in_size is not None:
            self.in_size = as_size(in_size, self.label)
            shaped = jax.eval_shape(self.update, jax.ShapeDtypeStruct((1, *self.in_size), environ.dftype()))
            self.out_size = jax.tree.leaves(shaped)[0].shape[1:]

    def axes(self, ndim: int) -> tuple[int, ...]:
        """The axes of an input over which it is pooled.

        Raises
        ------
        ShapeError
            If there are too few, or ``channel_axis`` is none.
        """
        needed = self.ndim + (self.channel_axis is not None)
        if ndim < needed:
            raise ShapeError(f'{self.label}: the input has {ndim} axes, expected {needed} or more.')
        if self.channel_axis is None:
            return tuple(range(ndim))[-self.ndim :]
        if not -ndim <= self.channel_axis < ndim:
            raise ShapeError(f'{self.label}: channel_axis = {self.channel_axis}, but the input has {ndim} axes.')
        return tuple(k for k in range(ndim) if k != self.channel_axis % ndim)[-self.ndim :]

    def reduce(self, x: Any, start: Any, combine: Any) -> Any:
        """``jax.lax.reduce_window`` over these axes."""
        first = jax.tree.leaves(x)[0]
        axes = self.axes(first.ndim)
        window, steps, pads = [1] * first.ndim, [1] * first.ndim, [(0, 0)] * first.ndim
        for n, k in enumerate(axes):
            window[k], steps[k] = self.kernel_size[n], self.stride[n]
            if not isinstance(self.padding, str):
                pads[k] = self.padding[n]
        padding: Any = self.padding if isinstance(self.padding, str) else pads
        return jax.lax.reduce_window(x, start, combine, window, steps, padding)

    def update(self, x: Any) -> Any:
        """Pool."""
        raise NotImplementedError


class _ByCore(Pool):
    """Pooling by a layer of this package, which has channels last."""

    core: Any

    def update(self, x: Any) -> Any:
        """Pool an array or a quantity."""
        axes = self.axes(x.ndim)
        order = (*(k for k in range(x.ndim) if k not in axes), *axes)  # channels are among batch axes: each is pooled alike
        pool = self.core(self.kernel_size, self.stride, self.padding)
        return pool(x.transpose(order)[..., None])[..., 0].transpose(np.argsort(order))


class MaxPool(_ByCore):
    """The largest element of each window.

    Parameters
    ----------
    kernel_size, stride, padding, channel_axis, name, in_size
        See `Pool`; by default, windows follow each other.
    return_indices : bool
        Whether to give, besides, where in the flattened input each element stands.
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 'VALID',
        channel_axis: int | None = -1,
        return_indices: bool = False,
        name: str | None = None,
        in_size: Any = None,
    ):
        self.return_indices = return_indices
        super().__init__(kernel_size, stride, padding, channel_axis, name, in_size)

    def update(self, x: Any) -> Any:
        """Pool; with ``return_indices`` also where the elements stand, the first of equal ones."""
        if not self.return_indices:
            return super().update(x)
        lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
        place = jnp.arange(x.size, dtype=jnp.int32).reshape(x.shape)

        def larger(a: Any, b: Any) -> Any:
            take = (b[0] > a[0]) | ((b[0] == a[0]) & (b[1] < a[1]))
            return jnp.where(take, b[0], a[0]), jnp.where(take, b[1], a[1])

        return self.reduce((x, place), (jnp.asarray(lowest, x.dtype), jnp.int32(x.size)), larger)


class AvgPool(_ByCore):
    """The mean of each window; what lies beyond the edges is not counted.

    Parameters
    ----------
    kernel_size, stride, padding, channel_axis, name, in_size
        See `Pool`; by default, windows are one step apart.
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 'VALID',
        channel_axis: int | None = -1,
        name: Any = None,
        in_size: Any = None,
    ):
        super().__init__(kernel_size, stride, padding, channel_axis, name, in_size)


class LPPool(Pool):
    r"""The mean of powers of each window, :math:`(\frac{1}{N} \sum |x|^p)^{1/p}`.

    Parameters
    ----------
    norm_type : float
        The power p.
    kernel_size, stride, padding, channel_axis, name, in_size
        See `Pool`; by default, windows follow each other.
    """

    def __init__(
        self,
        norm_type: float,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 'VALID',
        channel_axis: int | None = -1,
        name: str | None = None,
        in_size: Any = None,
    ):
        if not 0 < norm_type < np.inf:
            raise ParameterError(f'{type(self).__name__}: norm_type = {norm_type} must be positive and finite.')
        self.norm_type = norm_type
        super().__init__(kernel_size, stride, padding, channel_axis, name, in_size)

    def update(self, x: Any) -> Any:
        """Pool an array; the gradient where all elements are 0 is 0."""
        total = self.reduce(jnp.abs(x) ** self.norm_type, 0.0, jax.lax.add) / np.prod(self.kernel_size)
        return jnp.where(total > 0, jnp.where(total > 0, total, 1.0) ** (1 / self.norm_type), 0.0)


class MaxUnpool(Pool):
    """Put maxima back to where `MaxPool` found them, among zeros.

    Parameters
    ----------
    kernel_size, stride, channel_axis, name, in_size
        See `Pool`.
    padding : int or tuple of int
        That of the pooling.
    """

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, channel_axis: int | None = -1, name: Any = None, in_size: Any = None
    ):
        pads = per_axis(type(self).__name__, 'padding', padding, self.ndim)
        super().__init__(kernel_size, stride, pads, channel_axis, name)
        self.in_size = None if in_size is None else as_size(in_size, self.label)

    def update(self, x: Any, indices: Any, output_size: Any = None) -> Any:
        """Put elements back.

        Parameters
        ----------
        x, indices : array
            What `MaxPool` gave, with ``return_indices=True``.
        output_size : int or tuple of int, optional
            The shape of the result, or its sizes along the pooled axes; elements outside are left out.

        Raises
        ------
        ShapeError
            If it has another number of axes.
        """
        axes, natural = self.axes(x.ndim), list(x.shape)
        for n, k in enumerate(axes):
            natural[k] = (x.shape[k] - 1) * self.stride[n] - 2 * self.padding[n][0] + self.kernel_size[n]
        shape = self._shape(list(natural), axes, output_size)
        places = jnp.unravel_index(indices.reshape(-1), natural)
        return jnp.zeros(shape, x.dtype).at[places].set(x.reshape(-1), mode='drop')

    def _shape(self, shape: list[int], axes: tuple[int, ...], given: Any) -> list[int]:
        if given is None:
            return shape
        sizes = (given,) * self.ndim if isinstance(given, int) else tuple(given)
        if len(sizes) == len(shape):
            return list(sizes)
        if len(sizes) != self.ndim:
            raise ShapeError(f'{self.label}: output_size = {given} has {len(sizes)} axes, expected {self.ndim} or {len(shape)}.')
        for k, size in zip(axes, sizes, strict=True):
            shape[k] = size
        return shape


class AdaptivePool(Pool):
    """So many parts along each axis as the output has elements; the first parts are one longer where they cannot be equal.

    Parameters
    ----------
    target_size : int or tuple of int or None
        Sizes of the output; None leaves an axis as it is.
    channel_axis, name, in_size
        See `Pool`.
    """

    operation: Any

    def __init__(self, target_size: Any, channel_axis: int | None = -1, name: str | None = None, in_size: Any = None):
        nn.Module.__init__(self, name)
        sizes = target_size
        if isinstance(target_size, (tuple, list)) and len(target_size) != self.ndim:
            raise ShapeError(f'{self.label}: target_size has {len(target_size)} integers, expected {self.ndim}.')
        if isinstance(target_size, (tuple, list)):
            sizes = [1 if s is None else s for s in target_size]
        elif not isinstance(target_size, (int, str)):
            raise ParameterError(f'{self.label}: target_size is an integer or {self.ndim} of them, but is {target_size!r}.')
        if min(checked := per_axis(self.label, 'target_size', sizes, self.ndim)) < 1:
            raise ParameterError(f'{self.label}: target_size = {target_size} must be positive.')
        self.target_shape = tuple(target_size) if isinstance(target_size, (tuple, list)) else checked
        self._begin(channel_axis, in_size)

    def update(self, x: Any) -> Any:
        """Pool."""
        for k, target in zip(self.axes(x.ndim), self.target_shape, strict=True):
            if target is None:
                continue
            if target > x.shape[k]:
                raise ShapeError(f'{self.label}: target_size = {target} is more than the {x.shape[k]} elements of an axis.')
            parts = np.array_split(np.arange(x.shape[k]), target)
            x = jnp.stack([self.operation(x[(slice(None),) * k + (slice(p[0], p[-1] + 1),)], axis=k) for p in parts], axis=k)
        return x


def _of(base: type, ndim: int, **attributes: Any) -> type:
    name = base.__name__ if base is not AdaptivePool else attributes.pop('name')
    attributes['__doc__'] = f'{base.__doc__}'
    return type(f'{name}{ndim}d', (base,), {'ndim': ndim, '__module__': __name__, **attributes})


MaxPool1d, MaxPool2d, MaxPool3d = (_of(MaxPool, n, core=core) for n, core in enumerate((nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d), 1))
AvgPool1d, AvgPool2d, AvgPool3d = (_of(AvgPool, n, core=core) for n, core in enumerate((nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d), 1))
LPPool1d, LPPool2d, LPPool3d = (_of(LPPool, n) for n in (1, 2, 3))
MaxUnpool1d, MaxUnpool2d, MaxUnpool3d = (_of(MaxUnpool, n) for n in (1, 2, 3))
AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d = (
    _of(AdaptivePool, n, name='AdaptiveAvgPool', operation=staticmethod(jnp.mean)) for n in (1, 2, 3)
)
AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d = (
    _of(AdaptivePool, n, name='AdaptiveMaxPool', operation=staticmethod(jnp.max)) for n in (1, 2, 3)
)


class Unflatten(nn.Module):
    """One axis into several.

    Parameters
    ----------
    axis : int
        Which one, of the whole input.
    sizes : tuple of int
        Those that it becomes.
    name : str, optional
        A label for messages.
    in_size : tuple of int, optional
        The shape of the input.
    """

    def __init__(self, axis: int, sizes: Any, name: str | None = None, in_size: Any = None):
        super().__init__(name)
        if not isinstance(sizes, (tuple, list)) or not all(isinstance(s, int) for s in sizes):
            raise TypeError(f'{self.label}: sizes is a tuple of integers, but is {sizes!r}.')
        self.axis, self.sizes = axis, tuple(sizes)
        if in_size is not None:
            self.in_size = as_size(in_size, self.label)
            self.out_size = jax.eval_shape(self.update, jax.ShapeDtypeStruct(self.in_size, environ.dftype())).shape

    def update(self, x: Any) -> Any:
        """Split the axis."""
        if not -x.ndim <= self.axis < x.ndim:
            raise ShapeError(f'{self.label}: the input has {x.ndim} axes, but axis = {self.axis}.')
        k = self.axis % x.ndim
        return x.reshape((*x.shape[:k], *self.sizes, *x.shape[k + 1 :]))
