"""What `import brainpy_state` costs."""

import pytest

HEAVY = {'numba', 'llvmlite', 'matplotlib', 'braintools', 'brainstate', 'brainevent', 'scipy', 'optax', 'pandas', 'IPython', 'h5py', 'nir'}
MOST = 0.15  # of the time that `import jax, brainunit` takes

LOADED = """
import sys, warnings, jax, jax.numpy, brainunit
before = set(sys.modules)
warnings.simplefilter('error')
import brainpy_state
print(brainpy_state.__version__)
try:
    jax.devices()  # raises where a backend of this name is started, and so if the import computes anything
except RuntimeError:
    print('not started')
print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))
"""
TIMED = """
import time
start = time.process_time()
import jax, brainunit
between = time.process_time()
import brainpy_state
print((time.process_time() - between) / (between - start))
"""


def test_import_brings_nothing_heavy_and_neither_computes_nor_warns(python):
    version, backend, added = python('-c', LOADED, JAX_PLATFORMS='none_of_these').splitlines()
    assert version.count('.') >= 1
    assert backend == 'not started'
    assert 'brainpy_state' in added.split()
    assert not set(added.split()) & HEAVY


@pytest.mark.slow
def test_import_takes_little_longer_than_that_of_jax_and_units(python, tmp_path):
    compiled = {'PYTHONPYCACHEPREFIX': str(tmp_path), 'PYTHONDONTWRITEBYTECODE': ''}
    python('-c', TIMED, **compiled)  # compiles the modules
    assert min(float(python('-c', TIMED, **compiled)) for _ in range(3)) < MOST
