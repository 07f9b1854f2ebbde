"""A sweep on several devices, with the default generator begun from a SEED; run by `test_sweep_devices.py`."""

import numpy as np

import brainpy_state as bst
from tests.connected import mesh_and_arguments, tell
from tests.run.sweep.several import OVER, simulate, summary

mesh, (seed,) = mesh_and_arguments()
try:
    found = []
    for lanes in (None, 1):
        bst.random.seed(int(seed))
        found.append(summary(bst.sweep(simulate, OVER, mesh=mesh, lanes=lanes)))
    assert found[0] == found[1]
    told = {'found': found[0], 'after': float(bst.random.rand())}
    with np.testing.assert_raises_regex(ValueError, r'seed of -1.*with drive = 4\.? mA, seed = -1'):
        bst.sweep(simulate, OVER | {'seed': [1, -1]}, mesh=mesh)
except bst.ParameterError as error:
    told = {'error': str(error)}
tell(told)
