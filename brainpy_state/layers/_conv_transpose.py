"""Transposed convolutions, with channels last."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ._conv import Conv
from ._layer import WeightInit

he_normal = jax.nn.initializers.he_normal(in_axis=-1, out_axis=-2)


class _ConvTranspose(Conv):
    def __init__(self, *args: Any, w_init: WeightInit = he_normal, **kwargs: Any):
        super().__init__(*args, w_init=w_init, **kwargs)

    def _channels_of_kernel(self) -> tuple[int, int]:
        return self.out_channels, self.channels // self.groups

    def _convolve(self, x: Any, kernel: Any) -> Any:
        return jax.lax.conv_general_dilated(
            x.astype(kernel.dtype),
            jnp.flip(kernel, range(self.ndim)),
            (1,) * self.ndim,
            self._pads(),
            lhs_dilation=self.stride,
            rhs_dilation=self.rhs_dilation,
            dimension_numbers=self._numbers,
            feature_group_count=self.groups,
        )

    def _pads(self) -> Any:
        """Zeros around the input, between whose elements the stride has put others, for the sizes that ``jax.lax.conv_transpose`` gives."""
        if not isinstance(self.padding, str):
            return self.padding
        pads = []
        for size, stride, dilation in zip(self.kernel_size, self.stride, self.rhs_dilation, strict=True):
            reach = (size - 1) * dilation + 1
            total = reach + stride - 2 + (max(reach - stride, 0) if self.padding == 'VALID' else 0)
            before = reach - 1 if self.padding == 'VALID' or stride >= reach else -(-total // 2)
            pads.append((before, total - before))
        return pads


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution along one axis, which makes it ``stride`` times as long.

    Parameters
    ----------
    in_size, out_channels, kernel_size, stride, rhs_dilation, groups, b_init, name
        See `Conv1d`.
    padding : {'SAME', 'VALID'}, int or (int, int)
        Length of the output: ``length * stride``, or with ``'VALID'`` all that the kernel reaches; or zeros at both ends.
    w_init : callable, array or quantity
        First weights, shape ``(kernel_size, out_channels, channels // groups)``; He's normal distribution by default.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> layer = bst.nn.ConvTranspose1d((8, 2), 3, 4, stride=2)
    >>> layer(np.ones((5, *layer.in_size))).shape
    (5, 16, 3)
    """

    ndim = 1
    _numbers = ('NHC', 'HOI', 'NHC')


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution along two axes; see `ConvTranspose1d` and `Conv2d`.

    Parameters
    ----------
    in_size, out_channels, kernel_size, stride, padding, rhs_dilation, groups, w_init, b_init, name
        As there, for two axes.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.nn.ConvTranspose2d((7, 7, 4), 2, kernel_size=3, stride=2)(jnp.ones((7, 7, 4))).shape
    (14, 14, 2)
    """

    ndim = 2
    _numbers = ('NHWC', 'HWOI', 'NHWC')


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution along three axes; see `ConvTranspose1d` and `Conv3d`.

    Parameters
    ----------
    in_size, out_channels, kernel_size, stride, padding, rhs_dilation, groups, w_init, b_init, name
        As there, for three axes.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> layer = bst.nn.ConvTranspose3d((4, 4, 4, 2), 3, 4, stride=2)
    >>> layer(np.ones((5, *layer.in_size))).shape
    (5, 8, 8, 8, 3)
    """

    ndim = 3
    _numbers = ('NDHWC', 'DHWOI', 'NDHWC')
