"""Exponential integrate-and-fire neurons."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Parameter, Variable, non_negative, positive
from ..numerics import plain
from ._adaptation import Adaptation
from ._neuron import Neuron

_LARGEST_EXPONENT = 20.0


class ExpIF(Neuron):
    r"""Exponential integrate-and-fire neuron.

    .. math:: \tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + \Delta_T\, e^{(V - V_T)/\Delta_T} + R\,I

    Notes
    -----
    The exponent is limited to 20, and V to ``V_th``, so a spike is finite.
    Source: Fourcaud-Trocmé et al. 2003, doi:10.1523/JNEUROSCI.23-37-11628.2003.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.ExpIF(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(5. * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    3
    """

    runs_away = True

    R: Any = Parameter(1.0 * u.ohm, positive, 'membrane resistance')
    tau: Any = Parameter(10.0 * u.ms, positive, 'membrane time constant')
    V_th: Any = Parameter(-30.0 * u.mV, doc='potential at which the spike is cut')
    V_reset: Any = Parameter(-68.0 * u.mV, doc='reset potential')
    V_rest: Any = Parameter(-65.0 * u.mV, doc='resting potential')
    V_T: Any = Parameter(-59.9 * u.mV, doc='potential at which the spike begins')
    delta_T: Any = Parameter(3.48 * u.mV, positive, 'sharpness of the spike')

    V: Any = Variable('V_rest', 'membrane potential')

    def dV(self, V: Any, I: Any) -> Any:  # noqa: E741
        exponent = u.math.minimum(plain((V - self.V_T) / self.delta_T), _LARGEST_EXPONENT)
        return (self.V_rest - V + self.delta_T * u.math.exp(exponent) + self.R * I) / self.tau


class ExpIFRef(ExpIF):
    """`ExpIF` with a refractory period of 1.7 ms by default.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.ExpIFRef(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(5. * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    3
    """

    tau_ref: Any = Parameter(1.7 * u.ms, non_negative, 'refractory period')


class AdExIF(Adaptation, ExpIF):  # type: ignore[misc]  # dV names other variables
    r"""Adaptive exponential integrate-and-fire neuron.

    .. math::
        \tau \frac{dV}{dt} &= -(V - V_\mathrm{rest}) + \Delta_T\, e^{(V - V_T)/\Delta_T} - R\,w + R\,I \\
        \tau_w \frac{dw}{dt} &= a\,(V - V_\mathrm{rest}) - w

    A spike raises w by b.

    Notes
    -----
    w is integrated with the V that the step has reached.
    Source: Brette & Gerstner 2005, doi:10.1152/jn.00686.2005.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.AdExIF(1, w_initializer=1. * u.mA))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spike = neuron(5. * u.mA)
    >>> neuron.w.value
    Quantity([0.99683...], "mA")
    """

    V_th: Any = Parameter(-55.0 * u.mV, doc='potential at which the spike is cut')


class AdExIFRef(AdExIF):
    """`AdExIF` with a refractory period of 1.7 ms by default.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.AdExIFRef(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(10. * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    5
    """

    tau_ref: Any = Parameter(1.7 * u.ms, non_negative, 'refractory period')


AdEx = AdExIF
