"""Whether a rule and a projection fit."""

from __future__ import annotations

from typing import Any, NamedTuple

import brainunit as u
import jax
import numpy as np

from .. import event
from .._errors import ParameterError, UnitError
from ..connections import Connection
from ..event._parts import of_this_process
from ..modules import Param, require
from ..numerics import brief, plain, with_unit

_NEGATIVE = (
    ' Weights of a rule are not negative; that a synapse inhibits is told by its output, such as out=COBA.desc(E=-80. * u.mV) or '
    'CUBA.desc(scale=-1.).'
)


class _Seen(NamedTuple):
    """Synapses as they see the target: a target neuron stands for itself once for each delay, one delay after the other."""

    shape: tuple[int, int]
    indices: np.ndarray
    lengths: np.ndarray

    def row_lengths(self) -> np.ndarray:
        """How many synapses each source has."""
        return self.lengths


def seen_by(structure: Any, delays: Any) -> tuple[Any, Any]:
    """The delays that there are, None where there are none, and the synapses by what they see of the target.

    Parameters
    ----------
    structure : CSR, AllToAll or OneToOne
    delays : time, shape (n_synapses,), or None
        How late each synapse sees the target.
    """
    if delays is None:
        return None, structure
    if isinstance(structure, event.Parts):
        if np.ndim(u.get_mantissa(delays)):
            raise ParameterError('Synapses that are divided between devices can see their target after one delay, but several are given.')
        return u.math.reshape(delays, (1,)), structure
    times, which = np.unique(np.asarray(u.get_mantissa(delays)), return_inverse=True)
    known = with_unit(times if len(times) else np.zeros(1), u.get_unit(delays))
    if len(times) < 2:
        return known, structure
    pre, post = structure.shape
    if len(times) * post >= 2**31:
        raise ParameterError(f'{len(times)} delays of {post} targets are more than 2**31.')
    indices = (which.reshape(-1) * post + np.asarray(structure.indices)).astype(np.int32)
    return known, _Seen((pre, len(times) * post), indices, np.asarray(structure.row_lengths()))


def check_connection(comm: Any, owner: str, rule: str) -> None:
    """Raise `TypeError` unless it is a connection with a weight for each synapse, which a rule can write."""
    if not isinstance(comm, Connection) or comm.structure.is_drawn:
        what = 'a procedural connection keeps no weights' if isinstance(comm, Connection) else f'comm is {brief(comm)}'
        raise TypeError(f'{owner}: plasticity={rule} needs a Connection with a weight for each synapse, but {what}.')
    if isinstance(comm.weight, Param):
        raise TypeError(f'{owner}: plasticity={rule} writes weights, but they follow from a Param; give an array, and limits to the rule.')
    shape = np.shape(u.get_mantissa(comm.acting_weight))
    if shape != comm.structure.weight_shape:
        raise TypeError(
            f'{owner}: plasticity={rule} needs a weight for each synapse, but all {comm.n_synapses} share one; give an array, such as '
            'weight=lambda shape: np.full(shape, 1.) * u.nS.'
        )
    if u.get_mantissa(comm.acting_weight).dtype == np.float16:
        raise TypeError(f'{owner}: plasticity={rule} needs weights of 32 or 64 bits, but they are float16.')


def check_weights(rule: Any, owner: str) -> None:
    """Raise unless weights are within the limits of a rule, which have their unit; when the program runs, where they are traced."""
    weights = rule.comm.acting_weight
    for name in rule.of_weight:
        x = getattr(rule, name)
        if x is not None and not _is_zero(x) and u.get_dim(x) != u.get_dim(weights):
            unit = u.get_unit(weights)
            has = 'no unit' if unit.is_unitless else f'the unit {unit}'
            raise UnitError(f'{owner}: {name} = {brief(x)} of {rule.label}, but weights have {has}; give {name}= in it.')
    numbers, (low, high), unit = u.get_mantissa(weights), limits(rule, weights), u.get_unit(weights)
    if low is not None and high is not None:
        told = [with_unit(x, unit) for x in (low, high)]
        require(low < high, '{}: w_min = {} of {} must lie below w_max = {}.', owner, told[0], rule.label, told[1])
    if not np.size(numbers):
        return
    if not isinstance(numbers, jax.core.Tracer):
        numbers = of_this_process(numbers)  # NumPy compiles nothing
    least, greatest = numbers.min(), numbers.max()
    is_hinted = all(not isinstance(x, jax.core.Tracer) for x in (least, low)) and low == 0 > least
    bounds = [(text, x) for text, x in (('from', low), ('to', high)) if x is not None]
    text = (
        f'{{}}: weights go from {{}} to {{}}, but {{}} keeps them {" ".join(f"{text} {{}}" for text, _ in bounds)}; '
        f'give other weights or limits (w_min=, w_max=).{_NEGATIVE if is_hinted else ""}'
    )
    shown = [with_unit(x, unit) for x in (least, greatest, *(x for _, x in bounds))]
    is_within = (True if low is None else least >= low) & (True if high is None else greatest <= high)
    require(is_within, text, owner, *shown[:2], rule.label, *shown[2:])


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
