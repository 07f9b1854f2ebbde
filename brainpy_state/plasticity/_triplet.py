"""Plasticity by triplets of spikes."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Parameter, non_negative, positive
from ._rule import SynapticRule
from ._trace import Trace


class TripletSTDP(SynapticRule):
    r"""Plasticity by pairs and triplets of spikes.

    .. math::
        \Delta w &= -w_0\, o_1 (A_2^- + A_3^- r_2) \quad \text{at a spike of the source} \\
        \Delta w &= w_0\, r_1 (A_2^+ + A_3^+ o_2) \quad \text{at a spike of the target}

    A spike does not see itself in :math:`r_2` and :math:`o_2`.

    Notes
    -----
    Source: Pfister & Gerstner 2006, J. Neurosci. 26:9673, doi:10.1523/JNEUROSCI.1425-06.2006; defaults of its full model, all spikes with
    all, for visual cortex (table 4), where weights begin with 1, which is :math:`w_0` here. It is NEST's ``stdp_triplet_synapse`` with
    ``delay_is='dendritic'``, whose time constants of the target are others by default, and whose ``Wmax`` is 100.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> rule = bst.plasticity.TripletSTDP.desc(w_0=1. * u.mV, A2_plus=0.01)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=rule)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))  # the first source fires
    ...     post.spike.value = np.ones(1)
    ...     proj(np.zeros(2))  # the target has fired
    >>> comm.weight.value
    Quantity([0.5099... 0.5      ], "mV")
    """

    w_0: Any = Parameter(1.0, positive, 'the weight that counts as 1', any_unit=True)
    A2_plus: Any = Parameter(5e-10, non_negative, 'potentiation by pairs')
    A3_plus: Any = Parameter(6.2e-3, non_negative, 'potentiation by triplets')
    A2_minus: Any = Parameter(7e-3, non_negative, 'depression by pairs')
    A3_minus: Any = Parameter(2.3e-4, non_negative, 'depression by triplets')
    tau_plus: Any = Parameter(16.8 * u.ms, positive, 'time constant of r1')
    tau_x: Any = Parameter(101.0 * u.ms, positive, 'time constant of r2')
    tau_minus: Any = Parameter(33.7 * u.ms, positive, 'time constant of o1')
    tau_y: Any = Parameter(125.0 * u.ms, positive, 'time constant of o2')

    r1 = Trace('tau_plus', side='pre', doc='spikes of the source, fast')
    r2 = Trace('tau_x', side='pre', doc='spikes of the source, slow')
    o1 = Trace('tau_minus', side='post', doc='spikes of the target, fast')
    o2 = Trace('tau_y', side='post', doc='spikes of the target, slow')

    of_weight = ('w_min', 'w_max', 'w_0')

    def on_pre(self, w: Any, o1: Any, r2: Any) -> Any:
        """Depression."""
        return w - self.w_0 * o1 * (self.A2_minus + self.A3_minus * r2)

    def on_post(self, w: Any, r1: Any, o2: Any) -> Any:
        """Potentiation."""
        return w + self.w_0 * r1 * (self.A2_plus + self.A3_plus * o2)


class NearestTripletSTDP(TripletSTDP):
    r"""Plasticity by pairs and triplets of nearest spikes: each meets the last one of the other side, and the last one of its own.

    The equations of `TripletSTDP`, where a spike sets the traces of its side to 1 instead of adding 1.

    Notes
    -----
    Source: Pfister & Gerstner 2006, J. Neurosci. 26:9673, doi:10.1523/JNEUROSCI.1425-06.2006; defaults of its full model of nearest
    spikes for visual cortex (table 4), where weights begin with 1, which is :math:`w_0` here.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> rule = bst.plasticity.NearestTripletSTDP.desc(w_0=1. * u.mV, A2_plus=0.01)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=rule)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))  # the first source fires
    ...     post.spike.value = np.ones(1)
    ...     proj(np.zeros(2))  # the target has fired
    >>> comm.weight.value
    Quantity([0.5099... 0.5      ], "mV")
    """

    A2_plus: Any = Parameter(8.8e-11, non_negative, 'potentiation by pairs')
    A3_plus: Any = Parameter(5.3e-2, non_negative, 'potentiation by triplets')
    A2_minus: Any = Parameter(6.6e-3, non_negative, 'depression by pairs')
    A3_minus: Any = Parameter(3.1e-3, non_negative, 'depression by triplets')
    tau_x: Any = Parameter(714.0 * u.ms, positive, 'time constant of r2')
    tau_y: Any = Parameter(40.0 * u.ms, positive, 'time constant of o2')

    r1 = Trace('tau_plus', side='pre', at_spike='set', doc='the last spike of the source, fast')
    r2 = Trace('tau_x', side='pre', at_spike='set', doc='the last spike of the source, slow')
    o1 = Trace('tau_minus', side='post', at_spike='set', doc='the last spike of the target, fast')
    o2 = Trace('tau_y', side='post', at_spike='set', doc='the last spike of the target, slow')
