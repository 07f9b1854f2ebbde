"""The names of ``brainstate.util``."""

from __future__ import annotations

from ...graph import to_nest as _to_nest
from ...state import filter as filter
from ...state._filter import *  # noqa: F403
from .._missing import missing


class FlattedDict(dict):
    """A dict with paths as keys."""

    def to_nest(self) -> dict:
        """A nested dict."""
        return _to_nest(self)


__getattr__ = missing(__name__, globals())
