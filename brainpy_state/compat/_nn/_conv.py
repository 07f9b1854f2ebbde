"""Convolutions with channels at either end, masks, dilated inputs and standardised weights."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from ... import nn
from ..._errors import ParameterError, ShapeError
from ..._typing import Size, as_size
from ...state import ParamState, State
from ._sizes import Typed, mask_of, paddings, per_axis, standardized

_xavier = jax.nn.initializers.glorot_normal()


class _Older(Typed):
    """The options that convolutions have under their older names.

    Parameters
    ----------
    in_size : tuple of int
        The shape of the input without batch axis, channels last.
    out_channels : int
        Channels of the output.
    kernel_size, stride, lhs_dilation, rhs_dilation : int or tuple of int
        Size of the kernel, steps between its places, and distances of elements of the input and of those that the kernel takes.
    padding : {'SAME', 'VALID'}, int, or for each axis an int or (int, int)
        Zeros at both ends of each axis.
    groups : int
        Into how many groups channels are divided.
    w_init, b_init : callable, array or quantity
        First weights, and first bias, shape ``(out_channels,)``; ``None``: no bias.
    w_mask : array or callable, optional
        What weights are multiplied by.
    channel_first : bool
        Whether channels are the first axis of ``in_size``.
    name : str, optional
        A label for messages.
    param_type : type of State
        The class of the state ``weight``.
    """

    ndim: int
    padding: Any

    def __init__(
        self,
        in_size: Size,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Any = 'SAME',
        lhs_dilation: Size = 1,
        rhs_dilation: Size = 1,
        groups: int = 1,
        w_init: Any = _xavier,
        b_init: Any = None,
        w_mask: Any = None,
        channel_first: bool = False,
        name: str | None = None,
        param_type: type[State] = ParamState,
    ):
        owner = type(self).__name__
        self.channel_first, self.channels_last, self.w_mask = channel_first, not channel_first, None
        self.channel_axis = 0 if channel_first else -1
        self.lhs_dilation = self._each('lhs_dilation', lhs_dilation)
        sizes = {key: self._each(key, x) for key, x in (('kernel_size', kernel_size), ('stride', stride), ('rhs_dilation', rhs_dilation))}
        padding = paddings(owner, tuple(padding) if isinstance(padding, list) else self._pair(padding), self.ndim)
        super().__init__(  # type: ignore[call-arg]
            as_size(in_size, owner), out_channels, padding=padding, groups=groups, w_init=w_init, b_init=b_init, name=name, **sizes
        )
        if isinstance(self.padding, list):
            self.padding = tuple(self.padding)
        self.in_channels, self.kernel_shape = self.channels, u.math.shape(self.weight.value['weight'])
        self.w_mask = mask_of(self.label, w_mask, self.kernel_shape)
        self.retype(param_type)

    def _each(self, name: str, value: Any) -> tuple[int, ...]:
        if isinstance(value, (tuple, list)) and len(value) == 1:
            value = tuple(value) * self.ndim
        try:
            return per_axis(type(self).__name__, name, value, self.ndim)
        except ShapeError as error:
            raise TypeError(*error.args) from None

    def _pair(self, padding: Any) -> Any:
        """Along one axis, two integers are a pair."""
        pair = self.ndim == 1 and isinstance(padding, tuple) and len(padding) == 2 and all(isinstance(p, int) for p in padding)
        return (padding,) if pair else padding

    def effective(self, value: dict[str, Any]) -> Any:
        """The kernel with the mask."""
        return value['weight'] if self.w_mask is None else value['weight'] * self.w_mask

    def update(self, x: Any) -> Any:
        """Convolve an input of shape ``in_size`` or ``(batch, *in_size)``."""
        if x.ndim > self.ndim + 2:
            raise ShapeError(f'{self.label}: the input has shape {x.shape}, expected {self.ndim + 1} axes, or one more for a batch.')
        return super().update(x)


class _Conv(_Older):
    def _convolve(self, x: Any, kernel: Any) -> Any:
        return super()._convolve(_spread(x, self.lhs_dilation), kernel)


def _spread(x: Any, steps: tuple[int, ...]) -> Any:
    """An array ``(batch, *axes, channels)`` with zeros between elements."""
    if set(steps) == {1}:
        return x
    config = [(0, 0, 0), *((0, 0, step - 1) for step in steps), (0, 0, 0)]
    return jax.lax.pad(x, jnp.zeros((), x.dtype), config)


class Conv1d(_Conv, nn.Conv1d):
    __doc__ = _Older.__doc__


class Conv2d(_Conv, nn.Conv2d):
    __doc__ = _Older.__doc__


class Conv3d(_Conv, nn.Conv3d):
    __doc__ = _Older.__doc__


class _ScaledWSConv(_Conv):
    def __init__(
        self,
        in_size: Size,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Any = 'SAME',
        lhs_dilation: Size = 1,
        rhs_dilation: Size = 1,
        groups: int = 1,
        ws_gain: bool = True,
        eps: float = 1e-4,
        **options: Any,
    ):
        super().__init__(in_size, out_channels, kernel_size, stride, padding, lhs_dilation, rhs_dilation, groups, **options)
        self.eps = eps
        if ws_gain:
            gain = jnp.ones((*(1,) * (self.ndim + 1), out_channels), u.get_mantissa(self.weight.value['weight']).dtype)
            self.weight.value = {**self.weight.value, 'gain': gain}

    def effective(self, value: dict[str, Any]) -> Any:
        """The standardised kernel with the mask."""
        w = standardized(value['weight'], getattr(self, 'eps', 1e-4), value.get('gain'))
        return w if self.w_mask is None else w * self.w_mask


_SCALED = """Convolution with standardised weights, of which each output has a trained factor; see `weight_standardization`.

    Parameters
    ----------
    in_size, out_channels, kernel_size, stride, padding, lhs_dilation, rhs_dilation, groups, w_init, b_init, w_mask, channel_first, name,\
 param_type
        See `Conv2d`.
    ws_gain : bool
        Whether there are the factors.
    eps : float
        The least variance.
    """


class ScaledWSConv1d(_ScaledWSConv, nn.Conv1d):
    __doc__ = _SCALED


class ScaledWSConv2d(_ScaledWSConv, nn.Conv2d):
    __doc__ = _SCALED


class ScaledWSConv3d(_ScaledWSConv, nn.Conv3d):
    __doc__ = _SCALED


class _ConvTranspose(_Older):
    def __init__(
        self,
        in_size: Size,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Any = 'SAME',
        rhs_dilation: Size = 1,
        groups: int = 1,
        w_init: Any = jax.nn.initializers.glorot_normal(in_axis=-1, out_axis=-2),  # noqa: B008
        b_init: Any = None,
        **options: Any,
    ):
        if 'lhs_dilation' in options:
            raise ParameterError(f'{type(self).__name__}: the stride is what dilates the input; give stride=.')
        super().__init__(
            in_size,
            out_channels,
            kernel_size,
            stride,
            padding,
            rhs_dilation=rhs_dilation,
            groups=groups,
            w_init=w_init,
            b_init=b_init,
            **options,
        )


_TRANSPOSED = """Transposed convolution, which makes an input ``stride`` times as large; kernels have shape
    ``(*kernel_size, out_channels, in_channels // groups)``.

    Parameters
    ----------
    in_size, out_channels, kernel_size, stride, padding, rhs_dilation, groups, w_init, b_init, w_mask, channel_first, name, param_type
        See `Conv2d`.
    """


class ConvTranspose1d(_ConvTranspose, nn.ConvTranspose1d):
    __doc__ = _TRANSPOSED


class ConvTranspose2d(_ConvTranspose, nn.ConvTranspose2d):
    __doc__ = _TRANSPOSED


class ConvTranspose3d(_ConvTranspose, nn.ConvTranspose3d):
    __doc__ = _TRANSPOSED
