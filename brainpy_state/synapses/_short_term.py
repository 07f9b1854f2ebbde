"""Short-term plasticity of what a spike releases."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from .._errors import ModelError
from ..modules import Constraint, Dynamics, Parameter, Variable, keeping_variables, positive
from ..transform import cond, while_loop
from ._arrival import check_arrival, spike_numbers


def _is_fraction(x: Any) -> Any:
    return (x >= 0) & (x <= 1)


_fraction = Constraint(_is_fraction, 'between 0 and 1')


class ShortTermPlasticity(Dynamics):
    """Base of short-term plasticity: from the spikes of sources to the amounts that they release.

    There is one for each source, so its targets share it. n spikes of a source in one step act one after the other. A model
    gives ``release`` and ``recover``, and may give ``repeat``.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> class Halved(bst.ShortTermPlasticity):
    ...     def release(self, spikes):
    ...         released = spikes * self.x.value
    ...         self.x.value = self.x.value - 0.5 * released
    ...         return released
    ...     def recover(self, dt):
    ...         self.relax('x', 100. * u.ms, to=1.)
    >>> halved = bst.nn.init_all_states(Halved(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     [round(float(halved(1.)[0]), 3) for _ in range(3)]
    [1.0, 0.5, 0.251]
    """

    gives = ('release', 'recover')

    x: Any = Variable(1.0, 'resources that are available')

    def release(self, spikes: jax.Array) -> jax.Array:
        """What at most one spike of each source releases; changes the states as it does.

        Parameters
        ----------
        spikes : array, shape ``(batch, *size)``
            0 or 1. The derivative by spikes passes here: it is that of the expression as it is written.
        """
        raise NotImplementedError(f'{self.label} does not define `release`.')

    def repeat(self, n: jax.Array) -> jax.Array:
        """What n spikes of each source release one after the other; changes the states as they do.

        By default, ``release`` is called as often as the source with the most spikes needs. A formula is quicker.

        Parameters
        ----------
        n : array, shape ``(batch, *size)``
            0, 1, 2 and so on.
        """

        def one_more(carry: Any) -> Any:
            left, released = carry
            now = jnp.minimum(left, 1.0)
            return left - now, released + self._released(now)

        return while_loop(lambda carry: jnp.any(carry[0] > 0), one_more, (n, jnp.zeros_like(n)))[1]

    def recover(self, dt: Any) -> None:
        """Take the states through one step without spikes."""
        raise NotImplementedError(f'{self.label} does not define `recover`.')

    def update(self, spikes: Any) -> jax.Array:
        """Advance one step.

        Parameters
        ----------
        spikes : array
            How many spikes each source has at the start of the step; broadcasts to ``(batch, *size)``.

        Returns
        -------
        array
            The amount that each source releases in all, 0 where there is no spike, shape ``(batch, *size)``.

        Raises
        ------
        UnitError, ShapeError
            If the spikes do not fit, or what ``release`` and ``recover`` give.
        ValueError
            If they are no numbers of spikes, such as graded values: 0, 1, 2 and so on.
        """
        n, several = spike_numbers(self, spikes, self.x.value)
        if isinstance(several, jax.core.Tracer):  # several spikes in a step are rare, and cost ten times as much
            released = cond(several, self._several, self._released, n)
        else:
            released = (self._several if several else self._released)(n)
        with keeping_variables(self, 'recover'):
            self.recover(self.get_dt())
        return released

    def _several(self, n: jax.Array) -> jax.Array:
        """What any number of spikes release: those before the last one at once, and then the last."""
        earlier = jax.lax.stop_gradient(jnp.maximum(jnp.ceil(n) - 1, 0))
        return self.repeat(earlier) + self._released(n - earlier)

    def _released(self, spikes: jax.Array) -> jax.Array:
        """What `release` gives, checked."""
        with keeping_variables(self, 'release'):
            released = self.release(spikes)
            if released is None:
                raise ModelError(f'{self.label}: release gives None, but must give what the spikes release.')
            check_arrival(self, released, spikes, 'what is released')
        return released


class STP(ShortTermPlasticity):
    r"""Short-term facilitation and depression.

    .. math::
        \frac{du}{dt} = -\frac{u}{\tau_f}, \qquad \frac{dx}{dt} = \frac{1 - x}{\tau_d}

    A spike sets :math:`u \leftarrow u + U (1 - u)`, releases :math:`u\,x` with the new u, and sets :math:`x \leftarrow x - u\,x`.

    Notes
    -----
    u starts at 0, so the first spike releases U. Between spikes the solution is exact. k spikes at once take u to
    :math:`1 - (1 - u)(1 - U)^k` and leave the part :math:`(1 - u)^k (1 - U)^{k (k + 1) / 2}` of x. The derivative by a spike is the effect
    of the last one, or of one more where there is none.
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
        u_, x = self.u.value, self.x.value
        rise = self.U * (1.0 - u_)
        released = spikes * ((u_ + rise) * x)
        self.u.value, self.x.value = u_ + spikes * rise, x - released
        return released

    def repeat(self, n: jax.Array) -> jax.Array:
        u_, x, log_U = self.u.value, self.x.value, _log_of_rest(self.U, self.x.value)
        released = -x * jnp.expm1(n * (_log_of_rest(u_, x) + 0.5 * (n + 1.0) * log_U))
        self.u.value, self.x.value = u_ - (1.0 - u_) * jnp.expm1(n * log_U), x - released
        return released

    def recover(self, dt: Any) -> None:
        self.relax('u', self.tau_f)
        self.relax('x', self.tau_d, to=1.0)


class STD(ShortTermPlasticity):
    r"""Short-term depression.

    .. math:: \frac{dx}{dt} = \frac{1 - x}{\tau}

    A spike releases :math:`x` and sets :math:`x \leftarrow x - U x`.

    Notes
    -----
    Between spikes the solution is exact. What a spike releases is 1 for a rested synapse; k at once release :math:`x (1 - (1 - U)^k) / U`.
    The derivative by a spike is the effect of the last one, or of one more where there is none.
    Source: Abbott et al. 1997, doi:10.1126/science.275.5297.221; Tsodyks & Markram 1997, doi:10.1073/pnas.94.2.719.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> std = bst.nn.init_all_states(bst.STD(1, U=0.5))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     [round(float(std(spike)[0]), 3) for spike in (1., 0., 1.)]
    [1.0, 0.0, 0.5]
    """

    tau: Any = Parameter(200.0 * u.ms, positive, 'time constant of the recovery of resources')
    U: Any = Parameter(0.07, _fraction, 'fraction of the resources that a spike uses')

    def release(self, spikes: jax.Array) -> jax.Array:
        released = spikes * self.x.value
        self.x.value = self.x.value - self.U * released
        return released

    def repeat(self, n: jax.Array) -> jax.Array:
        x = self.x.value
        lost = -jnp.expm1(n * _log_of_rest(self.U, x))
        self.x.value = x - x * lost
        return x * jnp.where(self.U > 0, lost / jnp.where(self.U > 0, self.U, 1.0), n)

    def recover(self, dt: Any) -> None:
        self.relax('x', self.tau, to=1.0)


def _log_of_rest(fraction: Any, like: jax.Array) -> Any:
    """``log(1 - fraction)``, as if a fraction of 1 were the next number below, which rounding cannot tell from it."""
    return jnp.log1p(-jnp.minimum(fraction, 1.0 - float(jnp.finfo(like.dtype).epsneg)))
