"""Plasticity by spikes of the source and the potential of the target."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp

from ..modules import Parameter, non_negative, positive
from ._rule import SynapticRule
from ._trace import Trace


class VoltageSTDP(SynapticRule):
    r"""Plasticity that depends on the potential of the target, not on its spikes.

    .. math::
        \Delta w &= -w_0 A_\mathrm{LTD}\, [\bar u_- - \theta_-]_+ \quad \text{at a spike of the source} \\
        \dot w &= w_0 A_\mathrm{LTP}\, \bar x\, [u - \theta_+]_+ [\bar u_+ - \theta_-]_+

    :math:`\bar u_\pm` follow the potential u of the target with the time constants :math:`\tau_\pm`; :math:`\bar x` follows the
    spikes of the source, each of which adds :math:`1 / \tau_x`.

    Notes
    -----
    Source: Clopath, Buesing, Vasilaki & Gerstner 2010, Nat. Neurosci. 13:344, doi:10.1038/nn.2479; defaults for visual cortex (its table
    1), where weights begin with 1, which is :math:`w_0` here. The paper's optional dependence of depression on the mean potential is left
    out. It is NEST's ``clopath_synapse`` with ``delay_is='dendritic'`` and constant ``A_LTD``, but for the potential within a step: NEST
    integrates the means along with it, here they go towards its value at the start, a difference of the order of dt.

    A spike that lasts is part of the means before it is over, so that it would potentiate alone. Where it is to see but earlier spikes, let
    ``delay_u_bars`` be longer than it (5 ms by default in NEST, 3 ms in the authors' code, where a spike takes 2 ms). Until the
    first potential comes, means stay as they begin; those of NEST are 0 mV for that time, which depresses at spikes of the source.

    A model that is reset in the step in which it spikes is never seen at its peak: let ``V_peak`` stand for the potential there (NEST's
    ``V_clamp``, of 33 mV).

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1, V_rest=-60. * u.mV, V_th=-40. * u.mV, V_reset=-60. * u.mV)
    >>> comm = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=bst.plasticity.VoltageSTDP.desc(w_0=1. * u.mV))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))  # the target is depolarised: depression
    >>> comm.weight.value
    Quantity([0.4985... 0.5     ], "mV")
    """

    w_0: Any = Parameter(1.0, positive, 'the weight that counts as 1', any_unit=True)
    A_LTD: Any = Parameter(14e-5 / u.mV, non_negative, 'amplitude of depression')
    A_LTP: Any = Parameter(8e-5 / u.mV**2, non_negative, 'amplitude of potentiation')
    theta_minus: Any = Parameter(-70.6 * u.mV, doc='threshold of the means')
    theta_plus: Any = Parameter(-45.3 * u.mV, doc='threshold of the potential')
    tau_x: Any = Parameter(15.0 * u.ms, positive, 'time constant of the trace of sources')
    tau_minus: Any = Parameter(10.0 * u.ms, positive, 'time constant of the mean that depresses')
    tau_plus: Any = Parameter(7.0 * u.ms, positive, 'time constant of the mean that potentiates')
    delay_u_bars: Any = Parameter(None, positive, 'how late the means follow the potential; at once by default', like=1.0 * u.ms)
    V_peak: Any = Parameter(None, doc='the potential in a step with a spike; that of the model by default', like=0.0 * u.mV)

    x = Trace('tau_x', side='pre', doc='spikes of the source')
    u_minus = Trace('tau_minus', side='post', of='potential', delay='delay_u_bars', doc='the mean potential that depresses')
    u_plus = Trace('tau_plus', side='post', of='potential', delay='delay_u_bars', doc='the mean potential that potentiates')

    of_weight = ('w_min', 'w_max', 'w_0')

    def potential(self, V: Any, post: Any) -> Any:
        """The potential of the target, with its peaks."""
        return V if self.V_peak is None else u.math.where(post > 0, self.V_peak, V)

    def post_event(self, potential: Any, u_plus: Any) -> Any:
        """Where there is potentiation."""
        return (potential > self.theta_plus) & (u_plus > self.theta_minus)

    def on_pre(self, w: Any, u_minus: Any) -> Any:
        """Depression."""
        return w - self.w_0 * self.A_LTD * jnp.maximum((u_minus - self.theta_minus) / u.mV, 0.0) * u.mV

    def on_post(self, w: Any, x: Any, potential: Any, u_plus: Any) -> Any:
        """Potentiation during a step."""
        rate = self.A_LTP * x / self.tau_x * (potential - self.theta_plus) * (u_plus - self.theta_minus)
        return w + self.w_0 * rate * self.get_dt()
