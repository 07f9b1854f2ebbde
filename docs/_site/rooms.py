"""What the package offers to its users, room by room, and where the site shows it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import brainpy_state as bst
from brainpy_state.nn import Dynamics


class Room(NamedTuple):
    """A part of the interface with a page of its own."""

    slug: str
    title: str
    modules: tuple[str, ...]  # that offer its names; '' is the package itself
    sources: tuple[str, ...] = ('',)  # beginnings of the modules whose names it shows
    is_family: bool = False  # whether each model has a page of its own


ROOMS = (
    Room('neurons', 'Neurons', ('neurons',), is_family=True),
    Room('synapses', 'Synapses', ('synapses',), is_family=True),
    Room('inputs', 'Inputs', ('inputs',), is_family=True),
    Room('plasticity', 'Plasticity', ('plasticity',), is_family=True),
    Room('connections', 'Connections', ('connections', 'connections.drawn', 'connections.spatial'), ('connections',)),
    Room('projections', 'Projections', ('projections',)),
    Room('modules', 'Modules and parameters', ('nn',), ('modules',)),
    Room('layers', 'Layers and activations', ('nn',), ('layers',)),
    Room('run', 'Running', ('run',)),
    Room('record', 'Recording and measures', ('record',)),
    Room('plots', 'Plots', ('plots',)),
    Room('files', 'Files', ('files',)),
    Room('fit', 'Training', ('fit', 'optim')),
    Room('losses', 'Losses', ('losses',)),
    Room('encode', 'Encoding', ('encode',)),
    Room('datasets', 'Event data', ('datasets',)),
    Room('nir', 'Other libraries (NIR)', ('nir',)),
    Room('transform', 'Transforms', ('transform',)),
    Room('state', 'States and hooks', ('state',)),
    Room('environ', 'Clock and settings', ('environ',)),
    Room('random', 'Random numbers', ('random',)),
    Room('graph', 'Graphs of objects', ('graph',)),
    Room('event', 'Events', ('event',)),
    Room('numerics', 'Numerics', ('numerics',)),
    Room('errors', 'Errors', ('',), ('_errors',)),
)

INNER = {'modules', 'layers', 'compat'}
"""Rooms whose names users find elsewhere: in ``nn``, or under the names of other libraries (`docs/compat.md`)."""


class Name(NamedTuple):
    """Something public: where users find it, what it is, and the module that makes it."""

    path: str  # within the package, such as 'nn.Linear'
    value: Any
    source: str  # such as 'layers._linear'

    @property
    def full(self) -> str:
        """With the name of the package."""
        return f'brainpy_state.{self.path}'

    @property
    def short(self) -> str:
        """Without modules."""
        return self.path.rpartition('.')[2]

    @property
    def is_model(self) -> bool:
        """Whether it is a model that can be used as it is, under its own name."""
        is_class = inspect.isclass(self.value) and issubclass(self.value, Dynamics)
        return is_class and not is_base(self.value) and self.value.__name__ == self.short


def is_base(cls: type) -> bool:
    """Whether a class only is what models have in common."""
    return (cls.__doc__ or '').startswith('Base of')


def module(name: str) -> ModuleType:
    """A module of the package; '' is the package itself."""
    return importlib.import_module(f'brainpy_state.{name}' if name else 'brainpy_state')


def offered(name: str) -> Iterator[tuple[str, Any, str]]:
    """Names, values and sources of what a module of the package offers, of all that is the package's own."""
    room = module(name)
    keys = getattr(room, '__all__', None) or [key for key in dir(room) if not key.startswith('_')]
    for key in keys:
        value = getattr(room, key)
        source = room.__name__ if key.isupper() and not callable(value) else getattr(value, '__module__', None) or ''
        borrowed = not hasattr(room, '__path__') and name != 'nn' and source != room.__name__  # a file's own imports
        if source.startswith('brainpy_state') and not inspect.ismodule(value) and not borrowed:
            yield key, value, source.removeprefix('brainpy_state').removeprefix('.')


def names(room: Room) -> list[Name]:
    """What a room shows, in the order of its sources."""
    own = dir(bst)
    found: dict[str, Name] = {}
    for part in room.modules:
        for key, value, source in offered(part):
            if source.startswith(room.sources):
                path = key if key in own and getattr(bst, key) is value else f'{part}.{key}'
                found[path] = Name(path, value, source)
    return sorted(found.values(), key=lambda name: (name.source, _line(name.value), name.short))


def groups(members: list[Name]) -> dict[str, list[Name]]:
    """Names by what the module that makes them says of itself."""
    found: dict[str, list[Name]] = {}
    for name in members:
        about = inspect.cleandoc(module(name.source).__doc__ or name.source)
        found.setdefault(about.splitlines()[0].rstrip('.'), []).append(name)
    return found


def _line(value: Any) -> int:
    try:
        return inspect.getsourcelines(value)[1]
    except (TypeError, OSError):
        return 0
