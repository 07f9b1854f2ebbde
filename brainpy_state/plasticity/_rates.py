"""Plasticity of synapses between neurons that send rates."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Option, Parameter, positive
from ..numerics import plain
from ._rule import SynapticRule
from ._trace import Trace


class RateRule(SynapticRule):
    """Base of rules that see rates: what the source sends, and a variable of the target, ``r`` by default."""

    w_min: Any = Parameter(None, any_unit=True, like=0.0, doc='the least weight; none by default')
    w_0: Any = Parameter(1.0, positive, 'the weight that counts as 1', any_unit=True)
    r_0: Any = Parameter(1.0, positive, 'the rate that counts as 1', any_unit=True)
    tau_w: Any = Parameter(10.0 * u.second, positive, 'time constant of weights')
    post_signal = Option('r', doc='the variable of the target that is its rate; None: its spikes')

    of_weight = ('w_min', 'w_max', 'w_0')

    def x(self, pre: Any) -> Any:
        """The rate of the source."""
        return plain(pre / self.r_0)

    def y(self, post: Any) -> Any:
        """The rate of the target."""
        return plain(post / self.r_0)


class Oja(RateRule):
    r"""Hebb's rule with weights that stay bounded: the first principal component of the sources.

    .. math:: \tau_w \dot w = y\, (w_0\, x - y\, w)

    Notes
    -----
    Source: Oja 1982, J. Math. Biol. 15:267, doi:10.1007/BF00275687; as an equation in time, Dayan & Abbott 2001, *Theoretical
    Neuroscience*, equation 8.16. One step of Euler, with the rates of the step. For a linear target, weights in parts of :math:`w_0` come
    to have the norm 1.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Rate(bst.nn.Dynamics):
    ...     r = bst.nn.Variable(2., 'rate')
    ...     def update(self):
    ...         self.r.value = self.sum_current_inputs(self.r.value)
    >>> comm, post = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5)), Rate(1)
    >>> proj = bst.CurrentProj(comm=comm, post=post, plasticity=bst.plasticity.Oja.desc(tau_w=1. * u.second))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))
    >>> comm.weight.value
    Array([0.5  , 0.498], dtype=float32)
    """

    def on_step(self, w: Any, x: Any, y: Any) -> Any:
        """One step of the weights."""
        return w + plain(self.elapsed / self.tau_w) * y * (self.w_0 * x - y * w)


class BCM(RateRule):
    r"""Hebb's rule with a threshold that slides with the activity of the target: selective responses.

    .. math::
        \tau_w \dot w &= w_0\, x\, y\, (y - \theta) \\
        \tau_\theta \dot\theta &= y^2 - \theta

    Notes
    -----
    Source: Bienenstock, Cooper & Munro 1982, J. Neurosci. 2:32, doi:10.1523/JNEUROSCI.02-01-00032.1982; with the mean square as the
    threshold, Intrator & Cooper 1992, Neural Netw. 5:3, doi:10.1016/S0893-6080(05)80003-6. One step of Euler for weights, exact for the
    threshold, which must be faster than they are.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Rate(bst.nn.Dynamics):
    ...     r = bst.nn.Variable(2., 'rate')
    ...     def update(self):
    ...         self.r.value = self.sum_current_inputs(self.r.value)
    >>> comm, post = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5)), Rate(1)
    >>> proj = bst.CurrentProj(comm=comm, post=post, plasticity=bst.plasticity.BCM.desc(tau_w=1. * u.second))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))
    >>> comm.weight.value
    Array([0.496, 0.5  ], dtype=float32)
    """

    tau_theta: Any = Parameter(1.0 * u.second, positive, 'time constant of the threshold')

    theta = Trace('tau_theta', side='post', of='squared', doc='the mean square of the rate of the target')

    def squared(self, post: Any) -> Any:
        """What the threshold follows."""
        return self.y(post) ** 2

    def on_step(self, w: Any, x: Any, y: Any, theta: Any) -> Any:
        """One step of the weights."""
        return w + plain(self.elapsed / self.tau_w) * self.w_0 * x * y * (y - theta)
