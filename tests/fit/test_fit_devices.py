"""Trainings on several devices, of one process and of two."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainpy_state as bst

WORKER = 'tests.fit.on_devices'


@pytest.mark.slow
def test_samples_are_shared_by_devices_and_processes(together):
    alone, *_ = together(WORKER, ['1'])
    assert alone['loss'][-1] < alone['loss'][0]
    for found in (*together(WORKER, ['1'], devices=4), *together(WORKER, ['1'], ['1'])):
        assert found.keys() == alone.keys()
        for name, values in alone.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_processes_with_other_weights_are_told_in_both(together):
    for told in together(WORKER, ['1'], ['2']):
        assert told['error'].startswith("fit: process 1 has other values than process 0: ParamState 'into.weight'")


def test_a_mesh_of_one_device_changes_nothing():
    curves = []
    for mesh in (None, jax.make_mesh((1,), ('i',))):
        w = bst.ParamState(jnp.zeros(2))
        x = np.random.default_rng(0).normal(size=(20, 2)).astype('float32')
        trainer = bst.optim.Optimizer(optax.adam(0.1), w)
        history = bst.fit(lambda x, w=w: ((x @ w.value - x[:, 0]) ** 2).mean(), trainer, (x,), epochs=3, batch_size=10, mesh=mesh)
        curves.append(history['loss'].tolist())
    assert curves[0] == curves[1]
    assert curves[0][-1] < curves[0][0]


def test_samples_that_devices_cannot_share_are_an_error():
    w, mesh = bst.ParamState(jnp.zeros(2)), jax.make_mesh((1,), ('i',))
    with pytest.raises(bst.ShapeError, match='every array of a batch needs samples along its first axis, but one is a number'):
        bst.fit(lambda x, k: (x * w.value).sum() + k, bst.optim.Optimizer(optax.sgd(0.1), w), [(np.ones((4, 2)), 2.0)], epochs=1, mesh=mesh)
    np.testing.assert_array_equal(w.value, np.zeros(2))
    with pytest.raises(bst.ParameterError, match=r'fit: mesh must be a jax\.sharding\.Mesh, such as .*, but is i\.'):
        bst.fit(lambda x: (x * w.value).sum(), bst.optim.Optimizer(optax.sgd(0.1), w), (np.ones((4, 2)),), epochs=1, batch_size=2, mesh='i')
