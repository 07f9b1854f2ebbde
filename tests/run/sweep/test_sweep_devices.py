"""Sweeps on several devices, of one process and of two."""

import functools

import jax
import pytest

import brainpy_state as bst
from tests.run.sweep.several import OVER, simulate, summary

WORKER = 'tests.run.sweep.on_devices'


def test_a_mesh_of_one_device_changes_nothing():
    found = []
    for mesh in (None, jax.make_mesh((1,), ('i',))):
        bst.random.seed(1)
        found.append(summary(bst.sweep(simulate, OVER, mesh=mesh)))
    assert found[0] == found[1]
    assert sum(len(i) for i, _ in found[0][1]) > 100


def test_what_is_no_mesh_is_an_error():
    with pytest.raises(bst.ParameterError, match=r'mesh must be a jax\.sharding\.Mesh.*but is 8'):
        bst.sweep(simulate, OVER, mesh=8)


@pytest.fixture(scope='module')
def on_devices(together):
    """What a process finds that has a number of devices; one of them without a mesh."""
    return functools.cache(lambda n: together(WORKER, ['1'], devices=n)[0])


@pytest.mark.slow
@pytest.mark.parametrize('devices', [2, 8])  # 6 lanes
def test_results_do_not_depend_on_the_number_of_devices(on_devices, devices):
    assert on_devices(devices) == on_devices(1)


@pytest.mark.slow
def test_two_processes_share_the_lanes(together, on_devices):
    assert together(WORKER, ['1'], ['1'], devices=2) == [on_devices(1)] * 2


@pytest.mark.slow
def test_processes_that_disagree_are_told_in_both(together):
    for told in together(WORKER, ['1'], ['2']):
        assert told['error'].startswith("sweep: process 1 has other values than process 0: RandomState 'default generator'. Each")
