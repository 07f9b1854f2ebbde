"""How many steps to do in one call, so that it takes a fraction of a second, and not much of it for the call itself."""

from __future__ import annotations

import time
from typing import Any, Self

_CALL = 0.25  # seconds
_TIMES = 5  # as long as a call of one step, where that is more: large states are copied at each call
_GROWTH = 64


class Pace:
    """Measures how long steps take. The first call, which may compile, is of one step and does not count.

    Attributes
    ----------
    steps : int
        How many steps to do in the call that follows.
    """

    def __init__(self) -> None:
        self.seconds: float | None = None  # of a step
        self.aim = _CALL
        self.most = self.steps = 1
        self.is_warm = False

    def __call__(self, left: int) -> Self:
        """Decide, where no more than ``left`` are to be done."""
        self.steps = min(left, self.most)
        return self

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        took = time.perf_counter() - self._began
        if kind is not None or self.steps < self.most:  # fewer were left, and a short call tells little
            return
        if self.is_warm:
            if self.steps == 1:
                self.aim = max(_CALL, _TIMES * took)
            self.most = max(1, min(int(self.most * self.aim / max(took, 1e-9)), _GROWTH * self.most))
        self.is_warm = True
