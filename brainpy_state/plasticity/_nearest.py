"""Plasticity by pairs of spikes that are neighbours in time."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..numerics import plain
from ._pair import PairSTDP
from ._trace import Trace


class NearestSTDP(PairSTDP):
    r"""Pairs of nearest neighbours, symmetric: every spike meets the last one of the other side.

    The equations of `PairSTDP`, where a spike sets the trace of its side to 1 instead of adding 1.

    Notes
    -----
    Source: Morrison, Diesmann & Gerstner 2008, Biol. Cybern. 98:459, figure 7A, doi:10.1007/s00422-008-0233-1. It is NEST's
    ``stdp_nn_symm_synapse`` with ``delay_is='dendritic'``; NEST takes time 0 for a spike of the source.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> rule = bst.plasticity.NearestSTDP.desc(w_max=1. * u.mV)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=rule)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))  # the first source fires
    ...     post.spike.value = np.ones(1)
    ...     proj(np.zeros(2))  # the target has fired
    >>> comm.weight.value
    Quantity([0.5049... 0.5      ], "mV")
    """

    x = Trace('tau_plus', side='pre', at_spike='set', doc='the last spike of the source')
    y = Trace('tau_minus', side='post', at_spike='set', doc='the last spike of the target')


class PreCentredSTDP(PairSTDP):
    r"""Pairs of nearest neighbours, centred on spikes of the source.

    Each spike of the source meets the last one of the target before it, and the first one after it. So a spike of the target meets all of
    the source that have come since the one before:

    .. math:: \Delta w = \lambda\, w_\mathrm{max} (1 - w / w_\mathrm{max})^{\mu_+}\, (x - x'\, e^{-(t - t') / \tau_+})

    where :math:`x'` is the trace at the last spike of the target, at :math:`t'`.

    Notes
    -----
    Source: Morrison, Diesmann & Gerstner 2008, Biol. Cybern. 98:459, figure 7B, doi:10.1007/s00422-008-0233-1. It is NEST's
    ``stdp_nn_pre_centered_synapse`` with ``delay_is='dendritic'``. The trace since the last spike of the target belongs to the synapse;
    as a difference, it need not decay in each step.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> rule = bst.plasticity.PreCentredSTDP.desc(w_max=1. * u.mV)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=rule)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))  # the first source fires
    ...     post.spike.value = np.ones(1)
    ...     proj(np.zeros(2))  # the target has fired
    >>> comm.weight.value
    Quantity([0.5049... 0.5      ], "mV")
    """

    y = Trace('tau_minus', side='post', at_spike='set', doc='the last spike of the target')
    x_met = Trace(None, side='synapse', doc='the trace of the source at the last spike of the target')
    left = Trace('tau_plus', side='post', at_spike='set', doc='what is left of a trace since the last spike of the target')

    def on_post(self, w: Any, x: Any, x_met: Any, left: Any) -> Any:
        """Potentiation by what has come since the last spike of the target."""
        return {'w': w + self.up(w) * (x - x_met * left), 'x_met': x}


class ReducedSymmetricSTDP(NearestSTDP):
    r"""Pairs of nearest neighbours that follow each other immediately, as seen from both.

    A spike of the target meets the last one of the source if no other one of the target has come between, and the other way round. Of two
    spikes at equal times that do not see each other, that of the target counts as the first one for those that follow.

    Notes
    -----
    Source: Morrison, Diesmann & Gerstner 2008, Biol. Cybern. 98:459, figure 7C, doi:10.1007/s00422-008-0233-1. It is NEST's
    ``stdp_nn_restr_synapse`` with ``delay_is='dendritic'``, unless spikes coincide at the synapse: there, NEST lets the spike of the
    source meet the one of the target before, which the definition leaves out. NEST takes time 0 for a spike of the source.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> rule = bst.plasticity.ReducedSymmetricSTDP.desc(w_max=1. * u.mV)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=rule)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))  # the first source fires
    ...     post.spike.value = np.ones(1)
    ...     proj(np.zeros(2))  # the target has fired
    >>> comm.weight.value
    Quantity([0.5049... 0.5      ], "mV")
    """

    x_minus = Trace('tau_minus', side='pre', at_spike='set', doc='the last spike of the source, to compare')
    y_plus = Trace('tau_plus', side='post', at_spike='set', doc='the last spike of the target, to compare')

    def on_pre(self, w: Any, y: Any, x_minus: Any, half_minus: Any) -> Any:
        """Depression, if a spike of the target has come since the last one of the source."""
        comes_last = y > x_minus * half_minus if self.equal_times == 'pre_first' else y * half_minus > x_minus
        return w - self.down(w) * jnp.where(comes_last, y, 0.0)

    def on_post(self, w: Any, x: Any, y_plus: Any, half_plus: Any) -> Any:
        """Potentiation, if a spike of the source has come since the last one of the target."""
        comes_last = x * half_plus > y_plus if self.equal_times == 'pre_first' else x > y_plus * half_plus
        return w + self.up(w) * jnp.where(comes_last, x, 0.0)

    def half_minus(self) -> Any:
        """What half a step leaves of the traces to depress: those of spikes at equal times differ by less, by rounding."""
        return jnp.exp(-0.5 * plain(self.get_dt() / self.tau_minus))

    def half_plus(self) -> Any:
        """The same of those to potentiate."""
        return jnp.exp(-0.5 * plain(self.get_dt() / self.tau_plus))
