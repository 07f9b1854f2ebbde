"""A store while nothing goes wrong: what is appended, in whatever parts, is what is read, also by Zarr and xarray."""

import threading

import brainunit as u
import numpy as np
import pytest
import xarray
import zarr

from brainpy_state import record
from brainpy_state.record import Layout, Store

from . import growing
from .growing import DT, append, check, create, resume


def test_parts_of_any_length_give_the_same_records(tmp_path):
    for number, ends in enumerate(([100], range(1, 101), [0, 13, 13, 14, 60, 100])):
        with create(tmp_path / f'{number}.zarr') as store:
            for stop in ends:
                append(store, stop)
            check(store.folder, 100)


def test_a_resumed_store_goes_on_from_any_step(tmp_path):
    folder = tmp_path / 'run.zarr'
    with create(folder) as store:
        append(store, 90)
    for step in (90, 77, 76, 40, 39, 7, 6, 1, 0):
        with resume(folder, step) as store:
            assert store.step == check(folder, step)
            append(store, 83 if step < 77 else 90)
            append(store, 90)
        check(folder, 90)
        assert record.open(folder).sessions[-1]['from'] == step
    with resume(folder) as store:
        append(store, 95)
    check(folder, 95)


def test_files_of_steps_that_are_cut_off_are_removed(tmp_path):
    folder = tmp_path / 'run.zarr'
    with create(folder) as store:
        append(store, 90)
    resume(folder, 25).close()
    assert sorted(file.name for file in (folder / 'w' / 'value').glob('c.*.0.0.0')) == ['c.0.0.0.0', 'c.1.0.0.0', 'c.2.0.0.0']
    assert len(list((folder / 'net.E V' / 'value').glob('c.*'))) == 2  # 9 rows, 8 of them in a chunk


def test_zarr_and_xarray_read_it_on_their_own_while_it_grows(tmp_path):
    folder = tmp_path / 'run.zarr'
    with create(folder) as store:
        for stop in (0, 30, 55):
            append(store, stop)
            found, expected = zarr.open_group(folder, mode='r'), growing.rows(0, stop)
            for name, arrays in expected.items():
                for key, values in arrays.items():
                    np.testing.assert_array_equal(found[f'{name}/{key}'][:], values)
        tree = xarray.open_datatree(folder, engine='zarr')
        np.testing.assert_array_equal(tree['net.E V/value'], expected['net.E V']['value'])  # a zero is a zero, not NaN
    for name, arrays in expected.items():
        alone = xarray.open_zarr(folder / name)
        for key, values in arrays.items():
            np.testing.assert_array_equal(alone[key], values)
            np.testing.assert_array_equal(zarr.open_array(folder / name / key)[:], values)
    assert alone['value'].attrs == {'units': 'nS / cm^2'}
    assert zarr.open_group(folder).attrs['about'] == growing.ABOUT


@pytest.mark.parametrize('shape', [(), (3,), (0,), (2, 0, 3), (40,), (5, 40), (2, 3, 7), (7, 100), (101, 2), (1, 1, 333)], ids=str)
def test_rows_of_any_shape_and_type(tmp_path, shape):
    for dtype in ('bool', 'int8', 'uint16', 'int64', 'float16', 'float64', 'complex64'):
        x = np.arange(7 * int(np.prod(shape))).reshape(7, *shape).astype(dtype)
        with Store.create(tmp_path / 'run.zarr', {'x': Layout.trace(shape, dtype)}, dt=DT, overwrite=True) as store:
            for k in range(7):
                store.append({'x': {'step': [k], 'value': x[k : k + 1]}}, k + 1)
        values = record.open(store.folder)['x'].values
        files = [file.stat().st_size for file in (store.folder / 'x' / 'value').glob('c.*')]
        assert len(set(files)) <= 1 and max(files, default=0) <= 100
        np.testing.assert_array_equal(zarr.open_array(store.folder / 'x' / 'value')[:], x)
        for index in (slice(None), slice(2, 5), slice(None, None, -2), slice(5, 1, -1), slice(1, 9, 3), slice(4, 4), 3, -1):
            np.testing.assert_array_equal(values[index], x[index])
            if shape and shape[-1]:
                np.testing.assert_array_equal(values[index, ..., 0], x[index, ..., 0])
                np.testing.assert_array_equal(values[index, ..., -1:], x[index, ..., -1:])


def test_a_reader_sees_whole_appends_while_another_thread_writes(tmp_path):
    folder = tmp_path / 'run.zarr'
    store = create(folder)
    writer = threading.Thread(target=lambda: [append(store, stop) for stop in range(5, 200, 5)])
    writer.start()
    records, seen = record.open(folder), set()
    while writer.is_alive():
        records.refresh()
        seen.add(check(folder, records=records))
        group = zarr.open_group(folder, mode='r')
        assert group['spikes/step'].shape == group['spikes/neuron'].shape
    writer.join()
    store.close()
    assert len(seen) > 1 and all(stop % 5 == 0 for stop in seen)


def test_units_and_settings_come_back(tmp_path):
    units = [u.mV, u.nS, u.uA / u.cm**2, u.UNITLESS, u.Hz, u.mV / u.ms, u.kelvin, u.mM]
    layouts = {f'x{k}': Layout.trace((), np.float32, unit=unit, name=f'x{k}') for k, unit in enumerate(units)}
    with Store.create(tmp_path / 'run.zarr', layouts, dt=25 * u.us, start=-40, about={'net': {'E': [1, 2.5, None]}}) as store:
        store.append({name: {'step': [-40], 'value': np.ones(1, np.float32)} for name in layouts}, 0)
    records = record.open(store.folder)
    assert (records.dt, records.start, records.stop, records.about) == (25 * u.us, -40, 0, {'net': {'E': [1, 2.5, None]}})
    for name, unit in zip(layouts, units, strict=True):
        found = records[name].values.unit
        assert found == unit and str(found) == str(unit)
    assert isinstance(records['x3'].values[:], np.ndarray)
