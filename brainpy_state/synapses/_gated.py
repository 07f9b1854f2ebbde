"""Synapses whose channels saturate: kinetic schemes that are driven by a pulse of transmitter."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ..modules import Dynamics, Parameter, Variable, keeping_variables, non_negative, positive
from ..numerics import counted_steps, exp_euler_change, plain
from ..state import ShortTermState
from ._arrival import amounts


class GatedSynapse(Dynamics):
    """Base of synapses whose gates open while there is transmitter.

    A spike releases a pulse of transmitter. The response is not linear in the spikes, so there is one such synapse for
    each source, and not for each target: use it in an `AlignPreProj`. A model gives ``gating``, which takes ``s``, the fraction of open
    channels, and other gates that it declares through a step, such as by `open`.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> class OneGate(bst.GatedSynapse):
    ...     def gating(self, T, dt):
    ...         self.open('s', T / (u.mM * u.ms), 1. / u.ms, dt)
    >>> syn = bst.nn.init_all_states(OneGate(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     syn(1.), syn(0.)
    (Quantity([0.], "mS"), Quantity([0.0906...], "mS"))
    """

    gives = ('gating',)

    g_max: Any = Parameter(1.0 * u.mS, non_negative, 'conductance with all channels open, of any unit', any_unit=True)
    T: Any = Parameter(1.0 * u.mM, non_negative, 'concentration of transmitter in a pulse')
    T_dur: Any = Parameter(0.5 * u.ms, positive, 'duration of a pulse, in whole steps and at least one')

    s: Any = Variable(0.0, 'fraction of open channels')
    g: Any = Variable(lambda self, _: self.g_max * self.s.value, 'conductance', kind=ShortTermState)
    transmitter: Any = Variable(0.0, 'concentration of transmitter in units of T', kind=ShortTermState)
    pulse: Any = Variable(0, 'steps left of the pulse', kind=ShortTermState, dtype=np.int32)

    def gating(self, T: Any, dt: Any) -> None:
        """Take the gates through one step at a concentration T of transmitter, shape ``(batch, *size)``."""
        raise NotImplementedError(f'{self.label} does not define `gating`.')

    def update(self, spikes: Any) -> Any:
        """Advance one step.

        Parameters
        ----------
        spikes : array
            Spikes of the sources at the start of the step, or the amounts that they release, such as short-term plasticity gives;
            broadcasts to ``(batch, *size)``. A spike begins a pulse or makes the present one begin anew, so several in one
            step are one pulse. An amount below 1 scales the pulse; with 1 or more it has the concentration T.

        Returns
        -------
        quantity
            The conductance that acts during the step: that at its start, shape ``(batch, *size)``.

        Raises
        ------
        UnitError, ShapeError
            If the spikes do not fit, or what ``gating`` gives.
        ValueError
            If an amount is negative or not finite.
        """
        g, dt = self.g.value, self.get_dt()
        released = amounts(self, spikes, self.s.value)
        with keeping_variables(self, 'gating'):
            self.gating(self.T * self._transmitter(released, dt), dt)
        self.g.value = self.g_max * self.s.value
        return g

    def open(self, gate: str, opening: Any, closing: Any, dt: Any) -> None:
        r"""Take a gate through a step at constant rates, exactly: :math:`\dot x = \alpha (1 - x) - \beta x`.

        Parameters
        ----------
        gate : str
            The variable, without a unit.
        opening, closing : rate
            :math:`\alpha` and :math:`\beta`.
        dt : time
        """
        state = getattr(self, gate)
        change = exp_euler_change(lambda x: opening * (1.0 - x) - closing * x, state.value, dt)
        state.value = self.plus(gate, state.value, change)

    def _transmitter(self, x: jax.Array, dt: Any) -> jax.Array:
        """The transmitter during the step, in units of T."""
        steps = jnp.maximum(counted_steps(plain(self.T_dur / dt), f'{self.label}: T_dur'), 1)
        fired = x > 0
        level = jnp.where(fired, jnp.where(x > 1, 1, x), self.transmitter.value)
        left = jnp.where(fired, steps.astype(np.int32), self.pulse.value)
        self.pulse.value = jnp.maximum(left - 1, 0)
        self.transmitter.value = jnp.where(left > 1, level, 0)
        # x is 0 where no spike came: this is only the derivative by a spike, which there is its whole pulse in one step
        return level + jnp.where(fired, 0, (steps * x).astype(x.dtype))


class _OneGate(GatedSynapse):
    """Base of schemes with one gate."""

    alpha: Any = Parameter(1.0 / (u.ms * u.mM), positive, 'rate of opening')
    beta: Any = Parameter(1.0 / u.ms, positive, 'rate of closing')

    def gating(self, T: Any, dt: Any) -> None:
        self.open('s', self.alpha * T, self.beta, dt)


class AMPA(_OneGate):
    r"""AMPA receptors: one gate that a pulse of transmitter opens.

    .. math:: g = g_\mathrm{max}\,s, \qquad \frac{ds}{dt} = \alpha\,[T]\,(1 - s) - \beta\,s

    Notes
    -----
    [T] is constant over a step; the gate is solved exactly.
    Source: Destexhe, Mainen & Sejnowski 1994, *Neural Comput.* 6:14, doi:10.1162/neco.1994.6.1.14.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> syn = bst.nn.init_all_states(bst.AMPA(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     [round(float(syn(spike).mantissa[0]), 4) for spike in (1., 0., 0.)]
    [0.0, 0.0474, 0.0917]
    """

    alpha: Any = Parameter(0.98 / (u.ms * u.mM), positive, 'rate of opening')
    beta: Any = Parameter(0.18 / u.ms, positive, 'rate of closing')
    T: Any = Parameter(0.5 * u.mM, non_negative, 'concentration of transmitter in a pulse')


class GABAa(_OneGate):
    r"""GABA-A receptors: one gate that a pulse of transmitter opens.

    .. math:: g = g_\mathrm{max}\,s, \qquad \frac{ds}{dt} = \alpha\,[T]\,(1 - s) - \beta\,s

    Notes
    -----
    [T] is constant over a step; the gate is solved exactly.
    Source: Destexhe, Mainen & Sejnowski 1994, *Neural Comput.* 6:14, doi:10.1162/neco.1994.6.1.14.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> syn = bst.nn.init_all_states(bst.GABAa(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     g = bst.transform.for_loop(syn, np.eye(1, 20).T)  # one spike, in the first step
    >>> g[-1]
    Quantity([0.3227...], "mS")
    """

    alpha: Any = Parameter(0.53 / (u.ms * u.mM), positive, 'rate of opening')
    beta: Any = Parameter(0.18 / u.ms, positive, 'rate of closing')
    T_dur: Any = Parameter(1.0 * u.ms, positive, 'duration of a pulse, in whole steps and at least one')


class BioNMDA(GatedSynapse):
    r"""NMDA receptors: transmitter opens a first gate, which opens the channels slowly.

    .. math::
        g = g_\mathrm{max}\,s, \qquad
        \frac{ds}{dt} = \alpha_1\,x\,(1 - s) - \beta_1\,s, \qquad
        \frac{dx}{dt} = \alpha_2\,[T]\,(1 - x) - \beta_2\,x

    The block by magnesium is `MgBlock`.

    Notes
    -----
    x is solved exactly; s is solved exactly with x held at its value at the end of the step, which is of first order in dt.
    Source: Wang 1999, *J. Neurosci.* 19:9587, doi:10.1523/JNEUROSCI.19-21-09587.1999, driven by the pulse of
    Destexhe, Mainen & Sejnowski 1994, doi:10.1162/neco.1994.6.1.14.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> syn = bst.nn.init_all_states(bst.BioNMDA(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     g = bst.transform.for_loop(syn, np.eye(1, 20).T)  # one spike, in the first step
    >>> g[-1]
    Quantity([0.5974...], "mS")
    """

    alpha1: Any = Parameter(2.0 / u.ms, positive, 'rate of opening of the channels')
    beta1: Any = Parameter(0.01 / u.ms, positive, 'rate of closing of the channels')
    alpha2: Any = Parameter(1.0 / (u.ms * u.mM), positive, 'rate of opening of the first gate')
    beta2: Any = Parameter(0.5 / u.ms, positive, 'rate of closing of the first gate')

    x: Any = Variable(0.0, 'open fraction of the first gate')

    def gating(self, T: Any, dt: Any) -> None:
        self.open('x', self.alpha2 * T, self.beta2, dt)
        self.open('s', self.alpha1 * self.x.value, self.beta1, dt)
