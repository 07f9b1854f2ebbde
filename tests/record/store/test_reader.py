"""What the reader makes of records: `Spikes` and `Trace` of windows, arrays that are read in parts."""

import brainunit as u
import numpy as np
import pytest

from brainpy_state import record
from brainpy_state.record import Layout, Spikes, Store
from tests.conftest import memory

from . import growing
from .growing import DT, append, create


@pytest.fixture
def folder(tmp_path):
    with create(tmp_path / 'run.zarr') as store:
        append(store, 50)
    return store.folder


def test_spikes_of_windows_are_those_of_all(folder):
    stored = record.open(folder)['spikes']
    whole, expected = stored.spikes(), growing.rows(0, 50)['spikes']
    assert isinstance(whole, Spikes) and len(whole) == len(stored) == expected['step'].size
    assert (whole.size, whole.n_trials, whole.start, whole.stop, whole.dt) == (50, 2, 0, 50, DT)
    parts = [stored.spikes(k, k + 10) for k in range(0, 50, 10)]
    for name, key in (('step', 'step'), ('i', 'neuron'), ('trial', 'trial')):
        np.testing.assert_array_equal(getattr(whole, name), expected[key])
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), expected[key])
    assert [(part.start, part.stop) for part in parts][1] == (10, 20)
    assert len(stored.spikes(20, 40)) == 0 and len(record.open(folder)['silent'].spikes()) == 0


def test_traces_have_units_times_and_neurons(folder):
    records = record.open(folder)
    part = records['net.E V'].trace(10, 20)
    np.testing.assert_array_equal(part.step, [12, 15, 18])
    np.testing.assert_array_equal(part.values.to_decimal(u.mV)[:, 1], [12.25, 15.25, 18.25])
    np.testing.assert_array_equal(part.of, [4, 7, 9])
    assert (part.name, part.dt, records['net.E V'].attributes['every']) == ('V', DT, 3)
    assert records['w'].values.shape == (5, 4, 9, 5) and records['w'].values.unit == u.nS / u.cm**2
    assert repr(records) == (
        f"Records('{folder}', steps 0 to 50; 'spikes': 60 rows, 'net.E V': 17 rows, 'rate': 7 rows, 'w': 5 rows, 'silent': 0 rows)"
    )


def test_xarray_of_a_trace_is_that_of_what_was_read(folder):
    records = record.open(folder)
    with growing.resume(folder) as store:
        append(store, 60)
    for name in ('net.E V', 'rate', 'w'):  # as last looked at
        lazy, whole = records[name].to_xarray(), records[name].trace().to_xarray()
        assert lazy.dims == whole.dims and lazy.name == whole.name and lazy.attrs['units'] == whole.attrs['units']
        np.testing.assert_array_equal(lazy, whole)
        for key, values in whole.coords.items():
            np.testing.assert_array_equal(lazy[key], values)
            assert lazy[key].attrs == values.attrs
    records.refresh()
    assert records['net.E V'].to_xarray().shape == (20, 3)
    assert records['net.E V'].to_xarray().sel(neuron=7, time=1.2, method='nearest').item() == 12.25


@pytest.mark.slow
def test_memory_does_not_grow_with_what_is_written_or_read(tmp_path, real):
    layouts = {'V': Layout.trace((1000,), np.float32), 'spikes': Layout.spikes(1000)}
    step, V, neuron = np.arange(100), np.ones((100, 1000), np.float32), np.arange(20_000) % 1000
    with Store.create(tmp_path / 'run.zarr', layouts, dt=DT) as store:
        for k in range(1000):  # 400 MB
            if k == 50:
                before = memory()
            rows = {'V': {'step': step + 100 * k, 'value': V * np.float32(k)}}
            rows['spikes'] = {'step': np.repeat(step + 100 * k, 200), 'neuron': neuron}
            store.append(rows, 100 * k + 100)
    records, total = record.open(store.folder), 0
    np.testing.assert_array_equal(records['V'].values[::100, 7], np.arange(1000))
    for start in range(0, 100_000, 1000):
        total += len(records['spikes'].spikes(start, start + 1000))
    assert total == 20_000_000
    assert memory() - before < 30 << 20
