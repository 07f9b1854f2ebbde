"""Write the second part of ``models.md``, which follows from what the models declare: ``python -m docs.generate_models``."""

import inspect
from pathlib import Path
from types import ModuleType

from brainpy_state import neurons, plasticity, synapses
from brainpy_state.modules._describe import option_rows, parameter_rows, show
from brainpy_state.nn import Dynamics, Option, Variable
from brainpy_state.state import HiddenState
from docs._site.doctext import markdown, sections, table
from docs._site.rooms import is_base

PAGE = Path(__file__).with_name('models.md')
RULE = plasticity.SynapticRule
MARK = '<!-- written by generate_models.py from here on -->\n'


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
    about, texts = sections(cls.__doc__ or '')
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
            table(('Parameter', 'Default', 'Meaning'), given),
            table(('Option', 'Values, the default first', 'Meaning'), options),
            table(('Variable', 'First value', 'Meaning'), stored),
        ]
    return '\n' + '\n\n'.join(filter(None, parts)) + '\n'


def first(variable: Variable) -> str:
    """The first value of a variable: what it follows, or a number."""
    follows = getattr(variable, 'of', None)
    return f'`{follows}`' if follows else show(variable.init)


def values(option: Option) -> list:
    """What it may be, the default first; where anything goes, the default."""
    return [option.default] if option.allowed is None else sorted(option.allowed, key=option.default.__ne__)


def declares_as(cls: type[Dynamics], base: type) -> bool:
    """Whether a model has the parameters and variables of another on this page, with other defaults perhaps."""
    if not issubclass(base, Dynamics) or is_base(base) or issubclass(cls, RULE):
        return False
    return cls.parameters.keys() == base.parameters.keys() and cls.variables.keys() == base.variables.keys()


if __name__ == '__main__':
    PAGE.write_text(page(PAGE.read_text()))
