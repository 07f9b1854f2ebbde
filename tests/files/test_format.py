"""What files hold, and that it comes back bit for bit."""

import json
import zipfile

import brainunit as u
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import files

NAN = np.array([0x7FC00001, 0xFFC12345, 0x80000000], np.uint32).view(np.float32)  # NaNs that carry bits, and -0
VALUES = {
    'array': lambda: jnp.asarray(NAN),
    'quantity': lambda: u.Quantity(jnp.arange(6.0).reshape(2, 3), unit=u.nS / u.cm**2),
    'number with unit': lambda: 0.1 * u.mV,
    'bfloat16': lambda: jnp.array([[1.5], [-0.0]], jnp.bfloat16) * u.mV,
    'small floats': lambda: jnp.arange(8, dtype=ml_dtypes.float8_e5m2),
    'four bits': lambda: jnp.arange(-8, 8).astype(jnp.int4),
    'complex': lambda: jnp.array([1 + 2j, np.nan]),
    'bool': lambda: jnp.array([True, False]),
    'weak': lambda: jnp.full((2, 3), 2.5),
    'weak number': lambda: jnp.asarray(2),
    'empty': lambda: jnp.zeros((0, 3), np.int8),
    'keys': lambda: jax.random.split(jax.random.key(3), 2),
    'key of another generator': lambda: jax.random.key(3, impl='rbg'),
    'numpy': lambda: np.arange(6, dtype='>f8').reshape(2, 3).T,
    'numpy of 64 bits': lambda: np.array([2**63 - 1]),
    'numpy number': lambda: np.float64(0.1),
    'dates and texts': lambda: (np.array(['2026-01-01'], 'datetime64[D]'), np.array(['ä', ''])),
    'records': lambda: np.array([(1, 2.0)], [('a', 'i4'), ('b', 'f8')]),
    'python': lambda: [True, 2**100, 0.1, float('-inf'), -0.0, 1 - 2j, 'ä\n\udc80', b'\x00\xff', None],
    'containers': lambda: {'a': (1.0, [], {}), 'b': [None, {'c': np.int8(1)}], 'c': {(0, 'x'): (2, ())}},
    'lacks everything': lambda: None,
    'stream': lambda: bst.random.Stream('noise').value,
}


def bits(x):
    """Everything that tells a value from another one."""
    leaves, tree = jax.tree.flatten(x)
    return tree, [_bits(leaf) for leaf in leaves]


def _bits(x):
    if isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return type(x), x.dtype, np.asarray(jax.random.key_data(x)).tobytes()
    if isinstance(x, (jax.Array, np.ndarray, np.generic)):
        return type(x), x.dtype, x.shape, getattr(x, 'weak_type', None), np.asarray(x).tobytes()
    return type(x), repr(x)


def changed(x):
    """Another value that a file's can be put in the place of."""
    return jax.tree.map(lambda x: x[::-1] if isinstance(x, (jax.Array, np.ndarray)) and x.ndim and x.dtype != object else x, x)


@pytest.mark.parametrize('make', VALUES.values(), ids=VALUES)
def test_a_value_comes_back_bit_for_bit(make, tmp_path):
    state = bst.State(make())
    before = bits(state.value)
    files.write(tmp_path / 'x', 'a test', {'s': state})
    state.value = changed(state.value)
    files.restore(files.read(tmp_path / 'x', 'a test').entries, {'s': state}, 'test')
    assert bits(state.value) == before


def test_numbers_of_64_bits_come_back(x64, tmp_path):
    state = bst.State((jnp.array([0.1]) * u.mV, jnp.array([2**62]), jnp.full((), 0.1)))
    before = bits(state.value)
    files.write(tmp_path / 'x', 'a test', {'s': state})
    files.restore(files.read(tmp_path / 'x', 'a test').entries, {'s': state}, 'test')
    assert bits(state.value) == before
    assert before[1][0][1] == np.float64


def test_what_is_said_besides_comes_back(tmp_path):
    about, extra = {'t': 0.1, 'dt': files.unit_as_json(u.ms), 'names': ['a', None]}, {'steps': np.arange(3), 'x/y': np.float32([[0.1]])}
    files.write(tmp_path / 'x', 'a test', {}, about, extra)
    entries, said, arrays = files.read(tmp_path / 'x', 'a test')
    assert (entries, said) == ({}, about)
    assert {name: bits(x) for name, x in arrays.items()} == {name: bits(x) for name, x in extra.items()}


def test_numpy_reads_a_file_by_itself(tmp_path):
    net = {'cells': bst.LIF(3, tau=10.0 * u.ms), 'w': bst.nn.Linear(2, 3)}
    bst.nn.init_all_states(net)
    bst.save_states(tmp_path / 'net.npz', net)
    with np.load(tmp_path / 'net.npz', allow_pickle=False) as file:
        about = json.loads(file['about.json'])
        assert file['cells.V'].tolist() == [0.0, 0.0, 0.0]
        assert file["w.weight['weight']"].dtype == np.float32
        assert set(file) == {'about.json', 'cells.V', 'cells.spike', "w.weight['weight']", "w.weight['bias']"}
    V = next(state for state in about['states'] if state['path'] == 'cells.V')
    assert (about['format'], about['version'], about['package'], about['kind']) == ('brainpy_state.files', 1, bst.__version__, 'states')
    assert V['class'] == 'HiddenState'
    assert [(leaf['entry'], leaf['dtype'], leaf['shape'], leaf['unit']['text']) for leaf in V['leaves']] == [
        ('cells.V', 'float32', [3], 'mV')
    ]


def test_names_that_a_zip_file_cannot_have_are_replaced(tmp_path):
    odd = ['', 'about', 'json', 'a' * 300, 'a\0b', '\udc80', 'V', 'v', 'a/../x', 'extra/x', 'array 3', "'", '0', 'a.b', 'x<0>']
    states = {'about': {'json': bst.State(np.arange(2.0))}, **{key: bst.State(np.arange(k)) for k, key in enumerate(odd)}}
    before = {key: bits(state.value) for key, state in states.items() if key != 'about'}
    path = tmp_path / 'odd.npz'
    bst.save_states(path, states)
    for key in before:
        states[key].value = states[key].value + 1
    bst.load_states(path, states)
    assert {key: bits(states[key].value) for key in before} == before
    assert zipfile.ZipFile(path).testzip() is None
    assert len(zipfile.ZipFile(path).namelist()) == len(set(zipfile.ZipFile(path).namelist())) == len(odd) + 1


def test_paths_that_read_alike_are_told_apart():
    states = {'a.b': bst.State(0), 'a': {'b': bst.State(1)}, '0': bst.State(2), 0: bst.State(3), ('c', 'd'): bst.State(4)}
    names = {name: state.value for name, state in files.named(states, who='test').items()}
    assert names == {"'a.b'": 0, 'a.b': 1, "'0'": 2, '0': 3, 'c.d': 4}
    with pytest.raises(bst.ParameterError, match=r'two states have the path c\.d; rename'):
        files.named({('c', 'd'): bst.State(0), 'c': {'d': bst.State(0)}}, who='test')


def test_an_array_of_many_blocks_is_written_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr('brainpy_state.files._write._BLOCK', 64)
    states = {
        'rows': bst.State(jnp.arange(1000.0).reshape(50, 20)),
        'turned': bst.State(np.arange(77.0).reshape(7, 11).T),
        'n': bst.State(jnp.ones(33, bool)),
    }
    before = {name: bits(state.value) for name, state in states.items()}
    bst.save_states(tmp_path / 'x', states)
    bst.load_states(tmp_path / 'x', states)
    assert {name: bits(state.value) for name, state in states.items()} == before


REFUSED = {
    'object': object(),
    'objects': np.array([None, 'a'], object),
    'function': (1.0, len),
    'masked': np.ma.masked_array([1.0], [True]),
}


@pytest.mark.parametrize('value', REFUSED.values(), ids=REFUSED)
def test_what_files_cannot_hold_is_an_error_and_no_file(value, tmp_path):
    with pytest.raises(
        TypeError, match=r"State 'odd' holds a .*, which cannot be written to a file: [\s\S]*Leave this state out by a filter"
    ):
        bst.save_states(tmp_path / 'x', {'a': bst.State(1.0), 'b': bst.State(value, name='odd')})
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_json_is_an_error_and_no_file(tmp_path):
    with pytest.raises(TypeError, match='not JSON serializable'):
        files.write(tmp_path / 'x', 'a test', {}, {'dt': 0.1 * u.ms})
    assert list(tmp_path.iterdir()) == []
