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
_DOC = """``jax.nn.{name}`` of an array; a quantity {keeps}.

Examples
--------
>>> import numpy as np
>>> import brainpy_state as bst
>>> y = bst.nn.{name}({arguments})
"""


def _activation(name: str) -> Callable:
    of_jax = getattr(jax.nn, name)

    def activation(x: Any, *args: Any, **kwargs: Any) -> Any:
        if name in _HOMOGENEOUS:
            return with_unit(of_jax(u.get_mantissa(x), *args, **kwargs), u.get_unit(x))
        return of_jax(plain(x), *args, **kwargs)

    activation.__name__ = activation.__qualname__ = name
    keeps = 'keeps its unit' if name in _HOMOGENEOUS else 'has none'
    arguments = 'np.array([0, 2]), 3' if name == 'one_hot' else 'np.array([-1., 2.])'
    activation.__doc__ = _DOC.format(name=name, keeps=keeps, arguments=arguments)
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
    """`relu` as a layer.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.ReLU()(np.array([-1., 0., 2.])).round(3)
    Array([0., 0., 2.], dtype=float32)
    """

    function = staticmethod(relu)


class LeakyReLU(Activation):
    """`leaky_relu` as a layer.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.LeakyReLU()(np.array([-1., 0., 2.])).round(3)
    Array([-0.01,  0.  ,  2.  ], dtype=float32)
    """

    function = staticmethod(leaky_relu)


class Sigmoid(Activation):
    """`sigmoid` as a layer.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.Sigmoid()(np.array([-1., 0., 2.])).round(3)
    Array([0.2690..., 0.5       , 0.8810...], dtype=float32)
    """

    function = staticmethod(sigmoid)


class Tanh(Activation):
    """`tanh` as a layer.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.Tanh()(np.array([-1., 0., 2.])).round(3)
    Array([-0.762     ,  0.        ,  0.9640...], dtype=float32)
    """

    function = staticmethod(tanh)


class Softplus(Activation):
    """`softplus` as a layer.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.Softplus()(np.array([-1., 0., 2.])).round(3)
    Array([0.3130..., 0.693     , 2.127     ], dtype=float32)
    """

    function = staticmethod(softplus)


class Softmax(Activation):
    """`softmax` as a layer.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.Softmax()(np.array([-1., 0., 2.])).round(3)
    Array([0.042     , 0.1140..., 0.8440...], dtype=float32)
    """

    function = staticmethod(softmax)


class SiLU(Activation):
    """`silu` as a layer.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.SiLU()(np.array([-1., 0., 2.])).round(3)
    Array([-0.2690...,  0.        ,  1.7620... ], dtype=float32)
    """

    function = staticmethod(silu)


class GELU(Activation):
    """`gelu` as a layer.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.GELU()(np.array([-1., 0., 2.])).round(3)
    Array([-0.1590...,  0.        ,  1.955     ], dtype=float32)
    """

    function = staticmethod(gelu)


class ELU(Activation):
    """`elu` as a layer.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nn.ELU()(np.array([-1., 0., 2.])).round(3)
    Array([-0.632,  0.   ,  2.   ], dtype=float32)
    """

    function = staticmethod(elu)
