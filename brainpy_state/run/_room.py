"""Whether what will be recorded fits into memory."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .._errors import ParameterError
from ..record import StateMonitor

_LITTLE = 1 << 28  # bytes, for which nobody asks


def samples(monitors: Iterable[StateMonitor], steps: int) -> dict[StateMonitor, int]:
    """Bytes of what monitors record in so many steps."""
    return {m: steps // m.interval * math.prod(m.shape) * m.dtype.itemsize for m in monitors}


def check_room(monitors: Iterable[StateMonitor], steps: int, where: str) -> None:
    """Raise if the samples of so many steps need more memory than is free.

    Raises
    ------
    ParameterError
        It names the largest record.
    """
    needed = samples(monitors, steps)
    if (total := sum(needed.values())) < _LITTLE or (free := _free()) is None or total <= free:
        return
    largest = max(needed, key=needed.__getitem__)
    raise ParameterError(
        f'{where}: monitors will record {_gib(total)}, {_gib(needed[largest])} of it {largest.label}, but {_gib(free)} of memory are free; '
        'record fewer neurons, at a longer interval (every=), or to disk (to=).'
    )


def _free() -> int | None:
    """Bytes of memory that can be had without swapping; None where the system does not tell."""
    try:
        with open('/proc/meminfo') as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith('MemAvailable'))
    except (OSError, StopIteration):
        return None


def _gib(size: int) -> str:
    return f'{size / (1 << 30):.3g} GiB'
