"""What is no file of states, or no longer one, is one clear error, and changes nothing."""

import json
import pickle
import shutil
import zipfile

import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import files


@pytest.fixture
def state():
    return bst.State(np.arange(3.0))


@pytest.fixture
def path(state, tmp_path):
    bst.save_states(tmp_path / 'good.npz', {'s': state})
    state.value = np.zeros(3)
    return tmp_path / 'good.npz'


def rewritten(path, change):
    """The same file with another JSON."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    about = json.loads(members['about.json'])
    members['about.json'] = json.dumps(change(about) or about)
    with zipfile.ZipFile(path, 'w') as file:
        for name, data in members.items():
            file.writestr(name, data)


OTHER = {
    'empty': (b'', r'is no file of states: it is empty\. Files are written by `save_states`'),
    'a picture': (b'\x89PNG\r\n\x1a\n' + bytes(99), r"is no file of states: it begins with b'\\x89PNG"),
    'a pickle': (pickle.dumps([1]), 'is no file of states: it begins with'),
    'text': (b'PK and so on', 'is no file of states: it begins with'),
    'one array': (b'\x93NUMPY' + bytes(99), 'is no file of states: it begins with'),
}


@pytest.mark.parametrize(('content', 'why'), OTHER.values(), ids=OTHER)
def test_other_files(content, why, state, tmp_path):
    (tmp_path / 'x.npz').write_bytes(content)
    with pytest.raises(bst.FileError, match=rf'x\.npz {why}'):
        bst.load_states(tmp_path / 'x.npz', {'s': state})


def test_another_zip_file(state, tmp_path):
    np.savez(tmp_path / 'x.npz', s=np.zeros(3))
    with pytest.raises(bst.FileError, match='is no file of states: it is a zip file without about.json'):
        bst.load_states(tmp_path / 'x.npz', {'s': state})
    with zipfile.ZipFile(tmp_path / 'x.npz', 'a') as file:
        file.writestr('about.json', '{"author": "someone"}')
    with pytest.raises(bst.FileError, match='about.json in it is of something else'):
        bst.load_states(tmp_path / 'x.npz', {'s': state})


def test_no_file(state, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.npz'):
        bst.load_states(tmp_path / 'none.npz', {'s': state})


def test_a_newer_version(state, path):
    rewritten(path, lambda about: about.update(version=2, package='9.1'))
    with pytest.raises(
        bst.FileError,
        match=rf'has version 2 of the format and was written by brainpy_state 9\.1; this is {bst.__version__}, which reads version 1\. Update',
    ):
        bst.load_states(path, {'s': state})


def test_another_kind(state, path):
    with pytest.raises(bst.FileError, match=r'good\.npz holds states, not a simulation\.'):
        files.read(path, 'a simulation')


CHANGES = {
    'no array': lambda about: about['states'][0]['leaves'][0].update(entry='other'),
    'shape': lambda about: about['states'][0]['leaves'][0].update(shape=[4]),
    'type': lambda about: about['states'][0]['leaves'][0].update(dtype='bfloat16'),
    'no type': lambda about: about['states'][0]['leaves'][0].update(dtype='spam'),
    'kind': lambda about: about['states'][0]['leaves'][0].update(kind='bool', entry=None, value=1),
    'unit': lambda about: about['states'][0]['leaves'][0].update(unit={'text': 'mV'}),
    'states': lambda about: about.update(states=3),
    'no kind': lambda about: about.pop('kind') and about,
}


@pytest.mark.parametrize('change', CHANGES.values(), ids=CHANGES)
def test_json_that_contradicts_the_rest(change, state, path):
    rewritten(path, change)
    with pytest.raises((bst.FileError, bst.StateTreeError)):
        bst.load_states(path, {'s': state})
    assert not state.value.any()


def test_a_file_that_is_cut_off_anywhere(state, path):
    whole = path.read_bytes()
    for n in range(0, len(whole) - 1, 3):
        path.write_bytes(whole[:n])
        with pytest.raises(
            bst.FileError, match='is empty' if n == 0 else 'is damaged: its end is missing. Take another copy' if n > 3 else 'begins with'
        ):
            bst.load_states(path, {'s': state})
    assert not state.value.any()


def test_a_byte_that_was_changed_anywhere_is_noticed_or_does_not_matter(state, path):
    whole = path.read_bytes()
    noticed = 0
    for n in range(0, len(whole), 7):
        path.write_bytes(whole[:n] + bytes([whole[n] ^ 0x15]) + whole[n + 1 :])
        try:
            bst.load_states(path, {'s': state})
        except bst.FileError:
            noticed += 1
        else:
            assert state.value.tolist() == [0.0, 1.0, 2.0]
        state.value = np.zeros(3)
    assert noticed > 0.8 * len(whole) / 7


def test_a_file_that_was_packed_again_is_read(state, path, tmp_path):
    with zipfile.ZipFile(path) as file:
        file.extractall(tmp_path / 'content')
    packed = shutil.make_archive(str(tmp_path / 'again'), 'zip', tmp_path / 'content')
    bst.load_states(packed, {'s': state})
    assert state.value.tolist() == [0.0, 1.0, 2.0]
