"""What brings neurons to a rate: all weights of a target together, or a current of its own."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Dynamics, Parameter, Variable, non_negative, positive
from ..numerics import plain
from ._rule import SynapticRule
from ._trace import Trace


class SynapticScaling(SynapticRule):
    r"""All weights of a target grow or shrink by the same share, until it fires at a rate.

    .. math:: \dot w = \beta\, w\, (\rho_0 - r), \qquad \tau\, \dot r = -r + \sum_k \delta(t - t_k)

    Notes
    -----
    Source: van Rossum, Bi & Turrigiano 2000, J. Neurosci. 20:8812, doi:10.1523/JNEUROSCI.20-23-08812.2000, its equation 4
    without the integral; defaults of beta and the time constant are those of the paper. Weights change by so little in a step that
    numbers of 32 bits would not tell it; so they are changed each ``interval``. To have it along with another rule, make a class of both:
    ``class Both(PairSTDP, SynapticScaling)``.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)  # silent, so its weights grow
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=bst.plasticity.SynapticScaling.desc(beta=0.1))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     _ = bst.transform.for_loop(lambda: proj(np.zeros(2)), length=1000)
    >>> comm.weight.value
    Quantity([1.2968... 1.2968...], "mV")
    """

    beta: Any = Parameter(4e-5, positive, 'how fast weights grow, in parts, for each hertz that is missing and each second')
    target_rate: Any = Parameter(10.0 * u.Hz, non_negative, 'the rate to which targets are brought')
    tau_rate: Any = Parameter(100.0 * u.second, positive, 'time constant over which the rate is measured')
    interval: Any = Parameter(100.0 * u.ms, positive, 'how often weights change')

    fired = Trace('tau_rate', side='post', doc='spikes of the target')

    def missing(self, fired: Any) -> Any:
        """How much faster the target should fire."""
        return self.target_rate - fired / self.tau_rate

    def on_step(self, w: Any, missing: Any) -> Any:
        """Scale."""
        return w * (1 + self.beta * plain(missing * self.elapsed))


class IntrinsicHomeostasis(Dynamics):
    r"""A current that each neuron gives itself, until it fires at a rate.

    .. math:: I \leftarrow I + \eta\, (\rho_0\, \Delta t - s)

    where s is its spike in the step. For a neuron with a threshold, it is as much as a threshold that adapts.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.

    Notes
    -----
    Source: Lazar, Pipa & Triesch 2009, Front. Comput. Neurosci. 3:23, doi:10.3389/neuro.10.023.2009, its equation 4, which
    moves thresholds.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron, drive = bst.LIF(10), bst.plasticity.IntrinsicHomeostasis(10, target_rate=5. * u.Hz)
    >>> neuron, drive = bst.nn.init_all_states([neuron, drive])
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.transform.for_loop(lambda: neuron(drive(neuron.get_spike())), length=10)
    """

    gain: Any = Parameter(1.0 * u.pA, positive, 'how much of the current a spike takes', any_unit=True)
    target_rate: Any = Parameter(5.0 * u.Hz, non_negative, 'the rate to which neurons are brought')

    I = Variable(lambda self, shape: 0.0 * self.gain, 'the current', any_unit=True)  # noqa: E741

    def update(self, spikes: Any) -> Any:
        """The current, from the spikes of the step before, both of shape ``(batch, *size)``."""
        change = self.gain * (plain(self.target_rate * self.get_dt()) - u.get_mantissa(spikes))
        self.I.value = self.plus('I', self.I.value, change)
        return self.I.value
