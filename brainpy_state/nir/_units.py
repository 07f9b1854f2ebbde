"""Plain numbers of a graph, and the units of modules: numbers are in SI units."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError, UnitError
from ..layers import Sequential
from ..neurons import Neuron
from ..numerics import brief, plain, with_unit
from ..synapses import Synapse
from ._parts import Integrator, LeakyIntegrator

SECOND = 1.0 * u.second


def number(x: Any) -> Any:
    """A quantity in SI units, without the unit; a number as it is."""
    return x.to_decimal(u.Unit(x.dim)) if isinstance(x, u.Quantity) else x


def taken(module: Any, x: Any) -> Any:
    """A plain number of a signal, in the unit that a module takes."""
    unit = _input_unit(module)
    return x if unit.is_unitless else with_unit(x, u.Unit(unit.dim))


def _input_unit(module: Any) -> Any:
    if isinstance(module, Sequential):
        return _input_unit(module[0])
    if isinstance(module, Neuron):
        return u.get_unit(module.input_like)
    if isinstance(module, Synapse):
        return u.get_unit(module.g.value)
    if isinstance(module, LeakyIntegrator):
        return u.get_unit(module.V_rest) / u.get_unit(module.R)
    if isinstance(module, Integrator):
        return u.get_unit(module.V.value) / u.get_unit(module.gain) / u.second
    return u.UNITLESS


class Clock:
    """How numbers of a graph are times.

    Parameters
    ----------
    where : str
        Whose arguments they are, for messages.
    time : time
        Which the number 1 stands for.
    euler : time, optional
        The step of forward Euler for which time constants in a graph are meant.
    """

    def __init__(self, where: str, time: Any, euler: Any):
        for name, value in (('time', time), ('euler', euler)):
            if value is None and name == 'euler':
                continue
            if u.get_dim(value) != u.ms.dim or np.ndim(u.get_mantissa(value)):
                raise UnitError(f'{where}: {name} = {brief(value)} must be a time, such as 1. * u.ms.')
            if not 0 < float(u.get_mantissa(value)) < np.inf:
                raise ParameterError(f'{where}: {name} = {brief(value)} must be positive and finite.')
        self.time = float(plain(time / SECOND))
        self.step = None if euler is None else float(plain(euler / SECOND))

    def read_tau(self, tau: np.ndarray) -> Any:
        """A time constant of a graph; where it belongs to Euler's rule, the one with which exact steps do the same."""
        seconds = self.scaled(tau)
        if self.step is None:
            return seconds * u.second
        if not (seconds > self.step).all():
            raise ParameterError(f'the time constant is {seconds.min():g} s, but must be longer than the step euler = {self.step:g} s')
        return -self.step / np.log1p(-self.step / seconds.astype(float)) * u.second

    def write_tau(self, tau: Any) -> np.ndarray:
        """The number of a time constant; the inverse of `read_tau`."""
        seconds = np.asarray(number(tau))
        if self.step is not None:
            seconds = -self.step / np.expm1(-self.step / seconds.astype(float))
        return seconds if self.time == 1.0 else seconds / self.time

    def scaled(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers of a graph that are times, in seconds."""
        return numbers if self.time == 1.0 else numbers * self.time
