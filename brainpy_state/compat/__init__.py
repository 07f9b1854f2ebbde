"""The names that scripts for the packages ``brainstate`` and ``brainpy.state`` use, over the public names of this one.

Change the import, and nothing else::

    from brainpy_state.compat import brainstate
    from brainpy_state.compat import brainpy      # brainpy.state.LIF, ...

Nothing inside of this package imports this room. What has no counterpart raises `AttributeError` with the reason.
"""

from . import _braintools, brainpy, brainstate

_braintools.connect(brainstate)

__all__ = ['brainpy', 'brainstate']
