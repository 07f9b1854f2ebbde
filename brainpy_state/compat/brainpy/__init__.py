"""The package ``brainpy``, of which there is ``brainpy.state``."""

from ..._version import __version__ as __version__
from . import state as state

__all__ = ['state']
