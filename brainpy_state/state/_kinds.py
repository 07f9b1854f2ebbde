"""The kinds of states: labels that say what a value means, to select by."""

from __future__ import annotations

import brainunit as u
import jax
import numpy as np

from ._state import State


class ShortTermState(State):
    """A transient value, such as the input of one step or the time of the last spike."""


class LongTermState(State):
    """A persistent value, such as a running average or a momentum."""


class ParamState(LongTermState):
    """A trainable parameter."""


class BatchState(LongTermState):
    """A value whose leading axis is a batch axis."""


class DelayState(ShortTermState):
    """Past values of something, kept for as long as a delay lasts."""


class HiddenState(ShortTermState):
    """A dynamical variable, such as a membrane potential or a conductance.

    Raises
    ------
    TypeError
        If the first value is not an array or a quantity.
    """

    _accepts = (jax.Array, np.ndarray, u.Quantity)

    @property
    def varshape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return tuple(self.value.shape)

    @property
    def num_state(self) -> int:
        """How many dynamical variables it holds."""
        return 1
