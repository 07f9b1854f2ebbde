"""The package ``brainpy``, of which there is ``brainpy.state``; its names, which once stood here, are found here, too."""

from typing import Any

from ..._version import __version__ as __version__
from .._missing import missing
from . import state as state

__all__ = ['state']


def __getattr__(name: str) -> Any:
    return vars(state)[name] if name in vars(state) and name[0] != '_' else missing(__name__, globals() | vars(state))(name)
