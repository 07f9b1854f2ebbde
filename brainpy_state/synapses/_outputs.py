"""From the conductance of a synapse to the current into its target."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp

from ..modules import Dynamics, Parameter, check_unit, non_negative, positive
from ..numerics import plain

_LARGEST_EXPONENT = 80.0  # whose exponential is a number of 32 bits


class SynOut(Dynamics):
    """Base of synaptic outputs: ``current(g, V)``, without states of their own.

    A subclass declares parameters and gives ``current``.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> class Saturating(bst.SynOut):
    ...     E = bst.nn.Parameter(0. * u.mV, doc='reversal potential')
    ...     most = bst.nn.Parameter(5. * u.nS, bst.nn.positive, 'the largest conductance')
    ...     def current(self, g, V):
    ...         return self.most * g / (g + self.most) * (self.E - V)
    >>> Saturating().current(5. * u.nS, -60. * u.mV).in_unit(u.pA)
    Quantity(150., "pA")
    """

    gives = ('current',)

    def __init__(self, in_size: Any = 1, *, name: str | None = None, **params: Any):
        super().__init__(in_size, name=name, **params)

    def current(self, g: Any, V: Any) -> Any:
        """The current into a neuron.

        Parameters
        ----------
        g : quantity, shape ``(batch, *size)``
            What the synapse gives for the step.
        V : potential, shape ``(batch, *size)``
            Of the neuron; as it changes, where its method of integration asks more than once.
        """
        raise NotImplementedError(f'{self.label} does not define `current`.')


class COBA(SynOut):
    r"""Conductance-based output.

    .. math:: I = g\,(E - V)

    Notes
    -----
    Source: Brette et al. 2007, appendix B, doi:10.1007/s10827-007-0038-6.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.COBA(E=0. * u.mV).current(1. * u.nS, -60. * u.mV)
    Quantity(60., "pA")
    """

    E: Any = Parameter(0.0 * u.mV, doc='reversal potential')

    def current(self, g: Any, V: Any) -> Any:
        return g * (self.E - V)


class CUBA(SynOut):
    r"""Current-based output: the potential does not matter.

    .. math:: I = g \cdot \mathrm{scale}

    Notes
    -----
    The default makes mA of mS. Give ``scale=1.`` where g is a current.
    Source: Brette et al. 2007, appendix B, doi:10.1007/s10827-007-0038-6.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.CUBA().current(2. * u.mS, -60. * u.mV), bst.CUBA(scale=1.).current(2. * u.nA, -60. * u.mV)
    (Quantity(2., "mA"), Quantity(2., "nA"))
    """

    scale: Any = Parameter(1.0 * u.volt, doc='current for a unit conductance, of any unit', any_unit=True)

    def current(self, g: Any, V: Any) -> Any:
        return g * self.scale


class MgBlock(SynOut):
    r"""Output of NMDA receptors, whose channels magnesium blocks at low potentials.

    .. math:: I = \frac{g\,(E - V)}{1 + \frac{[\mathrm{Mg}]}{\beta}\,e^{-\alpha\,(V - V_\mathrm{offset})}}

    Notes
    -----
    The exponent is limited to 80, where hardly a channel is open.
    Source: Jahr & Stevens 1990, *J. Neurosci.* 10:3178, doi:10.1523/JNEUROSCI.10-09-03178.1990.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.MgBlock().current(1. * u.nS, -60. * u.mV)
    Quantity(4.0348..., "pA")
    """

    E: Any = Parameter(0.0 * u.mV, doc='reversal potential')
    cc_Mg: Any = Parameter(1.2, non_negative, 'concentration of magnesium, in mM where it has no unit', any_unit=True)
    alpha: Any = Parameter(0.062 / u.mV, positive, 'steepness')
    beta: Any = Parameter(
        3.57, positive, 'concentration that blocks half of the channels at V_offset, in mM where it has no unit', any_unit=True
    )
    V_offset: Any = Parameter(0.0 * u.mV, doc='shift of the curve')

    def check(self) -> None:
        for name in ('cc_Mg', 'beta'):
            if not u.get_unit(getattr(self, name)).is_unitless:
                check_unit(getattr(self, name), 1.0 * u.mM, self.label, name)

    def current(self, g: Any, V: Any) -> Any:
        exponent = jnp.minimum(plain(self.alpha * (self.V_offset - V)), _LARGEST_EXPONENT)
        blocked = _in_mM(self.cc_Mg) / _in_mM(self.beta) * jnp.exp(exponent)
        return g * (self.E - V) / (1.0 + blocked)


def _in_mM(concentration: Any) -> Any:
    return concentration.to_decimal(u.mM) if isinstance(concentration, u.Quantity) else concentration
