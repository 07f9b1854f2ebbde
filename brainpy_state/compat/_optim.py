"""`braintools.optim` on our states: it asks for the classes of ``brainstate``, in whose place it gets those of this room."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_ROOM = 'braintools.optim'


def connect(stand_in: ModuleType) -> None:
    """Load ``braintools.optim`` anew, so that its optimisers keep and train states of ours."""
    braintools: Any = importlib.import_module('braintools')
    theirs = {name: module for name, module in sys.modules.items() if name.partition('.')[0] == 'brainstate'}
    for name in [name for name in sys.modules if name == _ROOM or name.startswith(f'{_ROOM}.')]:
        del sys.modules[name]
    ours = {'brainstate': stand_in} | {f'brainstate.{name}': getattr(stand_in, name) for name in ('graph', 'typing', 'transform')}
    sys.modules.update(ours)
    try:
        braintools.optim = importlib.import_module(_ROOM)
    finally:
        for name in ours:
            sys.modules.pop(name, None)
        sys.modules.update(theirs)
