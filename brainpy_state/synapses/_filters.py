"""Linear filters from arriving spikes to a conductance."""

from __future__ import annotations

from typing import Any

import brainunit as u

from .. import environ
from ..nn import Dynamics, Parameter, Variable, check_unit, positive
from ..numerics import decay
from ..state import ShortTermState


class Synapse(Dynamics):
    """Base of synapses that are linear in their input, so that many projections can share one."""

    g: Any  # what every model declares

    arrivals: Any = Variable('_zero', 'input that waits for the next step', kind=ShortTermState, when='receives', any_unit=True)

    def __init__(self, in_size: Any, *, name: str | None = None, **params: Any):
        self.receives: bool | None = None  # True once a projection delivers here
        super().__init__(in_size, name=name, **params)

    def receive(self, x: Any) -> None:
        """Add input that arrives at the next step; may be called any number of times.

        Raises
        ------
        UnitError
            If the input's unit is not that of the conductance.
        """
        check_unit(x, self.arrivals.value, self.label, 'input (the weight of a projection)')
        self.arrivals.value = self.arrivals.value + x

    def _arrived(self) -> Any:
        """Take what has arrived since the last step."""
        arrived = self.arrivals.value
        self.arrivals.value = u.math.zeros_like(arrived)
        return arrived


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
    Array([1.], dtype=float32) * msiemens
    """

    tau: Any = Parameter(8.0 * u.ms, positive, 'time constant')

    g: Any = Variable(0.0 * u.mS, 'conductance', any_unit=True)

    @property
    def _zero(self) -> Any:
        return u.math.zeros_like(self.g.value)

    def update(self, x: Any = None) -> Any:
        """Advance one step.

        Parameters
        ----------
        x : quantity, optional
            Input of this step, of the unit of g; broadcasts to ``(batch, *size)``.

        Returns
        -------
        quantity
            g after decay and input, shape ``(batch, *size)``.
        """
        g = self.g.value * decay(environ.get_dt(), self.tau)
        if self.receives:
            g = g + self._arrived()
        if x is not None:
            check_unit(x, g, self.label, 'input')
            g = g + x
        self.g.value = g
        return g
