"""Plasticity by pairs of spikes that a third factor turns into weights."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Parameter, non_negative, positive
from ..numerics import plain
from ._rule import SynapticRule
from ._trace import Trace


class ThreeFactor(SynapticRule):
    r"""Pairs of spikes leave a trace at the synapse, by which a modulator changes the weight.

    .. math::
        \Delta c &= -A_-\, y \quad \text{at a spike of the source} \\
        \Delta c &= A_+\, x \quad \text{at a spike of the target} \\
        \tau_c \dot c &= -c, \qquad \dot w = w_0\, M\, c

    The modulator M, one for all synapses, is what is written to it: ``projection.plasticity.modulator.value = 0.1 / u.second``. It stays
    until it is written again, in 1 / s inside of a loop, whose states keep their units.

    Notes
    -----
    Source: Fremaux & Gerstner 2016, Front. Neural Circuits 9:85, doi:10.3389/fncir.2015.00085, equations 2 and 3. Traces of
    synapses decay in each step, all of them. Between spikes, weights are the exact integral.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=bst.plasticity.ThreeFactor.desc(w_0=1. * u.mV))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))  # the first source fires
    ...     post.spike.value = np.ones(1)
    ...     proj(np.zeros(2))  # the target has fired
    ...     proj.plasticity.modulator.value = 1. / u.second
    ...     proj(np.zeros(2))
    >>> comm.weight.value
    Quantity([0.5009... 0.5       ], "mV")
    """

    w_0: Any = Parameter(1.0, positive, 'the weight that counts as 1', any_unit=True)
    A_plus: Any = Parameter(1.0, non_negative, 'what a pair of coinciding spikes adds to the trace, where the target comes last')
    A_minus: Any = Parameter(1.0, non_negative, 'what it takes, where the source comes last')
    tau_plus: Any = Parameter(20.0 * u.ms, positive, 'time constant of the trace of sources')
    tau_minus: Any = Parameter(20.0 * u.ms, positive, 'time constant of the trace of targets')
    tau_c: Any = Parameter(1000.0 * u.ms, positive, 'time constant of the trace of synapses')

    x = Trace('tau_plus', side='pre', doc='spikes of the source')
    y = Trace('tau_minus', side='post', doc='spikes of the target')
    c = Trace('tau_c', side='synapse', doc='what makes a synapse eligible to change')
    modulator = Trace(None, side='global', init=0.0 / u.second, doc='the third factor')

    of_weight = ('w_min', 'w_max', 'w_0')

    def on_pre(self, c: Any, y: Any) -> Any:
        """The source comes last."""
        return {'c': c - self.A_minus * y}

    def on_post(self, c: Any, x: Any) -> Any:
        """The target comes last."""
        return {'c': c + self.A_plus * x}

    def on_step(self, w: Any, c: Any, modulator: Any) -> Any:
        """What the modulator makes of the trace since the last step."""
        return w + self.w_0 * c * plain(modulator * self.since_last(self.tau_c))


class DopamineSTDP(ThreeFactor):
    r"""Pairs of spikes leave a trace at the synapse, by which dopamine changes the weight.

    .. math::
        \Delta c &= -A_-\, y \quad \text{at a spike of the source} \\
        \Delta c &= A_+\, x \quad \text{at a spike of the target} \\
        \tau_c \dot c &= -c, \qquad \tau_d \dot d = -d + \sum_k n_k\,\delta(t - t_k), \qquad \dot w = w_0\, c\, (d - b)

    Dopamine d is released by ``projection.plasticity.release(n)``: whenever a reward comes, or with the number of spikes of a population in
    each step.

    Notes
    -----
    Source: Izhikevich 2007, Cereb. Cortex 17:2443, doi:10.1093/cercor/bhl152; with a baseline b: Potjans, Morrison & Diesmann
    2010, Front. Comput. Neurosci. 4:141, doi:10.3389/fncom.2010.00141. It is NEST's ``stdp_dopamine_synapse`` with
    ``delay_is='dendritic'``, while weights are within their limits: NEST looks at limits at spikes only, this at each step. So are the
    defaults, but for its ``Wmax`` of 200.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=bst.plasticity.DopamineSTDP.desc(w_0=1. * u.mV))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))  # the first source fires
    ...     post.spike.value = np.ones(1)
    ...     proj(np.zeros(2))  # the target has fired
    ...     proj.plasticity.release(1.)
    ...     proj(np.zeros(2))
    >>> comm.weight.value
    Quantity([0.5047... 0.5      ], "mV")
    """

    A_minus: Any = Parameter(1.5, non_negative, 'what it takes, where the source comes last')
    tau_d: Any = Parameter(200.0 * u.ms, positive, 'time constant of dopamine')
    b: Any = Parameter(0.0 / u.ms, doc='the amount of dopamine at which weights stay')

    modulator = Trace('tau_d', side='global', init=0.0 / u.ms, doc='dopamine')

    def release(self, amount: Any = 1.0) -> None:
        """Add an amount of dopamine, 1 for a spike, at the time of the last step."""
        self.modulator.value = self.modulator.value + amount / self.tau_d

    def on_step(self, w: Any, c: Any, modulator: Any) -> Any:
        """What dopamine makes of the trace since the last step."""
        effect = modulator * self.since_last(self.tau_c, self.tau_d) - self.b * self.since_last(self.tau_c)
        return w + self.w_0 * c * plain(effect)
