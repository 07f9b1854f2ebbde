"""Short-term plasticity of what a spike releases."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax

from ..modules import Constraint, Dynamics, Parameter, Variable, positive
from ..numerics import decay
from ._arrival import spike_numbers


def _is_fraction(x: Any) -> Any:
    return (x >= 0) & (x <= 1)


_fraction = Constraint(_is_fraction, 'between 0 and 1')


class ShortTermPlasticity(Dynamics):
    """Base of short-term plasticity: from the spikes of sources to the amounts that they release.

    There is one for each source, so its targets share it. A model gives ``release`` and ``recover``.
    """

    x: Any = Variable(1.0, 'resources that are available')

    def release(self, spikes: jax.Array) -> jax.Array:
        """What the spikes release; changes the states as a spike does."""
        raise NotImplementedError(f'{self.label} does not define `release`.')

    def recover(self, dt: Any) -> None:
        """Take the states through one step without spikes."""
        raise NotImplementedError(f'{self.label} does not define `recover`.')

    def update(self, spikes: Any) -> jax.Array:
        """Advance one step.

        Parameters
        ----------
        spikes : array
            Spikes of the sources at the start of the step; broadcasts to ``(batch, *size)``.

        Returns
        -------
        array
            The amount that each source releases, 0 where there is no spike, shape ``(batch, *size)``.

        Raises
        ------
        UnitError, ShapeError
            If the spikes do not fit.
        """
        released = self.release(spike_numbers(self, spikes, self.x.value))
        self.recover(self.get_dt())
        return released


class STP(ShortTermPlasticity):
    r"""Short-term facilitation and depression.

    .. math::
        \frac{du}{dt} = -\frac{u}{\tau_f}, \qquad \frac{dx}{dt} = \frac{1 - x}{\tau_d}

    A spike sets :math:`u \leftarrow u + U (1 - u)`, releases :math:`u\,x` with the new u, and sets :math:`x \leftarrow x - u\,x`.

    Notes
    -----
    u starts at 0, so the first spike releases U. Between spikes the solution is exact. The gradient passes through spikes.
    Source: Tsodyks & Markram 1997, doi:10.1073/pnas.94.2.719; Tsodyks, Pawelzik & Markram 1998, doi:10.1162/089976698300017502.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> stp = bst.nn.init_all_states(bst.STP(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     [round(float(stp(spike)[0]), 4) for spike in (1., 0., 1.)]
    [0.15, 0.0, 0.2359]
    """

    U: Any = Parameter(0.15, _fraction, 'what the first spike releases')
    tau_f: Any = Parameter(1500.0 * u.ms, positive, 'time constant of facilitation')
    tau_d: Any = Parameter(200.0 * u.ms, positive, 'time constant of the recovery of resources')

    u: Any = Variable(0.0, 'facilitation')

    def release(self, spikes: jax.Array) -> jax.Array:
        self.u.value = self.u.value + spikes * (self.U * (1.0 - self.u.value))
        released = spikes * (self.u.value * self.x.value)
        self.x.value = self.x.value - released
        return released

    def recover(self, dt: Any) -> None:
        self.u.value = self.u.value * decay(dt, self.tau_f)
        self.x.value = _recovered(self.x.value, dt, self.tau_d)


class STD(ShortTermPlasticity):
    r"""Short-term depression.

    .. math:: \frac{dx}{dt} = \frac{1 - x}{\tau}

    A spike releases :math:`x` and sets :math:`x \leftarrow x - U x`.

    Notes
    -----
    Between spikes the solution is exact. The gradient passes through spikes. What is released is 1 for a rested synapse.
    Source: Abbott et al. 1997, doi:10.1126/science.275.5297.221; Tsodyks & Markram 1997, doi:10.1073/pnas.94.2.719.
    """

    tau: Any = Parameter(200.0 * u.ms, positive, 'time constant of the recovery of resources')
    U: Any = Parameter(0.07, _fraction, 'fraction of the resources that a spike uses')

    def release(self, spikes: jax.Array) -> jax.Array:
        released = spikes * self.x.value
        self.x.value = self.x.value - self.U * released
        return released

    def recover(self, dt: Any) -> None:
        self.x.value = _recovered(self.x.value, dt, self.tau)


def _recovered(x: jax.Array, dt: Any, tau: Any) -> jax.Array:
    return 1.0 - (1.0 - x) * decay(dt, tau)
