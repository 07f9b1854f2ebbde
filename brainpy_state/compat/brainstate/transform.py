"""The names of ``brainstate.transform``, and of its earlier rooms ``compile`` and ``augment``."""

from ...transform import *  # noqa: F403
from ...transform import vmap as vmap2
from .._missing import missing

_ = vmap2
__getattr__ = missing(__name__, globals())
