"""Dropout of elements and of channels, also such that activations keep mean and variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import brainunit as u
import numpy as np

from ... import environ, nn, random
from ..._errors import ParameterError, ShapeError
from ..._typing import as_size
from ...state import ShortTermState

ALPHA = -1.7580993408473766  # where the activation SELU ends


class Dropout(nn.Dropout):
    """See `brainpy_state.nn.Dropout`.

    Parameters
    ----------
    prob : float
        The probability to keep an element.
    broadcast_dims : sequence of int
        Axes along which one draw holds.
    name : str, optional
        A label for messages.
    """

    def __init__(self, prob: float = 0.5, broadcast_dims: Sequence[int] = (), name: str | None = None):
        super().__init__(prob, shared_axes=broadcast_dims, name=name)

    @property
    def broadcast_dims(self) -> tuple[int, ...]:
        """Axes along which one draw holds."""
        return self.shared_axes


class _OfChannels(nn.Dropout):
    """Drop channels as a whole, independently for each sample."""

    ndim: int  # axes of a sample beside that of channels

    def __init__(self, prob: float = 0.5, channel_axis: int = -1, name: str | None = None):
        super().__init__(prob, name=name)
        self.channel_axis = channel_axis

    def draw(self, shape: tuple[int, ...]) -> Any:
        """Which channels are kept."""
        if len(shape) not in (self.ndim + 1, self.ndim + 2):
            raise ShapeError(f'{self.label}: the input has shape {shape}, expected {self.ndim + 1} axes, or one more for a batch.')
        self.shared_axes = spatial(self.label, len(shape), self.channel_axis, batch=len(shape) == self.ndim + 2)
        return super().draw(shape)


def spatial(owner: str, ndim: int, channel_axis: int, *, batch: bool) -> tuple[int, ...]:
    """All axes but that of channels, and the first of a batch."""
    if not -ndim <= channel_axis < ndim:
        raise ParameterError(f'{owner}: channel_axis = {channel_axis}, but the input has {ndim} axes.')
    return tuple(axis for axis in range(ndim) if axis != channel_axis % ndim and not (batch and axis == 0))


class Dropout1d(_OfChannels):
    """Drop channels of shape ``(length,)`` as a whole.

    Parameters
    ----------
    prob : float
        The probability to keep a channel.
    channel_axis : int
        Where channels stand.
    name : str, optional
        A label for messages.
    """

    ndim = 1


class Dropout2d(_OfChannels):
    """Drop channels of shape ``(height, width)`` as a whole; parameters as of `Dropout1d`."""

    ndim = 2


class Dropout3d(_OfChannels):
    """Drop channels of shape ``(depth, height, width)`` as a whole; parameters as of `Dropout1d`."""

    ndim = 3


class AlphaDropout(nn.Dropout):
    r"""Put elements at the lower end of the activation SELU, such that mean 0 and variance 1 stay.

    .. math:: y = a\,(m x + (1 - m)\,\alpha) + b, \quad a = (p\,(1 + (1 - p)\,\alpha^2))^{-1/2}, \quad b = -a\,(1 - p)\,\alpha

    Parameters
    ----------
    prob : float
        The probability p to keep an element.
    name : str, optional
        A label for messages.

    Notes
    -----
    Source: Klambauer et al. 2017, section 3, arXiv:1706.02515.
    """

    alpha = ALPHA

    def __init__(self, prob: float = 0.5, name: str | None = None):
        super().__init__(prob, name=name)
        self.a = (prob * (1 + (1 - prob) * ALPHA**2)) ** -0.5
        self.b = -self.a * (1 - prob) * ALPHA

    def update(self, x: Any) -> Any:
        """Drop elements with ``fit=True`` of `environ`."""
        if not environ.get('fit', desc=f'{self.label} needs to know whether the model is trained'):
            return x
        return self.a * u.math.where(self.draw(np.shape(x)), x, ALPHA) + self.b


class FeatureAlphaDropout(AlphaDropout):
    """`AlphaDropout` of whole channels, independently for each sample.

    Parameters
    ----------
    prob : float
        The probability to keep a channel.
    channel_axis : int
        Where channels stand.
    name : str, optional
        A label for messages.
    """

    def __init__(self, prob: float = 0.5, channel_axis: int = -1, name: str | None = None):
        super().__init__(prob, name)
        self.channel_axis = channel_axis

    def draw(self, shape: tuple[int, ...]) -> Any:
        """Which channels are kept."""
        self.shared_axes = spatial(self.label, len(shape), self.channel_axis, batch=True)
        return super().draw(shape)


class DropoutFixed(nn.Module):
    """Dropout that is drawn when states are initialised, and holds for all steps until then.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the input without batch axes.
    prob : float
        The probability to keep an element.
    name : str, optional
        A label for messages.

    Notes
    -----
    States: ``mask``, of shape ``(batch, *in_size)``.
    """

    def __init__(self, in_size: Any, prob: float = 0.5, name: str | None = None):
        super().__init__(name)
        self.prob = nn.Dropout(prob).prob  # which checks it
        self.in_size = self.out_size = as_size(in_size, self.label)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Draw which elements are kept."""
        shape = (*(() if batch_size is None else (batch_size,)), *(self.in_size or ()))
        self.mask = ShortTermState(random.bernoulli(self.prob, shape))

    def update(self, x: Any) -> Any:
        """Drop elements with ``fit=True`` of `environ`.

        Raises
        ------
        ShapeError
            If the input has another shape than the draw.
        """
        if not environ.get('fit', desc=f'{self.label} needs to know whether the model is trained'):
            return x
        if np.shape(u.get_mantissa(x)) != self.mask.value.shape:
            raise ShapeError(
                f'{self.label}: the input has shape {np.shape(x)}, but the states were initialised for {self.mask.value.shape}.'
            )
        return u.math.where(self.mask.value, x / self.prob, u.math.zeros_like(x))
