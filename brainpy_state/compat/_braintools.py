"""`braintools` on our states: where it asks for the classes of ``brainstate``, it gets those of this room."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from ..state import StateDictManager

_ROOMS = ('braintools.optim', 'braintools.file')


def connect(stand_in: ModuleType) -> None:
    """Load rooms of ``braintools`` anew, so that optimisers train states of ours, and files keep them."""
    braintools: Any = importlib.import_module('braintools')
    theirs = {name: module for name, module in sys.modules.items() if name.partition('.')[0] == 'brainstate'}
    for name in [name for name in sys.modules if name.startswith(_ROOMS)]:
        del sys.modules[name]
    ours = {'brainstate': stand_in} | {f'brainstate.{name}': getattr(stand_in, name) for name in ('graph', 'typing', 'transform', 'util')}
    sys.modules.update(ours)
    try:
        for room in _ROOMS:
            setattr(braintools, room.rpartition('.')[2], importlib.import_module(room))
    finally:
        for name in ours:
            sys.modules.pop(name, None)
        sys.modules.update(theirs)
    for room in ('init', 'surrogate', 'optim', 'metric'):  # ``from brainstate.init import ...``, as they stood once
        sys.modules[f'{stand_in.__name__}.{room}'] = getattr(braintools, room)
    files = braintools.file
    files.msgpack_register_serialization(StateDictManager, _by_path, _fill)


def _by_path(states: StateDictManager) -> dict[str, Any]:
    """The values of states by their paths, as text."""
    to_dict = importlib.import_module('braintools').file.msgpack_to_state_dict
    return {str(path): to_dict(state.value) for path, state in states.items()}


def _fill(states: StateDictManager, values: dict[str, Any], mismatch: str = 'error') -> StateDictManager:
    """Give states the values that a file has for their paths; missing ones are an error, unless ``mismatch`` allows them."""
    from_dict = importlib.import_module('braintools').file.msgpack_from_state_dict
    if mismatch == 'error' and (missing := [path for path in states if str(path) not in values]):
        raise ValueError(f'The file has no value for the state {missing[0]}; it has {", ".join(values)}.')
    for path, state in states.items():
        if str(path) in values:
            state.value = from_dict(state.value, values[str(path)], mismatch=mismatch)
    return states
