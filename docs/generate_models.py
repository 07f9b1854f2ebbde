"""Write the second part of ``models.md``, which follows from what the models declare: ``python docs/generate_models.py``."""

import inspect
import re
from pathlib import Path
from types import ModuleType

from brainpy_state import neurons, plasticity, synapses
from brainpy_state.modules._describe import option_rows, parameter_rows, show
from brainpy_state.nn import Dynamics, Option, Variable
from brainpy_state.state import HiddenState

PAGE = Path(__file__).with_name('models.md')
RULE = plasticity.SynapticRule
MARK = '<!-- written by generate_models.py from here on -->\n'
SECTION = re.compile(r'^(?P<title>[A-Z]\w+)\n-{3,}\n', re.MULTILINE)
MATH = re.compile(r'^\.\. math::(?P<text>.*\n(?:\n|    .*\n)*)', re.MULTILINE)


def page(text: str) -> str:
    """The page with its second part written anew."""
    sections = section('Neurons', neurons), section('Synapses', synapses), section('Plasticity', plasticity)
    return text.partition(MARK)[0] + MARK + ''.join(sections)


def section(title: str, package: ModuleType) -> str:
    """What a package offers for use, file by file, without bases."""
    names: dict[type, list[str]] = {}
    for name, x in vars(package).items():
        if isinstance(x, type) and issubclass(x, Dynamics) and not is_base(x):
            names.setdefault(x, []).append(name)
    ordered = sorted(names, key=lambda cls: (cls.__module__, inspect.getsourcelines(cls)[1]))
    return f'\n## {title}\n' + ''.join(entry(cls, sorted(names[cls], key=cls.__name__.__ne__)) for cls in ordered)


def entry(cls: type[Dynamics], names: list[str]) -> str:
    """One model: what it is, its equations, notes, parameters and variables; of one that changes a default, what it is."""
    about, *sections = SECTION.split(inspect.cleandoc(cls.__doc__ or ''))
    texts = dict(zip(sections[::2], sections[1::2], strict=True))
    parts = [f'### {", ".join(names)}', markdown(about)]
    if not declares_as(cls, cls.__base__):
        given = [(f'`{name}`', default, markdown(text)) for name, default, text in parameter_rows(cls) if default != 'none']
        stored = [
            (f'`{name}`', first(x), f'{x.doc[:1].upper()}{x.doc[1:]}.')
            for name, x in cls.variables.items()
            if x.stored and issubclass(x.kind, HiddenState) and name not in RULE.variables
        ]
        options = [
            (f'`{name}`', ' or '.join(f'`{x!r}`' for x in values(option)), markdown(text))
            for (name, _, _, text), option in zip(option_rows(cls), cls.options.values(), strict=True)
            if name not in neurons.Neuron.options and option is not RULE.options.get(name)  # those are described once
        ]
        parts += [
            markdown(texts.get('Notes', '')),
            table('Parameter', 'Default', given),
            table('Option', 'Values, the default first', options),
            table('Variable', 'First value', stored),
        ]
    return '\n' + '\n\n'.join(filter(None, parts)) + '\n'


def first(variable: Variable) -> str:
    """The first value of a variable: what it follows, or a number."""
    follows = getattr(variable, 'of', None)
    return f'`{follows}`' if follows else show(variable.init)


def values(option: Option) -> list:
    """What it may be, the default first; where anything goes, the default."""
    return [option.default] if option.allowed is None else sorted(option.allowed, key=option.default.__ne__)


def is_base(cls: type) -> bool:
    """Whether a class only is what models have in common."""
    return (cls.__doc__ or '').startswith('Base of')


def declares_as(cls: type[Dynamics], base: type) -> bool:
    """Whether a model has the parameters and variables of another on this page, with other defaults perhaps."""
    if not issubclass(base, Dynamics) or is_base(base) or issubclass(cls, RULE):
        return False
    return cls.parameters.keys() == base.parameters.keys() and cls.variables.keys() == base.variables.keys()


def markdown(text: str) -> str:
    """Prose and formulas of a docstring."""
    text = MATH.sub(lambda found: formula(found['text']), text.strip() + '\n')
    text = re.sub(r':math:`([^`]*)`', r'$\1$', text).replace('``', '`')
    return re.sub(r'doi:(10\.\S+?)(?=[.,;]?(?:\s|$))', r'[doi:\1](https://doi.org/\1)', text).strip()


def formula(text: str) -> str:
    """A displayed formula; several lines are aligned."""
    body = '\n'.join(line.strip() for line in text.strip().splitlines())
    return f'$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$\n\n' if '\\\\' in body else f'$$\n{body}\n$$\n\n'


def table(name: str, value: str, rows: list[tuple[str, str, str]]) -> str:
    """A table with a meaning in its last column; nothing if it has no rows."""
    lines = [f'| {name} | {value} | Meaning |', '|---|---|---|', *(f'| {" | ".join(row)} |' for row in rows)]
    return '\n'.join(lines) if rows else ''


if __name__ == '__main__':
    PAGE.write_text(page(PAGE.read_text()))
