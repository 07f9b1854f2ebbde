"""A synapse that the models of this folder share."""

from __future__ import annotations

from typing import Any

import brainpy_state as bst


class MeanExpon(bst.Expon):
    """`Expon` whose conductance during a step is its mean over the step instead of its value at the start.

    That keeps the charge of a spike, which otherwise is too large by ``dt / (2 tau)``: 5 % in steps of 0.1 ms at 1 ms.
    """

    def update(self, x: Any = None) -> Any:
        """Advance one step; returns the mean conductance over it."""
        g, dt = super().update(x), self.get_dt()
        return g * (self.tau / dt * (1.0 - bst.numerics.decay(dt, self.tau)))
