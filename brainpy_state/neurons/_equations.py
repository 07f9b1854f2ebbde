"""How the equations of a model are called, and what they must give; no message shows a traced value."""

from __future__ import annotations

import difflib
import functools
import inspect
import linecache
import re
import traceback
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

import brainunit as u
import jax
import numpy as np

from .._errors import ModelError, ParameterError, ShapeError, UnitError
from ..modules import broadcasts

Values = dict[str, Any]

CURRENT = 'I'  # the name of the current among the arguments of an equation
_NUMBERS = (int, float, np.ndarray, np.generic, jax.Array)
_UNIT_PACKAGES = {x.__module__.partition('.')[0] for x in (u.Quantity, u.UnitMismatchError)}
_NOT_THE_MODEL = _UNIT_PACKAGES | {'jax', 'numpy', __name__.partition('.')[0]}


class Arguments(NamedTuple):
    """What the arguments of an equation name."""

    required: tuple[str, ...]
    optional: tuple[str, ...]  # those with a default
    takes_all: bool  # has ``**values``
    unnamed: tuple[str, ...]  # those that cannot be given by name


@functools.lru_cache(maxsize=4096)
def arguments_of(function: Callable, bound: bool) -> Arguments:
    """The arguments of a function; of a method, without the model itself."""
    parameters = list(inspect.signature(function).parameters.values())[bound:]
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return Arguments(
        required=tuple(p.name for p in named if p.default is p.empty),
        optional=tuple(p.name for p in named if p.default is not p.empty),
        takes_all=any(p.kind is p.VAR_KEYWORD for p in parameters),
        unnamed=tuple(str(p) for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL)),
    )


def call(model: Any, method: str, values: Values, current: Callable[[Any], Any] | None = None) -> Any:
    """Call a method of a model with the variables, and the current, that its arguments name."""
    bound = getattr(model, method)
    function = getattr(bound, '__func__', None)
    arguments = arguments_of(bound if function is None else function, function is not None)
    known = set(values) if current is None else {*values, CURRENT}
    for name in arguments.required:
        if name not in known:
            raise ModelError(unknown_argument(model.label, method, name, known, model.parameters))
    named = known if arguments.takes_all else known.intersection(arguments.required + arguments.optional)
    given = {name: values[name] for name in named if name in values}
    if CURRENT in named and current is not None:
        given[CURRENT] = current(values['V'])
    try:
        return bound(**given)
    except Exception as error:
        if (fault := _fault_of_units(error)) is None:
            raise
        units = ', '.join(f'{name}: {_unit_text(u.get_unit(x))}' for name, x in sorted(given.items()))
        raise UnitError(f'{model.label}: the units in {method} do not fit{fault}; its arguments have the units {units}.') from None


def unknown_argument(label: str, method: str, name: str, known: Collection[str], parameters: Collection[str]) -> str:
    """The message for an argument that names nothing."""
    hint = f'; it is a parameter: write self.{name} in the body.' if name in parameters else did_you_mean(name, known)
    return f'{label}: {method} has the argument {name!r}, but may name only {listed(known)}{hint}'


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence: a suggestion, where something known looks like a name."""
    found = difflib.get_close_matches(name, known, n=1) or [x for x in known if x.lower() == name.lower()]
    return f'; did you mean {found[0]!r}?' if found else '.'


def listed(names: Iterable[str]) -> str:
    """Names in a message."""
    return ', '.join(sorted(names)) or 'nothing'


def check_derivative(model: Any, name: str, value: Any, of: Any) -> Any:
    """The derivative of a variable, checked: real numbers of the variable's unit per time that broadcast to its shape."""
    unit = u.get_unit(of) / u.ms
    hint = '; divide it by a time, such as a time constant' if u.get_dim(value) == u.get_dim(of) else ''
    return _checked(model, f'd{name}', value, unit, of, f', that of {name} per time{hint}')


def check_threshold(model: Any, value: Any, V: Any) -> Any:
    """A threshold, checked: of the unit of V, and broadcasting to its shape."""
    return _checked(model, 'threshold', value, u.get_unit(V), V, ', as V has')


def check_width(model: Any, value: Any, V: Any) -> Any:
    """The width of the surrogate gradient, checked like a threshold."""
    return _checked(model, 'spk_width', value, u.get_unit(V), V, ', as V has')


def check_jump(model: Any, values: Any, old: Values) -> Values:
    """What a spike makes of variables, checked: each in its unit and shape, and not V."""
    for name, value in _checked_dict(model, 'jump', values).items():
        if name == 'V':
            how = 'this model has no reset' if model.up_crossing else 'the reset sets it: give V_reset, or spk_reset'
            raise ModelError(f'{model.label}: jump must not give V; {how}. It may give: {listed(set(old) - {"V"})}.')
        if name not in old:
            known = set(old) - {'V'}
            raise ModelError(f'{model.label}: jump gives {name!r}, but may give only {listed(known)}{did_you_mean(name, known)}')
        _checked(model, f'jump of {name}', value, u.get_unit(old[name]), old[name], f', as {name} has')
    return values


def check_instantaneous(model: Any, values: Any, old: Values) -> Values:
    """What follows from variables at once, checked: under names of its own."""
    for name in _checked_dict(model, 'instantaneous', values):
        if name in old or name == CURRENT:
            what = 'the current' if name == CURRENT else 'a variable'
            raise ModelError(f'{model.label}: instantaneous gives {name!r}, which is {what}; give it another name.')
    return values


def check_delta(model: Any, old: Values) -> None:
    """Raise unless delta inputs have the unit of the variable that they are added to."""
    to = old[model.delta_to]
    _checked(model, 'delta_like', model.delta_like, u.get_unit(to), to, f', as {model.delta_to} has, which delta inputs are added to')


def check_spike(model: Any, spike: Any, margin: Any) -> Any:
    """What ``spk_fun`` gives, checked: floating-point numbers of the margin's shape."""
    if not isinstance(spike, jax.Array) or spike.shape != np.shape(margin) or spike.dtype.kind != 'f':
        has = f'{spike.dtype} of shape {spike.shape}' if isinstance(spike, jax.Array) else _kind(spike)
        raise ParameterError(f'{model.label}: spk_fun gives {has}, but must give floating-point numbers of shape {np.shape(margin)}.')
    return spike


def check_current(model: Any, place: str, value: Any, V: Any) -> Any:
    """The current of a receptor, checked: of the unit of the input, and broadcasting to the shape of V."""
    why = ', as the input has; a synapse that carries a conductance takes COBA, one that carries a current takes CUBA.desc(scale=1.)'
    return _checked(model, f'the current of {place}', value, u.get_unit(model.input_like), V, why)


def _checked_dict(model: Any, method: str, values: Any) -> Values:
    if not isinstance(values, dict):
        raise ModelError(f'{model.label}: {method} gives {_kind(values)}, but must give a dict from names to values.')
    return values


def _checked(model: Any, what: str, value: Any, unit: Any, of: Any, why: str) -> Any:
    mantissa, shape = u.get_mantissa(value), np.shape(u.get_mantissa(of))
    is_complex = isinstance(mantissa, _NUMBERS) and np.dtype(getattr(mantissa, 'dtype', float)).kind == 'c'
    if not isinstance(mantissa, _NUMBERS) or is_complex:
        has = 'complex numbers' if is_complex else _kind(value)
        raise ModelError(f'{model.label}: {what} gives {has}, but must give real numbers of the unit {_unit_text(unit)}{why}.')
    if u.get_dim(value) != unit.dim:
        has, needs = (_unit_text(x) if x.is_unitless else f'the unit {_unit_text(x)}' for x in (u.get_unit(value), unit))
        raise UnitError(f'{model.label}: {what} gives {has}, but must give {needs}{why}.')
    if not broadcasts(np.shape(mantissa), shape):
        raise ShapeError(f'{model.label}: {what} gives the shape {np.shape(mantissa)}, which does not broadcast to {shape}.')
    return value


def _unit_text(unit: Any) -> str:
    return 'a plain number' if unit.is_unitless else '1 / ms' if unit == u.kHz else str(unit)


def _kind(value: Any) -> str:
    """The type of a value in a message."""
    if value is None:
        return 'None'
    return 'an array' if isinstance(value, jax.Array) else f'a {type(value).__name__}'


def _fault_of_units(error: Exception) -> str | None:
    """Which units, in which line of the model, made an operation of the unit package fail; None for another error."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if _package(frames[-1][0]) not in _UNIT_PACKAGES:
        return None
    text = str(error)
    found = re.search(r'units do not match: (.+) != (.+)$', text) or re.search(r'\(units are (.+) and (.+)\)', text)
    units = f': {found[1]} and {found[2]}' if found else '' if 'Trace' in text else f': {text.splitlines()[0].rstrip(".")}'
    lines = [linecache.getline(frame.f_code.co_filename, n) for frame, n in frames if _package(frame) not in _NOT_THE_MODEL]
    source = lines[-1].strip() if lines else ''
    return f'{units}, in the line `{source}`' if source else units


def _package(frame: Any) -> str:
    return str(frame.f_globals.get('__name__', '')).partition('.')[0]
