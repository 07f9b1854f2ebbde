"""Which equations can be part of a native function, and why others cannot."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr

from ._moves import MOVES, REFUSED_MOVES
from ._operation import OPERATIONS

# The parameters under which equations keep another jaxpr, which may stand in their place.
CALLS = {
    'jit': 'jaxpr', 'pjit': 'jaxpr', 'closed_call': 'call_jaxpr', 'core_call': 'call_jaxpr', 'custom_jvp_call': 'call_jaxpr',
    'custom_vjp_call': 'call_jaxpr', 'checkpoint': 'jaxpr', 'remat': 'jaxpr', 'remat2': 'jaxpr',
}  # fmt: skip
ELEMENTWISE = {
    'abs', 'acos', 'acosh', 'add', 'add_any', 'and', 'asin', 'asinh', 'atan', 'atan2', 'atanh', 'bitcast_convert_type', 'cbrt', 'ceil',
    'clamp', 'clz', 'convert_element_type', 'copy', 'copy_p', 'cos', 'cosh', 'div', 'eq', 'erf', 'erf_inv', 'erfc', 'exp', 'exp2', 'expm1',
    'exprel', 'floor', 'ge', 'gt', 'integer_pow', 'is_finite', 'le', 'log', 'log1p', 'logistic', 'lt', 'max', 'min', 'mul', 'mulhi', 'ne',
    'neg', 'nextafter', 'not', 'or', 'population_count', 'pow', 'rem', 'round', 'rsqrt', 'select_n', 'shift_left',
    'shift_right_arithmetic', 'shift_right_logical', 'sign', 'sin', 'sinh', 'sqrt', 'square', 'sub', 'tan', 'tanh', 'xor',
}  # fmt: skip
# Of braintools' surrogates: whether x is at least 0, of x and the slope that stands for the derivative.
HEAVISIDE = 'heaviside_surrogate_gradient'
# Equations whose results are their operands; the last is that of `vmap`, which has asked what it wanted to know by then.
RENAMES = ('reshape', 'squeeze', 'expand_dims', 'stop_gradient', 'optimization_barrier', 'device_put', 'same_on_all_lanes', 'aged')
DTYPES = tuple(map(np.dtype, ('bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float32', 'float64')))

_BITS_OF_BITS = frozenset(('mul', 'min', 'max', 'and', 'or', 'convert_element_type', 'copy', 'transpose', 'concatenate'))
_BITS_OF_FIRST = frozenset(('slice', 'dynamic_slice', 'gather'))
_NO_VERSION = 'it has no native version'


def gives_bits(eqn: Any, are_bits: Sequence[bool]) -> bool:
    """Whether it is certain that all items of the result are 0 or 1, of operands of which this is certain or not."""
    name = eqn.primitive.name
    if eqn.outvars[0].aval.dtype == bool:
        return True
    if name == 'select_n':
        return all(are_bits[1:])
    return all(are_bits) if name in _BITS_OF_BITS else name in _BITS_OF_FIRST and are_bits[0]


def called(eqn: Any) -> ClosedJaxpr | None:
    """The jaxpr that may stand in the place of an equation, or None."""
    if eqn.primitive.name == HEAVISIDE:
        return _heaviside(*((v.aval.shape, v.aval.dtype) for v in (*eqn.invars, *eqn.outvars)))
    found = eqn.params.get(CALLS.get(eqn.primitive.name))
    return ClosedJaxpr(found, ()) if isinstance(found, Jaxpr) else found


@functools.cache
def _heaviside(x: Any, slope: Any, made: Any) -> ClosedJaxpr:
    avals = (jax.ShapeDtypeStruct(*aval) for aval in (x, slope))
    return jax.make_jaxpr(lambda x, slope: (x >= 0).astype(made[1]))(*avals)


def refusal(eqn: Any) -> str:
    """Why an equation cannot be part of a native function; '' if it can."""
    name, avals = eqn.primitive.name, [v.aval for v in (*eqn.invars, *eqn.outvars)]
    if name in OPERATIONS:
        return ''
    if eqn.effects:
        return 'it has side effects'
    if (inner := called(eqn)) is not None:
        if any(np.size(constant) != 1 for constant in inner.consts):
            return 'it holds an array'
        return next((f'{e.primitive.name} in it: {reason}' for e in inner.jaxpr.eqns if (reason := refusal(e))), '')
    if name not in ELEMENTWISE and name not in RENAMES and name not in MOVES:
        return _NO_VERSION
    for aval in avals:
        if getattr(aval, 'dtype', None) not in DTYPES:
            return f'there are no native numbers of type {getattr(aval, "dtype", aval)}'
    if name in ELEMENTWISE and not all(_spreads(aval, avals[-1]) for aval in avals):
        return 'its operands differ in shape'
    return _REFUSED[name](eqn) if name in _REFUSED else ''


def _spreads(given: Any, wanted: Any) -> bool:
    same_axes = given.ndim == wanted.ndim and all(n in (1, m) for n, m in zip(given.shape, wanted.shape, strict=True))
    return given.size in (1, wanted.size) or same_axes


def _unless(condition: Callable[[Any], bool], reason: str) -> Callable[[Any], str]:
    return lambda eqn: '' if condition(eqn) else reason


def _item_bytes(eqn: Any) -> set[int]:
    return {v.aval.dtype.itemsize for v in (*eqn.invars, *eqn.outvars)}


_REFUSED: dict[str, Callable[[Any], str]] = {
    'integer_pow': _unless(lambda eqn: eqn.params['y'] >= 0 or eqn.outvars[0].aval.dtype.kind == 'f', 'a negative power of an integer'),
    'pow': _unless(lambda eqn: eqn.outvars[0].aval.dtype.kind == 'f', 'integers to the power of integers'),
    'bitcast_convert_type': _unless(lambda eqn: len(_item_bytes(eqn)) == 1, 'it changes the size of items'),
    'reshape': _unless(lambda eqn: len(eqn.invars) == 1 and eqn.params.get('dimensions') is None, 'a shape that is not static'),
    'device_put': _unless(lambda eqn: not any(eqn.params.get('devices', ())), 'it moves data between devices'),
    **REFUSED_MOVES,
}
