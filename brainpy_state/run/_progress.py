"""A bar that shows how far a simulation has come, in model time."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

import brainunit as u

_QUIET = 1.0  # seconds in which nothing is shown
_LAYOUT = '{desc}{percentage:3.0f}%|{bar}| {n:.4g}/{total:.4g} {unit} [{elapsed}<{remaining}{postfix}]'


class Bar:
    """Model time of a run from step ``first`` to ``stop``, on the standard error stream or in a notebook.

    The factor is how many seconds pass for each second of model time.
    """

    def __init__(self, first: int, stop: int, dt: Any, progress: bool | None):
        self._shown = _is_watched() if progress is None else progress
        self._first, self._stop, self._began = first, stop, time.perf_counter()
        self._bar: Any = None
        seconds = float(dt.to_decimal(u.second))
        self._seconds = seconds
        self._unit, self._scale = ('s', seconds) if (stop - first) * seconds >= 1.0 else ('ms', 1e3 * seconds)

    def __enter__(self) -> Self:
        return self

    def show(self, i: int) -> None:
        """Show that the steps before ``i`` are done."""
        took = time.perf_counter() - self._began
        if not self._shown or (self._bar is None and took < _QUIET):
            return
        if self._bar is None:
            from tqdm.auto import tqdm

            total = (self._stop - self._first) * self._scale
            self._bar = tqdm(total=total, unit=self._unit, bar_format=_LAYOUT, leave=True)
            self._bar.start_t -= took
        self._bar.set_postfix_str(f'{took / max((i - self._first) * self._seconds, 1e-30):.3g} x real time', refresh=False)
        self._bar.update((i - self._first) * self._scale - self._bar.n)

    def __exit__(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.close()


def _is_watched() -> bool:
    """Whether there is a terminal or a notebook to show something in."""
    return 'ipykernel' in sys.modules or sys.stderr.isatty()
