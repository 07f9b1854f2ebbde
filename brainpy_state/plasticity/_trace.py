"""`Trace`: a variable of a rule, at one end of its synapses, of each synapse, or of all together."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._errors import ModelError
from ..modules import Variable
from ..state import HiddenState

SIDES = ('pre', 'post', 'synapse', 'global')


class Trace(Variable):
    """A variable of a rule that decays exponentially, declared in the class body.

    Parameters
    ----------
    tau : str
        The name of the parameter that is its time constant.
    side : {'pre', 'post', 'synapse', 'global'}
        Whose it is: of each source, each target, each synapse, or one for all. The first two count spikes.
    at_spike : {'add', 'set'}
        What a spike does: adds 1 (all earlier spikes count), or sets it to 1 (only the nearest counts).
    of : str, optional
        The name of a variable of the target, such as ``'V'``, that it follows instead of counting spikes.
    init : number
        Its first value.
    doc : str
        What it means.
    """

    def __init__(self, tau: str, *, side: str, at_spike: str = 'add', of: str | None = None, init: float = 0.0, doc: str = ''):
        if side not in SIDES or at_spike not in ('add', 'set') or (of is not None and side != 'post'):
            raise ModelError(
                f'Trace: side is {side!r}, at_spike {at_spike!r} and of {of!r}; sides are {", ".join(SIDES)}, at a spike it can '
                "'add' or 'set', and only one of the targets can follow one of their variables."
            )
        super().__init__(init, doc)
        self.tau, self.side, self.at_spike, self.of = tau, side, at_spike, of

    def allocate(self, obj: Any, batch: tuple[int, ...]) -> None:
        """Create the state of a rule; it has no batch."""
        known = self.name in vars(obj)
        setattr(obj, self.name, HiddenState(self._first_value(obj, ())))
        if self.remainder in vars(obj) or obj.may_be_slow(unknown=not known):
            setattr(obj, self.remainder, HiddenState(self._nothing(obj, ())))

    def reset(self, obj: Any, batch: tuple[int, ...] | None) -> None:
        """Give it its first value again."""
        super().reset(obj, ())

    def _shape(self, obj: Any) -> tuple[int, ...]:
        return obj.sizes[self.side]

    def _first_value(self, obj: Any, batch: tuple[int, ...]) -> Any:
        if self.of is not None:
            return obj.of_target(self.of)
        given = obj._initializers.get(self.name, self.init)
        return jnp.asarray(np.broadcast_to(np.asarray(given, environ.dftype()), self._shape(obj)))

    def _nothing(self, obj: Any, batch: tuple[int, ...]) -> Any:
        return jnp.zeros(np.shape(u.get_mantissa(self._first_value(obj, ()))), environ.dftype())
