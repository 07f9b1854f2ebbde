"""The package ``brainpy``, of which there is ``brainpy.state``."""

from . import state as state

__all__ = ['state']
