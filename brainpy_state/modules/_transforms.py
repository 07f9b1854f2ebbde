"""Maps from all real numbers to the values that a parameter may have.

A quantity is transformed as the plain number in its own unit, and the result has that unit. Bounds
are in the same unit or one that converts to it, and may be arrays.
"""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ParameterError, UnitError
from ..numerics import with_unit


class Transform:
    """Base of transforms: a bijection from unconstrained to allowed values, elementwise.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Cubed(bst.nn.Transform):
    ...     def forward(self, x):
    ...         return x ** 3
    ...     def inverse(self, y):
    ...         return np.cbrt(y)
    >>> float(Cubed().forward(2.))
    8.0
    """

    def forward(self, x: Any) -> Any:
        """The allowed value of an unconstrained one."""
        raise NotImplementedError(f'{type(self).__name__} does not define `forward`.')

    def inverse(self, y: Any) -> Any:
        """The unconstrained value of an allowed one."""
        raise NotImplementedError(f'{type(self).__name__} does not define `inverse`.')

    def check(self, y: Any, owner: str) -> None:
        """Raise unless a value is allowed; of traced values, only the unit is checked."""

    def log_abs_det_jacobian(self, x: Any, y: Any = None) -> Any:
        """The logarithm of how much values are spread, for densities: summed over the last axis, of an elementwise transform.

        Parameters
        ----------
        x : array
            Unconstrained values.
        y : array, optional
            Allowed ones, which follow from them.
        """
        x = jnp.asarray(x)
        _, slope = jax.jvp(lambda x: u.get_mantissa(self.forward(x)), (x,), (jnp.ones_like(x),))
        spread = jnp.log(jnp.abs(slope))
        return spread.sum(axis=-1) if spread.ndim else spread

    def __repr__(self) -> str:
        return f'{type(self).__name__}({", ".join(f"{k}={v}" for k, v in vars(self).items() if v is not None)})'


class IdentityT(Transform):
    """Every value is allowed.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> float(bst.nn.IdentityT().forward(2.))
    2.0
    """

    def forward(self, x: Any) -> Any:
        return x

    def inverse(self, y: Any) -> Any:
        return y


class _Bounded(Transform):
    """A transform to an interval: subclasses map plain numbers, given the bounds as plain numbers."""

    lower: Any = None
    upper: Any = None
    _open = True  # whether the bounds themselves are excluded

    def forward(self, x: Any) -> Any:
        return self._in_unit(self._forward, x)

    def inverse(self, y: Any) -> Any:
        return self._in_unit(self._inverse, y)

    def check(self, y: Any, owner: str) -> None:
        unit = u.get_unit(y)
        lower, upper = self._bounds(unit, owner)
        value = u.get_mantissa(y)
        if any(isinstance(x, jax.core.Tracer) for x in (value, lower, upper)):
            return
        # as computed with, so that a value that rounds to a bound is found
        value, low, high = (jnp.asarray(x, float) for x in (value, -np.inf if lower is None else lower, np.inf if upper is None else upper))
        inside = (low < value) & (value < high) if self._open else (low <= value) & (value <= high)
        if not jnp.all(inside):
            raise ParameterError(f'{owner}: the value {y} lies outside of {self}; it must lie {self._allowed()}.')

    def _allowed(self) -> str:
        edge = '' if self._open else ' or at'
        words = [f'above{edge} {self.lower}'] if self.lower is not None else []
        words += [f'below{edge} {self.upper}'] if self.upper is not None else []
        return ' and '.join(words)

    def _in_unit(self, f: Any, x: Any) -> Any:
        unit = u.get_unit(x)
        lower, upper = self._bounds(unit, type(self).__name__)
        mantissa = u.get_mantissa(x)
        dtype = jnp.result_type(mantissa)
        if not jnp.issubdtype(dtype, jnp.floating):
            dtype = jnp.result_type(float)
        # in the type of the value: a bound in double precision must not widen it
        y = f(jnp.asarray(mantissa, dtype), *(None if b is None else jnp.asarray(b, dtype) for b in (lower, upper)))
        return with_unit(y, unit)

    def _bounds(self, unit: Any, owner: str) -> tuple[Any, Any]:
        return self._to_unit('lower', unit, owner), self._to_unit('upper', unit, owner)

    def _to_unit(self, name: str, unit: Any, owner: str) -> Any:
        bound = getattr(self, name)
        if bound is None:
            return None
        if u.get_dim(bound) != unit.dim:
            of, has = (('no unit' if x.is_unitless else f'the unit {x}') for x in (u.get_unit(bound), unit))
            raise UnitError(f'{owner}: {name} = {bound} of {type(self).__name__} has {of}, but the value has {has}.')
        return bound.to_decimal(unit) if isinstance(bound, u.Quantity) else bound

    def _forward(self, x: Any, lower: Any, upper: Any) -> Any:
        raise NotImplementedError

    def _inverse(self, y: Any, lower: Any, upper: Any) -> Any:
        raise NotImplementedError

    def _check_interval(self) -> None:
        if u.get_dim(self.lower) != u.get_dim(self.upper):
            raise UnitError(f'{self}: lower and upper must have units that convert to each other.')
        if not np.all(np.asarray(self.lower < self.upper)):
            raise ParameterError(f'{self}: lower must lie below upper.')


def _inverse_softplus(y: Any) -> Any:
    """``log(exp(y) - 1)``, which neither overflows for large y nor cancels for small y."""
    return y + jnp.log(-jnp.expm1(-y))


class SoftplusT(_Bounded):
    r"""Values above a bound.

    .. math:: y = \mathrm{lower} + \log(1 + e^x)

    Far above the bound it is a shift, so steps of x are steps of y.

    Parameters
    ----------
    lower : quantity or number
        The bound.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> t = bst.nn.SoftplusT(1. * u.ms)
    >>> t.forward(t.inverse(10. * u.ms))
    Quantity(10., "ms")
    """

    def __init__(self, lower: Any = 0.0):
        self.lower = lower

    def _forward(self, x: Any, lower: Any, upper: Any) -> Any:
        return lower + jax.nn.softplus(x)

    def _inverse(self, y: Any, lower: Any, upper: Any) -> Any:
        return _inverse_softplus(y - lower)


class PositiveT(SoftplusT):
    """Values above 0, of any unit; see `SoftplusT`.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> float(bst.nn.PositiveT().forward(0.))
    0.6931...
    """

    def __init__(self) -> None:
        super().__init__(0.0)

    def _to_unit(self, name: str, unit: Any, owner: str) -> Any:
        return getattr(self, name)  # zero is zero in every unit


class NegSoftplusT(_Bounded):
    r"""Values below a bound.

    .. math:: y = \mathrm{upper} - \log(1 + e^{-x})

    Parameters
    ----------
    upper : quantity or number
        The bound.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> float(bst.nn.NegSoftplusT(1.).forward(0.))
    0.3068...
    """

    def __init__(self, upper: Any = 0.0):
        self.upper = upper

    def _forward(self, x: Any, lower: Any, upper: Any) -> Any:
        return upper - jax.nn.softplus(-x)

    def _inverse(self, y: Any, lower: Any, upper: Any) -> Any:
        return -_inverse_softplus(upper - y)


class ExpT(_Bounded):
    r"""Values above a bound, on a logarithmic scale.

    .. math:: y = \mathrm{lower} + e^x

    Parameters
    ----------
    lower : quantity or number
        The bound.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> float(bst.nn.ExpT(1.).forward(0.))
    2.0
    """

    def __init__(self, lower: Any = 0.0):
        self.lower = lower

    def _forward(self, x: Any, lower: Any, upper: Any) -> Any:
        return lower + jnp.exp(x)

    def _inverse(self, y: Any, lower: Any, upper: Any) -> Any:
        return jnp.log(y - lower)


class SigmoidT(_Bounded):
    r"""Values between two bounds.

    .. math:: y = \mathrm{lower} + \frac{\mathrm{upper} - \mathrm{lower}}{1 + e^{-x}}

    Parameters
    ----------
    lower, upper : quantity or number
        The bounds.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> float(bst.nn.SigmoidT(0., 4.).forward(0.))
    2.0
    """

    _slope = 1.0

    def __init__(self, lower: Any, upper: Any):
        self.lower, self.upper = lower, upper
        self._check_interval()

    def _forward(self, x: Any, lower: Any, upper: Any) -> Any:
        y = lower + (upper - lower) * jax.nn.sigmoid(self._slope * x)
        return jnp.minimum(y, upper)  # the sum may round to beyond it

    def _inverse(self, y: Any, lower: Any, upper: Any) -> Any:
        return (jnp.log(y - lower) - jnp.log(upper - y)) / self._slope


class TanhT(SigmoidT):
    r"""Values between two bounds, by the hyperbolic tangent: `SigmoidT` with twice the slope.

    .. math:: y = \mathrm{lower} + (\mathrm{upper} - \mathrm{lower})\,\frac{\tanh(x) + 1}{2}

    Parameters
    ----------
    lower, upper : quantity or number
        The bounds.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> float(bst.nn.TanhT(0., 4.).forward(0.))
    2.0
    """

    _slope = 2.0


class ClipT(_Bounded):
    """Values from a lower to an upper bound, by cutting off: beyond a bound, the gradient is 0.

    Parameters
    ----------
    lower, upper : quantity or number
        The bounds, which are allowed values too.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> float(bst.nn.ClipT(0., 1.).forward(2.))
    1.0
    """

    _open = False

    def __init__(self, lower: Any, upper: Any):
        self.lower, self.upper = lower, upper
        self._check_interval()

    def _forward(self, x: Any, lower: Any, upper: Any) -> Any:
        return jnp.clip(x, lower, upper)

    def _inverse(self, y: Any, lower: Any, upper: Any) -> Any:
        return y


class AffineT(Transform):
    r"""Another origin and scale: every value is allowed, but steps of x have the size that suits an optimiser.

    .. math:: y = \mathrm{scale} \cdot x + \mathrm{shift}

    Parameters
    ----------
    scale : quantity or number
        Not 0. With a unit, the unconstrained value is a plain number.
    shift : quantity or number
        In the unit of the value.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> float(bst.nn.AffineT(10., 1.).forward(2.))
    21.0
    """

    def __init__(self, scale: Any, shift: Any):
        self.scale, self.shift = scale, shift
        if np.any(np.asarray(u.get_mantissa(scale)) == 0):
            raise ParameterError(f'{self}: scale must not be 0.')

    def forward(self, x: Any) -> Any:
        return self.scale * x + self.shift

    def inverse(self, y: Any) -> Any:
        return u.maybe_decimal((y - self.shift) / self.scale)

    def check(self, y: Any, owner: str) -> None:
        if u.get_dim(y) != u.get_dim(self.shift):
            raise UnitError(f'{owner}: the value {y} has another unit than shift = {self.shift} of {type(self).__name__}.')


class ChainT(Transform):
    """Several transforms, applied one after the other.

    Parameters
    ----------
    *transforms : Transform
        The first takes the unconstrained value, the last gives the allowed one.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> t = bst.nn.ChainT(bst.nn.SigmoidT(0., 1.), bst.nn.AffineT(-2., 1.))
    >>> t.forward(0.)
    Array(0., dtype=float32)
    """

    def __init__(self, *transforms: Transform):
        self.transforms = transforms

    def forward(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform.forward(x)
        return x

    def inverse(self, y: Any) -> Any:
        for transform in reversed(self.transforms):
            y = transform.inverse(y)
        return y

    def check(self, y: Any, owner: str) -> None:
        for transform in reversed(self.transforms):
            transform.check(y, owner)
            y = transform.inverse(y)

    def __repr__(self) -> str:
        return f'ChainT({", ".join(map(repr, self.transforms))})'
