"""Convolutions, with channels last."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax

from .. import environ
from .._errors import ParameterError
from .._typing import Size, as_size
from ..numerics import with_unit
from ..state import ParamState
from ._layer import WeightInit, first_value, he_normal
from ._linear import add_bias
from ._windows import Padding, Windowed


class Conv(Windowed):
    """Base of convolutions; see `Conv2d`."""

    _numbers: tuple[str, str, str]  # names of the axes of input, kernel and output

    def __init__(
        self,
        in_size: Size,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Padding = 'SAME',
        *,
        rhs_dilation: Size = 1,
        groups: int = 1,
        w_init: WeightInit = he_normal,
        b_init: WeightInit | None = None,
        name: str | None = None,
    ):
        size = as_size(in_size, type(self).__name__)
        super().__init__(size, name)
        channels = self.channels
        if groups < 1 or channels % groups or out_channels % groups:
            raise ParameterError(f'{self.label}: groups = {groups} must divide the {channels} channels in and the {out_channels} out.')
        self.out_channels, self.groups = out_channels, groups
        self.kernel_size = self.per_axis('kernel_size', kernel_size)
        self.stride = self.per_axis('stride', stride)
        self.rhs_dilation = self.per_axis('rhs_dilation', rhs_dilation)
        self.padding = self.padding_of(padding)
        weight = first_value(w_init, (*self.kernel_size, *self._channels_of_kernel()), self.label, 'w_init')
        value = {'weight': weight}
        if b_init is not None:
            value['bias'] = first_value(b_init, (out_channels,), self.label, 'b_init')
        self.weight = ParamState(value)
        self.out_size = self.size_after(lambda x: self._convolve(x, u.get_mantissa(weight)), environ.dftype())

    def _channels_of_kernel(self) -> tuple[int, int]:
        return self.channels // self.groups, self.out_channels

    def effective(self, value: dict[str, Any]) -> Any:
        """The kernel that inputs are convolved with, of the value of ``weight``; a subclass may mask or scale it."""
        return value['weight']

    def _convolve(self, x: Any, kernel: Any) -> Any:
        return jax.lax.conv_general_dilated(
            x.astype(kernel.dtype),  # spikes may be booleans
            kernel,
            self.stride,
            self.padding,
            rhs_dilation=self.rhs_dilation,
            dimension_numbers=self._numbers,
            feature_group_count=self.groups,
        )

    def update(self, x: Any) -> Any:
        """Convolve.

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
            If the bias has another unit than the product of input and weights.
        """
        value = self.weight.value
        kernel = self.effective(value)
        y = self.with_one_batch_axis(lambda x: self._convolve(x, u.get_mantissa(kernel)), x)
        y = with_unit(u.get_mantissa(y), u.get_unit(y) * u.get_unit(kernel))
        if 'bias' in value:
            after = self.ndim - self.channel_axis % (self.ndim + 1)  # axes behind that of channels
            value = {'bias': value['bias'].reshape((self.out_channels, *(1,) * after))}
        return add_bias(y, value, self.label)


class Conv1d(Conv):
    """Convolution along one axis.

    Parameters
    ----------
    in_size : (int, int)
        Length and channels of the input.
    out_channels : int
        Channels of the output.
    kernel_size, stride, rhs_dilation : int
        Length of the kernel, steps between its places, and distance of the elements that it takes.
    padding : {'SAME', 'VALID'}, int or (int, int)
        Zeros at both ends.
    groups : int
        Into how many groups channels are divided, each of which sees its own only.
    w_init : callable, array or quantity
        First weights, shape ``(kernel_size, channels // groups, out_channels)``; He's normal distribution by default.
    b_init : callable, array or quantity, optional
        First bias, shape ``(out_channels,)``; none by default.
    name : str, optional
        A label for messages.

    Notes
    -----
    States: ``weight``, a `ParamState` with a dict of ``'weight'`` and, with ``b_init``, ``'bias'``.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Conv1d((8, 2), 3, 5)
    >>> layer(np.ones((5, *layer.in_size))).shape
    (5, 8, 3)
    """

    ndim = 1
    _numbers = ('NHC', 'HIO', 'NHC')


class Conv2d(Conv):
    """Convolution along two axes.

    Parameters
    ----------
    in_size : (int, int, int)
        Height, width and channels of the input.
    out_channels : int
        Channels of the output.
    kernel_size, stride, rhs_dilation : int or (int, int)
        Size of the kernel, steps between its places, and distances of the elements that it takes.
    padding : {'SAME', 'VALID'}, int, or for each axis an int or (int, int)
        Zeros at both ends of each axis.
    groups : int
        Into how many groups channels are divided, each of which sees its own only.
    w_init : callable, array or quantity
        First weights, shape ``(*kernel_size, channels // groups, out_channels)``; He's normal distribution by default.
    b_init : callable, array or quantity, optional
        First bias, shape ``(out_channels,)``; none by default.
    name : str, optional
        A label for messages.

    Notes
    -----
    States: ``weight``, a `ParamState` with a dict of ``'weight'`` and, with ``b_init``, ``'bias'``.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Conv2d((28, 28, 1), 8, kernel_size=3, stride=2)
    >>> layer(jnp.ones((32, 28, 28, 1))).shape
    (32, 14, 14, 8)
    """

    ndim = 2
    _numbers = ('NHWC', 'HWIO', 'NHWC')


class Conv3d(Conv):
    """Convolution along three axes.

    Parameters
    ----------
    in_size : (int, int, int, int)
        Depth, height, width and channels of the input.
    out_channels, kernel_size, stride, padding, rhs_dilation, groups, w_init, b_init, name
        See `Conv2d`, for three axes.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> layer = bst.nn.Conv3d((8, 8, 8, 2), 3, 5)
    >>> layer(np.ones((5, *layer.in_size))).shape
    (5, 8, 8, 8, 3)
    """

    ndim = 3
    _numbers = ('NDHWC', 'DHWIO', 'NDHWC')
