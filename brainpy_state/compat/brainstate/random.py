"""The names of ``brainstate.random``."""

from ...random import *  # noqa: F403
from .._missing import missing

__getattr__ = missing(__name__, globals())
