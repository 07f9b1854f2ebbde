"""Networks whose populations are divided between devices, of one process and of two, against the same on one device."""

import functools

import pytest

from tests.run.divided.networks import NETWORKS

WORKER = 'tests.run.divided.digests'
QUICK = ('delayed', 'pair')


@pytest.fixture(scope='module')
def whole(together):
    """What one device finds without a mesh."""
    return functools.cache(lambda name: together(WORKER, ['0', name])[0][name])


def same(together, whole, parts, *names, devices=8, processes=1):
    for found in together(WORKER, *[[parts, *names]] * processes, devices=devices):
        for name in names:
            assert found[name]['spikes in all'] > 100
            assert found[name] == whole(name)


@pytest.mark.parametrize('parts', ['2', '8'])
def test_some_networks_do_the_same_on_several_devices(together, whole, parts):
    same(together, whole, parts, *QUICK)


@pytest.mark.slow
@pytest.mark.parametrize('parts', ['1', '2', '4', '8'])
@pytest.mark.parametrize('name', NETWORKS)
def test_results_do_not_depend_on_the_number_of_devices(together, whole, name, parts):
    same(together, whole, parts, name)


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_two_processes_do_the_same(together, whole, name):
    same(together, whole, 'all', name, devices=1, processes=2)
