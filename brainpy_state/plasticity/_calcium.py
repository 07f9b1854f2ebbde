"""Plasticity by calcium at the synapse."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp

from ..modules import Parameter, non_negative, positive
from ..numerics import plain
from ._rule import SynapticRule
from ._trace import Trace


class CalciumPlasticity(SynapticRule):
    r"""A bistable synapse that calcium potentiates above one threshold, and depresses above a lower one.

    .. math::
        \tau \dot\rho &= -\rho (1 - \rho)(\rho_* - \rho) + \gamma_p (1 - \rho)\,\Theta[c - \theta_p] - \gamma_d\, \rho\,\Theta[c - \theta_d]
            + \sigma \sqrt{\tau}\, \sqrt{\Theta[c - \theta_d] + \Theta[c - \theta_p]}\; \xi \\
        c &= C_\mathrm{pre}\, x + C_\mathrm{post}\, y, \qquad w = w_\mathrm{min} + \rho\, (w_\mathrm{max} - w_\mathrm{min})

    x and y count spikes, those of the source after a delay D, and decay with :math:`\tau_\mathrm{Ca}`; so calcium, which is linear in
    spikes, needs no variable of each synapse.

    Notes
    -----
    Source: Graupner & Brunel 2012, Proc. Natl. Acad. Sci. USA 109:3991, doi:10.1073/pnas.1109359109; defaults are those of its curve with
    depression and potentiation (figure 2, "DP"). One step of Euler for :math:`\rho`, with the calcium at its end, and all synapses in
    each step. :math:`\rho` stays between 0 and 1. D adds to the delay of the projection. ``seed`` names the random numbers; with
    ``sigma=0.`` nothing is drawn.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> rule = bst.plasticity.CalciumPlasticity.desc(w_max=1. * u.mV, sigma=0., D=2. * u.ms)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=rule)
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     _ = bst.transform.for_loop(lambda: proj(np.array([1., 0.])), length=100)
    >>> bool(comm.weight.value[0] > comm.weight.value[1])
    True
    """

    w_max: Any = Parameter(1.0, any_unit=True, doc='the weight of a potentiated synapse')
    tau: Any = Parameter(150.0 * u.second, positive, 'time constant of the efficacy')
    tau_Ca: Any = Parameter(20.0 * u.ms, positive, 'time constant of calcium')
    C_pre: Any = Parameter(1.0, non_negative, 'calcium of a spike of the source')
    C_post: Any = Parameter(2.0, non_negative, 'calcium of a spike of the target')
    D: Any = Parameter(13.7 * u.ms, non_negative, 'how late the calcium of a spike of the source comes')
    theta_d: Any = Parameter(1.0, positive, 'threshold of depression')
    theta_p: Any = Parameter(1.3, positive, 'threshold of potentiation')
    gamma_d: Any = Parameter(200.0, non_negative, 'rate of depression')
    gamma_p: Any = Parameter(321.808, non_negative, 'rate of potentiation')
    rho_star: Any = Parameter(0.5, doc='the boundary between the two stable states')
    sigma: Any = Parameter(2.8284, non_negative, 'amplitude of the noise')

    x = Trace('tau_Ca', side='pre', delay='D', doc='calcium by spikes of the source')
    y = Trace('tau_Ca', side='post', doc='calcium by spikes of the target')

    @property
    def is_noisy(self) -> bool:
        """Whether random numbers are needed."""
        return not (isinstance(self.sigma, (int, float)) and self.sigma == 0)

    def on_step(self, w: Any, x: Any, y: Any, noise: Any) -> Any:
        """One step of the efficacy."""
        span = self.w_max - self.w_min
        rho = (w - self.w_min) / span
        c = self.C_pre * x + self.C_post * y
        is_up, is_down = c > self.theta_p, c > self.theta_d
        drift = rho * (1 - rho) * (rho - self.rho_star)
        drift = drift + self.gamma_p * (1 - rho) * is_up - self.gamma_d * rho * is_down
        part = plain(self.elapsed / self.tau)
        return w + span * (part * drift + self.sigma * part**0.5 * jnp.sqrt(1.0 * is_up + 1.0 * is_down) * noise)
