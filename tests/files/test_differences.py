"""What does not fit is one error that lists all of it, and changes nothing."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst

F32, F64 = np.float32, np.float64

# what the file holds, what the state holds, what is said
DIFFERENT = {
    'shape': (np.ones((2, 3), F32), np.ones(6, F32), r'float32 \(2, 3\) in the file, float32 \(6,\) here'),
    'precision': (np.ones(2, F64), np.ones(2, F32), r'float64 \(2,\) in the file, float32 \(2,\) here'),
    'whole numbers': (np.ones(2, np.int32), np.ones(2, F32), r'int32 \(2,\) in the file, float32 \(2,\) here'),
    'size of integers': (np.ones(2, np.int32), np.ones(2, np.int8), r'int32 \(2,\) in the file, int8 \(2,\) here'),
    'sign of integers': (np.ones(2, np.int32), np.ones(2, np.uint32), r'int32 \(2,\) in the file, uint32 \(2,\) here'),
    'dimension': (np.ones(2, F32) * u.mV, np.ones(2, F32) * u.mA, r'float32 \(2,\) in mV in the file, float32 \(2,\) in mA here'),
    'no unit': (np.ones(2, F32), np.ones(2, F32) * u.mA, r'float32 \(2,\) in the file, float32 \(2,\) in mA here'),
    'a unit': (1.0 * u.mA, 1.0, r'float in mA in the file, float here'),
    'number': (1, 1.0, 'int in the file, float here'),
    'number and array': (1.0, np.ones(1, F32), r'float in the file, float32 \(1,\) here'),
    'truth': (True, 1, 'bool in the file, int here'),
    'text': ('a', 1.0, 'str in the file, float here'),
    'nothing': (None, np.ones(2, F32), r'None in the file, float32 \(2,\) here'),
    'something': (1.0, (), 'float in the file, an empty tuple here'),
    'other nothing': (None, (), 'None in the file, an empty tuple here'),
    'keys': (np.zeros(2, np.uint32), jax.random.key(0), r'uint32 \(2,\) in the file, random key threefry2x32 \(\) here'),
    'generator': (jax.random.key(0, impl='rbg'), jax.random.key(0), r'random key rbg \(\) in the file, random key threefry2x32 \(\) here'),
    'scale of integers': (
        np.ones(2, int) * u.mV,
        np.ones(2, int) * u.uvolt,
        r'int64 \(2,\) in mV in the file, int64 \(2,\) in uV here; integers are not',
    ),
}


@pytest.mark.parametrize(('there', 'here', 'text'), DIFFERENT.values(), ids=DIFFERENT)
def test_another_value(there, here, text, tmp_path):
    bst.save_states(tmp_path / 'x', {'s': bst.State(there)})
    state = bst.State(here)
    with pytest.raises(
        bst.StateTreeError, match=rf"load_states\('.*x'\) does not fit; nothing was changed\. One difference:\n    s: {text}"
    ):
        bst.load_states(tmp_path / 'x', {'s': state})
    assert state.value is here


SAME = {
    'scale': (np.array([1, -3], F32) * u.mV, np.zeros(2, F32) * u.uvolt, np.array([1000, -3000], F32) * u.uvolt),
    'smaller scale': (np.array([1, -3], F64) * u.mV, np.zeros(2, F64) * u.volt, np.array([0.001, -0.003]) * u.volt),
    'factor': (np.array([1.0]) * u.eV, np.zeros(1) * u.joule, np.array([1.602176634]) / 1e19 * u.joule),
    'ratio': (u.Quantity(np.array([50.0]), unit=u.Unit(scale=-2)), np.zeros(1), np.array([0.5])),
    'number': (1.5 * u.mV, 0.0 * u.uvolt, 1500.0 * u.uvolt),
    'number of an array': (np.float32(0.1), 0.0, np.float32(0.1)),
    'array of a number': (0.1, np.zeros((), F32), 0.1),
    'array of JAX in the place of one of NumPy': (jnp.ones(2), np.zeros(2, F32), jnp.ones(2)),
    'text': ('a', 'b', 'a'),
}


@pytest.mark.parametrize(('there', 'here', 'expected'), SAME.values(), ids=SAME)
def test_what_fits_and_what_it_becomes(there, here, expected, tmp_path):
    bst.save_states(tmp_path / 'x', {'s': bst.State(there)})
    state = bst.State(here)
    bst.load_states(tmp_path / 'x', {'s': state})
    found, wanted = jax.tree.leaves(state.value), jax.tree.leaves(expected)
    assert jax.tree.structure(state.value) == jax.tree.structure(expected)
    assert [(type(x), getattr(x, 'dtype', None)) for x in found] == [(type(x), getattr(x, 'dtype', None)) for x in wanted]
    assert all(np.array_equal(x, y) for x, y in zip(found, wanted, strict=True))


def test_another_precision_is_converted_when_asked_for(tmp_path):
    value = {'w': np.array([0.1, 1e30]) * u.mV, 'n': np.arange(2)}
    bst.save_states(tmp_path / 'x', {'s': bst.State(value)})
    state = bst.State({'w': jnp.zeros(2) * u.mV, 'n': np.zeros(2, int)})
    with pytest.raises(bst.StateTreeError, match=r"s\['w'\]: float64[\s\S]*Numbers of another precision are converted by `cast=True`\."):
        bst.load_states(tmp_path / 'x', {'s': state})
    bst.load_states(tmp_path / 'x', {'s': state}, cast=True)
    assert state.value['w'].dtype == F32 and np.array_equal(state.value['w'].mantissa, np.array([0.1, 1e30], F32))
    small = bst.State({'w': jnp.zeros(2) * u.uvolt, 'n': np.zeros(2, int)})
    bst.save_states(tmp_path / 'x', {'s': bst.State({'w': np.array([0.1, 1e38]) * u.mV, 'n': np.arange(2)})})
    with pytest.raises(bst.StateTreeError, match='numbers in the file are too large'):
        bst.load_states(tmp_path / 'x', {'s': small}, cast=True)


def test_numbers_of_64_bits_where_jax_has_32(tmp_path):
    with bst.environ.context(precision=64):
        bst.save_states(tmp_path / 'x', {'s': bst.State(jnp.ones(2))})
    state = bst.State(np.zeros(2))
    with pytest.raises(bst.StateTreeError, match='s: float64 in the file, but the 64-bit mode of JAX is off'):
        bst.load_states(tmp_path / 'x', {'s': state})
    bst.load_states(tmp_path / 'x', {'s': state}, cast=True)
    assert isinstance(state.value, jax.Array) and state.value.dtype == F32


def test_all_differences_are_listed_and_nothing_is_changed(tmp_path):
    there = {f'a{k:02}': bst.State(np.zeros(3)) for k in range(25)} | {
        'ok': bst.State(1.0),
        'part': bst.State((1.0, {'x': 2.0})),
        'gone': bst.State(3),
    }
    bst.save_states(tmp_path / 'x', there)
    here = {f'a{k:02}': bst.State(np.zeros(2)) for k in range(25)} | {
        'ok': bst.State(0.0),
        'part': bst.State([1.0, {'y': 2.0}, 3]),
        'new': bst.State(3),
    }
    with pytest.raises(bst.StateTreeError) as caught:
        bst.load_states(tmp_path / 'x', here)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith('nothing was changed. 30 differences:')
    assert len(lines) == 22 and lines[-1] == '    and 10 more'
    assert here['ok'].value == 0.0
    few = {key: here[key] for key in ('ok', 'part', 'new')}
    with pytest.raises(bst.StateTreeError) as caught:
        bst.load_states(tmp_path / 'x', few, partial=True)
    assert str(caught.value).splitlines()[1:] == [
        '    new: not in the file',
        "    part[1]['y']: not in the file, float here",
        '    part[2]: not in the file, int here',
        "    part[1]['x']: float in the file, nothing here",
    ]


def test_an_optimiser_that_remembers_other_things(tmp_path):
    import optax

    w = bst.ParamState(jnp.ones(2))
    bst.save_states(tmp_path / 'x', bst.optim.Optimizer(optax.sgd(0.1), w))
    with pytest.raises(bst.StateTreeError, match=r'state\[0\]\.mu: not in the file'):
        bst.load_states(tmp_path / 'x', bst.optim.Optimizer(optax.adam(0.1), w))


def test_a_variable_of_a_model_of_another_size(tmp_path):
    cells, others = bst.LIF(3, tau=10.0 * u.ms), bst.LIF(4, tau=10.0 * u.ms)
    bst.nn.init_all_states([cells, others])
    bst.save_states(tmp_path / 'x', cells)
    with pytest.raises(bst.StateTreeError, match=r'V: float32 \(3,\) in mV in the file, float32 \(4,\) in mV here'):
        bst.load_states(tmp_path / 'x', others)
