"""Draws of real numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ParameterError, ShapeError, UnitError
from .._tracebacks import entries
from ._params import ANY, NOT_NEGATIVE, OR_ZERO, POSITIVE, common, mantissa, numbers, ordered, plain, real, shape, split_unit, with_unit


@entries
class Continuous:
    """Methods that draw real numbers. Parameters of location and scale may be quantities, then so is what is drawn.

    All take ``size`` (the shape, by default that of the parameters), ``key`` (used in place of the generator's own, which
    then stays) and ``dtype`` (by default that of `environ`).
    """

    _key: Callable[[Any], jax.Array]
    _draw: Callable[..., jax.Array]

    def random(self, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Uniform on [0, 1).

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.random(3).shape
        (3,)
        """
        return self._draw(jax.random.uniform, key, shape('random', size), real(dtype))

    random_sample = random

    def rand(self, *size: int, key: Any = None, dtype: Any = None) -> jax.Array:
        """Uniform on [0, 1), with the shape as separate arguments.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.rand(3).shape
        (3,)
        """
        return self.random(size, key, dtype)

    def rand_like(self, x: Any, key: Any = None, dtype: Any = None) -> jax.Array:
        """Uniform on [0, 1), with the shape of ``x`` and, if that is real, its type.

        Examples
        --------
        >>> import numpy as np
        >>> import brainpy_state as bst
        >>> bst.random.rand_like(np.zeros((2, 3))).shape
        (2, 3)
        """
        return self.random(*_like('rand_like', x, key, dtype))

    def uniform(self, low: Any = None, high: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Uniform on [low, high), by default [0, 1); rounding may give ``high`` itself.

        Examples
        --------
        >>> import brainunit as u
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.uniform(1. * u.mV, 2. * u.mV, 3).shape
        (3,)
        """
        dtype = real(dtype)
        (low, high), unit = common('uniform', dtype, low=(low, OR_ZERO), high=(high, ANY))
        return with_unit(low + (high - low) * self.random(shape('uniform', size, low, high), key, dtype), unit)

    def triangular(self, left: Any, mode: Any, right: Any, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Triangular on [left, right] with its peak at ``mode``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.triangular(0., 1., 2., 3).shape
        (3,)
        """
        dtype = real(dtype)
        (left, mode, right), unit = common('triangular', dtype, left=(left, ANY), mode=(mode, ANY), right=(right, ANY))
        ordered('triangular', left=left, mode=mode, right=right)
        x = self.random(shape('triangular', size, left, mode, right), key, dtype)
        width = right - left
        rising, falling = left + jnp.sqrt(x * width * (mode - left)), right - jnp.sqrt((1 - x) * width * (right - mode))
        return with_unit(jnp.where(x * width < mode - left, rising, falling), unit)

    def normal(self, loc: Any = None, scale: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Normal with mean ``loc`` (0) and standard deviation ``scale``.

        Examples
        --------
        >>> import brainunit as u
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.normal(-60. * u.mV, 2. * u.mV, 3).shape
        (3,)
        """
        return self._located('normal', jax.random.normal, loc, scale, size, key, dtype)

    def standard_normal(self, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Normal with mean 0 and standard deviation 1.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.standard_normal(3).shape
        (3,)
        """
        return self._draw(jax.random.normal, key, shape('standard_normal', size), real(dtype))

    def randn(self, *size: int, key: Any = None, dtype: Any = None) -> jax.Array:
        """Standard normal, with the shape as separate arguments.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.randn(3).shape
        (3,)
        """
        return self.standard_normal(size, key, dtype)

    def randn_like(self, x: Any, key: Any = None, dtype: Any = None) -> jax.Array:
        """Standard normal, with the shape of ``x`` and, if that is real, its type.

        Examples
        --------
        >>> import numpy as np
        >>> import brainpy_state as bst
        >>> bst.random.randn_like(np.zeros((2, 3))).shape
        (2, 3)
        """
        return self.standard_normal(*_like('randn_like', x, key, dtype))

    def truncated_normal(
        self, lower: Any, upper: Any, size: Any = None, loc: Any = None, scale: Any = 1.0, key: Any = None, dtype: Any = None
    ) -> Any:
        """Normal with mean ``loc`` (0) and standard deviation ``scale``, given that it lies in [lower, upper].

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.truncated_normal(-1., 1., 3).shape
        (3,)
        """
        dtype = real(dtype)
        (lower, upper, loc, scale), unit = common(
            'truncated_normal', dtype, lower=(lower, ANY), upper=(upper, ANY), loc=(loc, OR_ZERO), scale=(scale, POSITIVE)
        )
        ordered('truncated_normal', lower=lower, upper=upper)
        size = shape('truncated_normal', size, lower, upper, loc, scale)
        x = self._draw(jax.random.truncated_normal, key, (lower - loc) / scale, (upper - loc) / scale, size, dtype)
        return with_unit(jnp.clip(loc + scale * x, lower, upper), unit)

    def lognormal(self, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """``exp(normal(mean, sigma))``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.lognormal(0., 1., 3).shape
        (3,)
        """
        dtype = real(dtype)
        mean, sigma = plain('lognormal', dtype, mean=(mean, ANY), sigma=(sigma, NOT_NEGATIVE))
        return jnp.exp(mean + sigma * self._draw(jax.random.normal, key, shape('lognormal', size, mean, sigma), dtype))

    def multivariate_normal(
        self, mean: Any, cov: Any, size: Any = None, key: Any = None, dtype: Any = None, method: str = 'cholesky'
    ) -> Any:
        """Normal vectors with mean ``(..., n)`` and covariance ``(..., n, n)``; ``size`` is the shape in front of ``n``.

        ``method`` finds the root of the covariance: ``'cholesky'``, or ``'eigh'`` or ``'svd'`` for one without an inverse.

        Examples
        --------
        >>> import numpy as np
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.multivariate_normal(np.zeros(2), np.eye(2), 3).shape
        (3, 2)
        """
        if method not in ('cholesky', 'eigh', 'svd'):
            raise ParameterError(f"random.multivariate_normal: method is 'cholesky', 'eigh' or 'svd', but is {method!r}.")
        dtype = real(dtype)
        (mean,), unit = common('multivariate_normal', dtype, mean=(mean, ANY))
        cov = numbers('multivariate_normal', 'cov', cov)
        if u.get_dim(cov) != unit.dim**2:
            raise UnitError(f'random.multivariate_normal: cov is in {u.get_unit(cov)}, but mean in {unit}; cov has the square of its unit.')
        (cov,), _ = common('multivariate_normal', dtype, cov=(mantissa(cov, unit**2), ANY))
        n = mean.shape[-1] if mean.ndim else None
        if cov.shape[-2:] != (n, n):
            raise ShapeError(f'random.multivariate_normal: mean {mean.shape} and cov {cov.shape} are not shaped (..., n) and (..., n, n).')
        size = shape('multivariate_normal', size, mean[..., 0], cov[..., 0, 0])
        return with_unit(self._draw(jax.random.multivariate_normal, key, mean, cov, size, dtype, method=method), unit)

    def laplace(self, loc: Any = None, scale: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Density ``exp(-|x - loc| / scale) / (2 scale)``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.laplace(0., 1., 3).shape
        (3,)
        """
        return self._located('laplace', jax.random.laplace, loc, scale, size, key, dtype)

    def logistic(self, loc: Any = None, scale: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Distribution function ``1 / (1 + exp(-(x - loc) / scale))``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.logistic(0., 1., 3).shape
        (3,)
        """
        return self._located('logistic', jax.random.logistic, loc, scale, size, key, dtype)

    def gumbel(self, loc: Any = None, scale: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Distribution function ``exp(-exp(-(x - loc) / scale))``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.gumbel(0., 1., 3).shape
        (3,)
        """
        return self._located('gumbel', jax.random.gumbel, loc, scale, size, key, dtype)

    def exponential(self, scale: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Density ``exp(-x / scale) / scale``; ``scale`` is the mean.

        Examples
        --------
        >>> import brainunit as u
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.exponential(5. * u.ms, 3).shape
        (3,)
        """
        return self._scaled('exponential', self._waiting, scale, size, key, dtype)

    def standard_exponential(self, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Exponential with mean 1.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.standard_exponential(3).shape
        (3,)
        """
        return self._waiting(key, shape('standard_exponential', size), real(dtype))

    def rayleigh(self, scale: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Density ``x / scale² exp(-x² / (2 scale²))``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.rayleigh(1., 3).shape
        (3,)
        """
        return self._scaled('rayleigh', lambda *args: jnp.sqrt(2 * self._waiting(*args)), scale, size, key, dtype)

    def gamma(self, shape: Any, scale: Any = 1.0, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Density proportional to ``x^(shape - 1) exp(-x / scale)``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.gamma(2., 1., 3).shape
        (3,)
        """
        dtype = real(dtype)
        (a,) = plain('gamma', dtype, shape=(shape, NOT_NEGATIVE))
        return self._scaled('gamma', lambda key, size, dtype: self._draw(jax.random.gamma, key, a, size, dtype), scale, size, key, dtype, a)

    def standard_gamma(self, shape: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Gamma with scale 1.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.standard_gamma(2., 3).shape
        (3,)
        """
        return self.gamma(shape, 1.0, size, key, dtype)

    def chisquare(self, df: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """The sum of ``df`` squared standard normals.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.chisquare(2., 3).shape
        (3,)
        """
        return self._shaped('chisquare', jax.random.chisquare, size, key, dtype, df=df)

    def f(self, dfnum: Any, dfden: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """The ratio of two chi-squares, each divided by its degrees of freedom.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.f(2., 5., 3).shape
        (3,)
        """
        return self._shaped('f', _f, size, key, dtype, dfnum=dfnum, dfden=dfden)

    def t(self, df: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Student's t with ``df`` degrees of freedom.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.t(4., 3).shape
        (3,)
        """
        return self._shaped('t', jax.random.t, size, key, dtype, df=df)

    standard_t = t

    def standard_cauchy(self, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Density ``1 / (π (1 + x²))``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.standard_cauchy(3).shape
        (3,)
        """
        return self._draw(jax.random.cauchy, key, shape('standard_cauchy', size), real(dtype))

    def beta(self, a: Any, b: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Density proportional to ``x^(a - 1) (1 - x)^(b - 1)`` on [0, 1].

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.beta(2., 3., 3).shape
        (3,)
        """
        return self._shaped('beta', jax.random.beta, size, key, dtype, a=a, b=b)

    def power(self, a: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Density ``a x^(a - 1)`` on [0, 1].

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.power(2., 3).shape
        (3,)
        """
        return self._shaped('power', _power, size, key, dtype, a=a)

    def pareto(self, a: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Density ``a / (1 + x)^(a + 1)`` for x ≥ 0 (Lomax); add 1 for the classical Pareto distribution.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.pareto(2., 3).shape
        (3,)
        """
        return self._shaped('pareto', _pareto, size, key, dtype, a=a)

    def weibull(self, a: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Density ``a x^(a - 1) exp(-x^a)``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.weibull(2., 3).shape
        (3,)
        """
        return self._shaped('weibull', _weibull, size, key, dtype, a=a)

    def wald(self, mean: Any, scale: Any, size: Any = None, key: Any = None, dtype: Any = None) -> Any:
        """Inverse Gaussian, the time at which a drifting Brownian motion first hits a level; variance ``mean³ / scale``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.wald(1., 2., 3).shape
        (3,)
        """
        dtype = real(dtype)
        (mean, scale), unit = common('wald', dtype, mean=(mean, POSITIVE), scale=(scale, POSITIVE))
        size = shape('wald', size, mean, scale)
        normal, uniform = jax.random.split(self._key(key))
        # Michael, Schucany & Haas 1976, doi:10.2307/2683801: the two roots are mean / root and mean * root; in this form nothing cancels
        w = mean / (2 * scale) * jax.random.normal(normal, size, dtype) ** 2
        root = 1 + w + jnp.sqrt(w * (w + 2))
        is_small = jax.random.uniform(uniform, size, dtype) * (1 + 1 / root) <= 1
        return with_unit(jnp.where(is_small, mean / root, mean * root), unit)

    def vonmises(self, mu: Any, kappa: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Angles in [-π, π] with density proportional to ``exp(kappa cos(x - mu))``.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.vonmises(0., 2., 3).shape
        (3,)
        """
        dtype = real(dtype)
        mu, kappa = plain('vonmises', dtype, mu=(mu, ANY), kappa=(kappa, NOT_NEGATIVE))
        x = mu + self._draw(_vonmises, key, kappa, shape('vonmises', size, mu, kappa), dtype)
        return x - 2 * np.pi * jnp.round(x / (2 * np.pi))

    def dirichlet(self, alpha: Any, size: Any = None, key: Any = None, dtype: Any = None) -> jax.Array:
        """Random probabilities that sum to 1 along the last axis, as ``alpha`` has; ``size`` is the shape in front of it.

        Examples
        --------
        >>> import numpy as np
        >>> import brainpy_state as bst
        >>> bst.random.seed(0)
        >>> bst.random.dirichlet(np.ones(3), 2).shape
        (2, 3)
        """
        dtype = real(dtype)
        (alpha,) = plain('dirichlet', dtype, alpha=(alpha, POSITIVE))
        if not alpha.ndim:
            raise ShapeError('random.dirichlet: alpha has one number for each outcome, but is a single number.')
        return self._draw(jax.random.dirichlet, key, alpha, shape('dirichlet', size, alpha[..., 0]), dtype)

    def _waiting(self, key: Any, size: tuple[int, ...], dtype: Any) -> jax.Array:
        return self._draw(jax.random.exponential, key, size, dtype)

    def _located(self, where: str, draw: Callable, loc: Any, scale: Any, size: Any, key: Any, dtype: Any) -> Any:
        """``loc + scale x`` with standard x."""
        dtype = real(dtype)
        (loc, scale), unit = common(where, dtype, loc=(loc, OR_ZERO), scale=(scale, NOT_NEGATIVE))
        return with_unit(loc + scale * self._draw(draw, key, shape(where, size, loc, scale), dtype), unit)

    def _scaled(self, where: str, draw: Callable, scale: Any, size: Any, key: Any, dtype: Any, *shapes: Any) -> Any:
        """``scale x`` with standard x."""
        dtype = real(dtype)
        (scale,), unit = common(where, dtype, scale=(scale, NOT_NEGATIVE))
        return with_unit(scale * draw(key, shape(where, size, scale, *shapes), dtype), unit)

    def _shaped(self, where: str, draw: Callable, size: Any, key: Any, dtype: Any, **params: Any) -> jax.Array:
        """x of a distribution whose parameters are positive and have no unit."""
        dtype = real(dtype)
        values = plain(where, dtype, **{name: (value, POSITIVE) for name, value in params.items()})
        return self._draw(draw, key, *values, shape(where, size, *values), dtype)


def _like(where: str, x: Any, key: Any, dtype: Any) -> tuple[tuple[int, ...], Any, Any]:
    x, _ = split_unit(numbers(where, 'x', x))
    own = jnp.result_type(x)
    return np.shape(x), key, own if dtype is None and jnp.issubdtype(own, jnp.floating) else dtype


def _f(key: jax.Array, dfnum: Any, dfden: Any, size: tuple[int, ...], dtype: Any) -> jax.Array:
    return jax.random.f(key, jnp.broadcast_to(dfnum, size), jnp.broadcast_to(dfden, size), size, dtype)


def _power(key: jax.Array, a: Any, size: tuple[int, ...], dtype: Any) -> jax.Array:
    return jnp.exp(-jax.random.exponential(key, size, dtype) / a)


def _pareto(key: jax.Array, a: Any, size: tuple[int, ...], dtype: Any) -> jax.Array:
    return jnp.expm1(jax.random.exponential(key, size, dtype) / a)


def _weibull(key: jax.Array, a: Any, size: tuple[int, ...], dtype: Any) -> jax.Array:
    return jax.random.exponential(key, size, dtype) ** (1 / a)


@partial(jax.jit, static_argnums=(2, 3))
def _vonmises(key: jax.Array, kappa: Any, size: tuple[int, ...], dtype: Any) -> jax.Array:
    """Rejection from a wrapped Cauchy distribution: Best & Fisher 1979, doi:10.2307/2346732.

    Their rho, ``1 - rho`` and proposal are written here so that nothing cancels: neither for ``kappa = 0`` nor for large ones.
    """
    kappa = jnp.broadcast_to(kappa, size).astype(dtype)
    s = jnp.sqrt(1 + 4 * kappa**2)
    tau = 1 + s
    total = tau + jnp.sqrt(2 * tau)
    rho = 2 * kappa / total
    gap = (1 + 1 / (s + 2 * kappa) + jnp.sqrt(2 * tau)) / total  # 1 - rho

    def propose(carry: tuple) -> tuple:
        key, angle, is_done = carry
        key, *parts = jax.random.split(key, 4)
        a = np.pi / 2 * jax.random.uniform(parts[0], size, dtype)
        log_u = -jax.random.exponential(parts[1], size, dtype)
        sign = jax.random.rademacher(parts[2], size, dtype)
        scale = gap**2 + 4 * rho * jnp.cos(a) ** 2
        half = jnp.arcsin(jnp.minimum(gap * jnp.sin(a) / jnp.sqrt(scale), 1))
        c = total / 4 * gap**2 * (1 + rho) ** 2 / scale
        return key, jnp.where(is_done, angle, 2 * sign * half), is_done | (jnp.log(c) + 1 - c >= log_u)

    start = (key, jnp.zeros(size, dtype), jnp.zeros(size, bool))
    return jax.lax.while_loop(lambda carry: ~carry[2].all(), propose, start)[1]
