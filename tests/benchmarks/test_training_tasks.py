"""The training benchmark: this project and plain JAX have one loss and one gradient, and the norms that other libraries have."""

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
        yield importlib.import_module('training'), importlib.import_module('training_parameters')
    finally:
        sys.path.remove(str(WORKERS))


def gradients(training, task, contender):
    worker, parameters = training
    given = parameters.data(task)
    _, both = worker.CONTENDERS[contender](task, given)
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
@pytest.mark.parametrize(('name', 'norms'), [('T1', (1.26, 4.69, 6.64)), ('T3', (3.8, 6.5, 12.4))])
def test_norms_are_those_of_norse_and_spikingjelly(training, name, norms):
    _, grads = gradients(training, training[1].TASKS[name], 'ours')
    assert sorted(float(np.linalg.norm(x)) for x in grads) == pytest.approx(norms, rel=0.01)
