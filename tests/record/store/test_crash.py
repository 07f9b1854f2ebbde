"""A writer that ends at any moment, a disk that fails at any moment: what was committed is there, and the run goes on."""

import errno
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from brainpy_state import record
from brainpy_state._errors import StoreError
from brainpy_state.record import Layout, Store, _zarr

from . import growing
from .growing import DT, Crash, Disk, append, check, create, resume

SOME = 31  # of the operations on files, one in so many goes wrong in the quick tests


@pytest.fixture(scope='module')
def base(tmp_path_factory):
    """A store of 40 steps."""
    folder = tmp_path_factory.mktemp('base') / 'run.zarr'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_zarr, 'CHUNK', growing.CHUNK)
        with create(folder) as store:
            append(store, 31)
            append(store, 40)
    return folder


def _append(folder):
    with resume(folder) as store:
        append(store, 63)


def _cut(folder):
    resume(folder, 12).close()


def _overwrite(folder):
    with create(folder, overwrite=True) as store:
        append(store, 5)


def _create(folder):
    create(folder).close()


@pytest.mark.parametrize('every', [SOME, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ('do', 'stops'),
    [(_append, {40, 63}), (_cut, {40, 12}), (_overwrite, {40, 0, 5}), (_create, {0})],
    ids=['append', 'cut', 'overwrite', 'create'],
)
def test_a_crash_between_any_two_operations_on_files_loses_nothing(base, tmp_path, do, stops, every):
    at, seen = 0, set()
    while True:
        folder = tmp_path / f'{at}.zarr'
        if do is not _create:
            shutil.copytree(base, folder)
        try:
            with Disk(at):
                do(folder)
            break
        except Crash:
            pass
        try:
            records = record.open(folder)
        except StoreError:
            assert do is _create  # not yet begun, so that it can be
            create(folder).close()
            records = record.open(folder)
        if not records:
            assert do in (_create, _overwrite)
            create(folder, overwrite=True).close()
        else:
            seen.add(stop := check(folder))
            assert stop in stops
            with resume(folder, None if at % 2 else min(stop, 9)) as store:
                append(store, 70)
            check(folder, 70)
        shutil.rmtree(folder)
        at += every
    assert at > 20 and (every == SOME or do is _create or seen == stops)


@pytest.mark.parametrize('every', [SOME, pytest.param(1, marks=pytest.mark.slow)])
def test_a_full_disk_is_an_error_after_which_the_same_is_appended_again(base, tmp_path, every):
    shutil.copytree(base, tmp_path / 'whole.zarr')
    with resume(tmp_path / 'whole.zarr') as store, Disk() as disk:
        append(store, 63)
    n, full, stops = disk.count, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), set()
    for at in sorted({*range(0, n, every), *range(n - 8, n)}):  # the last ones are those of the commit
        shutil.copytree(base, folder := tmp_path / f'{at}.zarr')
        with resume(folder) as store:
            with pytest.raises(StoreError) as caught, Disk(at, full):
                append(store, 63)
            stops.add(check(folder, store.step))
            if store.step == 40:
                assert f'{folder}: steps 40 to 63 were not written: No space left on device. All before step 40 is' in str(caught.value)
            for stop in (63, 70):
                append(store, stop)
        check(folder, 70)
        shutil.rmtree(folder)
    assert n > 100 and stops == {40, 63}


def test_everything_is_on_the_disk_before_the_commit(base, tmp_path):
    shutil.copytree(base, folder := tmp_path / 'run.zarr')
    before = {str(file) for file in folder.rglob('*')}
    with Disk() as disk, resume(folder) as store:
        disk.log.clear()
        append(store, 63)
    root = str(folder / 'zarr.json')
    commit = next(k for k, (name, *args) in enumerate(disk.log) if name == 'replace' and args[1] == root)
    written = {file for name, file, *_ in disk.log[:commit] if name in ('pwrite', 'write')}
    assert len(written) > 10 and str(folder / '.zarr.json.new') in written
    for file in written:
        last = max(k for k, (name, where, *_) in enumerate(disk.log[:commit]) if name in ('pwrite', 'write') and where == file)
        assert ('fsync', file) in [entry[:2] for entry in disk.log[last:commit]], file
        if file not in before and not file.endswith('.new'):
            assert ('fsync', str(Path(file).parent)) in [entry[:2] for entry in disk.log[:commit]], file
    assert ('fsync', str(folder)) in [entry[:2] for entry in disk.log[commit:]]


def test_a_limit_of_the_system_on_files_harms_nothing(tmp_path, real):
    layouts = {'x': Layout.trace((1000,), np.float64)}
    with Store.create(tmp_path / 'run.zarr', layouts, dt=DT) as store:
        one = {'x': {'step': [0], 'value': np.ones((1, 1000))}}
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
        try:
            with pytest.raises(StoreError, match='steps 0 to 1 were not written: File too large'):
                store.append(one, 1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert len(record.open(store.folder)['x']) == 0
        store.append(one, 1)
    np.testing.assert_array_equal(record.open(store.folder)['x'].values[:], 1)


@pytest.mark.slow
def test_a_killed_process_leaves_what_it_had_committed(tmp_path):
    folder, step, draw, stops = tmp_path / 'run.zarr', -1, random.Random(1), []
    for number in range(6):
        with subprocess.Popen(
            [sys.executable, growing.__file__, str(folder), str(step), str(number)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout.readline() == 'ready\n'
            time.sleep(draw.uniform(0.01, 0.6))
            process.kill()
        stops.append(check(folder))
        step = draw.randint(stops[-1] // 2, stops[-1])
    assert max(stops) > 500 and len(set(stops)) > 3
