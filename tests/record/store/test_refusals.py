"""What cannot be done with a store is one clear error, and harms nothing."""

import json
import os
import shutil
import sys

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import record
from brainpy_state._errors import ParameterError, ShapeError, StoreError
from brainpy_state.record import Layout, Store

from .growing import ABOUT, DT, LAYOUTS, append, check, create, resume


@pytest.fixture
def folder(tmp_path):
    with create(tmp_path / 'run.zarr') as store:
        append(store, 50)
    return store.folder


def test_what_is_there_is_not_replaced(folder, tmp_path):
    with pytest.raises(
        StoreError, match='run.zarr exists: go on with it by resume, choose another folder, or replace it by overwrite=True'
    ):
        create(folder)
    check(folder, 50)
    with create(folder, overwrite=True) as store:
        check(folder, 0)
        append(store, 20)
    check(folder, 20)
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'notes').write_text('dear')
    for overwrite in (False, True):
        with pytest.raises(StoreError, match='mine exists and is no store of records; choose another folder'):
            create(tmp_path / 'mine', overwrite=overwrite)
        with pytest.raises(StoreError, match='notes: it cannot be made: Not a directory'):
            create(tmp_path / 'mine' / 'notes', overwrite=overwrite)
    assert [file.name for file in (tmp_path / 'mine').iterdir()] == ['notes']


def test_a_folder_that_cannot_be_written(folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, 'Permission denied')

    with monkeypatch.context() as patch:  # the tests may run as one who may write everywhere
        patch.setattr(os, 'mkdir', refuse)
        with pytest.raises(StoreError, match='other.zarr: it cannot be made: Permission denied'):
            create(folder.parent / 'other.zarr')
    with monkeypatch.context() as patch:
        patch.setattr(os, 'open', refuse)
        with pytest.raises(StoreError, match='run.zarr: it cannot be written: Permission denied'):
            resume(folder)
    check(folder, 50)


def test_what_is_no_store(tmp_path):
    (tmp_path / 'zarr.json').write_text('{"zarr_format": 3')
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'group').mkdir()
    (tmp_path / 'group' / 'zarr.json').write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    for name, message in {
        'none': 'none does not exist',
        'empty': 'empty is no store of records: there is no zarr.json in it',
        'zarr.json': 'zarr.json cannot be read: Not a directory',
        'group': "group is no store of records, or its zarr.json is damaged: KeyError: 'brainpy_state'",
        '.': 'is no store of records, or its zarr.json is damaged: JSONDecodeError',
    }.items():
        for look in (record.open, resume):
            with pytest.raises(StoreError, match=message):
                look(tmp_path / name)
    with pytest.raises(StoreError, match='no store of records, or its zarr.json is damaged'):
        create(tmp_path / 'group', overwrite=True)


def test_a_newer_format(folder):
    root = json.loads((folder / 'zarr.json').read_text())
    root['attributes']['brainpy_state']['format'] = 2
    (folder / 'zarr.json').write_text(json.dumps(root))
    message = f'has version 2 of the format, but this version of brainpy_state reads up to 1; it was written by version {bst.__version__}'
    for look in (record.open, resume, lambda folder: create(folder, overwrite=True)):
        with pytest.raises(StoreError, match=message):
            look(folder)


def test_one_writer_at_a_time_and_any_number_of_readers(folder):
    with resume(folder) as store:
        for again in (resume, lambda folder: create(folder, overwrite=True)):
            with pytest.raises(StoreError, match=rf'run.zarr is open for writing by process {os.getpid()} on .*; close it there'):
                again(folder)
        append(store, 60)
        check(folder, 60)
    with pytest.raises(StoreError, match='run.zarr was closed; go on with it by resume'):
        append(store, 70)
    store.close()
    assert (folder / 'writer.lock').exists()  # as after a process that was killed
    resume(folder).close()


@pytest.mark.parametrize('how', ['missing', 'short'])
def test_a_chunk_that_was_lost(folder, how):
    chunk = folder / 'net.E V' / 'value' / 'c.1.0'
    if how == 'missing':
        chunk.unlink()
    else:
        os.truncate(chunk, 50)
    why = {'missing': 'is missing', 'short': 'is too short'}[how]
    records = record.open(folder)
    records['net.E V'].values[:8]
    with pytest.raises(StoreError, match=rf"c.1.0 {why}, so rows 0 to 17 of 'value' cannot be read. Either part of the store was lost"):
        records['net.E V'].values[:]
    with pytest.raises(StoreError, match=r'files of steps before 50 are missing or short, such as .*value/c.1.0'):
        resume(folder)
    with resume(folder, 20) as store:
        append(store, 50)
    check(folder, 50)


def test_a_store_of_another_run(folder):
    other = dict(LAYOUTS)
    other['rate'] = Layout.trace((2,), np.float32, unit=u.kHz, span=5)
    other['net.E V'] = Layout.trace((3,), np.float32, unit=u.mV, of=np.array([4, 7, 8]), name='V', attributes={'every': 3})
    other['g'] = other.pop('silent')
    with pytest.raises(StoreError) as caught:
        Store.resume(folder, other, dt=0.2 * u.ms, about={**ABOUT, 'seed': 4})
    for part in (
        'run.zarr is of another run. dt: 0.1 ms in the store, 0.2 ms here; about.seed: 3 in the store, 4 here',
        'records.net.E V.neuron: [4, 7, 9] in the store, [4, 7, 8] here',
        'records.rate.arrays.value.shape: [] in the store, [2] here; ',
        "records.rate.arrays.value.type: 'float64' in the store, 'float32' here",
        'records.rate.attributes.span: 7 in the store, 5 here',
        'records.silent: {',
        'records.g: nothing in the store',
    ):
        assert part in str(caught.value)
    Store.resume(folder, LAYOUTS, dt=100 * u.us, about=ABOUT).close()  # the same time
    for step in (51, -1):
        with pytest.raises(StoreError, match=f'run.zarr has steps 0 to 50, so a run cannot go on from step {step}'):
            resume(folder, step)
    check(folder, 50)


def test_rows_that_do_not_belong(folder):
    with resume(folder) as store:

        def refused(error, message, name='net.E V', stop=60, **arrays):
            with pytest.raises(error, match=message):
                store.append({name: {'step': [51], 'value': np.zeros((1, 3), np.float32), **arrays}}, stop)

        refused(ParameterError, "it has no record 'V', but spikes, net.E V, rate", name='V')
        refused(ParameterError, "'net.E V' has the arrays step, value, but is given step, value, trial", trial=[0])
        refused(ShapeError, r'value has shape \(1, 4\), expected \(n, 3\)', value=np.zeros((1, 4)))
        refused(ShapeError, "must have as many rows in all arrays, but is given {'step': 2, 'value': 1}", step=[51, 54])
        refused(ParameterError, 'value has the type float64, but is stored as float32', value=np.zeros((1, 3)))
        refused(ParameterError, 'step has the type int64, but is stored as int32', step=[2**31])
        refused(ParameterError, 'has steps that are not in order', step=[54, 51], value=np.zeros((2, 3), np.float32))
        refused(ParameterError, 'rows of steps 49 to 49, but its turn is steps 50 to 59; what was recorded before', step=[49])
        refused(ParameterError, 'rows of steps 60 to 60, but its turn is steps 50 to 59', step=[60])
        refused(ParameterError, 'step 49 is before step 50, up to which it has everything', stop=49)
        with pytest.raises(ParameterError, match="'spikes': neuron must be from 0 to 49, but is 50 to 50"):
            store.append({'spikes': {'step': [51], 'neuron': [50], 'trial': [0]}}, 60)
        with pytest.raises(TypeError, match='Only dimensionless'):
            store.append({'net.E V': {'step': [51], 'value': np.zeros((1, 3), np.float32) * u.mV}}, 60)
        assert store.step == 50
    check(folder, 50)


def test_what_cannot_be_stored(tmp_path):
    def refused(message, layouts, **options):
        with pytest.raises(ParameterError, match=message):
            Store.create(tmp_path / 'run.zarr', layouts, dt=DT, **options)

    refused("'a/b' is no name for a record", {'a/b': LAYOUTS['rate']})
    refused("'writer.lock' is no name for a record", {'writer.lock': LAYOUTS['rate']})
    refused('value: the type object cannot be stored; store one of int8', {'x': Layout.trace((), object)})
    refused('about must be JSON: .*Out of range', {}, about={'a': float('nan')})
    refused("the attributes of 'x' must be JSON", {'x': Layout.trace((), np.float32, attributes={'of': np.ones(2)})})
    for name in ('span', 'unit'):
        with pytest.raises(ParameterError, match=f"an attribute cannot be called '{name}', which the store uses itself"):
            Layout.trace((), np.float32, attributes={name: 1})
    with pytest.raises(ParameterError, match='Layout: span is 0, but must be 1 or more'):
        Layout.trace((), np.float32, span=0)
    assert not list(tmp_path.iterdir())


def test_a_system_without_file_locks_reads(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, 'fcntl', None)
    with pytest.raises(StoreError, match='stores can be written on systems with file locks, as Linux and macOS, and read on any'):
        resume(folder)
    check(folder, 50)


def test_reading_what_is_not_there(folder):
    records = record.open(folder)
    with pytest.raises(ParameterError, match="there is no record 'V', but spikes, net.E V, rate, w, silent"):
        records['V']
    assert 'V' not in records and 'rate' in records
    for window in ((-1, 10), (0, 51), (20, 10)):
        with pytest.raises(ParameterError, match=r"'rate': steps -?\d+ to \d+ are asked for, but it has steps 0 to 50"):
            records['rate'].trace(*window)
    with pytest.raises(IndexError, match="'value' on disk has 17 rows, but row 17 is asked for"):
        records['net.E V'].values[17]
    with pytest.raises(ParameterError, match="'value' on disk: its rows are read by an integer or a slice"):
        records['net.E V'].values[[0, 1]]
    shutil.rmtree(folder)
    Store.create(folder, {'x': LAYOUTS['rate']}, dt=DT).close()
    with pytest.raises(ParameterError, match='run.zarr is another store than before, open it again'):
        records.refresh()
