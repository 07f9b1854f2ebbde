"""Plasticity of inhibition."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Parameter, non_negative, positive
from ..numerics import plain
from ._rule import SynapticRule
from ._trace import Trace


class InhibitorySTDP(SynapticRule):
    r"""Plasticity of inhibitory synapses that balances excitation: targets come to fire at a rate.

    .. math::
        \Delta w &= \eta\, w_0\, (y - 2 \rho_0 \tau) \quad \text{at a spike of the source} \\
        \Delta w &= \eta\, w_0\, x \quad \text{at a spike of the target}

    Notes
    -----
    Source: Vogels, Sprekeler, Zenke, Clopath & Gerstner 2011, Science 334:1569, doi:10.1126/science.1211095. It is NEST's
    ``vogels_sprekeler_synapse`` with ``delay_is='dendritic'``, whose ``alpha`` is :math:`2 \rho_0 \tau`, while weights are below their
    greatest: NEST cuts what is above it before it depresses. So are the defaults, but for its ``Wmax`` of 1. Weights are positive; that
    the synapse inhibits is told by its output, such as ``COBA.desc(E=-80. * u.mV)``.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> rule = bst.plasticity.InhibitorySTDP.desc(w_0=1. * u.mV)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=rule)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))  # the first source fires
    ...     post.spike.value = np.ones(1)
    ...     proj(np.zeros(2))  # the target has fired
    >>> comm.weight.value
    Quantity([0.5008... 0.5     ], "mV")
    """

    w_0: Any = Parameter(1.0, positive, 'the weight that counts as 1', any_unit=True)
    learning_rate: Any = Parameter(0.001, non_negative, 'what a pair of coinciding spikes adds, in parts of ``w_0``')
    target_rate: Any = Parameter(3.0 * u.Hz, non_negative, 'the rate to which targets are brought')
    tau: Any = Parameter(20.0 * u.ms, positive, 'time constant of both traces')

    x = Trace('tau', side='pre', doc='spikes of the source')
    y = Trace('tau', side='post', doc='spikes of the target')

    of_weight = ('w_min', 'w_max', 'w_0')

    def on_pre(self, w: Any, y: Any) -> Any:
        """Potentiation by pairs, and depression by each spike."""
        return w + self.learning_rate * self.w_0 * (y - 2 * plain(self.target_rate * self.tau))

    def on_post(self, w: Any, x: Any) -> Any:
        """Potentiation."""
        return w + self.learning_rate * self.w_0 * x
