"""Regularisation losses that are prior distributions; ``w`` stands for the weight and x for the elements of a value."""

from __future__ import annotations

import math
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from ... import random
from ...state import maybe_state
from ._regs import Regularization, _Declared

_TINY = 1e-8


def _positive(x: Any) -> Any:
    return u.math.maximum(x, _TINY * u.math.ones_like(x))


class GaussianReg(Regularization):
    r"""Around a mean, with a precision :math:`p = 1 / \mathrm{std}^2` that may be trained.

    .. math:: L = w (\sum p (x - \mu)^2 - \sum \log p)

    Parameters
    ----------
    mean, std : number, quantity or array
        Expected value and spread.
    weight : number
        A factor.
    fit_hyper : bool
        Whether mean and precision are trained.
    """

    mean: Any
    precision: Any
    weight: Any

    def __init__(self, mean: Any, std: Any, weight: Any = 1.0, fit_hyper: bool = False):
        super().__init__(fit_hyper)
        self.keep('mean', mean, fit_hyper)
        self.keep('precision', 1 / (u.math.asarray(std) ** 2), fit_hyper)
        self.keep('weight', weight, False)

    def loss(self, value: Any) -> Any:
        """The loss of a value."""
        precision = _positive(maybe_state(self.precision))
        return self.weight * (u.math.sum(precision * (value - maybe_state(self.mean)) ** 2) - u.math.sum(u.math.log(precision)))

    def sample_init(self, shape: Any) -> Any:
        """A normal value."""
        size = (shape,) if isinstance(shape, int) else tuple(shape)
        return maybe_state(self.mean) + random.randn(*size) / u.math.sqrt(_positive(maybe_state(self.precision)))

    def reset_value(self) -> Any:
        """The mean."""
        return maybe_state(self.mean)


class StudentTReg(_Declared):
    """The density of Student's t, with heavy tails.

    Parameters
    ----------
    weight, df, scale : number
    fit_hyper : bool
        Whether ``df`` and ``scale`` are trained.
    """

    defaults = {'weight': 1.0, 'df': 3.0, 'scale': 1.0}

    @staticmethod
    def energy(x: Any, df: Any, scale: Any) -> Any:
        """Minus the logarithm of the density."""
        norm = u.math.log(scale) + gammaln(df / 2) + 0.5 * jnp.log(df * math.pi) - gammaln((df + 1) / 2)
        return u.math.sum(0.5 * (df + 1) * u.math.log(1 + (x / scale) ** 2 / df)) + x.size * norm

    def draw(self, size: tuple[int, ...], df: Any, scale: Any) -> Any:
        """A value of the density."""
        return scale * random.standard_t(df, size)


class CauchyReg(_Declared):
    """The density of Cauchy: ``w * (sum(log(1 + (x / scale) ** 2)) + n log(scale))``.

    Parameters
    ----------
    weight, scale : number
    fit_hyper : bool
        Whether ``scale`` is trained.
    """

    defaults = {'weight': 1.0, 'scale': 1.0}

    @staticmethod
    def energy(x: Any, scale: Any) -> Any:
        """Minus the logarithm of the density."""
        return u.math.sum(u.math.log(1 + (x / scale) ** 2)) + x.size * u.math.log(scale)

    def draw(self, size: tuple[int, ...], scale: Any) -> Any:
        """A value of the density."""
        return scale * random.standard_cauchy(size)


class HorseshoeReg(_Declared):
    """Many values at 0, and some far from it: ``w * (sum(log(1 + (x / tau) ** 2)) + n log(tau))``.

    Parameters
    ----------
    weight, tau : number
    fit_hyper : bool
        Whether ``tau`` is trained.
    """

    defaults = {'weight': 1.0, 'tau': 1.0}

    @staticmethod
    def energy(x: Any, tau: Any) -> Any:
        """The loss without the weight."""
        return CauchyReg.energy(x, tau)

    def draw(self, size: tuple[int, ...], tau: Any) -> Any:
        """Normal values, each with a spread of its own."""
        return tau * jnp.abs(random.standard_cauchy(size)) * random.randn(*size)


class UniformReg(_Declared):
    """``w`` times the squared distances from an interval.

    Parameters
    ----------
    weight, lower, upper : number
    fit_hyper : bool
        Whether the bounds are trained.
    """

    defaults = {'weight': 1.0, 'lower': -1.0, 'upper': 1.0}
    signed = ('lower', 'upper')

    @staticmethod
    def energy(x: Any, lower: Any, upper: Any) -> Any:
        """The loss without the weight."""
        return u.math.sum(jax.nn.relu(lower - x) ** 2 + jax.nn.relu(x - upper) ** 2)

    def draw(self, size: tuple[int, ...], lower: Any, upper: Any) -> Any:
        """A value inside."""
        return lower + (upper - lower) * random.rand(*size)

    @staticmethod
    def middle(lower: Any, upper: Any) -> Any:
        """The middle of the interval."""
        return (lower + upper) / 2


class LogNormalReg(_Declared):
    """Positive values whose logarithm is normal.

    Parameters
    ----------
    weight, mu, sigma : number
    fit_hyper : bool
        Whether ``mu`` and ``sigma`` are trained.
    """

    defaults = {'weight': 1.0, 'mu': 0.0, 'sigma': 1.0}
    signed = ('mu',)

    @staticmethod
    def energy(x: Any, mu: Any, sigma: Any) -> Any:
        """Minus the logarithm of the density."""
        logs = jnp.log(_positive(x))
        return jnp.sum((logs - mu) ** 2 / (2 * sigma**2) + logs) + x.size * jnp.log(sigma)

    def draw(self, size: tuple[int, ...], mu: Any, sigma: Any) -> Any:
        """A value of the density."""
        return jnp.exp(mu + sigma * random.randn(*size))

    @staticmethod
    def middle(mu: Any, sigma: Any) -> Any:
        """The median."""
        return jnp.exp(mu)


class ExponentialReg(_Declared):
    """``w * rate * sum(x)`` of positive values.

    Parameters
    ----------
    weight, rate : number
    fit_hyper : bool
        Whether ``rate`` is trained.
    """

    defaults = {'weight': 1.0, 'rate': 1.0}

    @staticmethod
    def energy(x: Any, rate: Any) -> Any:
        """The loss without the weight."""
        return rate * jnp.sum(jax.nn.relu(x))

    def draw(self, size: tuple[int, ...], rate: Any) -> Any:
        """A value of the density."""
        return random.exponential(1.0, size) / rate


class GammaReg(_Declared):
    """The density of gamma, with shape ``alpha`` and rate ``beta``.

    Parameters
    ----------
    weight, alpha, beta : number
    fit_hyper : bool
        Whether ``alpha`` and ``beta`` are trained.
    """

    defaults = {'weight': 1.0, 'alpha': 2.0, 'beta': 1.0}

    @staticmethod
    def energy(x: Any, alpha: Any, beta: Any) -> Any:
        """Minus the logarithm of the density."""
        x = _positive(x)
        return jnp.sum(beta * x - (alpha - 1) * jnp.log(x)) + x.size * (gammaln(alpha) - alpha * jnp.log(beta))

    def draw(self, size: tuple[int, ...], alpha: Any, beta: Any) -> Any:
        """A value of the density."""
        return random.gamma(alpha, size=size) / beta

    @staticmethod
    def middle(alpha: Any, beta: Any) -> Any:
        """The mode."""
        return jnp.maximum((alpha - 1) / beta, _TINY)


class InverseGammaReg(_Declared):
    """The density of one over a gamma variable; parameters as of `GammaReg`."""

    defaults = {'weight': 1.0, 'alpha': 2.0, 'beta': 1.0}

    @staticmethod
    def energy(x: Any, alpha: Any, beta: Any) -> Any:
        """Minus the logarithm of the density."""
        x = _positive(x)
        return jnp.sum((alpha + 1) * jnp.log(x) + beta / x) + x.size * (gammaln(alpha) - alpha * jnp.log(beta))

    def draw(self, size: tuple[int, ...], alpha: Any, beta: Any) -> Any:
        """A value of the density."""
        return beta / _positive(random.gamma(alpha, size=size))

    @staticmethod
    def middle(alpha: Any, beta: Any) -> Any:
        """The mode."""
        return beta / (alpha + 1)


class BetaReg(_Declared):
    """The density of beta, for values between 0 and 1.

    Parameters
    ----------
    weight, a, b : number
    fit_hyper : bool
        Whether ``a`` and ``b`` are trained.
    """

    defaults = {'weight': 1.0, 'a': 2.0, 'b': 2.0}

    @staticmethod
    def energy(x: Any, a: Any, b: Any) -> Any:
        """Minus the logarithm of the density."""
        x = jnp.clip(x, _TINY, 1 - 1e-7)
        norm = gammaln(a) + gammaln(b) - gammaln(a + b)
        return jnp.sum(-(a - 1) * jnp.log(x) - (b - 1) * jnp.log1p(-x)) + x.size * norm

    def draw(self, size: tuple[int, ...], a: Any, b: Any) -> Any:
        """A value of the density."""
        return random.beta(a, b, size=size)

    @staticmethod
    def middle(a: Any, b: Any) -> Any:
        """The mode."""
        return jnp.clip((a - 1) / _positive(a + b - 2), 0.0, 1.0)


class LogUniformReg(_Declared):
    """``w * sum(log(x))`` of values inside an interval.

    Parameters
    ----------
    weight, lower, upper : number
    fit_hyper : bool
        Whether the bounds are trained.
    """

    defaults = {'weight': 1.0, 'lower': 1e-3, 'upper': 1e3}

    @staticmethod
    def energy(x: Any, lower: Any, upper: Any) -> Any:
        """The loss without the weight."""
        return jnp.sum(jnp.log(jnp.clip(_positive(x), lower, upper)))

    def draw(self, size: tuple[int, ...], lower: Any, upper: Any) -> Any:
        """A value of the density."""
        return lower * (upper / lower) ** random.rand(*size)

    @staticmethod
    def middle(lower: Any, upper: Any) -> Any:
        """The geometric mean of the bounds."""
        return jnp.sqrt(lower * upper)


class SpikeAndSlabReg(_Declared):
    """A mixture of a narrow and a wide normal density, the narrow one with the share ``pi``.

    Parameters
    ----------
    weight, spike_scale, slab_scale, pi : number
    fit_hyper : bool
        Whether scales and share are trained.
    """

    defaults = {'weight': 1.0, 'spike_scale': 0.01, 'slab_scale': 1.0, 'pi': 0.5}

    @staticmethod
    def energy(x: Any, spike_scale: Any, slab_scale: Any, pi: Any) -> Any:
        """Minus the logarithm of the density."""
        share = jnp.clip(pi, _TINY, 1 - 1e-7)
        logs = [jnp.log(p) - 0.5 * (x / s) ** 2 - jnp.log(s) for p, s in ((share, spike_scale), (1 - share, slab_scale))]
        return -jnp.sum(jnp.logaddexp(*logs))

    def draw(self, size: tuple[int, ...], spike_scale: Any, slab_scale: Any, pi: Any) -> Any:
        """A value of the density."""
        return random.randn(*size) * jnp.where(random.rand(*size) < pi, spike_scale, slab_scale)


class DirichletReg(_Declared):
    """``-w * sum((alpha - 1) * log(p))`` of ``p = softmax(x)``.

    Parameters
    ----------
    weight, alpha : number
    fit_hyper : bool
        Whether ``alpha`` is trained.
    """

    defaults = {'weight': 1.0, 'alpha': 1.0}

    @staticmethod
    def energy(x: Any, alpha: Any) -> Any:
        """The loss without the weight."""
        return -jnp.sum((alpha - 1) * jax.nn.log_softmax(x.reshape(-1)))

    def draw(self, size: tuple[int, ...], alpha: Any) -> Any:
        """A value whose softmax has the density of Dirichlet."""
        x = random.gamma(alpha, size=size)
        return jnp.log(x / _positive(jnp.sum(x)) + _TINY)
