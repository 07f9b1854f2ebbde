"""Activations and wrappers that there are under older names only, over those of this package and of JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .. import environ, nn, transform
from ..layers import _activations
from ..state import ParamState

sparse_plus, sparse_sigmoid, logsumexp = jax.nn.sparse_plus, jax.nn.sparse_sigmoid, jax.nn.logsumexp
hard_swish = nn.hard_silu

__all__ = [
    'CELU',
    'ELU',
    'GELU',
    'GLU',
    'SELU',
    'EnvironContext',
    'Hardshrink',
    'Hardsigmoid',
    'Hardswish',
    'Hardtanh',
    'Identity',
    'LeakyReLU',
    'LogSigmoid',
    'LogSoftmax',
    'Mish',
    'PReLU',
    'ReLU6',
    'Softmax',
    'Softmin',
    'Softshrink',
    'Softsign',
    'Tanhshrink',
    'Threshold',
    'Vmap',
    'clip_grad_norm',
    'hard_shrink',
    'hard_swish',
    'hardtanh',
    'logsumexp',
    'prelu',
    'soft_shrink',
    'softmin',
    'sparse_plus',
    'sparse_sigmoid',
    'tanh_shrink',
    'threshold',
]


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


class _Layer(_activations._Activation):
    """A function as a layer, whose options may be given in their order.

    Attributes
    ----------
    options_in_order : dict
        The name that the function has for each option, by the option's name here.
    defaults : dict
        Options, by their names in the function, that are given where the script gives none.
    """

    options_in_order: dict[str, str]
    defaults: dict[str, Any]

    def __init__(self, *args: Any, in_size: Any = None, name: str | None = None, **options: Any):
        known = self.options_in_order
        if len(args) > len(known) or (strange := set(options) - set(known)):
            raise TypeError(f'{type(self).__name__} has the options {", ".join(known) or "(none)"}, but got {args or sorted(strange)}.')
        given = dict(zip(known, args, strict=False)) | options
        super().__init__(in_size=in_size, name=name, **self.defaults | {known[k]: v for k, v in given.items() if v is not None})


def _layer(name: str, function: Any, options: dict[str, str] | None = None, **defaults: Any) -> type:
    body = {'function': staticmethod(function), 'options_in_order': options or {}, 'defaults': defaults, '__module__': __name__}
    return type(name, (_Layer,), body | {'__doc__': f'`{function.__name__}` as a layer.'})


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> jax.Array:
    """x, no less than ``min_val`` and no more than ``max_val``."""
    return jnp.clip(x, min_val, max_val)


def threshold(x: Any, threshold: float, value: float) -> jax.Array:
    """x where it is above ``threshold``, else ``value``."""
    return jnp.where(jnp.asarray(x) > threshold, x, value)


_DIM, _ALPHA, _LAMBD = {'dim': 'axis'}, {'alpha': 'alpha'}, {'lambd': 'lambd'}
SELU, Mish, ReLU6 = _layer('SELU', nn.selu), _layer('Mish', nn.mish), _layer('ReLU6', nn.relu6)
ELU, CELU, GLU = _layer('ELU', nn.elu, _ALPHA), _layer('CELU', nn.celu, _ALPHA), _layer('GLU', nn.glu, _DIM)
GELU = _layer('GELU', nn.gelu, {'approximate': 'approximate'}, approximate=False)
LeakyReLU = _layer('LeakyReLU', nn.leaky_relu, {'negative_slope': 'negative_slope'})
LogSigmoid, Softsign = _layer('LogSigmoid', nn.log_sigmoid), _layer('Softsign', nn.soft_sign)
Softmax, LogSoftmax, Softmin = (
    _layer('Softmax', nn.softmax, _DIM),
    _layer('LogSoftmax', nn.log_softmax, _DIM),
    _layer('Softmin', softmin, _DIM),
)
Hardtanh = _layer('Hardtanh', hardtanh, {'min_val': 'min_val', 'max_val': 'max_val'})
Hardsigmoid, Hardswish = _layer('Hardsigmoid', nn.hard_sigmoid), _layer('Hardswish', nn.hard_silu)
Hardshrink, Softshrink = _layer('Hardshrink', hard_shrink, _LAMBD), _layer('Softshrink', soft_shrink, _LAMBD)
Tanhshrink = _layer('Tanhshrink', tanh_shrink)
Threshold = _layer('Threshold', threshold, {'threshold': 'threshold', 'value': 'value'})


class PReLU(nn.Module):
    """x, times a trained slope where it is negative; one slope, or one for each of the last axis."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, name: str | None = None):
        super().__init__(name)
        self.weight = ParamState(jnp.full((num_parameters,), init, environ.dftype()))

    def update(self, x: Any) -> jax.Array:
        """Apply it to ``x``."""
        return prelu(x, self.weight.value)


def clip_grad_norm(grad: Any, max_norm: float, norm_type: float | str | None = 2.0, return_norm: bool = False) -> Any:
    """Gradients, made smaller together so that their norm is at most ``max_norm``; with the norm as it was if asked for."""
    order = jnp.inf if norm_type in ('inf', 'infinity') else 2.0 if norm_type is None else norm_type
    norm = jnp.linalg.norm(jnp.concatenate([jnp.ravel(x) for x in jax.tree.leaves(grad)]), ord=order)
    clipped = jax.tree.map(lambda x: x * jnp.minimum(1.0, max_norm / (norm + 1e-6)).astype(x.dtype), grad)
    return (clipped, norm) if return_norm else clipped


class Vmap(nn.Module):
    """A module that does its step for every lane of a batch at once.

    Parameters
    ----------
    module : Module
    in_axes, out_axes, axis_name, axis_size
        As of `brainpy_state.transform.vmap`.
    vmap_states, vmap_out_states : filter, or dict of axis to filter, optional
        Which states have a lane axis: those that are read, and those that get one by being written.
    """

    def __init__(
        self, module: nn.Module, in_axes: Any = 0, out_axes: Any = 0, vmap_states: Any = None, vmap_out_states: Any = None,
        axis_name: Any = None, axis_size: int | None = None,
    ):  # fmt: skip
        super().__init__()
        self.module = module
        self._options = {
            'in_axes': in_axes, 'out_axes': out_axes, 'axis_name': axis_name, 'axis_size': axis_size,
            'in_states': vmap_states, 'out_states': vmap_out_states,
        }  # fmt: skip

    def update(self, *args: Any) -> Any:
        """A step of the module for every lane."""
        return transform.vmap(self.module, **self._options)(*args)


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
