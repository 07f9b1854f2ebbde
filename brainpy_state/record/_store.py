"""`Store`: records of a run that are appended to on disk, so that a broken run is never left with half of a step."""

from __future__ import annotations

import math
import os
import platform
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .._errors import ParameterError, ShapeError, StoreError
from .._tracebacks import entries
from .._version import __version__
from ._layout import STEP, Layout
from ._lock import LOCK, Lock
from ._root import Root
from ._spikes import whole
from ._zarr import METADATA, NEW, Rows, as_bytes, put, sync

_NAME = re.compile(r'[A-Za-z0-9][\w.\- ]*', re.ASCII)
_THREADS = 8  # a disk takes about as long to confirm one file as several at once
_TELL = 10.0  # seconds


@entries
class Store:
    """Records of a run in a folder, which is a Zarr group with a group for each record; made by `create` or `resume`.

    `append` adds what was recorded since the last call, of all records at once: after a crash at any moment, either all or nothing of it
    is there. One writer has a store at a time; readers may have it at any time, see `open`.

    Attributes
    ----------
    folder : Path
        Where it is.
    step : int
        The step up to which (not included) everything is on the disk.

    Examples
    --------
    >>> import tempfile
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> layout = bst.record.SpikeMonitor(bst.LIF(3)).layout()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = bst.record.Store.create(folder + '/run.zarr', {'spikes': layout}, dt=0.1 * u.ms)
    ...     store.close()
    >>> store.step
    0
    """

    def __init__(self, folder: Path, lock: Lock, root: Root):
        self.folder, self.step = folder, root.stop
        self._lock, self._root = lock, root
        self._rows = root.files
        self._pool = ThreadPoolExecutor(_THREADS)
        self._told = -math.inf

    @classmethod
    def create(
        cls,
        folder: Any,
        layouts: Mapping[str, Layout],
        *,
        dt: Any,
        start: int = 0,
        about: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> Store:
        """Begin a store.

        Parameters
        ----------
        folder : path
            Where; it must not exist, or be empty.
        layouts : dict of name to Layout
            The records.
        dt : time
            The time step.
        start : int
            The step from which is recorded.
        about : dict, optional
            JSON that tells what was simulated, such as seeds and the model.
        overwrite : bool
            Whether a store that is there is replaced. Anything else in its place never is.

        Raises
        ------
        StoreError
            If there is something already, another writer has it, or it cannot be written.
        ParameterError
            If a name or type cannot be stored, or ``about`` is no JSON.
        """
        folder = Path(folder)
        start = whole('start', start, 'Store')
        for name in layouts:
            if not _NAME.fullmatch(name) or name in (LOCK, METADATA):
                raise ParameterError(f'{folder}: {name!r} is no name for a record; use letters, digits and . _ - of ASCII.')
        root = Root(folder, layouts, dt, start, about or {}, [_session(start)])
        with _trying(folder, 'it cannot be made'):
            _check_free(folder, overwrite)
            folder.mkdir(parents=True, exist_ok=True)
            lock = Lock(folder)
            try:
                _check_free(folder, overwrite)
                _clear(folder, Root(folder, {}, dt, start, about or {}, []))
                store = cls(folder, lock, root)
                store._begin()
            except BaseException:
                lock.close()
                raise
        return store

    @classmethod
    def resume(
        cls,
        folder: Any,
        layouts: Mapping[str, Layout],
        *,
        dt: Any,
        about: Mapping[str, Any] | None = None,
        step: int | None = None,
    ) -> Store:
        """Go on with a store, as a run that was never broken off would.

        Parameters
        ----------
        folder : path
            Where it is.
        layouts, dt, about
            As it was created with.
        step : int, optional
            The step to go on from; what was recorded of later steps is removed. By default, the step up to which it has everything.

        Raises
        ------
        StoreError
            If there is no such store, another writer has it, it does not reach as far as ``step``, it was made with other layouts,
            ``dt`` or ``about``, or files of what shall stay are lost.
        """
        folder = Path(folder)
        Root.read(folder)
        with _trying(folder, 'it cannot be written'):
            lock = Lock(folder)
            try:
                root = Root.read(folder)
                if different := root.differences(Root(folder, layouts, dt, root.start, about or {}, [])):
                    raise StoreError(f'{folder} is of another run. ' + '; '.join(different) + '.')
                step = root.stop if step is None else whole('step', step, 'Store')
                if not root.start <= step <= root.stop:
                    raise StoreError(f'{folder} has steps {root.start} to {root.stop}, so a run cannot go on from step {step}.')
                root = root.at(step, root.lengths_at(step))
                root.sessions = [*root.sessions, _session(step)]
                if lost := root.damage():
                    raise StoreError(f'{folder}: files of steps before {step} are missing or short, such as {lost[0]} of {len(lost)}.')
                store = cls(folder, lock, root)
                store._commit(root)
                root.remove_later()
            except BaseException:
                lock.close()
                raise
        return store

    def append(self, rows: Mapping[str, Mapping[str, Any]], step: int) -> None:
        """Add what was recorded up to a step, so that it is on the disk afterwards.

        Parameters
        ----------
        rows : dict of record to dict of name to array
            The rows of each array, in the order of steps; numbers without units. A record without any may be left out.
        step : int
            The step up to which (not included) was recorded.

        Raises
        ------
        ParameterError, ShapeError
            If a record or array is not one of the layout, has another shape or type, or rows of steps that are not its turn.
        StoreError
            If it cannot be written, for example because the disk is full. Nothing that was committed is harmed: `step` says how
            far that is, and the same can be appended again.
        """
        if self._lock.file is None:
            raise StoreError(f'{self.folder} was closed; go on with it by resume.')
        step = whole('step', step, 'Store')
        if step < self.step:
            raise ParameterError(f'{self.folder}: step {step} is before step {self.step}, up to which it has everything.')
        if unknown := sorted(set(rows) - set(self._rows)):
            raise ParameterError(f'{self.folder}: it has no record {unknown[0]!r}, but {", ".join(self._rows) or "none"}.')
        new = {name: self._checked(name, part, step) for name, part in rows.items()}
        with _trying(self.folder, f'steps {self.step} to {step} were not written', self):
            lengths, jobs = dict(self._root.lengths), []
            for name, arrays in new.items():
                first, lengths[name] = lengths[name], lengths[name] + len(arrays[STEP])
                for key, x in arrays.items():
                    files, data = self._rows[name][key], as_bytes(x)
                    jobs += [(files, span, data) for span in files.spans(first, lengths[name])]
            self._each(lambda job: job[0].write(*job[1:]), jobs)
            self._each(sync, {files.folder for files, span, _ in jobs if span.at == 0})
            self._commit(self._root.at(step, lengths))

    def close(self) -> None:
        """Let others write to it."""
        if self._lock.file is None:
            return
        try:
            with _trying(self.folder, 'it was not closed as it should', self):
                self._tell()
        finally:
            self._pool.shutdown()
            self._lock.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def _checked(self, name: str, part: Mapping[str, Any], step: int) -> dict[str, np.ndarray]:
        """The rows of a record, as they are stored."""
        where, layout, files = f'{self.folder}: {name!r}', self._root.layouts[name], self._rows[name]
        if set(part) != set(files):
            raise ParameterError(f'{where} has the arrays {", ".join(files)}, but is given {", ".join(part) or "none"}.')
        arrays = {key: _stored(f'{where}: {key}', part[key], rows) for key, rows in files.items()}
        counts = {key: len(x) for key, x in arrays.items()}
        if len(set(counts.values())) > 1:
            raise ShapeError(f'{where} must have as many rows in all arrays, but is given {counts}.')
        for key, most in layout.below.items():
            if len(arrays[key]) and not 0 <= arrays[key].min() <= arrays[key].max() < most:
                raise ParameterError(f'{where}: {key} must be from 0 to {most - 1}, but is {arrays[key].min()} to {arrays[key].max()}.')
        if len(steps := arrays[STEP]):
            if (steps[1:] < steps[:-1]).any():
                raise ParameterError(f'{where} has steps that are not in order.')
            first, last = int(steps[0]) + layout.span, int(steps[-1]) + layout.span
            if not self.step < first <= last <= step:
                raise ParameterError(
                    f'{where} has rows of steps {steps[0]} to {steps[-1]}, but its turn is steps '
                    f'{self.step - layout.span + 1} to {step - layout.span}; what was recorded before is in the store.'
                )
        return arrays

    def _commit(self, root: Root) -> None:
        """Have all readers see what was written: one file is replaced, which says how many rows there are."""
        put(self.folder, root.metadata())
        self._root, self.step = root, root.stop
        sync(self.folder)
        if time.monotonic() - self._told > _TELL:
            self._tell()

    def _tell(self) -> None:
        """Have each record's own folder say the same, for those who open one alone."""
        self._each(lambda part: put(self.folder / part[0], part[1], durable=False), self._root.parts())
        self._told = time.monotonic()

    def _begin(self) -> None:
        """Make the folders of all records, and write what does not grow."""
        fixed = [(rows, np.ascontiguousarray(x)) for rows, _, _, x in self._root.fixed()]
        folders = [rows.folder for rows, _ in fixed] + [rows.folder for record in self._rows.values() for rows in record.values()]
        for folder in folders:
            folder.mkdir(parents=True)
        self._each(lambda job: job[0].write(*job[1:]), [(rows, span, as_bytes(x)) for rows, x in fixed for span in rows.spans(0, len(x))])
        self._each(sync, {*folders, *(folder.parent for folder in folders), self.folder, self.folder.absolute().parent})
        self._commit(self._root)

    def _each(self, do: Callable[[Any], Any], jobs: Iterable[Any]) -> None:
        """Do all of it, several at once; nothing is under way any more afterwards, also after an error."""
        futures = [self._pool.submit(do, job) for job in jobs]
        try:
            wait(futures)
        finally:
            for future in futures:
                future.cancel()
            wait(futures)
        for future in futures:
            future.result()


@contextmanager
def _trying(folder: Path, what: str, store: Store | None = None) -> Iterator[None]:
    """Say what an error of the disk means."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        rest = '' if store is None else f' All before step {store.step} is there, unharmed; when the cause is gone, append again or resume.'
        raise StoreError(f'{folder}: {what}: {error.strerror or error}.{rest}') from error


def _check_free(folder: Path, overwrite: bool) -> None:
    """Raise unless a store may be made there."""
    there = {file.name for file in os.scandir(folder)} - {LOCK, NEW} if folder.exists() else set()
    if not there:
        return
    if METADATA not in there:
        raise StoreError(f'{folder} exists and is no store of records; choose another folder.')
    Root.read(folder)
    if not overwrite:
        raise StoreError(f'{folder} exists: go on with it by resume, choose another folder, or replace it by overwrite=True.')


def _clear(folder: Path, root: Root) -> None:
    """Leave an empty store; at any moment there is the old one, or this."""
    put(folder, root.metadata())
    for file in list(os.scandir(folder)):
        if file.is_dir(follow_symlinks=False):
            shutil.rmtree(file.path)
        elif file.name not in (LOCK, METADATA):
            os.unlink(file.path)


def _stored(where: str, x: Any, rows: Rows) -> np.ndarray:
    """An array as it is stored."""
    x = np.asarray(x)
    if x.ndim != 1 + len(rows.shape) or x.shape[1:] != rows.shape:
        raise ShapeError(f'{where} has shape {x.shape}, expected {("n", *rows.shape)}: rows of shape {rows.shape}.'.replace("'n'", 'n'))
    if x.size and x.dtype != rows.dtype:
        whole = x.dtype.kind in 'iu' and rows.dtype.kind in 'iu'
        if not whole or not np.iinfo(rows.dtype).min <= x.min() <= x.max() <= np.iinfo(rows.dtype).max:
            raise ParameterError(f'{where} has the type {x.dtype}, but is stored as {rows.dtype.name}.')
    return np.ascontiguousarray(x, rows.dtype)


def _session(step: int) -> dict[str, Any]:
    """Who writes, and from which step on."""
    versions = {'brainpy_state': __version__, 'jax': jax.__version__, 'numpy': np.__version__, 'python': platform.python_version()}
    return {'from': step, 'time': datetime.now(UTC).isoformat(timespec='seconds'), 'host': socket.gethostname(), 'versions': versions}
