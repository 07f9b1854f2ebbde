"""Pages of models: equations, response, parameters, source, errors and an example of each."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import brainunit as u

from brainpy_state.modules._describe import option_rows, parameter_rows, show
from brainpy_state.plasticity import SynapticRule
from brainpy_state.state import HiddenState

from .doctext import fields, markdown, sections, table
from .rooms import Name


def page(name: Name, known: Mapping[str, str], picture: str) -> str:
    """The page of a model, in Markdown."""
    about, parts = sections(name.value.__doc__)
    body = [
        f'# {name.short}',
        entry(name, markdown(about, known)),
        picture,
        *_tables(name.value, parts, known),
        _section('Notes', markdown(parts.get('Notes', '').replace('Source: ', '\n\n**Source.** '), known)),
        _section('Methods', _methods(name)),
        _section('Errors', errors(name.value, parts, known)),
        _section('Example', code(parts.get('Examples', ''))),
    ]
    return '\n\n'.join(filter(None, body)) + '\n'


def entry(name: Name, about: str) -> str:
    """The name with its signature, and what it is."""
    fence = ':' * 4
    return f'{fence}{{py:class}} {name.full}({signature(name.value)})\n\n{about}\n{fence}'


def signature(cls: type) -> str:
    """The arguments of a constructor, with defaults as one writes them."""
    parameters = inspect.signature(cls).parameters.values()
    hidden = {f'{key}_initializer' for key, x in cls.variables.items() if not x.stored or not issubclass(x.kind, HiddenState)}
    written, keyword_only = [], False
    for p in parameters:
        if p.name in hidden:
            continue
        if p.kind is p.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            written.append('*')
        star = {p.VAR_POSITIONAL: '*', p.VAR_KEYWORD: '**'}.get(p.kind, '')
        written.append(f'{star}{p.name}' + ('' if p.default is p.empty else f'={_default(p.default)}'))
    return ', '.join(written)


def _default(x: Any) -> str:
    if callable(x):
        return getattr(x, '__name__', '...')
    if isinstance(x, u.Quantity):
        number, _, unit = show(x).partition(' ')
        written = f'u.{unit}' if unit.isidentifier() else f'({unit})'
        return f'{number} * {written}' if unit else number
    return repr(x)


def _section(title: str, text: str) -> str:
    return f'## {title}\n\n{text}' if text.strip() else ''


def _tables(cls: type, parts: Mapping[str, str], known: Mapping[str, str]) -> list[str]:
    """Parameters, options and states."""
    options = {row[0] for row in option_rows(cls)} & _listed(parts)
    rows = fields(parts.get('Parameters', ''))
    defaults = {key: default for key, default, _ in parameter_rows(cls)}
    parameters, firsts, chosen = [], [], []
    for key, kind, meaning in rows:
        text = markdown(meaning, known)
        if key in options:
            chosen.append((f'`{key}`', _code(kind), text))
        elif key.endswith('_initializer'):
            firsts.append((f'`{key}`', _code(kind.removeprefix('default ')), text))
        else:
            parameters.append((f'`{key}`', _code(defaults.get(key, kind).removeprefix('default ')), text))
    states = [(f'`{key}`', kind, markdown(meaning, known)) for key, kind, meaning in fields(parts.get('Attributes', ''))]
    return [
        _section('Parameters', table(('Parameter', 'Default, or what it takes', 'Meaning'), parameters + firsts)),
        _section('Options', table(('Option', 'Values', 'Meaning'), chosen)),
        _section('States', table(('State', 'Kind', 'Meaning'), states)),
    ]


def _listed(parts: Mapping[str, str]) -> set[str]:
    return {key for key, _, _ in fields(parts.get('Parameters', ''))}


def _code(text: str) -> str:
    """A kind or default; what is written in code there stays so."""
    return text.replace('``', '`')


def _methods(name: Name) -> str:
    """Methods that only this class has, not those that its base calls."""
    bases = name.value.__mro__[1:]
    own = [
        key
        for key, x in vars(name.value).items()
        if inspect.isfunction(x) and not key.startswith('_') and x.__doc__ and not any(hasattr(base, key) for base in bases)
    ]
    called = {f'd{key}' for key in name.value.variables} | {'on_pre', 'on_post', 'on_step'}
    shown = [key for key in own if key not in called]
    lines = [f'.. automethod:: {name.full}.{key}' for key in shown]
    return '```{eval-rst}\n' + '\n'.join(lines) + '\n```' if lines else ''


def errors(cls: type, parts: Mapping[str, str], known: Mapping[str, str]) -> str:
    """When a constructor refuses, and what it then says of a wrong unit."""
    raised = [f'{", ".join(f"`{x.strip()}`" for x in key.split(","))}\n: {meaning}' for key, _, meaning in fields(parts.get('Raises', ''))]
    if not raised and cls.parameters:
        raised = [
            '`ParameterError`, `UnitError`, `ShapeError`\n: For a parameter that is out of its range, of another unit, or of a shape that '
            'does not fit the size; for an option that there is not.'
        ]
    shown = complaint(cls)
    return markdown('\n\n'.join(raised), known) + (f'\n\n```pycon\n{shown}\n```' if shown else '')


def complaint(cls: type) -> str:
    """A call with a parameter of a wrong unit, and its message; nothing where any unit will do."""
    size = () if issubclass(cls, SynapticRule) else (1,)
    for key, parameter in cls.parameters.items():
        if parameter.any_unit or parameter.default is None:
            continue
        written = f'{cls.__name__}({"1, " if size else ""}{key}=1. * u.metre)'
        try:
            cls(*size, **{key: 1.0 * u.metre})
        except (TypeError, ValueError) as error:
            if key in str(error):
                return f'>>> {written}\n{type(error).__name__}: {error}'
    return ''


def code(text: str) -> str:
    """A session of an interpreter."""
    return f'```pycon\n{text.strip()}\n```' if text.strip() else ''
