"""Regularisation losses by the size, smoothness or shape of a value; ``w`` stands for the weight and x for its elements."""

from __future__ import annotations

import math
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from ... import random
from ..._errors import ParameterError
from ._regs import Regularization, _Declared

_TINY = 1e-8


def _positive(x: Any) -> Any:
    return u.math.maximum(x, _TINY * u.math.ones_like(x))


class ChainedReg(Regularization):
    """The weighted sum of several losses.

    Parameters
    ----------
    *regularizations : Regularization
        Its terms.
    weight : number
        A factor of all.
    fit_hyper : bool
        Kept as an attribute; each term has its own.
    """

    weight: Any

    def __init__(self, *regularizations: Regularization, weight: Any = 1.0, fit_hyper: bool = False):
        super().__init__(fit_hyper)
        self.regularizations = regularizations
        self.keep('weight', weight, False)

    def loss(self, value: Any) -> Any:
        """The loss of a value."""
        return self.weight * sum((r.loss(value) for r in self.regularizations), 0.0) if self.regularizations else 0.0

    def sample_init(self, shape: Any) -> Any:
        """That of the first term; 0 without one."""
        return self.regularizations[0].sample_init(shape) if self.regularizations else jnp.zeros(shape)

    def reset_value(self) -> Any:
        """That of the first term; 0 without one."""
        return self.regularizations[0].reset_value() if self.regularizations else 0.0


class L1Reg(_Declared):
    """``w * sum(|x|)``, which makes values sparse; the density of Laplace.

    Parameters
    ----------
    weight : number or quantity
        One over the unit of the value.
    fit_hyper : bool
        Kept as an attribute; the weight is not trained.
    """

    @staticmethod
    def energy(x: Any) -> Any:
        """The loss without the weight."""
        return u.math.sum(u.math.abs(x))

    def draw(self, size: tuple[int, ...]) -> Any:
        """A value of that density."""
        return random.laplace(0.0, 1.0, size) / _positive(self.weight)


class L2Reg(_Declared):
    """``w * sum(x ** 2)``, which keeps values small; parameters as of `L1Reg`."""

    @staticmethod
    def energy(x: Any) -> Any:
        """The loss without the weight."""
        return u.math.sum(x**2)


class ElasticNetReg(_Declared):
    """``alpha * l1_weight * sum(|x|) + (1 - alpha) * l2_weight * sum(x ** 2)``.

    Parameters
    ----------
    l1_weight, l2_weight : number
        Their weights.
    alpha : number
        The share of the first, from 0 to 1; trained with ``fit_hyper``.
    fit_hyper : bool
    """

    defaults = {'l1_weight': 1.0, 'l2_weight': 1.0, 'alpha': 0.5}
    weight = 1.0

    @staticmethod
    def energy(x: Any, l1_weight: Any, l2_weight: Any, alpha: Any) -> Any:
        """The loss."""
        share = u.math.clip(alpha, 0.0, 1.0)
        return share * l1_weight * u.math.sum(u.math.abs(x)) + (1 - share) * l2_weight * u.math.sum(x**2)

    def draw(self, size: tuple[int, ...], l1_weight: Any, l2_weight: Any, alpha: Any) -> Any:
        """A mixture of values of both densities."""
        share = u.math.clip(alpha, 0.0, 1.0)
        return share * random.laplace(0.0, 1.0, size) / l1_weight + (1 - share) * random.randn(*size) / u.math.sqrt(l2_weight)


class HuberReg(_Declared):
    """``w * sum(x ** 2 / 2)`` up to ``delta``, and from there on linear.

    Parameters
    ----------
    weight, delta : number
    fit_hyper : bool
        Whether ``delta`` is trained.
    """

    defaults = {'weight': 1.0, 'delta': 1.0}

    @staticmethod
    def energy(x: Any, delta: Any) -> Any:
        """The loss without the weight."""
        size = u.math.abs(x)
        return u.math.sum(u.math.where(size <= delta, 0.5 * x**2, delta * (size - 0.5 * delta)))


class GroupLassoReg(_Declared):
    """``w`` times the sum of lengths of groups of elements, the last of which may be smaller.

    Parameters
    ----------
    weight : number
    group_size : int
    fit_hyper : bool
    """

    defaults = {'weight': 1.0, 'group_size': 1}
    static = ('group_size',)

    def _check(self) -> None:
        if not isinstance(self.group_size, int):  # type: ignore[attr-defined]
            raise TypeError(f'{self.label}: group_size is an integer, but is {self.group_size!r}.')  # type: ignore[attr-defined]
        if self.group_size < 1:  # type: ignore[attr-defined]
            raise ParameterError(f'{self.label}: group_size = {self.group_size} must be positive.')  # type: ignore[attr-defined]

    @staticmethod
    def energy(x: Any, group_size: int) -> Any:
        """The loss without the weight."""
        unit, flat = u.get_unit(x), u.get_mantissa(x).reshape(-1)
        groups = jnp.pad(flat, (0, -flat.size % group_size)).reshape(-1, group_size)
        total = jnp.sum(jnp.sqrt(jnp.sum(groups**2, axis=1) + _TINY))
        return total if unit.is_unitless else total * unit


class TotalVariationReg(_Declared):
    """``w`` times the sum of sizes of differences between neighbours, or of second differences.

    Parameters
    ----------
    weight : number
    order : {1, 2}
    fit_hyper : bool
    """

    defaults = {'weight': 1.0, 'order': 1}
    static = ('order',)

    def _check(self) -> None:
        if self.order not in (1, 2):  # type: ignore[attr-defined]
            raise ParameterError(f'{self.label}: order = {self.order} must be 1 or 2.')  # type: ignore[attr-defined]

    @staticmethod
    def energy(x: Any, order: int) -> Any:
        """The loss without the weight."""
        return u.math.sum(u.math.abs(u.math.diff(x.reshape(-1), n=order)))

    def draw(self, size: tuple[int, ...], order: int) -> Any:
        """A random walk."""
        steps = super().draw(size)
        return jnp.cumsum(steps.reshape(-1)).reshape(size) / math.sqrt(math.prod(size))


class MaxNormReg(_Declared):
    """``w * max(0, |x| - max_value) ** 2``, of the length of the whole value.

    Parameters
    ----------
    weight, max_value : number
    fit_hyper : bool
        Whether ``max_value`` is trained.
    """

    defaults = {'weight': 1.0, 'max_value': 1.0}

    @staticmethod
    def energy(x: Any, max_value: Any) -> Any:
        """The loss without the weight."""
        return jax.nn.relu(u.math.sqrt(u.math.sum(x**2) + _TINY) - max_value) ** 2

    def draw(self, size: tuple[int, ...], max_value: Any) -> Any:
        """A value of half that length."""
        x = random.randn(*size)
        return 0.5 * max_value * x / jnp.sqrt(jnp.sum(x**2) + _TINY)


class EntropyReg(_Declared):
    """Minus, or with ``maximize=False`` plus, ``w`` times the entropy of ``softmax(x)``.

    Parameters
    ----------
    weight : number
    maximize : bool
    fit_hyper : bool
    """

    defaults = {'weight': 1.0, 'maximize': True}
    static = ('maximize',)

    @staticmethod
    def energy(x: Any, maximize: bool) -> Any:
        """The loss without the weight."""
        logs = jax.nn.log_softmax(x.reshape(-1))
        entropy = -jnp.sum(jnp.exp(logs) * logs)
        return -entropy if maximize else entropy

    def draw(self, size: tuple[int, ...], maximize: bool) -> Any:
        """Zeros, or a normal value."""
        return jnp.zeros(size) if maximize else random.randn(*size)


class OrthogonalReg(_Declared):
    r"""``w`` times the squared distance of :math:`W^T W` from the identity.

    A number counts as a matrix; a vector as a square one where it can be, else as a column; of more axes, all but the first are one.

    Parameters
    ----------
    weight : number
    fit_hyper : bool
    """

    @staticmethod
    def energy(x: Any) -> Any:
        """The loss without the weight."""
        if x.ndim == 0:
            return (jnp.abs(x) - 1.0) ** 2
        side = math.isqrt(x.size)
        W = x.reshape((side, side) if side**2 == x.size else (-1, 1)) if x.ndim == 1 else x.reshape(x.shape[0], -1)
        return jnp.sum((W.T @ W - jnp.eye(W.shape[1])) ** 2)

    def draw(self, size: tuple[int, ...]) -> Any:
        """A part of an orthogonal matrix."""
        rows = size[0] if len(size) > 1 else math.isqrt(max(math.prod(size) - 1, 0)) + 1
        columns = math.prod(size[1:]) if len(size) > 1 else rows
        n = max(rows, columns)
        q = jax.random.orthogonal(jax.random.wrap_key_data(random.split_key()), n)
        return q[:rows, :columns].reshape(size) if len(size) > 1 else q.reshape(-1)[: math.prod(size)].reshape(size)


class SpectralNormReg(_Declared):
    """``w * max(0, s - max_value) ** 2``, of the largest singular value s as some iterations find it.

    Parameters
    ----------
    weight, max_value : number
    n_power_iterations : int
    fit_hyper : bool
        Whether ``max_value`` is trained.
    """

    defaults = {'weight': 1.0, 'max_value': 1.0, 'n_power_iterations': 1}
    static = ('n_power_iterations',)

    @staticmethod
    def largest(x: Any, n: int) -> Any:
        """The largest singular value of a matrix, as n iterations find it; the length of a vector."""
        if x.ndim < 2:
            return jnp.sqrt(jnp.sum(x**2) + _TINY)
        W = x.reshape(x.shape[0], -1)
        v = jnp.ones(W.shape[1], W.dtype) / math.sqrt(W.shape[1])
        for _ in range(max(n, 1)):
            left = W @ v
            left = left / jnp.sqrt(jnp.sum(left**2) + _TINY)
            v = W.T @ left
            v = v / jnp.sqrt(jnp.sum(v**2) + _TINY)
        return jnp.abs(left @ W @ v)

    @staticmethod
    def energy(x: Any, max_value: Any, n_power_iterations: int) -> Any:
        """The loss without the weight."""
        return jax.nn.relu(SpectralNormReg.largest(x, n_power_iterations) - max_value) ** 2

    def draw(self, size: tuple[int, ...], max_value: Any, n_power_iterations: int) -> Any:
        """A value at the bound."""
        x = random.randn(*size)
        return x * max_value / (self.largest(x, n_power_iterations) + _TINY)
