"""Whether a rule and a projection fit."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError, UnitError
from ..connections import Connection
from ..modules import Param
from ..numerics import brief, plain, with_unit

_NEGATIVE = (
    ' Weights of a rule are not negative; that a synapse inhibits is told by its output, such as out=COBA.desc(E=-80. * u.mV) or '
    'CUBA.desc(scale=-1.).'
)


def check_connection(comm: Any, owner: str, rule: str) -> None:
    """Raise `TypeError` unless it is a connection with a weight for each synapse, which a rule can write."""
    if not isinstance(comm, Connection) or comm.structure.is_drawn:
        what = 'a procedural connection keeps no weights' if isinstance(comm, Connection) else f'comm is {brief(comm)}'
        raise TypeError(f'{owner}: plasticity={rule} needs a Connection with a weight for each synapse, but {what}.')
    if isinstance(comm.weight, Param):
        raise TypeError(f'{owner}: plasticity={rule} writes weights, but they follow from a Param; give an array, and limits to the rule.')
    shape = np.shape(u.get_mantissa(comm.acting_weight))
    if shape != (comm.n_synapses,):
        raise TypeError(
            f'{owner}: plasticity={rule} needs a weight for each synapse, but all {comm.n_synapses} share one; give an array, such as '
            'weight=lambda shape: np.full(shape, 1.) * u.nS.'
        )
    if u.get_mantissa(comm.acting_weight).dtype == np.float16:
        raise TypeError(f'{owner}: plasticity={rule} needs weights of 32 or 64 bits, but they are float16.')


def check_weights(rule: Any, owner: str) -> None:
    """Raise unless weights are within the limits of a rule, which have their unit."""
    weights = rule.comm.acting_weight
    for name in rule.of_weight:
        x = getattr(rule, name)
        if x is not None and not _is_zero(x) and u.get_dim(x) != u.get_dim(weights):
            unit = u.get_unit(weights)
            has = 'no unit' if unit.is_unitless else f'the unit {unit}'
            raise UnitError(f'{owner}: {name} = {brief(x)} of {rule.label}, but weights have {has}; give {name}= in it.')
    numbers, (low, high) = np.asarray(u.get_mantissa(weights)), limits(rule, weights)
    below, above = (low is not None and (numbers < low).any()), (high is not None and (numbers > high).any())
    if below or above:
        shown = [None if x is None else brief(with_unit(float(x), u.get_unit(weights))) for x in (numbers.min(), numbers.max(), low, high)]
        allowed = ' '.join(f'{text} {x}' for text, x in (('from', shown[2]), ('to', shown[3])) if x is not None)
        hint = _NEGATIVE if below and low == 0 else ''
        raise ParameterError(
            f'{owner}: weights go from {shown[0]} to {shown[1]}, but {rule.label} keeps them {allowed}; '
            f'give other weights or limits (w_min=, w_max=).{hint}'
        )


def limits(rule: Any, weights: Any) -> list[Any]:
    """The limits of a rule as numbers in the unit of the weights; None where there is none."""
    return [None if x is None else in_unit(x, u.get_unit(weights)) for x in (rule.w_min, rule.w_max)]


def in_unit(value: Any, unit: Any) -> Any:
    """A quantity as a number in a unit; zero has any."""
    if u.get_unit(value).is_unitless and not unit.is_unitless:
        return u.get_mantissa(value)
    return plain(value / with_unit(1.0, unit))


def _is_zero(x: Any) -> bool:
    return u.get_unit(x).is_unitless and not np.any(u.get_mantissa(x))
