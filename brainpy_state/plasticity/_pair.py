"""Plasticity by pairs of spikes."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Parameter, non_negative, positive
from ._rule import SynapticRule
from ._trace import Trace


class PairSTDP(SynapticRule):
    r"""Spike-timing-dependent plasticity by pairs of spikes.

    .. math::
        \Delta w = -\lambda \alpha\, w_\mathrm{max} (w / w_\mathrm{max})^{\mu_-}\, y \quad \text{at a spike of the source} \\
        \Delta w = \lambda\, w_\mathrm{max} (1 - w / w_\mathrm{max})^{\mu_+}\, x \quad \text{at a spike of the target}

    Exponents of 0 give the additive rule, of 1 the multiplicative one.

    Notes
    -----
    Source: Guetig, Aharonov, Rotter & Sompolinsky 2003, J. Neurosci. 23:3697, doi:10.1523/JNEUROSCI.23-09-03697.2003; Morrison,
    Diesmann & Gerstner 2008, Biol. Cybern. 98:459, doi:10.1007/s00422-008-0233-1. It is NEST's ``stdp_synapse`` with
    ``delay_is='dendritic'``.
    """

    w_max: Any = Parameter(1.0, any_unit=True, doc='the greatest weight')
    learning_rate: Any = Parameter(0.01, positive, 'part of ``w_max`` by which a pair changes a weight')
    alpha: Any = Parameter(1.0, non_negative, 'how many times as strong depression is')
    tau_plus: Any = Parameter(20.0 * u.ms, positive, 'time constant of potentiation, of the trace of sources')
    tau_minus: Any = Parameter(20.0 * u.ms, positive, 'time constant of depression, of the trace of targets')
    mu_plus: Any = Parameter(1.0, non_negative, 'exponent of the weight in potentiation')
    mu_minus: Any = Parameter(1.0, non_negative, 'exponent of the weight in depression')

    x = Trace('tau_plus', side='pre', doc='spikes of the source')
    y = Trace('tau_minus', side='post', doc='spikes of the target')

    def on_pre(self, w: Any, y: Any) -> Any:
        """Depression."""
        return w - self.learning_rate * self.alpha * self.w_max * (w / self.w_max) ** self.mu_minus * y

    def on_post(self, w: Any, x: Any) -> Any:
        """Potentiation."""
        return w + self.learning_rate * self.w_max * (1 - w / self.w_max) ** self.mu_plus * x
