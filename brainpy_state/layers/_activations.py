"""Activation functions, those of ``jax.nn``, and layers that apply them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax

from .._typing import Size
from ..numerics import plain, with_unit
from ._layer import Layer

_HOMOGENEOUS = ('relu', 'leaky_relu')  # which keep a unit
_ELEMENTWISE = (
    *_HOMOGENEOUS,
    *('relu6', 'sigmoid', 'silu', 'swish', 'elu', 'selu', 'celu', 'gelu', 'mish', 'softplus', 'soft_sign', 'log_sigmoid', 'tanh'),
    *('hard_tanh', 'hard_sigmoid', 'hard_silu', 'squareplus', 'softmax', 'log_softmax', 'glu', 'one_hot', 'standardize'),
)


def _activation(name: str) -> Callable:
    of_jax = getattr(jax.nn, name)

    def activation(x: Any, *args: Any, **kwargs: Any) -> Any:
        if name in _HOMOGENEOUS:
            return with_unit(of_jax(u.get_mantissa(x), *args, **kwargs), u.get_unit(x))
        return of_jax(plain(x), *args, **kwargs)

    activation.__name__ = activation.__qualname__ = name
    keeps = 'keeps its unit' if name in _HOMOGENEOUS else 'has none'
    activation.__doc__ = f'``jax.nn.{name}`` of an array; a quantity {keeps}.'
    return activation


relu, leaky_relu, relu6, sigmoid, silu, swish, elu, selu, celu, gelu, mish, softplus, soft_sign, log_sigmoid, tanh = map(
    _activation, _ELEMENTWISE[:15]
)
hard_tanh, hard_sigmoid, hard_silu, squareplus, softmax, log_softmax, glu, one_hot, standardize = map(_activation, _ELEMENTWISE[15:])


def by_name(name: str) -> Callable | None:
    """The function of a name, or None."""
    return globals()[name] if name in _ELEMENTWISE else None


class Activation(Layer):
    """Base of layers that apply a function to each element: a subclass gives it as the static method ``function``.

    Parameters
    ----------
    in_size : int or tuple of int, optional
        The shape of the input without batch axes.
    name : str, optional
        A label for messages.
    **options
        Of the function, by name.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> class Power(bst.nn.Activation):
    ...     function = staticmethod(lambda x, exponent=1.: x ** exponent)
    >>> float(Power(exponent=2.)(jnp.array(3.)))
    9.0
    """

    function: Callable

    def __init__(self, *, in_size: Size | None = None, name: str | None = None, **options: Any):
        super().__init__(in_size, name)
        self.out_size = self.in_size
        self.options = options

    def update(self, x: Any) -> Any:
        """Apply the function to ``x``."""
        return type(self).function(x, **self.options)


class ReLU(Activation):
    """`relu` as a layer."""

    function = staticmethod(relu)


class LeakyReLU(Activation):
    """`leaky_relu` as a layer."""

    function = staticmethod(leaky_relu)


class Sigmoid(Activation):
    """`sigmoid` as a layer."""

    function = staticmethod(sigmoid)


class Tanh(Activation):
    """`tanh` as a layer."""

    function = staticmethod(tanh)


class Softplus(Activation):
    """`softplus` as a layer."""

    function = staticmethod(softplus)


class Softmax(Activation):
    """`softmax` as a layer."""

    function = staticmethod(softmax)


class SiLU(Activation):
    """`silu` as a layer."""

    function = staticmethod(silu)


class GELU(Activation):
    """`gelu` as a layer."""

    function = staticmethod(gelu)


class ELU(Activation):
    """`elu` as a layer."""

    function = staticmethod(elu)
