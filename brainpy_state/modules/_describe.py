"""The documentation of a model, from what it declares."""

from __future__ import annotations

import inspect
import textwrap
from typing import TYPE_CHECKING, Any

import brainunit as u

from ..state import HiddenState

if TYPE_CHECKING:
    from ._declare import Option, Parameter, Variable
    from ._dynamics import Dynamics

_LATER = ('\nRaises\n------', '\nNotes\n-----', '\nExamples\n--------')
_WIDTH = 120


class Documentation:
    """The docstring of a model, with the sections on parameters and states that follow from its declarations; put together when read."""

    def __init__(self, text: str | None):
        self.text = text

    def __get__(self, obj: Any, owner: type[Dynamics]) -> str | None:
        return documented(owner, self.text)


_REQUIRED = 'required'


class Signature:
    """The signature of a model's constructor, for help() and editors; put together when read."""

    def __get__(self, obj: Any, owner: type[Dynamics]) -> inspect.Signature:
        own = [p for p in inspect.signature(owner.__init__).parameters.values() if p.name != 'self' and p.kind is not p.VAR_KEYWORD]
        own = [p.replace(default=p.empty) if p.name == 'in_size' else p for p in own]  # without it the error is our own
        declared = owner.options | owner.parameters
        extra = [inspect.Parameter(k, inspect.Parameter.KEYWORD_ONLY, default=p.default) for k, p in declared.items()]
        extra += [inspect.Parameter(f'{k}_initializer', inspect.Parameter.KEYWORD_ONLY, default=None) for k in owner.variables]
        known = {p.name for p in own}
        return inspect.Signature(own + [p for p in extra if p.name not in known])


def documented(cls: type[Dynamics], text: str | None) -> str | None:
    """A docstring with the sections that follow from the declarations of a class, unless it describes parameters itself."""
    doc = inspect.cleandoc(text or '')
    if not doc or '\nParameters\n---' in doc or not cls.parameters:
        return doc or None
    takes_size = 'in_size' in inspect.signature(cls.__init__).parameters
    rows = [('in_size : int or tuple of int', 'The shape of the population.')] if takes_size else []
    rows += [(f'{name} : {_default(default)}', meaning) for name, default, meaning in parameter_rows(cls)]
    rows += [
        (f'{name}_initializer : default {show(v.init)}', f'First {v.doc or name}, or a callable from the shape{_with_batch(v, cls)} to it.')
        for name, v in cls.variables.items()
        if v.stored and issubclass(v.kind, HiddenState)
    ]
    rows += [(f'{name} : {values}default {default}', meaning) for name, values, default, meaning in option_rows(cls)]
    rows += [('name : str, optional', 'A label for messages.')]
    states = [
        (f'{name} : {v.kind.__name__}', f'{_sentence(v.doc) or "See the equations"}, shape ``{v.shape_of(cls)}``.')
        for name, v in cls.variables.items()
        if v.stored
    ]
    at = min((doc.index(heading) for heading in _LATER if heading in doc), default=len(doc))
    return '\n'.join([doc[:at].rstrip(), *_section('Parameters', rows), *_section('Attributes', states), '']) + doc[at:]


def parameter_rows(cls: type[Dynamics]) -> list[tuple[str, str, str]]:
    """Name, default or ``required``, and meaning with the range, of each declared parameter."""
    given = inspect.signature(cls.__init__).parameters
    required = {name for name, p in given.items() if p.default is p.empty}
    return [(name, _REQUIRED if name in required else show(p.default), meaning(p)) for name, p in cls.parameters.items()]


def _default(shown: str) -> str:
    return shown if shown == _REQUIRED else f'default {shown}'


def option_rows(cls: type[Dynamics]) -> list[tuple[str, str, str, str]]:
    """Name, allowed values (with a comma), default, and meaning, of each declared option."""
    return [(name, _values(o), getattr(o.default, '__name__', repr(o.default)), f'{_sentence(o.doc)}.') for name, o in cls.options.items()]


def _values(option: Option) -> str:
    if option.allowed is None:
        return ''
    return 'bool, ' if isinstance(option.default, bool) else f'{{{", ".join(map(repr, option.allowed))}}}, '


def _with_batch(variable: Variable, cls: type[Dynamics]) -> str:
    return ' (with batch)' if 'batch' in variable.shape_of(cls) else ''


def meaning(parameter: Parameter) -> str:
    text = _sentence(parameter.doc) or 'See the equations'
    return f'{text}.' if parameter.constraint is None else f'{text}; {parameter.constraint.text}.'


def show(x: Any) -> str:
    """A default as one writes it; of a function, what its docstring says."""
    if x is None:
        return 'none'
    if isinstance(x, str):
        return f'`{x}`'
    if callable(x):
        return inspect.getdoc(x) or 'computed'
    unit, number = u.get_unit(x), f'{float(u.get_mantissa(x)):g}'
    return number if unit.is_unitless else f'{number} {unit}'


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _section(title: str, rows: list[tuple[str, str]]) -> list[str]:
    lines = [line for name, text in rows for line in (name, *textwrap.wrap(text, _WIDTH, initial_indent='    ', subsequent_indent='    '))]
    return ['', title, '-' * len(title), *lines] if rows else []
