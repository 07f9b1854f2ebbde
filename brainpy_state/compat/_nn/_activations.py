"""Activations as layers, under their older names and with their older options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax.numpy as jnp

from ... import environ, nn
from ..._errors import ParameterError, ShapeError
from ...state import ParamState
from . import _functions as of


class _WithOptions(nn.Activation):
    """A layer whose options may be given in their order, and are its attributes."""

    signature: inspect.Signature
    into: dict[str, str] = {}

    def __init__(self, *args: Any, name: str | None = None, **kwargs: Any):
        given = self.signature.bind(*args, **kwargs)
        given.apply_defaults()
        super().__init__(name=name, **{self.into.get(key, key): x for key, x in given.arguments.items()})
        for key, x in given.arguments.items():
            setattr(self, key, x)


def _layer(name: str, function: Callable, into: dict[str, str] | None = None, **defaults: Any) -> type:
    """A layer whose options have these defaults, in this order; ``into`` gives their names in the function, where they differ."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(key, kind, default=x) for key, x in defaults.items()])
    doc = f'`{function.__name__}` as a layer' + (f', with {", ".join(defaults)}.' if defaults else '.')
    attributes = {'function': staticmethod(function), 'signature': signature, 'into': into or {}, '__module__': __name__, '__doc__': doc}
    return type(name, (_WithOptions,), attributes)


_AXIS = {'dim': 'axis'}
Sigmoid, Tanh, ReLU = nn.Sigmoid, nn.Tanh, nn.ReLU
SiLU, Softplus = nn.SiLU, nn.Softplus
SELU, Mish, ReLU6, LogSigmoid = (
    _layer('SELU', nn.selu),
    _layer('Mish', nn.mish),
    _layer('ReLU6', nn.relu6),
    _layer('LogSigmoid', nn.log_sigmoid),
)
Softsign, Tanhshrink = _layer('Softsign', nn.soft_sign), _layer('Tanhshrink', of.tanh_shrink)
Hardsigmoid, Hardswish = _layer('Hardsigmoid', nn.hard_sigmoid), _layer('Hardswish', nn.hard_silu)
ELU, CELU = _layer('ELU', nn.elu, alpha=1.0), _layer('CELU', nn.celu, alpha=1.0)
GLU, GELU = _layer('GLU', nn.glu, _AXIS, dim=-1), _layer('GELU', nn.gelu, approximate=False)
Softmax, LogSoftmax, Softmin = (
    _layer('Softmax', nn.softmax, _AXIS, dim=-1),
    _layer('LogSoftmax', nn.log_softmax, _AXIS, dim=-1),
    _layer('Softmin', of.softmin, _AXIS, dim=-1),
)
LeakyReLU = _layer('LeakyReLU', nn.leaky_relu, negative_slope=0.01)
Hardshrink, Softshrink = _layer('Hardshrink', of.hard_shrink, lambd=0.5), _layer('Softshrink', of.soft_shrink, lambd=0.5)
RReLU = _layer('RReLU', of.rrelu, lower=1.0 / 8, upper=1.0 / 3)
_Hardtanh = _layer('Hardtanh', of.clipped, min_val=-1.0, max_val=1.0)
Threshold = _layer('Threshold', of.threshold, threshold=0.0, value=0.0)


class Hardtanh(_Hardtanh):  # type: ignore[misc, valid-type]
    """An input between bounds.

    Parameters
    ----------
    min_val, max_val : float
        The bounds.
    """

    def __init__(self, min_val: Any = -1.0, max_val: Any = 1.0, name: str | None = None):
        super().__init__(min_val, max_val, name=name)
        if not min_val < max_val:
            raise ParameterError(f'{self.label}: min_val = {min_val} must lie below max_val = {max_val}.')


class PReLU(nn.Module):
    """An input, times trained numbers where it is negative.

    Parameters
    ----------
    num_parameters : int
        One for all, or one for each channel, the last axis.
    init : float
        Their first value.
    dtype : optional
        Their type.

    Notes
    -----
    States: ``weight``, a `ParamState` of shape ``(num_parameters,)``. Source: He et al. 2015, arXiv:1502.01852.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: Any = None):
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = ParamState(jnp.full(num_parameters, init, dtype or environ.dftype()))

    def update(self, x: Any) -> Any:
        """Shape ``(..., channels)``."""
        if self.num_parameters != 1 and x.shape[-1] != self.num_parameters:
            raise ShapeError(f'{self.label}: the input has shape {x.shape}, expected {self.num_parameters} channels in the last axis.')
        return of.prelu(x, self.weight.value)


class Softmax2d(nn.Module):
    """`softmax` over the channels of an image, shape ``(batch, channels, height, width)`` or without a batch."""

    def update(self, x: Any) -> Any:
        """Normalise over the third axis from the end."""
        if x.ndim not in (3, 4):
            raise ShapeError(f'{self.label}: the input has shape {x.shape}, expected 3 axes, or 4 with a batch.')
        return nn.softmax(x, axis=-3)


class SpikeBitwise(nn.Module):
    """A logical operation on two arrays of spikes, with numbers, so that gradients pass.

    Parameters
    ----------
    op : {'or', 'and', 'iand', 'xor', 'ixor', 'add'}
        ``x + y - xy``, ``xy``, ``(1 - x)y``, ``x + y - 2xy``, its complement, and the sum.
    name : str, optional
        A label for messages.
    """

    _OPERATIONS = {
        'or': lambda x, y: x + y - x * y,
        'and': lambda x, y: x * y,
        'iand': lambda x, y: (1 - x) * y,
        'xor': lambda x, y: x + y - 2 * x * y,
        'ixor': lambda x, y: x * (1 - y) + (1 - x) * y,
        'add': lambda x, y: x + y,
    }

    def __init__(self, op: str = 'add', name: str | None = None):
        super().__init__(name)
        if op not in self._OPERATIONS:
            raise ParameterError(f'{self.label}: op is one of {", ".join(self._OPERATIONS)}, but is {op!r}.')
        self.op = op

    def update(self, x: Any, y: Any) -> Any:
        """Both of one shape."""
        return self._OPERATIONS[self.op](u.math.asarray(x), u.math.asarray(y))


class ElementWiseBlock(nn.Module):
    """Base of layers whose output has the shape of their input."""


class Identity(ElementWiseBlock):
    """Gives what it takes."""

    def __init__(self, *args: Any, in_size: Any = None, name: str | None = None):
        super().__init__(name)
        self.in_size = self.out_size = in_size

    def update(self, x: Any) -> Any:
        """The input."""
        return x
