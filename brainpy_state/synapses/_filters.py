"""Linear filters from arriving spikes to a conductance."""

from __future__ import annotations

import math
from typing import Any

import brainunit as u
import jax.numpy as jnp

from .._typing import Size
from ..nn import Dynamics, Parameter, Variable, positive
from ..numerics import decay, exprel, plain, with_unit
from ._arrival import check_arrival


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


class Expon(Synapse):
    r"""Exponential synapse: each input raises g, which decays.

    .. math:: \tau \frac{dg}{dt} = -g, \qquad g \leftarrow g + x \text{ for an input } x

    Notes
    -----
    The unit of ``g_initializer`` is the unit of g: give ``0. * u.pA`` for a synaptic current. A unit input
    has a peak of 1, in the step in which it arrives. The decay is exact.
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
        check_arrival(self, x, self.g.value, 'input')
        self.g.value = self.g.value + x

    def update(self, x: Any = None) -> Any:
        if x is not None:
            self.receive(x)
        g = self.g.value
        self.g.value = g * decay(self.get_dt(), self.tau)
        return g


class _Rising(Synapse):
    r"""Base of synapses whose conductance takes time to rise.

    .. math::
        \tau_\mathrm{rise} \frac{dh}{dt} = -h, \qquad
        \frac{dg}{dt} = -\frac{g}{\tau_\mathrm{decay}} + \frac{h}{\tau_\mathrm{rise}}, \qquad
        h \leftarrow h + k\,x \text{ for an input } x
    """

    g: Any = Variable(0.0 * u.mS, 'conductance', any_unit=True)
    h: Any = Variable(lambda self, _: with_unit(0.0, u.get_unit(self.g.value)), 'what raises the conductance')

    def __init__(self, in_size: Size, *, normalize: bool, name: str | None = None, **params: Any):
        super().__init__(in_size, name=name, **params)  # type: ignore[call-arg]
        self.normalize = normalize

    def _time_constants(self) -> tuple[Any, Any]:
        """Of rise and decay."""
        raise NotImplementedError

    def _gain(self) -> Any:
        """The rise of h by a unit input."""
        raise NotImplementedError

    def receive(self, x: Any) -> None:
        check_arrival(self, x, self.g.value, 'input')
        self.h.value = self.h.value + x * self._gain()

    def update(self, x: Any = None) -> Any:
        if x is not None:
            self.receive(x)
        g, h, dt = self.g.value, self.h.value, self.get_dt()
        rise, fall = self._time_constants()
        self.g.value = g * decay(dt, fall) + h * _passed_on(dt, rise, fall)
        self.h.value = h * decay(dt, rise)
        return g


class DualExpon(_Rising):
    r"""Synapse whose conductance rises and decays exponentially.

    .. math:: g(t) = A\,k\,\left(e^{-t/\tau_\mathrm{decay}} - e^{-t/\tau_\mathrm{rise}}\right) x \text{ after an input } x

    k makes the peak of the bracket 1, or is 1 with ``normalize=False``.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    tau_decay : time
        Time constant of the decay, 10 ms.
    tau_rise : time
        Time constant of the rise, 1 ms, below `tau_decay`.
    amplitude : number
        Peak of g after a unit input, A, 1.
    normalize : bool
        Whether A is the peak; if not, it is the factor of the two exponentials.
    g_initializer : quantity or callable, optional
        First g, 0 mS. Its unit is the unit of g: give ``0. * u.pA`` for a synaptic current.
    h_initializer : quantity or callable, optional
        First h, 0.
    name : str, optional
        A label for messages.

    Attributes
    ----------
    g : HiddenState
        Conductance, shape ``(batch, *size)``.
    h : HiddenState
        What raises the conductance, in the unit of g, shape ``(batch, *size)``.

    Raises
    ------
    ParameterError
        If `tau_rise` is not below `tau_decay`.

    Notes
    -----
    The states follow :math:`\dot h = -h / \tau_\mathrm{rise}` and :math:`\dot g = -g / \tau_\mathrm{decay} + h / \tau_\mathrm{rise}`;
    each step solves both exactly. Input raises h in the step in which it arrives, so g is 0 during that step.
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

    def __init__(self, in_size: Size, *, normalize: bool = True, name: str | None = None, **params: Any):
        super().__init__(in_size, normalize=normalize, name=name, **params)

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

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    tau : time
        Time constant, and the time from an input to the peak, 8 ms.
    normalize : bool
        Whether a unit input has a peak of 1 instead of 1/e.
    g_initializer : quantity or callable, optional
        First g, 0 mS. Its unit is the unit of g: give ``0. * u.pA`` for a synaptic current.
    h_initializer : quantity or callable, optional
        First h, 0.
    name : str, optional
        A label for messages.

    Attributes
    ----------
    g : HiddenState
        Conductance, shape ``(batch, *size)``.
    h : HiddenState
        What raises the conductance, in the unit of g, shape ``(batch, *size)``.

    Notes
    -----
    The states follow :math:`\tau \dot h = -h` and :math:`\tau \dot g = h - g`; each step solves both exactly. Input raises h in
    the step in which it arrives, so g is 0 during that step.
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

    tau: Any = Parameter(8.0 * u.ms, positive, 'time constant')

    def __init__(self, in_size: Size, *, normalize: bool = False, name: str | None = None, **params: Any):
        super().__init__(in_size, normalize=normalize, name=name, **params)

    def _time_constants(self) -> tuple[Any, Any]:
        return self.tau, self.tau

    def _gain(self) -> Any:
        return math.e if self.normalize else 1.0


def _passed_on(dt: Any, rise: Any, fall: Any) -> Any:
    """The rise of g over a step by what a unit of h passes on to it, without loss of digits where the time constants are close."""
    duration, difference = plain(dt / rise), plain(dt / fall - dt / rise)
    if not isinstance(difference, (int, float)):
        return duration * decay(dt, fall) * exprel(difference)
    return duration * decay(dt, fall) * (math.expm1(difference) / difference if difference else 1.0)


def _module_of(x: Any) -> Any:
    """Where the functions of a number are: those of plain numbers are taken in double precision whatever the type of the states."""
    return math if isinstance(x, (int, float)) else jnp
