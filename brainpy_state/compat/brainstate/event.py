"""The names of ``brainstate.event``, an earlier room of connections for spikes."""

from __future__ import annotations

from .._connections import EventLinear as Linear  # noqa: F401
from .._connections import FixedProb as FixedProb
from .._missing import missing

__getattr__ = missing(__name__, globals())
