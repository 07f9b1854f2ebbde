"""Linear filters from arriving spikes to a conductance."""

from __future__ import annotations

import math
from typing import Any

import brainunit as u
import jax.numpy as jnp

from ..modules import Dynamics, Option, Parameter, Variable, positive
from ..numerics import exprel, plain, with_unit
from ._arrival import check_arrival


class Synapse(Dynamics):
    """Base of synapses that are linear in their input, so that many projections can share one.

    Input is added to the states when it arrives; a step gives the conductance that acts during it and
    takes the states to its end. Between steps they stand where V stands: at the start of the next step.

    A subclass declares g, the state whose unit the input has, and gives ``receive`` and ``update``.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> class Decaying(bst.Synapse):
    ...     tau = bst.nn.Parameter(5. * u.ms, bst.nn.positive)
    ...     g = bst.nn.Variable(0. * u.nS, any_unit=True)
    ...     def receive(self, x):
    ...         self.g.value += x
    ...     def update(self):
    ...         g = self.g.value
    ...         self.relax('g', self.tau)
    ...         return g
    """

    gives = ('receive',)

    g: Any  # the state that input has the unit of

    def receive(self, x: Any) -> None:
        """Add input that acts from the next step on; may be called any number of times.

        Parameters
        ----------
        x : quantity
            Broadcasts to ``(batch, *size)``.

        Raises
        ------
        UnitError, ShapeError
            If the input's unit is not that of g, or its shape does not fit.
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


class _Filter(Synapse):
    """Base of linear filters that are solved exactly."""

    acts: Any = Option(
        'start',
        ('start', 'mean'),
        'which conductance acts during a step: that at its start, or the mean over it, with which the charge of an input does not '
        'depend on ``dt``',
    )

    g: Any = Variable(0.0 * u.mS, 'conductance', any_unit=True)

    def update(self, x: Any = None) -> Any:
        if x is not None:
            self.receive(x)
        dt = self.get_dt()
        g = self.g.value if self.acts == 'start' else self._mean(dt)
        self._advance(dt)
        return g

    def _mean(self, dt: Any) -> Any:
        """The mean of the conductance over the step that begins."""
        raise NotImplementedError

    def _advance(self, dt: Any) -> None:
        """Take the states to the end of the step."""
        raise NotImplementedError


class Expon(_Filter):
    r"""Exponential synapse: each input raises g, which decays.

    .. math:: \tau \frac{dg}{dt} = -g, \qquad g \leftarrow g + x \text{ for an input } x

    Notes
    -----
    The unit of ``g_initializer`` is the unit of g: give ``0. * u.pA`` for a synaptic current. A unit input
    has a peak of 1, in the step in which it arrives. The decay is exact. The conductance at the start of a step, held
    over it, has a charge that is too large by the part :math:`\Delta t / (2 \tau)`: 1 % at a time constant of 5 ms and
    steps of 0.1 ms. ``acts='mean'`` gives the charge exactly.
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

    def receive(self, x: Any) -> None:
        check_arrival(self, x, self.g.value, 'input')
        self.g.value = self.g.value + x

    def _mean(self, dt: Any) -> Any:
        return self.g.value * _exprel(-plain(dt / self.tau))

    def _advance(self, dt: Any) -> None:
        self.relax('g', self.tau)


def _nothing(synapse: Any, _: tuple[int, ...]) -> Any:
    """0 in the unit of g"""
    return with_unit(0.0, u.get_unit(synapse.g.value))


class _Rising(_Filter):
    r"""Base of synapses whose conductance takes time to rise.

    .. math::
        \tau_\mathrm{rise} \frac{dh}{dt} = -h, \qquad
        \frac{dg}{dt} = -\frac{g}{\tau_\mathrm{decay}} + \frac{h}{\tau_\mathrm{rise}}, \qquad
        h \leftarrow h + k\,x \text{ for an input } x
    """

    normalize: Any

    h: Any = Variable(_nothing, 'drive of the conductance')

    def _time_constants(self) -> tuple[Any, Any]:
        """Of rise and decay."""
        raise NotImplementedError

    def _gain(self) -> Any:
        """The rise of h by a unit input."""
        raise NotImplementedError

    def receive(self, x: Any) -> None:
        check_arrival(self, x, self.g.value, 'input')
        self.h.value = self.h.value + x * self._gain()

    def _mean(self, dt: Any) -> Any:
        rise, fall = (-plain(dt / tau) for tau in self._time_constants())
        # the mean of what has been passed on up to each moment of the step: the integral of `_passed_on`
        from_h = rise / fall * (_exprel(rise) - _exp(fall) * _exprel(rise - fall))
        return self.g.value * _exprel(fall) + self.h.value * from_h

    def _advance(self, dt: Any) -> None:
        rise, fall = (-plain(dt / tau) for tau in self._time_constants())
        # exprel: no digits are lost where the time constants are close
        passed_on = -rise * _exp(fall) * _exprel(rise - fall)
        tau_rise, tau_decay = self._time_constants()
        self.relax('g', tau_decay, drive=self.h.value * passed_on)
        self.relax('h', tau_rise)


class DualExpon(_Rising):
    r"""Synapse whose conductance rises and decays exponentially.

    .. math:: g(t) = A\,k\,\left(e^{-t/\tau_\mathrm{decay}} - e^{-t/\tau_\mathrm{rise}}\right) x \text{ after an input } x

    k makes the peak of the bracket 1, or is 1 with ``normalize=False``.

    Raises
    ------
    ParameterError
        If ``tau_rise`` is not below ``tau_decay``.

    Notes
    -----
    The states follow :math:`\dot h = -h / \tau_\mathrm{rise}` and :math:`\dot g = -g / \tau_\mathrm{decay} + h / \tau_\mathrm{rise}`;
    each step solves both exactly. Input raises h in the step in which it arrives, so g is 0 at the start of that step. The unit of
    ``g_initializer`` is the unit of g.
    Source: Roth & van Rossum 2009, in De Schutter, *Computational Modeling Methods for Neuroscientists*, MIT Press, chapter 6.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> syn = bst.nn.init_all_states(bst.DualExpon(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     [round(float(syn(x * u.mS).mantissa[0]), 4) for x in (1., 0., 0.)]
    [0.0, 0.1223, 0.2317]
    """

    tau_decay: Any = Parameter(10.0 * u.ms, positive, 'time constant of the decay')
    tau_rise: Any = Parameter(1.0 * u.ms, positive, 'time constant of the rise')
    amplitude: Any = Parameter(1.0, doc='peak of g after a unit input')
    normalize: Any = Option(True, (True, False), 'whether the amplitude is the peak; if not, it is the factor of the two exponentials')

    def check(self) -> None:
        self.require_above('tau_decay', 'tau_rise', 'or use Alpha, which is the synapse of equal time constants')

    def _time_constants(self) -> tuple[Any, Any]:
        return self.tau_rise, self.tau_decay

    def _gain(self) -> Any:
        ratio = plain(self.tau_decay / self.tau_rise)
        xp: Any = _module_of(ratio)
        return self.amplitude * (xp.exp(xp.log(ratio) / (ratio - 1)) if self.normalize else 1 - 1 / ratio)


class Alpha(_Rising):
    r"""Alpha synapse: rise and decay of the conductance have the same time constant.

    .. math:: g(t) = \frac{t}{\tau} e^{-t/\tau}\,x \text{ after an input } x

    Notes
    -----
    The states follow :math:`\tau \dot h = -h` and :math:`\tau \dot g = h - g`; each step solves both exactly. Input raises h in
    the step in which it arrives, so g is 0 at the start of that step. The unit of ``g_initializer`` is the unit of g.
    Source: Rall 1967, *J. Neurophysiol.* 30:1138, doi:10.1152/jn.1967.30.5.1138.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> syn = bst.nn.init_all_states(bst.Alpha(1))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     [round(float(syn(x * u.mS).mantissa[0]), 4) for x in (1., 0., 0.)]
    [0.0, 0.0123, 0.0244]
    """

    tau: Any = Parameter(8.0 * u.ms, positive, 'time constant, and the time from an input to the peak')
    normalize: Any = Option(False, (True, False), 'whether a unit input has a peak of 1 instead of 1/e')

    def _time_constants(self) -> tuple[Any, Any]:
        return self.tau, self.tau

    def _gain(self) -> Any:
        return math.e if self.normalize else 1.0


def _module_of(x: Any) -> Any:
    """Where the functions of a number are: those of plain numbers are taken in double precision whatever the type of the states."""
    return math if isinstance(x, (int, float)) else jnp


def _exp(z: Any) -> Any:
    return _module_of(z).exp(z)


def _exprel(z: Any) -> Any:
    if not isinstance(z, (int, float)):
        return exprel(z)
    return math.expm1(z) / z if z else 1.0
