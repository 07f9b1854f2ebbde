"""Linear filters from arriving spikes to a conductance."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..nn import Dynamics, Parameter, Variable, check_unit, positive
from ..numerics import decay


class Synapse(Dynamics):
    """Base of synapses that are linear in their input, so that many projections can share one.

    Input is added to the states when it arrives; a step gives the conductance that acts during it and
    takes the states to its end. Between steps they stand where V stands: at the start of the next step.
    """

    g: Any  # the state that input has the unit of

    def receive(self, x: Any) -> None:
        """Add input that acts from the next step on; may be called any number of times.

        Parameters
        ----------
        x : quantity, shape ``(batch, *size)``

        Raises
        ------
        UnitError
            If the input's unit is not that of the conductance.
        """
        raise NotImplementedError(f'{self.label} does not define `receive`.')

    def update(self, x: Any = None) -> Any:
        """Advance one step.

        Parameters
        ----------
        x : quantity, optional
            Input that arrives at the start of the step; broadcasts to ``(batch, *size)``.

        Returns
        -------
        quantity
            The conductance that acts during the step, shape ``(batch, *size)``.
        """
        raise NotImplementedError(f'{self.label} does not define `update`.')


class Expon(Synapse):
    r"""Exponential synapse: each input raises g, which decays.

    .. math:: \tau \frac{dg}{dt} = -g, \qquad g \leftarrow g + x \text{ for an input } x

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population it acts on.
    tau : time
        Time constant, 8 ms.
    g_initializer : quantity or callable, optional
        First g, 0 mS. Its unit is the unit of g: give ``0. * u.pA`` for a synaptic current.

    Notes
    -----
    States: g, of shape ``(batch, *size)``. A unit input has a peak of 1, in the step in which it
    arrives. The decay is exact.
    Source: Destexhe, Mainen & Sejnowski 1994, *Neural Comput.* 6:14, doi:10.1162/neco.1994.6.1.14.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> syn = bst.nn.init_all_states(bst.Expon(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     syn(1. * u.mS)
    Quantity([1.], "mS")
    """

    tau: Any = Parameter(8.0 * u.ms, positive, 'time constant')

    g: Any = Variable(0.0 * u.mS, 'conductance', any_unit=True)

    def receive(self, x: Any) -> None:
        check_unit(x, self.g.value, self.label, 'input')
        self.g.value = self.g.value + x

    def update(self, x: Any = None) -> Any:
        if x is not None:
            self.receive(x)
        g = self.g.value
        self.g.value = g * decay(self.get_dt(), self.tau)
        return g
