"""Sweeps on several devices, of one process and of two."""

import functools
import json
import os
import socket
import subprocess
import sys

import jax
import pytest

import brainpy_state as bst
from tests.run.sweep.several import OVER, simulate, summary

WORKER = '-m', 'tests.run.sweep.on_devices'


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
def on_devices(python):
    """What a process with a number of devices prints that sweeps; one of them without a mesh."""
    flag = '--xla_force_host_platform_device_count='
    run = functools.cache(lambda n: python(*WORKER, '0', '1', '0', '1', JAX_PLATFORMS='cpu', XLA_FLAGS=f'{flag}{n}'))
    return lambda n: json.loads(run(n).splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize('devices', [2, 4, 8])  # 6 lanes
def test_results_do_not_depend_on_the_number_of_devices(on_devices, devices):
    assert on_devices(devices) == on_devices(1)


@pytest.fixture
def two_processes():
    """What two processes print that sweep together, each with a device and a seed."""

    def run(*seeds):
        with socket.socket() as free:
            free.bind(('localhost', 0))
            port = str(free.getsockname()[1])
        options = {'env': os.environ | {'JAX_PLATFORMS': 'cpu'}, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True}
        started = [subprocess.Popen([sys.executable, *WORKER, str(k), '2', port, str(seed)], **options) for k, seed in enumerate(seeds)]
        try:
            out, err = zip(*(each.communicate(timeout=240) for each in started), strict=True)
        finally:
            for each in started:
                each.kill()
        assert [each.returncode for each in started] == [0, 0], err
        return [json.loads(text.splitlines()[-1]) for text in out]

    return run


@pytest.mark.slow
def test_two_processes_share_the_lanes(two_processes, on_devices):
    assert two_processes(1, 1) == [on_devices(1)] * 2


@pytest.mark.slow
def test_processes_that_disagree_are_told_in_both(two_processes):
    for told in two_processes(1, 2):
        assert told['error'].startswith("sweep: process 1 has other values than process 0: RandomState 'default generator'. Each")
