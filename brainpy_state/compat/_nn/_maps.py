"""Maps to the values that a parameter may have, which there are under older names only."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import nn
from ..._errors import ParameterError

LogT = nn.ExpT


class _Between(nn.Transform):
    """A map to an interval, by one of all numbers to 0 ... 1.

    Parameters
    ----------
    lower, upper : number or quantity
        Its ends.
    """

    def __init__(self, lower: Any, upper: Any):
        self.lower, self.upper = lower, upper

    def forward(self, x: Any) -> Any:
        """The allowed value of an unconstrained one."""
        return self.lower + (self.upper - self.lower) * self.to_unit(x)

    def inverse(self, y: Any) -> Any:
        """The unconstrained value of an allowed one."""
        return self.from_unit((y - self.lower) / (self.upper - self.lower))

    def to_unit(self, x: Any) -> Any:
        """From all numbers to 0 ... 1."""
        raise NotImplementedError

    def from_unit(self, y: Any) -> Any:
        """Back."""
        raise NotImplementedError


class SoftsignT(_Between):
    """To an interval by ``x / (1 + |x|)``.

    Parameters
    ----------
    lower, upper : number or quantity
        Its ends.
    """

    def to_unit(self, x: Any) -> Any:
        """From all numbers to 0 ... 1."""
        return (x / (1 + jnp.abs(x)) + 1) / 2

    def from_unit(self, y: Any) -> Any:
        """Back."""
        z = 2 * y - 1
        return z / (1 - jnp.abs(z))


class ScaledSigmoidT(_Between):
    """To an interval by a logistic function of some steepness.

    Parameters
    ----------
    lower, upper : number or quantity
        Its ends.
    beta : number
        The steepness, positive.
    """

    def __init__(self, lower: Any, upper: Any, beta: float = 1.0):
        super().__init__(lower, upper)
        if not 0 < beta < np.inf:
            raise ParameterError(f'ScaledSigmoidT: beta = {beta} must be positive and finite.')
        self.beta = beta

    def to_unit(self, x: Any) -> Any:
        """From all numbers to 0 ... 1."""
        return jax.nn.sigmoid(self.beta * x)

    def from_unit(self, y: Any) -> Any:
        """Back."""
        return jax.scipy.special.logit(y) / self.beta


class NegativeT(nn.Transform):
    """To negative numbers, by minus the softplus of minus x."""

    def forward(self, x: Any) -> Any:
        """The allowed value of an unconstrained one."""
        return -jax.nn.softplus(-x)

    def inverse(self, y: Any) -> Any:
        """The unconstrained value of an allowed one."""
        return y - jnp.log(-jnp.expm1(y))


class ReluT(nn.Transform):
    """To a bound and what lies above it; numbers below 0 all go to the bound.

    Parameters
    ----------
    lower_bound : number
    """

    def __init__(self, lower_bound: Any = 0.0):
        self.lower_bound = lower_bound

    def forward(self, x: Any) -> Any:
        """The allowed value of an unconstrained one."""
        return jax.nn.relu(x) + self.lower_bound

    def inverse(self, y: Any) -> Any:
        """The unconstrained value of an allowed one."""
        return jax.nn.relu(y - self.lower_bound)


class PowerT(nn.Transform):
    """The power of Box and Cox, ``(x ** lmbda - 1) / lmbda``; the logarithm for 0.

    Parameters
    ----------
    lmbda : number
    """

    def __init__(self, lmbda: float = 0.5):
        self.lmbda = lmbda

    def forward(self, x: Any) -> Any:
        """The allowed value of an unconstrained one."""
        return jnp.log(x) if abs(self.lmbda) < 1e-10 else (x**self.lmbda - 1) / self.lmbda

    def inverse(self, y: Any) -> Any:
        """The unconstrained value of an allowed one."""
        return jnp.exp(y) if abs(self.lmbda) < 1e-10 else (y * self.lmbda + 1) ** (1 / self.lmbda)


class MaskedT(nn.Transform):
    """Another transform where a mask is true; elsewhere the values stay.

    Parameters
    ----------
    mask : array of bool
    transform : Transform
    safe_value : number
        What the transform is given elsewhere, so that gradients are finite.
    """

    def __init__(self, mask: Any, transform: nn.Transform, safe_value: Any = 1.0):
        self.mask, self.transform, self.safe_value = mask, transform, safe_value

    def forward(self, x: Any) -> Any:
        """The allowed value of an unconstrained one."""
        return jnp.where(self.mask, self.transform.forward(jnp.where(self.mask, x, self.safe_value)), x)

    def inverse(self, y: Any) -> Any:
        """The unconstrained value of an allowed one."""
        return jnp.where(self.mask, self.transform.inverse(jnp.where(self.mask, y, self.safe_value)), y)


class OrderedT(nn.Transform):
    """To ascending numbers along the last axis: the first, and from it on positive steps."""

    def forward(self, x: Any) -> Any:
        """The allowed value of an unconstrained one."""
        return jnp.cumsum(jnp.concatenate([x[..., :1], jax.nn.softplus(x[..., 1:])], axis=-1), axis=-1)

    def inverse(self, y: Any) -> Any:
        """The unconstrained value of an allowed one."""
        steps = jnp.diff(y, axis=-1)
        return jnp.concatenate([y[..., :1], steps + jnp.log(-jnp.expm1(-steps))], axis=-1)


class SimplexT(nn.Transform):
    """From n numbers to n + 1 shares that add up to 1, along the last axis: each takes a part of what is left."""

    def forward(self, x: Any) -> Any:
        """The allowed value of an unconstrained one."""
        part = jax.nn.sigmoid(x)
        left = jnp.cumprod(1 - part, axis=-1)
        before = jnp.concatenate([jnp.ones_like(left[..., :1]), left], axis=-1)
        return before * jnp.concatenate([part, jnp.ones_like(part[..., :1])], axis=-1)

    def inverse(self, y: Any) -> Any:
        """The unconstrained value of an allowed one."""
        head = y[..., :-1]
        tiny = jnp.finfo(head.dtype).eps
        part = head / (1 - jnp.cumsum(head, axis=-1) + head + tiny)
        return jax.scipy.special.logit(jnp.clip(part, tiny, 1 - tiny))


class UnitVectorT(nn.Transform):
    """To vectors of length 1, along the last axis."""

    def forward(self, x: Any) -> Any:
        """The allowed value of an unconstrained one."""
        return x / jnp.sqrt(jnp.sum(x**2, axis=-1, keepdims=True) + 1e-8)

    def inverse(self, y: Any) -> Any:
        """The vector itself."""
        return y
