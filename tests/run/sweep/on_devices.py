"""A sweep on several devices; `test_devices.py` runs this in processes that have them: NUMBER, PROCESSES, PORT, SEED."""

import json
import sys

import jax
import numpy as np

import brainpy_state as bst
from tests.run.sweep.several import OVER, simulate, summary

number, processes, port, seed = sys.argv[1:]
if int(processes) > 1:
    jax.config.update('jax_cpu_collectives_implementation', 'gloo')
    jax.distributed.initialize(f'localhost:{port}', int(processes), int(number))
mesh = jax.make_mesh((jax.device_count(),), ('i',)) if jax.device_count() > 1 else None
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
sys.stdout.write('\n' + json.dumps(told) + '\n')
