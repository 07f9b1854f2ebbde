"""Plasticity by pairs of spikes, all with all."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp

from ..modules import Parameter, non_negative, positive
from ..numerics import plain
from ._rule import SynapticRule
from ._trace import Trace


class PairSTDP(SynapticRule):
    r"""Spike-timing-dependent plasticity by pairs of spikes.

    .. math::
        \Delta w &= -\lambda \alpha\, w_\mathrm{max} (w / w_\mathrm{max})^{\mu_-}\, y \quad \text{at a spike of the source} \\
        \Delta w &= \lambda\, w_\mathrm{max} (1 - w / w_\mathrm{max})^{\mu_+}\, x \quad \text{at a spike of the target}

    Exponents of 0 give the additive rule, of 1 the multiplicative one. Every spike of the source meets every one of the target.

    Notes
    -----
    Source: Guetig, Aharonov, Rotter & Sompolinsky 2003, J. Neurosci. 23:3697, doi:10.1523/JNEUROSCI.23-09-03697.2003; Morrison,
    Diesmann & Gerstner 2008, Biol. Cybern. 98:459, doi:10.1007/s00422-008-0233-1. It is NEST's ``stdp_synapse`` with
    ``delay_is='dendritic'``, and so are the defaults, but for its ``Wmax`` of 100.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> rule = bst.plasticity.PairSTDP.desc(w_max=1. * u.mV)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=rule)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))  # the first source fires
    ...     post.spike.value = np.ones(1)
    ...     proj(np.zeros(2))  # the target has fired
    >>> comm.weight.value
    Quantity([0.5049... 0.5      ], "mV")
    """

    w_max: Any = Parameter(1.0, positive, 'the greatest weight', any_unit=True)
    learning_rate: Any = Parameter(0.01, non_negative, 'what a pair of coinciding spikes changes, in parts of the scale of weights')
    alpha: Any = Parameter(1.0, non_negative, 'how many times as strong depression is')
    tau_plus: Any = Parameter(20.0 * u.ms, positive, 'time constant of potentiation, of the trace of sources')
    tau_minus: Any = Parameter(20.0 * u.ms, positive, 'time constant of depression, of the trace of targets')
    mu_plus: Any = Parameter(1.0, non_negative, 'exponent of the weight in potentiation')
    mu_minus: Any = Parameter(1.0, non_negative, 'exponent of the weight in depression')

    x = Trace('tau_plus', side='pre', doc='spikes of the source')
    y = Trace('tau_minus', side='post', doc='spikes of the target')

    def check(self) -> None:
        low, mu = u.get_mantissa(self.w_min), self.mu_minus
        is_additive = isinstance(mu, (int, float)) and mu == 0
        text = 'w_min = {} must not be negative where depression is by a power of the weight.'
        self.require(is_additive or low is None or low >= 0, text, self.w_min)

    def up(self, w: Any) -> Any:
        """How much a pair of coinciding spikes adds."""
        return self.learning_rate * self.w_max * to_the(1 - w / self.w_max, self.mu_plus)

    def down(self, w: Any) -> Any:
        """How much a pair of coinciding spikes takes."""
        return self.learning_rate * self.alpha * self.w_max * to_the(w / self.w_max, self.mu_minus)

    def on_pre(self, w: Any, y: Any) -> Any:
        """Depression."""
        return w - self.down(w) * y

    def on_post(self, w: Any, x: Any) -> Any:
        """Potentiation."""
        return w + self.up(w) * x


class PowerLawSTDP(PairSTDP):
    r"""Spike-timing-dependent plasticity whose potentiation grows as a power of the weight.

    .. math::
        \Delta w &= -\lambda \alpha\, w_0 (w / w_0)^{\mu_-}\, y \quad \text{at a spike of the source} \\
        \Delta w &= \lambda\, w_0 (w / w_0)^{\mu_+}\, x \quad \text{at a spike of the target}

    There is no greatest weight; weights settle where both are equal on average.

    Notes
    -----
    Source: Morrison, Aertsen & Diesmann 2007, Neural Comput. 19:1437, doi:10.1162/neco.2007.19.6.1437, where the defaults come from, with
    a weight of reference :math:`w_0` of 1 pA. It is NEST's ``stdp_pl_synapse_hom`` with ``delay_is='dendritic'``, whose weights have
    :math:`w_0 = 1`, and whose default of ``alpha`` is 1.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> rule = bst.plasticity.PowerLawSTDP.desc(w_0=1. * u.mV)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=rule)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))  # the first source fires
    ...     post.spike.value = np.ones(1)
    ...     proj(np.zeros(2))  # the target has fired
    >>> comm.weight.value
    Quantity([0.5754... 0.5       ], "mV")
    """

    w_max: Any = Parameter(None, like=0.0, any_unit=True, doc='the greatest weight; none by default')
    w_0: Any = Parameter(1.0, positive, 'weight of reference', any_unit=True)
    learning_rate: Any = Parameter(0.1, non_negative, 'what a pair of coinciding spikes changes at the weight of reference, in parts of it')
    alpha: Any = Parameter(0.11, non_negative, 'how many times as strong depression is there')
    mu_plus: Any = Parameter(0.4, non_negative, 'exponent of the weight in potentiation')
    mu_minus: Any = Parameter(1.0, non_negative, 'exponent of the weight in depression')

    of_weight = ('w_min', 'w_max', 'w_0')

    def up(self, w: Any) -> Any:
        """How much a pair of coinciding spikes adds."""
        return self.learning_rate * self.w_0 * to_the(w / self.w_0, self.mu_plus)

    def down(self, w: Any) -> Any:
        """How much a pair of coinciding spikes takes."""
        return self.learning_rate * self.alpha * self.w_0 * to_the(w / self.w_0, self.mu_minus)


def to_the(x: Any, exponent: Any) -> Any:
    """A power of what is not negative, which costs nothing where the exponent is known to be 0 or 1.

    At 0, where the slope of a root is infinite, its derivative is 0.
    """
    if isinstance(exponent, (int, float)) and exponent in (0, 1):
        return x if exponent else 1.0
    x = plain(x)
    return jnp.where(x > 0, jnp.where(x > 0, x, 1.0) ** exponent, 1.0 * (exponent == 0))
