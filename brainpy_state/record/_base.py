"""What recorders have in common: a buffer inside the compiled loop, which is emptied to the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import environ
from .._arrays import put
from ..modules import Module
from ..state import ShortTermState
from ..transform._divided_blocks import MOST_STEPS
from ._layout import Layout


class Gathered(ShortTermState):
    """A state to which the lanes of `transform.vmap` write together: it has no lane axis."""

    @staticmethod
    def rejoin(before: Any, lanes: Any) -> Any:
        """The state after lanes that are all alike."""
        return before


def steps_at_once() -> int:
    """How many steps are recorded before a loop can stop: on a mesh, devices tell each other of several at a time."""
    return MOST_STEPS if environ.get('mesh', None) is not None else 1


class Full(Gathered):
    """Whether the buffer of a recorder may have no room for the next step; a loop that can stop asks for it."""


class Recorder(Module):
    """Base of what records in each step of a compiled loop.

    Whoever drives the loop stops it where a `Full` state is true, and calls `drain`. Steps that use a recorder need not name it.

    Attributes
    ----------
    when : {'before', 'after'}, optional
        When in a step a `Simulation` calls it; None where the model does.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> isinstance(bst.record.SpikeMonitor(bst.LIF(3)), bst.record.Recorder)
    True
    """

    when: str | None = None
    full: Full

    def __init__(self, name: str | None = None):
        super().__init__(name)
        self.full = Full(put(np.zeros((), bool)))

    def reserve(self) -> None:
        """Make room for several steps; what it holds is moved to the host. Called before the loop is compiled."""

    def expect(self, first: int, where: str) -> None:
        """Raise unless steps from this one on, with the ``dt`` that is set, go on from what is recorded."""

    def drain(self) -> None:
        """Move what the buffer holds to the host."""
        raise NotImplementedError

    def layout(self) -> Layout:
        """What a record of it on disk looks like."""
        raise NotImplementedError

    def content(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What was recorded: how far, as JSON has it, and what the host holds of it."""
        raise NotImplementedError

    def put_back(self, position: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Be as it was when `content` gave this, of a recorder of the same layout."""
        raise NotImplementedError

    def take(self) -> dict[str, np.ndarray]:
        """What the host holds, which is for the caller to keep from now on."""
        raise NotImplementedError
