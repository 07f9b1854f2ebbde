"""`open`: records on disk, read piece by piece, also while they grow."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError
from .._optional import needed
from .._tracebacks import entries
from ..files import unit_of_json
from ..numerics import with_unit
from ._layout import STEP
from ._root import Root
from ._spikes import Spikes, whole
from ._trace import Trace
from ._zarr import Rows


class Values:
    """An array on disk, of which an index reads a part.

    The first index is an integer or a slice; others are those of NumPy. Memory is needed for the result and a chunk of some MB.

    Attributes
    ----------
    shape : tuple of int
        With the number of rows first.
    dtype : dtype
        Of the numbers.
    unit : unit
        What they are counted in.

    Examples
    --------
    >>> import tempfile
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.LIF(3, tau=10. * u.ms)
    >>> record = {'spikes': bst.record.SpikeMonitor(neuron), 'V': bst.record.StateMonitor(neuron, 'V')}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sim = bst.Simulation(lambda: neuron(2. * u.mA), dt=0.1 * u.ms, record=record, to=folder + '/run.zarr')
    ...     sim.run(50. * u.ms)
    ...     records = bst.record.open(folder + '/run.zarr')
    ...     records['V'].values[:2].shape
    (2, 3)
    """

    def __init__(self, rows: Rows, length: Callable[[], int], unit: Any = u.UNITLESS):
        self._rows, self._length, self.unit = rows, length, unit

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self), *self._rows.shape

    @property
    def dtype(self) -> np.dtype:
        return self._rows.dtype

    def __len__(self) -> int:
        return self._length()

    def __getitem__(self, index: Any) -> Any:
        first, *rest = index if isinstance(index, tuple) else (index,)
        return with_unit(self._part(first, rest), self.unit)

    def _part(self, index: Any, rest: list[Any]) -> np.ndarray:
        if not isinstance(index, slice):
            try:
                k = operator.index(index)
            except TypeError:
                raise ParameterError(
                    f"'{self._rows.folder.name}' on disk: its rows are read by an integer or a slice, but {index!r} is given; "
                    'read a slice and index that.'
                ) from None
            if not -len(self) <= k < len(self):
                raise IndexError(f"'{self._rows.folder.name}' on disk has {len(self)} rows, but row {k} is asked for.")
            k %= len(self)
            return self._rows.read(k, k + 1)[0][tuple(rest)]
        wanted = range(*index.indices(len(self)))
        if wanted.step == 1 and not rest:
            return self._rows.read(wanted.start, wanted.stop)
        n = self._rows.chunk[0]
        parts, at = [self._rows.read(0, 0)[:, *rest]], 0
        while at < len(wanted):
            # the rows of one chunk
            edge = wanted[at] // n * n
            left = edge + n - 1 - wanted[at] if wanted.step > 0 else edge - wanted[at]
            some = wanted[at : (at := at + 1 + left // wanted.step)]
            low, high = min(some[0], some[-1]), max(some[0], some[-1])
            parts.append(self._rows.read(low, high + 1)[some[0] - low :: wanted.step][:, *rest].copy())
        return np.concatenate(parts)


@entries
class StoredSpikes:
    """Spikes on disk.

    Attributes
    ----------
    size : int
        Number of neurons.
    n_trials : int, optional
        Number of trials of a batch.
    step, neuron, trial : Values
        Of each spike; trial is None without a batch.
    attributes : dict
        What was stored with the record.

    Examples
    --------
    >>> import tempfile
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.LIF(3, tau=10. * u.ms)
    >>> record = {'spikes': bst.record.SpikeMonitor(neuron), 'V': bst.record.StateMonitor(neuron, 'V')}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sim = bst.Simulation(lambda: neuron(2. * u.mA), dt=0.1 * u.ms, record=record, to=folder + '/run.zarr')
    ...     sim.run(50. * u.ms)
    ...     records = bst.record.open(folder + '/run.zarr')
    ...     type(records['spikes']).__name__, len(records['spikes']) > 0
    ('StoredSpikes', True)
    """

    def __init__(self, records: Records, name: str):
        self._records, self._name = records, name
        self.attributes: dict[str, Any] = records.root.attributes[name]
        self.size: int = self.attributes['size']
        self.n_trials: int | None = self.attributes['n_trials']
        arrays = _values(records, name)
        self.step, self.neuron, self.trial = arrays[STEP], arrays['neuron'], arrays.get('trial')

    def __len__(self) -> int:
        return len(self.step)

    def spikes(self, start: int | None = None, stop: int | None = None) -> Spikes:
        """The spikes of the steps ``start`` to ``stop`` (not included), all by default.

        Raises
        ------
        ParameterError
            If these steps are not in the store.
        """
        root = self._records.root
        start, stop, part = _window(self._records, self._name, start, stop)
        trial = None if self.trial is None else self.trial[part]
        return Spikes(self.step[part], self.neuron[part], self.size, root.dt, start, stop, trial, self.n_trials)


@entries
class StoredTrace:
    """Values on disk.

    Attributes
    ----------
    step : Values, shape (n,)
        The step at whose start each value holds.
    values : Values, shape (n, ...)
        A row for each step; an index gives quantities.
    of : int array, optional
        The neurons that the items of the last axis belong to.
    attributes : dict
        What was stored with the record.

    Examples
    --------
    >>> import tempfile
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.LIF(3, tau=10. * u.ms)
    >>> record = {'spikes': bst.record.SpikeMonitor(neuron), 'V': bst.record.StateMonitor(neuron, 'V')}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sim = bst.Simulation(lambda: neuron(2. * u.mA), dt=0.1 * u.ms, record=record, to=folder + '/run.zarr')
    ...     sim.run(50. * u.ms)
    ...     records = bst.record.open(folder + '/run.zarr')
    ...     type(records['V']).__name__, len(records['V'])
    ('StoredTrace', 500)
    """

    def __init__(self, records: Records, name: str):
        self._records, self._name = records, name
        self.attributes: dict[str, Any] = records.root.attributes[name]
        arrays = _values(records, name, unit_of_json(self.attributes['unit']))
        self.step, self.values = arrays[STEP], arrays['value']
        self.of: np.ndarray | None = records.root.layouts[name].fixed.get('neuron')

    def __len__(self) -> int:
        return len(self.step)

    def trace(self, start: int | None = None, stop: int | None = None) -> Trace:
        """The values of the steps ``start`` to ``stop`` (not included), all by default.

        Raises
        ------
        ParameterError
            If these steps are not in the store.
        """
        *_, part = _window(self._records, self._name, start, stop)
        return Trace(self.step[part], self.values[part], self._records.root.dt, self.of, self.attributes['name'])

    def to_xarray(self) -> Any:
        """An `xarray.DataArray` like that of `Trace`, whose values are read when they are needed.

        Raises
        ------
        ImportError
            If xarray or zarr is not installed.
        """
        xarray = needed('xarray', 'disk', 'StoredTrace.to_xarray')
        needed('zarr', 'disk', 'StoredTrace.to_xarray')
        n, root = len(self), self._records.root
        found = xarray.open_zarr(root.folder / self._name, chunks=None, decode_cf=False)['value'].isel(step=slice(0, n))
        time = self.step[:] * float(u.get_mantissa(root.dt))
        found = found.drop_vars(STEP).rename({STEP: 'time'}).assign_coords(time=('time', time, {'units': str(u.get_unit(root.dt))}))
        return found.rename(self.attributes['name'] or None)


@entries
class Records(Mapping[str, Any]):
    """The records of a store by their names, `StoredSpikes` and `StoredTrace`; made by `open`.

    They are what was there when the store was opened, or `refresh` was called last.

    Attributes
    ----------
    dt : time
        The time step.
    start, stop : int
        The steps from and to (not including) which everything is there.
    about : dict
        What was simulated, as it was given.
    sessions : list of dict
        From which steps on it was written when, where, and by which versions of packages.

    Examples
    --------
    >>> import tempfile
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.LIF(3, tau=10. * u.ms)
    >>> record = {'spikes': bst.record.SpikeMonitor(neuron), 'V': bst.record.StateMonitor(neuron, 'V')}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sim = bst.Simulation(lambda: neuron(2. * u.mA), dt=0.1 * u.ms, record=record, to=folder + '/run.zarr')
    ...     sim.run(50. * u.ms)
    ...     records = bst.record.open(folder + '/run.zarr')
    ...     sorted(records)
    ['V', 'spikes']
    """

    def __init__(self, folder: Path):
        self.root = Root.read(folder)
        self._made: dict[str, Any] = {name: _KINDS[layout.kind](self, name) for name, layout in self.root.layouts.items()}

    @property
    def dt(self) -> Any:
        return self.root.dt

    @property
    def start(self) -> int:
        return self.root.start

    @property
    def stop(self) -> int:
        return self.root.stop

    @property
    def about(self) -> dict[str, Any]:
        return self.root.about

    @property
    def sessions(self) -> list[dict[str, Any]]:
        return self.root.sessions

    def refresh(self) -> None:
        """Look how far the writer is; records that were taken from here before know it too.

        Raises
        ------
        ParameterError
            If another store is in its place.
        """
        root = Root.read(self.root.folder)
        if different := self.root.differences(root):
            raise ParameterError(f'{root.folder} is another store than before, open it again. {"; ".join(different)}.')
        self.root = root

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            raise ParameterError(f'{self.root.folder}: there is no record {name!r}, but {", ".join(self._made) or "none"}.')
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._made

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def __repr__(self) -> str:
        records = ', '.join(f'{name!r}: {len(each)} rows' for name, each in self._made.items())
        return f'Records({str(self.root.folder)!r}, steps {self.start} to {self.stop}; {records})'


_KINDS = {'spikes': StoredSpikes, 'trace': StoredTrace}


def open(folder: Any) -> Records:
    """The records of a store, also while it is written.

    Raises
    ------
    StoreError
        If there is no store, or one of a newer version of the format.

    Examples
    --------
    >>> import tempfile, brainunit as u, numpy as np
    >>> import brainpy_state as bst
    >>> folder = tempfile.mkdtemp() + '/run.zarr'
    >>> layouts = {'V': bst.record.Layout.trace((2,), np.float32, unit=u.mV)}
    >>> with bst.record.Store.create(folder, layouts, dt=0.1 * u.ms) as store:
    ...     store.append({'V': {'step': [0, 10], 'value': np.float32([[-70, -60], [-65, -55]])}}, step=20)
    >>> bst.record.open(folder)['V'].values[1]
    Quantity([-65. -55.], "mV")
    """
    return Records(Path(folder))


def _values(records: Records, name: str, unit: Any = u.UNITLESS) -> dict[str, Values]:
    def length() -> int:
        return records.root.lengths[name]

    return {key: Values(rows, length, unit if key == 'value' else u.UNITLESS) for key, rows in records.root.files[name].items()}


def _window(records: Records, name: str, start: int | None, stop: int | None) -> tuple[int, int, slice]:
    """The steps that are asked for, and the rows that belong to them."""
    root, where = records.root, f'{records.root.folder}: {name!r}'
    first = root.start if start is None else whole('start', start, where)
    last = root.stop if stop is None else whole('stop', stop, where)
    if not root.start <= first <= last <= root.stop:
        raise ParameterError(f'{where}: steps {first} to {last} are asked for, but it has steps {root.start} to {root.stop}.')
    return first, last, slice(root.find(name, first), root.find(name, last))
