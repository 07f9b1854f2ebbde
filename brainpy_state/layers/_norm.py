"""Normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from .. import environ
from .._errors import ParameterError, ShapeError, UnitError
from .._typing import Size
from ..state import BatchState, ParamState
from ._layer import Layer, WeightInit, first_value


class _Norm(Layer):
    """What norms share: an optional scale and bias for each feature, in one parameter."""

    weight: ParamState | None

    def _allocate(self, shape: tuple[int, ...], scale_init: WeightInit | None, bias_init: WeightInit | None) -> None:
        value = {}
        if scale_init is not None:
            value['scale'] = first_value(scale_init, shape, self.label, 'scale_init')
        if bias_init is not None:
            value['bias'] = first_value(bias_init, shape, self.label, 'bias_init')
        self.weight = ParamState(value) if value else None

    def _check_plain(self, x: Any) -> None:
        if not u.get_unit(x).is_unitless:
            raise UnitError(f'{self.label}: the input has the unit {u.get_unit(x)}, but must be a plain number; divide by a scale first.')

    def _normalised(self, x: Any, mean: Any, var: Any, epsilon: float, trailing: tuple[int, ...] = ()) -> Any:
        y = (x - mean) * jax.lax.rsqrt(var + epsilon)
        value = {} if self.weight is None else self.weight.value
        value = {key: p.reshape((*p.shape, *trailing)) for key, p in value.items()}
        if 'scale' in value:
            y = y * value['scale']
        return y + value['bias'] if 'bias' in value else y


class LayerNorm(_Norm):
    r"""Normalise every sample over its features, then scale and shift them.

    .. math:: y = \frac{x - \mathrm{mean}(x)}{\sqrt{\mathrm{var}(x) + \epsilon}}\,\mathrm{scale} + \mathrm{bias}

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the input without batch axes.
    reduction_axes : int or sequence of int
        The axes of ``in_size`` of which mean and variance are taken; the last one by default. Scale
        and bias have their shape.
    epsilon : float
        1e-6.
    scale_init, bias_init : callable or array, optional
        First scale, 1, and first bias, 0; ``None``: without.
    name : str, optional
        A label for messages.

    Notes
    -----
    States: ``weight``, a `ParamState` with a dict of ``'scale'`` and ``'bias'``.
    Source: Ba, Kiros & Hinton 2016, equation 4, arXiv:1607.06450.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.nn.LayerNorm(3)(jnp.array([1., 2., 3.]))
    Array([-1.2247..., 0. ..., 1.2247...], dtype=float32)
    """

    def __init__(
        self,
        in_size: Size,
        reduction_axes: int | Sequence[int] = -1,
        *,
        epsilon: float = 1e-6,
        scale_init: WeightInit | None = 1.0,
        bias_init: WeightInit | None = 0.0,
        name: str | None = None,
    ):
        super().__init__(in_size, name)
        self.out_size = size = self.in_size or ()
        axes = (reduction_axes,) if isinstance(reduction_axes, int) else tuple(reduction_axes)
        if not axes or any(not -len(size) <= axis < len(size) for axis in axes):
            raise ParameterError(f'{self.label}: reduction_axes are axes of in_size {size}, but {reduction_axes} were given.')
        self.reduction_axes = tuple(sorted({axis % len(size) - len(size) for axis in axes}))  # from the end, where batch axes do not count
        self.epsilon = epsilon
        self._allocate(tuple(n if k - len(size) in self.reduction_axes else 1 for k, n in enumerate(size)), scale_init, bias_init)

    def update(self, x: Any) -> Any:
        """Normalise.

        Parameters
        ----------
        x : array, shape ``(..., *in_size)``

        Returns
        -------
        array, shape ``(..., *in_size)``

        Raises
        ------
        ShapeError, UnitError
            If the input has another shape, or a unit.
        """
        self.batch_of(x)
        self._check_plain(x)
        mean, var = _moments(x, self.reduction_axes)
        return self._normalised(x, mean, var, self.epsilon)


class _BatchNorm(_Norm):
    ndim: int  # how many axes stand beside that of channels
    channel_axis: int = -1  # of those and that of channels

    def __init__(
        self,
        in_size: Size,
        *,
        epsilon: float = 1e-5,
        momentum: float = 0.99,
        scale_init: WeightInit | None = 1.0,
        bias_init: WeightInit | None = 0.0,
        name: str | None = None,
    ):
        super().__init__(in_size, name)
        self.out_size = size = self.in_size or ()
        if len(size) != self.ndim + 1:
            raise ShapeError(f'{self.label}: in_size has {self.ndim} axes and one of channels, but is {size}.')
        if not 0 <= momentum < 1:
            raise ParameterError(f'{self.label}: momentum = {momentum} must be at least 0 and below 1.')
        self.epsilon, self.momentum = epsilon, momentum
        self._allocate((size[self.channel_axis],), scale_init, bias_init)
        self._keep_statistics(size[self.channel_axis])

    def _keep_statistics(self, channels: int) -> None:
        self.running_mean = BatchState(jnp.zeros(channels, environ.dftype()))
        self.running_var = BatchState(jnp.ones(channels, environ.dftype()))

    def update(self, x: Any) -> Any:
        """Normalise; with ``fit`` of `environ`, by the batch itself, which the running statistics then follow.

        Parameters
        ----------
        x : array, shape ``(..., *in_size)``

        Returns
        -------
        array, shape ``(..., *in_size)``

        Raises
        ------
        ShapeError, UnitError
            If the input has another shape, or a unit.
        KeyError
            If ``fit`` is not set.
        """
        batch = self.batch_of(x)
        self._check_plain(x)
        along = len(batch) + self.channel_axis % (self.ndim + 1)
        fits = self._fits()
        if fits:
            axes = tuple(k for k in range(x.ndim) if k != along)
            if not axes:
                raise ShapeError(f'{self.label}: while training, the input has at least one batch axis, but has shape {x.shape}.')
            mean, var = _moments(x, axes)
            self._follow(mean, var)
        else:
            mean, var = (s.value for s in (self.running_mean, self.running_var))
        trailing = (1,) * (x.ndim - 1 - along)
        return self._normalised(x, mean.reshape((-1, *trailing)), var.reshape((-1, *trailing)), self.epsilon, trailing)

    def _fits(self) -> bool:
        return environ.get('fit', desc=f'{self.label} needs to know whether the model is trained')

    def _follow(self, mean: Any, var: Any) -> None:
        for running, now in ((self.running_mean, mean), (self.running_var, var)):
            now = jax.lax.stop_gradient(now.reshape(-1)).astype(running.value.dtype)
            running.value = self.momentum * running.value + (1 - self.momentum) * now


def _moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    return jnp.mean(x, axes, keepdims=True), jnp.var(x, axes, keepdims=True)


class BatchNorm0d(_BatchNorm):
    r"""Normalise each channel over a batch, then scale and shift it.

    .. math:: y = \frac{x - \mathrm{mean}(x)}{\sqrt{\mathrm{var}(x) + \epsilon}}\,\mathrm{scale} + \mathrm{bias}

    While training, ``environ``'s ``fit=True``, mean and variance are those of all samples of the
    batch; with ``fit=False`` they are the running ones.

    Parameters
    ----------
    in_size : int
        Channels of the input.
    epsilon : float
        1e-5.
    momentum : float
        How much of the running statistics stays at a step of training, 0.99.
    scale_init, bias_init : callable or array, optional
        First scale, 1, and first bias, 0; ``None``: without.
    name : str, optional
        A label for messages.

    Notes
    -----
    States: ``weight``, a `ParamState` with a dict of ``'scale'`` and ``'bias'``; ``running_mean``
    and ``running_var``, a `BatchState` each, of shape ``(channels,)``. The life cycle leaves all of
    them as they are. Variances are those of the batch, divided by the number of samples.
    Source: Ioffe & Szegedy 2015, algorithm 1, arXiv:1502.03167.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> norm = bst.nn.BatchNorm0d(1)
    >>> with bst.environ.context(fit=True):
    ...     norm(jnp.array([[1.], [3.]]))[:, 0]
    Array([-0.99999..., 0.99999...], dtype=float32)
    """

    ndim = 0


class BatchNorm1d(_BatchNorm):
    """`BatchNorm0d` of each channel over a batch and one axis.

    Parameters
    ----------
    in_size : (int, int)
        Length and channels of the input.
    epsilon, momentum, scale_init, bias_init, name
        See `BatchNorm0d`.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> layer = bst.nn.BatchNorm1d((8, 2))
    >>> with bst.environ.context(fit=True):
    ...     layer(np.ones((5, *layer.in_size))).shape
    (5, 8, 2)
    """

    ndim = 1


class BatchNorm2d(_BatchNorm):
    """`BatchNorm0d` of each channel over a batch and two axes.

    Parameters
    ----------
    in_size : (int, int, int)
        Height, width and channels of the input.
    epsilon, momentum, scale_init, bias_init, name
        See `BatchNorm0d`.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> layer = bst.nn.BatchNorm2d((8, 8, 2))
    >>> with bst.environ.context(fit=True):
    ...     layer(np.ones((5, *layer.in_size))).shape
    (5, 8, 8, 2)
    """

    ndim = 2


class BatchNorm3d(_BatchNorm):
    """`BatchNorm0d` of each channel over a batch and three axes.

    Parameters
    ----------
    in_size : (int, int, int, int)
        Depth, height, width and channels of the input.
    epsilon, momentum, scale_init, bias_init, name
        See `BatchNorm0d`.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> layer = bst.nn.BatchNorm3d((4, 4, 4, 2))
    >>> with bst.environ.context(fit=True):
    ...     layer(np.ones((5, *layer.in_size))).shape
    (5, 4, 4, 4, 2)
    """

    ndim = 3
