"""The names of ``brainstate.graph``."""

from ...graph import *  # noqa: F403
from .._missing import missing

__getattr__ = missing(__name__, globals())
