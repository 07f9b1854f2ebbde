"""Normalisation: of batches with channels anywhere, of layers, by the root of the mean square, and of groups of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ... import nn
from ..._errors import ParameterError, ShapeError
from ..._typing import as_size
from ...layers import first_value
from ...state import BatchState, ParamState, State
from ._sizes import Typed


class _BatchNorm(Typed):
    """See `brainpy_state.nn.BatchNorm0d`.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the input without batch axes.
    feature_axis : int
        Where channels stand.
    track_running_stats : bool
        Without, mean and variance are always those of the batch.
    epsilon, momentum
        As there.
    affine : bool
        Whether there are scale and bias; only with running statistics.
    bias_initializer, scale_initializer : callable, array or number
        Their first values.
    name : str, optional
        A label for messages.
    dtype : optional
        The type of the result; that of the input by default.
    param_type, mean_type : type of State
        The classes of ``weight``, and of ``running_mean`` and ``running_var``.
    """

    def __init__(
        self,
        in_size: Any,
        feature_axis: int = -1,
        *,
        track_running_stats: bool = True,
        epsilon: float = 1e-5,
        momentum: float = 0.99,
        affine: bool = True,
        bias_initializer: Any = 0.0,
        scale_initializer: Any = 1.0,
        name: str | None = None,
        dtype: Any = None,
        param_type: type[State] = ParamState,
        mean_type: type[State] = BatchState,
    ):
        self.channel_axis, self.track_running_stats, self.affine, self.dtype = feature_axis, track_running_stats, affine, dtype
        self._mean_type = mean_type
        if affine and not track_running_stats:
            raise ParameterError(f'{type(self).__name__}: affine=True needs track_running_stats=True; give affine=False.')
        first = {'scale_init': scale_initializer, 'bias_init': bias_initializer} if affine else {'scale_init': None, 'bias_init': None}
        super().__init__(in_size, epsilon=epsilon, momentum=momentum, name=name, **first)  # type: ignore[call-arg]
        self.feature_axis = (feature_axis,)
        self.retype(param_type)

    def _keep_statistics(self, channels: int) -> None:
        if not self.track_running_stats:
            self.running_mean = self.running_var = None
            return
        super()._keep_statistics(channels)
        if self._mean_type is not BatchState:
            self.running_mean, self.running_var = (self._mean_type(s.value) for s in (self.running_mean, self.running_var))

    def _fits(self) -> bool:
        return not self.track_running_stats or super()._fits()

    def _follow(self, mean: Any, var: Any) -> None:
        if self.track_running_stats:
            super()._follow(mean, var)

    def update(self, x: Any) -> Any:
        """Normalise an input of shape ``(*in_size)`` or ``(batch, *in_size)``."""
        if self.in_size is not None and x.ndim > len(self.in_size) + 1:
            raise ShapeError(f'{self.label}: the input has shape {x.shape}, expected {len(self.in_size)} axes, or one more for a batch.')
        y = super().update(x)
        return y if self.dtype is None else y.astype(self.dtype)


class BatchNorm0d(_BatchNorm, nn.BatchNorm0d):
    __doc__ = _BatchNorm.__doc__


class BatchNorm1d(_BatchNorm, nn.BatchNorm1d):
    __doc__ = _BatchNorm.__doc__


class BatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    __doc__ = _BatchNorm.__doc__


class BatchNorm3d(_BatchNorm, nn.BatchNorm3d):
    __doc__ = _BatchNorm.__doc__


class _Norm(Typed, nn.Module):
    """What the others share: scale and bias over the axes of features, and their application."""

    def __init__(self, in_size: Any, feature_axes: Any, scale_init: Any, bias_init: Any, epsilon: float, dtype: Any, name: Any = None):
        super().__init__(name)
        self.in_size = self.out_size = size = as_size(in_size, self.label)
        self.feature_axes = tuple(a % len(size) - len(size) for a in _axes(self.label, feature_axes, len(size)))
        self.epsilon, self.dtype = epsilon, dtype
        shape = tuple(n if k - len(size) in self.feature_axes else 1 for k, n in enumerate(size))
        shape = shape[min(self.feature_axes) :]
        first = {'scale': scale_init, 'bias': bias_init}
        value = {key: first_value(init, shape, self.label, f'{key}_init') for key, init in first.items() if init is not None}
        self.weight = ParamState(value) if value else None

    def _finish(self, y: Any) -> Any:
        value = {} if self.weight is None else self.weight.value
        y = y * value['scale'] if 'scale' in value else y
        y = y + value['bias'] if 'bias' in value else y
        return y if self.dtype is None else y.astype(self.dtype)

    def _check(self, x: Any) -> None:
        size = self.in_size or ()
        if x.shape[x.ndim - len(size) :] != size:
            raise ShapeError(f'{self.label}: the input has shape {x.shape}, expected (..., {", ".join(map(str, size))}).')


def _axes(owner: str, axes: Any, ndim: int) -> tuple[int, ...]:
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    if not axes or any(not -ndim <= a < ndim for a in axes):
        raise ParameterError(f'{owner}: {axes} are no axes of {ndim}.')
    return axes


class LayerNorm(_Norm):
    """Normalise every sample by mean and variance along some axes.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the input without batch axes.
    reduction_axes : int or sequence of int
        Axes of which mean and variance are taken.
    feature_axes : int or sequence of int
        Axes of ``in_size`` along which scale and bias differ.
    epsilon : float
        Added to the variance.
    use_bias, use_scale : bool
        Whether there are bias and scale.
    bias_init, scale_init : callable, array or number
        Their first values.
    dtype : optional
        The type of the result.
    param_type : type of State
        The class of ``weight``.

    Notes
    -----
    Source: Ba, Kiros & Hinton 2016, equation 4, arXiv:1607.06450.
    """

    centred = True

    def __init__(
        self,
        in_size: Any,
        reduction_axes: int | Sequence[int] = -1,
        feature_axes: int | Sequence[int] = -1,
        *,
        epsilon: float = 1e-6,
        use_bias: bool = True,
        use_scale: bool = True,
        bias_init: Any = 0.0,
        scale_init: Any = 1.0,
        dtype: Any = None,
        param_type: type[State] = ParamState,
    ):
        super().__init__(in_size, feature_axes, scale_init if use_scale else None, bias_init if use_bias else None, epsilon, dtype)
        self.reduction_axes = _axes(self.label, reduction_axes, len(self.in_size or ()))
        self.retype(param_type)

    def update(self, x: Any, *, mask: Any = None) -> Any:
        """Normalise, shape ``(..., *in_size)``; with a mask, mean and variance are of those elements."""
        self._check(x)
        return self._finish(_normalised(x, self.reduction_axes, self.epsilon, mask, self.centred))


class RMSNorm(LayerNorm):
    """`LayerNorm` by the root of the mean square: the mean stays, and there is no bias.

    Parameters
    ----------
    in_size, epsilon, dtype, use_scale, scale_init, reduction_axes, feature_axes, param_type
        See `LayerNorm`.

    Notes
    -----
    Source: Zhang & Sennrich 2019, equation 4, arXiv:1910.07467.
    """

    centred = False

    def __init__(
        self,
        in_size: Any,
        *,
        epsilon: float = 1e-6,
        dtype: Any = None,
        use_scale: bool = True,
        scale_init: Any = 1.0,
        reduction_axes: int | Sequence[int] = -1,
        feature_axes: int | Sequence[int] = -1,
        param_type: type[State] = ParamState,
    ):
        super().__init__(
            in_size,
            reduction_axes,
            feature_axes,
            epsilon=epsilon,
            use_bias=False,
            use_scale=use_scale,
            scale_init=scale_init,
            dtype=dtype,
            param_type=param_type,
        )


class GroupNorm(_Norm):
    """Normalise groups of channels of every sample, along all other axes but that of the batch.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the input without batch axes, or its last axes.
    feature_axis : int
        Which of them is that of channels, the last.
    num_groups, group_size : int
        How many groups, or channels of each; one of them.
    epsilon, dtype, use_bias, use_scale, bias_init, scale_init, param_type
        See `LayerNorm`.
    reduction_axes : int or sequence of int, optional
        Axes of the input of which mean and variance are taken; with the last one.

    Notes
    -----
    Source: Wu & He 2018, arXiv:1803.08494.
    """

    def __init__(
        self,
        in_size: Any,
        feature_axis: int = -1,
        num_groups: int | None = 32,
        group_size: int | None = None,
        *,
        epsilon: float = 1e-6,
        dtype: Any = None,
        use_bias: bool = True,
        use_scale: bool = True,
        bias_init: Any = 0.0,
        scale_init: Any = 1.0,
        reduction_axes: int | Sequence[int] | None = None,
        param_type: type[State] = ParamState,
    ):
        super().__init__(in_size, feature_axis, scale_init if use_scale else None, bias_init if use_bias else None, epsilon, dtype)
        if self.feature_axes != (-1,):
            raise ParameterError(f'{self.label}: feature_axis = {feature_axis} must be the last axis of in_size; move the axis.')
        channels = (self.in_size or ())[-1]
        if (num_groups is None) == (group_size is None):
            raise ParameterError(f'{self.label}: give num_groups or group_size, the other as None.')
        if channels % (num_groups or group_size or 1):
            raise ParameterError(
                f'{self.label}: num_groups = {num_groups} or group_size = {group_size} must divide the {channels} channels.'
            )
        self.num_groups = num_groups or channels // (group_size or 1)
        self.group_size, self.reduction_axes = channels // self.num_groups, reduction_axes
        self.retype(param_type)

    def update(self, x: Any, *, mask: Any = None) -> Any:
        """Normalise, shape ``(..., *in_size)``; with a mask, mean and variance are of those elements."""
        self._check(x)
        first = 1 if x.ndim > len(self.in_size or ()) else 0
        axes = range(first, x.ndim) if self.reduction_axes is None else _axes(self.label, self.reduction_axes, x.ndim)
        along = {a % x.ndim for a in axes}
        if x.ndim - 1 not in along:
            raise ParameterError(f'{self.label}: reduction_axes = {self.reduction_axes} must have the last axis, that of channels.')
        shape = (*x.shape[:-1], self.num_groups, self.group_size)
        where = None if mask is None else jnp.broadcast_to(mask, x.shape).reshape(shape)
        y = _normalised(x.reshape(shape), (*sorted(along - {x.ndim - 1}), -1), self.epsilon, where, True)
        return self._finish(y.reshape(x.shape))


def _normalised(x: Any, axes: tuple[int, ...], epsilon: float, where: Any, centred: bool) -> Any:
    mean = jnp.mean(x, axes, keepdims=True, where=where) if centred else 0.0
    return (x - mean) * jax.lax.rsqrt(jnp.mean((x - mean) ** 2, axes, keepdims=True, where=where) + epsilon)
