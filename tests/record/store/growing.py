"""A run whose records are known at every step; as a script, one that goes on with it until it is killed."""

import contextlib
import os
import sys
import threading
import warnings

import brainunit as u
import numpy as np
import pytest

from brainpy_state import record
from brainpy_state.record import Layout, Store, _zarr

CHUNK = 100  # bytes: a few rows, and rows of a few chunks
DT, ABOUT = 0.1 * u.ms, {'seed': 3, 'model': 'a table'}
LAYOUTS = {
    'spikes': Layout.spikes(50, n_trials=2),
    'net.E V': Layout.trace((3,), np.float32, unit=u.mV, of=np.array([4, 7, 9]), name='V', attributes={'every': 3}),
    'rate': Layout.trace((), np.float64, unit=u.Hz, span=7),
    'w': Layout.trace((4, 9, 5), np.int16, unit=u.nS / u.cm**2),
    'silent': Layout.spikes(8),
}


def rows(first, stop):
    """What is recorded in some steps."""
    k = np.arange(first, stop)
    n = np.where(k % 40 < 20, k * 7919 % 5, 0)
    spike = np.repeat(k, n)
    every = {name: k[k % m == 0] for name, m in (('net.E V', 3), ('w', 10))}
    bins = k[(k + 1) % 7 == 0] - 6
    bins = bins[bins >= 0]
    return {
        'spikes': {'step': spike, 'neuron': (spike * 31) % 50, 'trial': spike % 2},
        'net.E V': {'step': every['net.E V'], 'value': (every['net.E V'][:, None] + [0, 0.25, 0.5]).astype(np.float32)},
        'rate': {'step': bins, 'value': np.sqrt(bins)},
        'w': {'step': every['w'], 'value': (every['w'][:, None] * 3 + np.arange(180)).reshape(-1, 4, 9, 5).astype(np.int16)},
    }


def create(folder, **options):
    return Store.create(folder, LAYOUTS, dt=DT, about=ABOUT, **options)


def resume(folder, step=None):
    return Store.resume(folder, LAYOUTS, dt=DT, about=ABOUT, step=step)


def append(store, stop):
    store.append(rows(store.step, stop), stop)


def check(folder, stop=None, records=None):
    """That a store has exactly what was recorded until some step."""
    records = record.open(folder) if records is None else records
    stop = records.stop if stop is None else stop
    assert (records.start, records.stop, list(records)) == (0, stop, list(LAYOUTS))
    arrays = {'step': 'step', 'neuron': 'neuron', 'trial': 'trial', 'value': 'values'}
    for name, arrays_of in rows(0, stop).items():
        for key, expected in arrays_of.items():
            got = u.get_mantissa(getattr(records[name], arrays[key])[:])
            np.testing.assert_array_equal(got, expected, f'{name}/{key} at {stop}')
    return stop


class Crash(BaseException):
    pass


class Disk(contextlib.AbstractContextManager):
    """Operations on files, of which the one with a number goes wrong: with `Crash`, all later ones too; half of what it writes is there.

    Nothing waits for the disk. `log` has the names of what was called, with their first arguments.
    """

    NAMES = ('open', 'ftruncate', 'pwrite', 'write', 'fsync', 'replace', 'mkdir', 'unlink', 'rmdir')

    def __init__(self, at=None, error=Crash):
        self.patch, self.at, self.error, self.log, self.count = pytest.MonkeyPatch(), at, error, [], 0

    def __enter__(self):
        lock, real = threading.Lock(), {name: getattr(os, name) for name in self.NAMES}

        def of(name):
            def call(*args, **kwargs):
                with lock:
                    number, self.count = self.count, self.count + 1
                    file = args[0] if not isinstance(args[0], int) else os.readlink(f'/proc/self/fd/{args[0]}')
                    self.log.append((name, str(file), *map(str, args[1:2])))
                if self.at is not None and (number == self.at or (number > self.at and self.error is Crash)):
                    if name in ('pwrite', 'write') and number == self.at:
                        real[name](args[0], args[1][: len(args[1]) // 2], *args[2:])
                    raise self.error
                return None if name == 'fsync' else real[name](*args, **kwargs)

            return call

        for name in self.NAMES:
            self.patch.setattr(os, name, of(name))
        return self

    def __exit__(self, *error):
        self.patch.undo()


if __name__ == '__main__':
    warnings.simplefilter('error')
    folder, step, seed = sys.argv[1:]
    _zarr.CHUNK = CHUNK
    draw = np.random.default_rng(int(seed))
    store = resume(folder, int(step)) if int(step) >= 0 else create(folder)
    print('ready', flush=True)  # noqa: T201
    while True:
        append(store, store.step + int(draw.integers(1, 60)))
