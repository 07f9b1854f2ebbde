"""The training benchmark: this project, plain JAX and the reference in NumPy have one loss and one gradient, and the norms of other libraries."""

import importlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks._contender import WORKERS


@pytest.fixture(scope='module')
def training():
    sys.path.insert(0, str(WORKERS))
    try:
        yield (*map(importlib.import_module, ('training', 'training_parameters', 'training_reference')),)
    finally:
        sys.path.remove(str(WORKERS))


def gradients(training, task, contender, detached=True):
    worker, parameters, _ = training
    given = parameters.data(task)
    _, both = worker.CONTENDERS[contender](task, given, detached)
    loss, grads = both(jnp.asarray(given.inputs), jnp.asarray(given.labels))
    return float(loss), sorted((np.asarray(x) for x in jax.tree.leaves(grads)), key=lambda x: x.shape)


@pytest.mark.slow
@pytest.mark.parametrize('layers', [(30, 24, 5), (30, 24, 16, 5)])
def test_ours_equal_plain_jax(training, layers):
    task = training[1].Task(layers, 4, 25, 0.3 if len(layers) == 3 else 0.0)
    (loss, grads), (wanted, others) = (gradients(training, task, name) for name in ('ours', 'jax'))
    assert loss == pytest.approx(wanted, rel=1e-5)
    for mine, other in zip(grads, others, strict=True):
        assert np.any(other != 0)
        np.testing.assert_allclose(mine, other, atol=2e-5 * np.abs(other).max())


@pytest.mark.slow
@pytest.mark.parametrize('detached', [True, False])
@pytest.mark.parametrize('layers', [(30, 24, 5), (30, 24, 16, 5)])
def test_the_reference_has_the_gradients_of_jax(training, layers, detached):
    _, parameters, reference = training
    task = parameters.Task(layers, 4, 25, 0.3 if len(layers) == 3 else 0.0)
    loss, grads = gradients(training, task, 'jax', detached)
    expected = reference.outcome(parameters.data(task), detached)
    assert loss == pytest.approx(expected.loss, rel=1e-5)
    assert sorted(float(np.linalg.norm(x)) for x in grads) == pytest.approx(sorted(expected.norms), rel=1e-4)
    assert all(expected.spikes)


@pytest.mark.slow
def test_a_long_task_is_the_same_in_blocks(training, monkeypatch):
    monkeypatch.setattr(training[0], 'BLOCK', 5)
    whole, blocks = (training[1].Task((30, 24, 5), 4, 25, 0.3, long) for long in (False, True))
    wanted, others = gradients(training, whole, 'jax')
    for name in ('ours', 'jax'):
        loss, grads = gradients(training, blocks, name)
        assert loss == pytest.approx(wanted, rel=1e-5)
        for mine, other in zip(grads, others, strict=True):
            np.testing.assert_allclose(mine, other, atol=2e-5 * np.abs(other).max())


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'norms'), [('T1', (1.26, 4.69, 6.64)), ('T3', (3.8, 6.5, 12.4))])
def test_norms_are_those_of_norse_and_spikingjelly(training, name, norms):
    _, grads = gradients(training, training[1].TASKS[name], 'ours')
    assert sorted(float(np.linalg.norm(x)) for x in grads) == pytest.approx(norms, rel=0.01)
