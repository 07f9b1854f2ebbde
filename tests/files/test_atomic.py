"""A file is there as a whole, or not at all."""

import errno
import os
import resource
import sys

import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import files


@pytest.fixture
def states():
    return {'s': bst.State(np.arange(3.0)), 'large': bst.State(np.zeros(200_000))}


@pytest.fixture
def path(states, tmp_path):
    bst.save_states(tmp_path / 'x.npz', states)
    states['s'].value = np.arange(3.0) + 1
    return tmp_path / 'x.npz'


def fails(name, error):
    """A function of the system that raises."""

    def call(*args, **options):
        raise error

    return name, call


SYSTEM = {
    'disk full': (*fails('fsync', OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))), 'No space left on device'),
    'not allowed': (*fails('replace', PermissionError(errno.EACCES, os.strerror(errno.EACCES))), 'Permission denied'),
}


@pytest.mark.parametrize(('name', 'call', 'why'), SYSTEM.values(), ids=SYSTEM)
def test_a_failure_leaves_the_old_file_and_nothing_else(name, call, why, path, states, monkeypatch):
    old = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, name, call)
        with pytest.raises(bst.FileError, match=rf'x\.npz could not be written: {why}\. The file that was there is as it was\.'):
            bst.save_states(path, states)
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == ['x.npz']


def test_a_full_disk_in_the_middle_of_an_array(path, states):
    old = path.read_bytes()
    states['large'].value = np.ones(400_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
    try:
        with pytest.raises(bst.FileError, match=r'could not be written: File too large\. The file that was there'):
            bst.save_states(path, states)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == ['x.npz']


@pytest.mark.parametrize('error', [KeyboardInterrupt(), ValueError('a fault')], ids=['interrupted', 'another error'])
def test_other_errors_pass_and_leave_the_old_file(error, path, states, monkeypatch):
    old = path.read_bytes()
    monkeypatch.setattr('brainpy_state.files._write._blocks', fails('', error)[1])
    with pytest.raises(type(error)):
        bst.save_states(path, states)
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == ['x.npz']


def test_places_where_no_file_can_be(states, tmp_path):
    with pytest.raises(bst.FileError, match=r'x\.npz could not be written: No such file or directory\. There is no file of this name'):
        bst.save_states(tmp_path / 'none' / 'x.npz', states)
    with pytest.raises(bst.FileError, match=r'could not be written: Is a directory\. There is a folder of this name'):
        bst.save_states(tmp_path, states)
    with pytest.raises(bst.FileError, match='could not be written'):
        bst.save_states('/proc/x.npz', states)
    assert os.listdir(tmp_path) == []


def test_the_new_file_has_the_rights_of_the_old_one_or_of_new_files(path, states, tmp_path):
    path.chmod(0o640)
    bst.save_states(path, states)
    assert path.stat().st_mode & 0o777 == 0o640
    bst.save_states(tmp_path / 'new', states)
    (tmp_path / 'plain').touch()
    assert (tmp_path / 'new').stat().st_mode == (tmp_path / 'plain').stat().st_mode


def test_a_link_is_followed(path, states, tmp_path):
    (tmp_path / 'link').symlink_to('x.npz')
    bst.save_states(tmp_path / 'link', states)
    assert (tmp_path / 'link').is_symlink()
    assert files.read(path, 'states').entries['s'].leaves[0].value.tolist() == [1.0, 2.0, 3.0]


KILLED = """
import os, signal, sys
import numpy as np
import brainpy_state as bst
from brainpy_state.files import _write
blocks = _write._blocks

def stop(x):
    for n, block in enumerate(blocks(x)):
        if n == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield block

_write._BLOCK, _write._blocks = 1000, stop
if os.fork() == 0:
    bst.save_states(sys.argv[1], {'s': bst.State(np.ones(3)), 'large': bst.State(np.ones((300, 300)))})
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == 'win32', reason='there is no SIGKILL')
def test_a_process_that_is_killed_leaves_the_old_file(path, python):
    old = path.read_bytes()
    assert python('-W', 'ignore', '-c', KILLED, str(path)).split() == ['-9']
    assert path.read_bytes() == old
    left = [name for name in os.listdir(path.parent) if name != 'x.npz']
    assert len(left) == 1 and left[0].startswith('.x.npz.') and left[0].endswith('.part')


MEMORY = """
import resource, sys, tempfile
import jax.numpy as jnp
import brainpy_state as bst
state = bst.State(jnp.ones((1000, 250, 1000)))  # 1 GB
state.value.block_until_ready()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
bst.save_states(sys.argv[1], {'s': state})
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e6)
"""


@pytest.mark.slow
def test_a_large_array_is_written_without_a_copy(python, tmp_path):
    assert float(python('-c', MEMORY, str(tmp_path / 'x'))) < 0.1
