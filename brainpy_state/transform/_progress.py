"""`ProgressBar`: how far a compiled loop has come."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax

from .._errors import ParameterError


@dataclasses.dataclass(frozen=True)
class ProgressBar:
    """Shows how far a compiled loop has come: steps, elapsed and remaining time.

    Where each step is one of the clock (it reads ``environ``'s ``dt``, a time, and has no loop inside), the
    real-time factor is shown as well: seconds that passed for each second of model time.

    Parameters
    ----------
    freq : int, optional
        Show every so many steps.
    count : int, optional
        Show at most so many times after the first step; 20 times if neither is given.
    desc : str
        What is going on.

    Raises
    ------
    ValueError
        If ``freq`` or ``count`` is not positive, or both are given.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bar = bst.transform.ProgressBar(freq=100, desc='simulate')
    """

    freq: int | None = None
    count: int | None = None
    desc: str = ''

    def __post_init__(self) -> None:
        if self.freq is not None and self.count is not None:
            raise ParameterError('ProgressBar: give freq or count, not both.')
        for name in ('freq', 'count'):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ParameterError(f'ProgressBar: {name} is {value!r}, but must be a positive integer.')
        if not isinstance(self.desc, str):
            raise TypeError(f'ProgressBar: desc must be a string, but is {self.desc!r}.')

    def every(self, steps: int) -> int:
        """How many steps pass from one display to the next."""
        return self.freq or max(1, math.ceil(steps / (self.count or 20)))


def as_bar(pbar: Any) -> ProgressBar | None:
    """A progress bar from what loops accept: one, a number of steps between displays, True, False or None."""
    if pbar is None or pbar is False:
        return None
    if isinstance(pbar, ProgressBar):
        return pbar
    if isinstance(pbar, int):
        return ProgressBar() if pbar is True else ProgressBar(freq=pbar)
    raise TypeError(f'pbar must be a ProgressBar or the number of steps between displays, but is {pbar!r}.')


def teller(bar: ProgressBar, steps: int, dt: Any) -> Callable[[Any, int], None]:
    """A function to be called in the loop's body with the steps done in all, and since the last call."""
    every = bar.every(steps)
    display = _Display(bar.desc, steps, _seconds(dt))

    def tell(done: Any, more: int) -> None:
        due = (done % every < more) | (done == more) | (done == steps)
        jax.lax.cond(due, lambda done: jax.debug.callback(display.show, done), lambda done: None, done)

    return tell


def _seconds(dt: Any) -> float | None:
    try:
        return float(u.Quantity(dt).to_decimal(u.second))
    except (TypeError, ValueError, u.UnitMismatchError):
        return None


class _Display:
    """One bar on the screen, begun anew by the first steps of a loop."""

    def __init__(self, desc: str, steps: int, dt: float | None):
        self.desc, self.steps, self.dt = desc, steps, dt
        self.bar: Any = None

    def show(self, done: Any) -> None:
        from tqdm.auto import tqdm  # late, since in a notebook it brings much with it

        done = int(done)
        if self.bar is None or done <= self.bar.n:  # a loop that failed has left its bar
            self.began = time.perf_counter()
            self.bar = tqdm(total=self.steps, desc=self.desc or None)
        passed = time.perf_counter() - self.began
        if self.dt is not None and done > 1:
            self.bar.set_postfix_str(f'real-time factor {passed / (done * self.dt):.3g}', refresh=False)
        self.bar.update(done - self.bar.n)
        if done == self.steps:
            self.bar.close()
            self.bar = None
