"""Activations and wrappers that there are under older names only, over those of this package and of JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .. import environ, nn
from ..layers import _activations

sparse_plus, sparse_sigmoid, logsumexp = jax.nn.sparse_plus, jax.nn.sparse_sigmoid, jax.nn.logsumexp
hard_swish = nn.hard_silu


def hard_shrink(x: Any, lambd: float = 0.5) -> jax.Array:
    """x where it is further from 0 than ``lambd``, else 0."""
    return jnp.where(jnp.abs(x) > lambd, x, 0.0)


def soft_shrink(x: Any, lambd: float = 0.5) -> jax.Array:
    """x moved towards 0 by ``lambd``, and no further."""
    return jnp.sign(x) * jnp.maximum(jnp.abs(x) - lambd, 0.0)


def tanh_shrink(x: Any) -> jax.Array:
    """x without its hyperbolic tangent."""
    return x - jnp.tanh(x)


def softmin(x: Any, axis: int = -1) -> jax.Array:
    """Softmax of the negative."""
    return jax.nn.softmax(-jnp.asarray(x), axis=axis)


def prelu(x: Any, a: Any = 0.25) -> jax.Array:
    """x, times ``a`` where it is negative."""
    return jnp.where(jnp.asarray(x) >= 0, x, a * x)


def _layer(name: str, function: Any) -> type:
    doc = f'`{function.__name__}` as a layer.'
    return type(name, (_activations._Activation,), {'function': staticmethod(function), '__module__': __name__, '__doc__': doc})


CELU, SELU, GLU, Mish = (_layer(name, f) for name, f in (('CELU', nn.celu), ('SELU', nn.selu), ('GLU', nn.glu), ('Mish', nn.mish)))
ReLU6, LogSigmoid, Softsign = _layer('ReLU6', nn.relu6), _layer('LogSigmoid', nn.log_sigmoid), _layer('Softsign', nn.soft_sign)
LogSoftmax, Softmin = _layer('LogSoftmax', nn.log_softmax), _layer('Softmin', softmin)
Hardtanh, Hardsigmoid, Hardswish = (
    _layer(name, f) for name, f in (('Hardtanh', nn.hard_tanh), ('Hardsigmoid', nn.hard_sigmoid), ('Hardswish', nn.hard_silu))
)
Hardshrink, Softshrink, Tanhshrink = _layer('Hardshrink', hard_shrink), _layer('Softshrink', soft_shrink), _layer('Tanhshrink', tanh_shrink)


class Identity(nn.Module):
    """Gives what it takes."""

    def __init__(self, *args: Any, in_size: Any = None, name: str | None = None):
        super().__init__(name)
        self.in_size = self.out_size = in_size

    def update(self, x: Any) -> Any:
        """The input."""
        return x


class EnvironContext(nn.Module):
    """A module whose steps run under settings of `environ`.

    Parameters
    ----------
    layer : Module
    **settings
        As of ``environ.context``.
    """

    def __init__(self, layer: nn.Module, **settings: Any):
        super().__init__()
        self.layer, self.settings = layer, settings

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """A step of the module under the settings, and others given as ``context``."""
        with environ.context(**self.settings, **kwargs.pop('context', {})):
            return self.layer(*args, **kwargs)
