"""Where the records of a simulation go that are kept on disk."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..record import Recorder, Store

_PAUSE, _MOST = 1.0, 1 << 26  # seconds between two commits, unless so many bytes wait


class Sink:
    """Takes what recorders hold, and appends it to a store.

    Parameters
    ----------
    folder : path
        Of the store, which is made, or gone on with, when it is needed.
    recorders : dict
        By name.
    writes : bool
        Whether this process is the one that writes; of several, which all have the records, one does.
    """

    def __init__(self, folder: Any, recorders: Mapping[str, Recorder], writes: bool = True):
        self.folder, self.recorders, self.writes = folder, recorders, writes
        self._store: Store | None = None
        self._waiting: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in recorders}
        self._last = -np.inf

    def open(self, dt: Any, start: int, step: int, about: dict[str, Any], *, overwrite: bool) -> None:
        """Be ready for what is recorded from a step on."""
        if self._store is None and self.writes:
            layouts = {name: recorder.layout() for name, recorder in self.recorders.items()}
            if step == start:
                self._store = Store.create(self.folder, layouts, dt=dt, start=start, about=about, overwrite=overwrite)
            else:
                self._store = Store.resume(self.folder, layouts, dt=dt, about=about, step=step)

    def take(self, step: int, *, now: bool = False) -> None:
        """Take what was recorded up to a step; it is on the disk afterwards if a second has passed, or if ``now``.

        Raises
        ------
        StoreError
            If it cannot be written; what was taken is kept, and written with what comes next.
        """
        for name, recorder in self.recorders.items():
            if len(next(iter((columns := recorder.take()).values()))) and self.writes:
                self._waiting[name].append(columns)
        waits = sum(x.nbytes for parts in self._waiting.values() for columns in parts for x in columns.values())
        if self._store is None or not (now or waits > _MOST or time.monotonic() - self._last > _PAUSE):
            return
        rows = {name: {key: np.concatenate([x[key] for x in parts]) for key in parts[0]} for name, parts in self._waiting.items() if parts}
        self._store.append(rows, step)
        self._waiting = {name: [] for name in self.recorders}
        self._last = time.monotonic()

    def close(self) -> None:
        """Let others write to the store."""
        if self._store is not None:
            self._store.close()
            self._store = None
