"""Quadratic integrate-and-fire neurons."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Parameter, Variable, non_negative, positive
from ._adaptation import Adaptation
from ._neuron import Neuron


class QuaIF(Neuron):
    r"""Quadratic integrate-and-fire neuron.

    .. math:: \tau \frac{dV}{dt} = c\,(V - V_\mathrm{rest})(V - V_c) + R\,I

    Notes
    -----
    V is limited to ``V_th``, so a spike is finite.
    Source: Latham et al. 2000, doi:10.1152/jn.2000.83.2.808.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.QuaIF(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(10. * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    3
    """

    runs_away = True

    R: Any = Parameter(1.0 * u.ohm, positive, 'membrane resistance')
    tau: Any = Parameter(10.0 * u.ms, positive, 'membrane time constant')
    V_th: Any = Parameter(-30.0 * u.mV, doc='potential at which the spike is cut')
    V_reset: Any = Parameter(-68.0 * u.mV, doc='reset potential')
    V_rest: Any = Parameter(-65.0 * u.mV, doc='resting potential')
    V_c: Any = Parameter(-50.0 * u.mV, doc='potential at which the spike begins')
    c: Any = Parameter(0.07 / u.mV, positive, 'curvature')

    V: Any = Variable('V_rest', 'membrane potential')

    def dV(self, V: Any, I: Any) -> Any:  # noqa: E741
        return (self.c * (V - self.V_rest) * (V - self.V_c) + self.R * I) / self.tau


class AdQuaIF(Adaptation, QuaIF):  # type: ignore[misc]  # dV names other variables
    r"""Adaptive quadratic integrate-and-fire neuron.

    .. math::
        \tau \frac{dV}{dt} &= c\,(V - V_\mathrm{rest})(V - V_c) - R\,w + R\,I \\
        \tau_w \frac{dw}{dt} &= a\,(V - V_\mathrm{rest}) - w

    A spike raises w by b.

    Notes
    -----
    w is integrated with the V that the step has reached.
    Source: Izhikevich 2004, doi:10.1109/TNN.2004.832719; Touboul 2008, doi:10.1137/070687268.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.AdQuaIF(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(20. * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    3
    """

    tau_w: Any = Parameter(10.0 * u.ms, positive, 'time constant of the adaptation')
    b: Any = Parameter(0.1 * u.mA, doc='adaptation by one spike')


class AdQuaIFRef(AdQuaIF):
    """`AdQuaIF` with a refractory period of 1.7 ms by default.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.AdQuaIFRef(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: neuron(20. * u.mA), 100. * u.ms)
    >>> int(spikes.sum())
    3
    """

    tau_ref: Any = Parameter(1.7 * u.ms, non_negative, 'refractory period')
