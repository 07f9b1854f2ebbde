"""The names of ``brainstate.nn.init``: first values of weights, as objects that take a shape.

``rng=`` and ``dtype=`` of a call say where numbers are drawn from, and their type.
"""

from __future__ import annotations

import math
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .. import random as _random
from .._errors import ParameterError, ShapeError
from .._typing import as_size
from ..numerics import with_unit
from ..state import State
from ._missing import missing


def to_size(x: Any) -> tuple[int, ...] | None:
    """A shape as a tuple; None stays."""
    if x is None:
        return None
    if not isinstance(x, (int, np.integer, tuple, list)):
        raise ParameterError(f'to_size: a shape is an integer or several, but is {x!r}.')
    return as_size(tuple(x) if isinstance(x, list) else int(x) if isinstance(x, np.integer) else x, 'to_size')


class Initializer:
    """Base of objects that give a first value of a shape."""

    def __call__(self, shape: Any, **kwargs: Any) -> Any:
        """The value."""
        raise NotImplementedError(f'{type(self).__name__} does not define `__call__`.')

    def __repr__(self) -> str:
        shown = ', '.join(f'{k}={v}' for k, v in vars(self).items() if k[0] != '_')
        return f'{type(self).__name__}({shown})'


class _Drawn(Initializer):
    """What is drawn: from a generator of its own, with a seed, or the default one; in a unit."""

    def __init__(self, seed: Any, unit: Any):
        self._rng = _random if seed is None else _random.RandomState(seed)
        self.unit = unit

    def __call__(self, shape: Any, **kwargs: Any) -> Any:
        """The value."""
        dtype = kwargs.get('dtype', environ.dftype())
        return with_unit(jnp.asarray(self.draw(kwargs.get('rng', self._rng), to_size(shape), dtype), dtype), self.unit)

    def draw(self, rng: Any, shape: Any, dtype: Any) -> Any:
        """Plain numbers."""
        raise NotImplementedError


class Normal(_Drawn):
    """Normal numbers.

    Parameters
    ----------
    mean, scale : number
        Mean and standard deviation, in ``unit``.
    unit : Unit
    seed : int or key, optional
    """

    def __init__(self, mean: Any = 0.0, scale: Any = 1.0, unit: Any = u.UNITLESS, seed: Any = None):
        super().__init__(seed, unit)
        self.mean, self.scale = mean, scale

    def draw(self, rng: Any, shape: Any, dtype: Any) -> Any:
        """Plain numbers."""
        return rng.normal(self.mean, self.scale, shape)


class TruncatedNormal(_Drawn):
    """Normal numbers between two bounds.

    Parameters
    ----------
    loc, scale : number
        Mean and standard deviation before the cut, in ``unit``.
    unit : Unit
    lower, upper : number
        The bounds, in ``unit``.
    seed : int or key, optional
    """

    def __init__(self, loc: Any = 0.0, scale: Any = 1.0, unit: Any = u.UNITLESS, lower: Any = -2.0, upper: Any = 2.0, seed: Any = None):
        super().__init__(seed, unit)
        if not np.all(np.asarray(scale) > 0):
            raise ParameterError(f'TruncatedNormal: scale = {scale} must be positive.')
        self.loc, self.scale, self.lower, self.upper = loc, scale, lower, upper

    def draw(self, rng: Any, shape: Any, dtype: Any) -> Any:
        """Plain numbers."""
        return rng.truncated_normal(self.lower, self.upper, shape, self.loc, self.scale)


class Gamma(_Drawn):
    """Gamma variables.

    Parameters
    ----------
    shape, scale : number
    unit : Unit
    seed : int or key, optional
    """

    def __init__(self, shape: Any, unit: Any = u.UNITLESS, scale: Any = None, seed: Any = None):
        super().__init__(seed, unit)
        self.shape, self.scale = shape, 1.0 if scale is None else scale

    def draw(self, rng: Any, shape: Any, dtype: Any) -> Any:
        """Plain numbers."""
        return self.scale * rng.gamma(self.shape, size=shape)


class Exponential(_Drawn):
    """Exponential variables.

    Parameters
    ----------
    scale : number
        Their mean.
    seed : int or key, optional
    unit : Unit
    """

    def __init__(self, scale: Any = None, seed: Any = None, unit: Any = u.UNITLESS):
        super().__init__(seed, unit)
        self.scale = 1.0 if scale is None else scale

    def draw(self, rng: Any, shape: Any, dtype: Any) -> Any:
        """Plain numbers."""
        return rng.exponential(self.scale, shape)


class Uniform(_Drawn):
    """Uniform numbers.

    Parameters
    ----------
    min_val, max_val : number
        The interval, in ``unit``.
    seed : int or key, optional
    unit : Unit
    """

    def __init__(self, min_val: Any = 0.0, max_val: Any = 1.0, seed: Any = None, unit: Any = u.UNITLESS):
        super().__init__(seed, unit)
        self.min_val, self.max_val = min_val, max_val

    def draw(self, rng: Any, shape: Any, dtype: Any) -> Any:
        """Plain numbers."""
        return rng.uniform(self.min_val, self.max_val, shape)


class _ByJax(_Drawn):
    """Drawn by a function of ``jax.nn.initializers``."""

    def draw(self, rng: Any, shape: Any, dtype: Any) -> Any:
        """Plain numbers."""
        return self.function()(jax.random.wrap_key_data(rng.split_key()), shape, dtype)

    def function(self) -> Any:
        """A function of key, shape and type."""
        raise NotImplementedError


class VarianceScaling(_ByJax):
    """Numbers with the variance ``scale / n``, n the number of inputs, of outputs or their mean.

    Parameters
    ----------
    scale : number
    mode : {'fan_in', 'fan_out', 'fan_avg'}
    distribution : {'truncated_normal', 'normal', 'uniform'}
    in_axis, out_axis : int
    seed : int or key, optional
    unit : Unit
    """

    def __init__(
        self,
        scale: Any,
        mode: str,
        distribution: str,
        in_axis: int = -2,
        out_axis: int = -1,
        seed: Any = None,
        unit: Any = u.UNITLESS,
    ):
        super().__init__(seed, unit)
        for name, x, allowed in (
            ('mode', mode, ('fan_in', 'fan_out', 'fan_avg')),
            ('distribution', distribution, ('truncated_normal', 'normal', 'uniform')),
        ):
            if x not in allowed:
                raise ParameterError(f'{type(self).__name__}: {name} is one of {", ".join(allowed)}, but is {x!r}.')
        self.scale, self.mode, self.distribution, self.in_axis, self.out_axis = scale, mode, distribution, in_axis, out_axis

    def function(self) -> Any:
        """A function of key, shape and type."""
        scaling: Any = jax.nn.initializers.variance_scaling
        return scaling(self.scale, self.mode, self.distribution, self.in_axis, self.out_axis)


def _scaling(name: str, text: str, scale: float, mode: str, distribution: str) -> type:
    def __init__(  # noqa: N807
        self: Any, scale: Any = scale, mode: str = mode, distribution: str = distribution, in_axis: int = -2, out_axis: int = -1,
        seed: Any = None, unit: Any = u.UNITLESS,
    ) -> None:  # fmt: skip
        VarianceScaling.__init__(self, scale, mode, distribution, in_axis, out_axis, seed, unit)

    return type(name, (VarianceScaling,), {'__init__': __init__, '__module__': __name__, '__doc__': f'`VarianceScaling` of {text}.'})


KaimingUniform = _scaling('KaimingUniform', 'He, uniform', 2.0, 'fan_in', 'uniform')
KaimingNormal = _scaling('KaimingNormal', 'He, normal', 2.0, 'fan_in', 'truncated_normal')
XavierUniform = _scaling('XavierUniform', 'Glorot, uniform', 1.0, 'fan_avg', 'uniform')
XavierNormal = _scaling('XavierNormal', 'Glorot, normal', 1.0, 'fan_avg', 'truncated_normal')
LecunUniform = _scaling('LecunUniform', 'LeCun, uniform', 1.0, 'fan_in', 'uniform')
LecunNormal = _scaling('LecunNormal', 'LeCun, normal', 1.0, 'fan_in', 'truncated_normal')


class Orthogonal(_ByJax):
    """Orthogonal matrices, or their rows or columns.

    Parameters
    ----------
    scale : number
        A factor.
    axis : int
        That of outputs.
    seed : int or key, optional
    unit : Unit
    """

    def __init__(self, scale: Any = 1.0, axis: int = -1, seed: Any = None, unit: Any = u.UNITLESS):
        super().__init__(seed, unit)
        self.scale, self.axis = scale, axis

    def function(self) -> Any:
        """A function of key, shape and type."""
        return jax.nn.initializers.orthogonal(self.scale, self.axis)


class DeltaOrthogonal(Orthogonal):
    """Kernels of convolutions with an `Orthogonal` matrix in the middle and zeros around it; of one to three axes."""

    def function(self) -> Any:
        """A function of key, shape and type."""
        return jax.nn.initializers.delta_orthogonal(self.scale, self.axis)


class ZeroInit(Initializer):
    """Zeros.

    Parameters
    ----------
    unit : Unit
    """

    def __init__(self, unit: Any = u.UNITLESS):
        self.unit = unit

    def __call__(self, shape: Any, **kwargs: Any) -> Any:
        """The value."""
        return with_unit(jnp.zeros(to_size(shape), kwargs.get('dtype', environ.dftype())), self.unit)


class Constant(Initializer):
    """One value.

    Parameters
    ----------
    value : number or quantity
    """

    def __init__(self, value: Any = 1.0):
        self.value = value

    def __call__(self, shape: Any, **kwargs: Any) -> Any:
        """The value."""
        array = jnp.full(to_size(shape), u.get_mantissa(self.value), kwargs.get('dtype', environ.dftype()))
        return with_unit(array, u.get_unit(self.value))


class Identity(Initializer):
    """A value on the diagonal of a matrix, among zeros.

    Parameters
    ----------
    value : number
    unit : Unit
    """

    def __init__(self, value: Any = 1.0, unit: Any = u.UNITLESS):
        self.value, self.unit = value, unit

    def __call__(self, shape: Any, **kwargs: Any) -> Any:
        """The value."""
        size = to_size(shape) or ()
        if len(size) not in (1, 2):
            raise ShapeError(f'Identity: a matrix has two axes, but the shape is {size}.')
        return with_unit(self.value * jnp.eye(size[0], size[-1], dtype=kwargs.get('dtype', environ.dftype())), self.unit)


def param(parameter: Any, sizes: Any, batch_size: int | None = None, allow_none: bool = True, allow_scalar: bool = True) -> Any:
    """A first value of a shape.

    Parameters
    ----------
    parameter : callable, array, quantity, number, State or None
        A callable takes the shape.
    sizes : int or tuple of int
        The shape without a batch.
    batch_size : int, optional
        A number to be put before it.
    allow_none, allow_scalar : bool
        Whether None and numbers stay as they are.

    Raises
    ------
    ValueError
        If the value does not broadcast to the shape, or is none.
    """
    if parameter is None:
        if not allow_none:
            raise ParameterError('param: a value is expected, but None was given.')
        return None
    size = to_size(sizes) or ()
    full = size if batch_size is None else (batch_size, *size)
    if isinstance(parameter, State):
        new = param(parameter.value, sizes, batch_size, allow_none, allow_scalar)
        return parameter.replace(new)
    value = parameter(full) if callable(parameter) else parameter
    mantissa = u.get_mantissa(value)
    if not isinstance(mantissa, (jax.Array, np.ndarray, np.generic, int, float, bool, list, tuple)):
        raise ParameterError(f'param: an array, a number or a callable is expected, but {parameter!r} was given.')
    shape = np.shape(mantissa)
    if shape == () and allow_scalar and not callable(parameter):
        return value
    if not are_broadcastable_shapes(shape, full) or len(shape) > len(full):
        raise ShapeError(f'param: the shape {shape} does not broadcast to {full}.')
    if batch_size is not None and not callable(parameter):
        return u.math.broadcast_to(u.math.asarray(value), full)
    return value


def are_broadcastable_shapes(shape1: Any, shape2: Any) -> bool:
    """Whether two shapes broadcast to each other."""
    try:
        np.broadcast_shapes(tuple(shape1), tuple(shape2))
    except ValueError:
        return False
    return True


def calculate_init_gain(nonlinearity: str, param: Any = None) -> float:
    """The factor of first weights before a nonlinearity.

    Parameters
    ----------
    nonlinearity : str
        'linear', 'sigmoid', a name of a convolution, 'tanh', 'relu', 'leaky_relu' or 'selu'.
    param : number, optional
        The slope of 'leaky_relu', 0.01 by default.

    Raises
    ------
    ValueError
        If the name is unknown, or the slope is none.
    """
    if nonlinearity in ('linear', 'sigmoid') or nonlinearity in [f'conv{t}{n}d' for n in (1, 2, 3) for t in ('', '_transpose')]:
        return 1.0
    if nonlinearity == 'leaky_relu':
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise ParameterError(f'calculate_init_gain: the slope is a number, but is {param!r}.')
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    gains = {'tanh': 5.0 / 3, 'relu': math.sqrt(2.0), 'selu': 0.75}
    if nonlinearity not in gains:
        raise ParameterError(
            f'calculate_init_gain: there is no gain for {nonlinearity!r}; there is for linear, leaky_relu, {", ".join(gains)}.'
        )
    return gains[nonlinearity]


__getattr__ = missing(__name__, globals())
