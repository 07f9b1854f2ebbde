"""What `import brainpy_state` costs."""

HEAVY = {'numba', 'llvmlite', 'matplotlib', 'braintools', 'brainstate', 'brainevent', 'scipy', 'optax', 'pandas', 'IPython'}


def test_import_brings_nothing_heavy_besides_jax_and_units(python):
    code = """
import sys, jax, jax.numpy, brainunit
before = set(sys.modules)
import brainpy_state
print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))
"""
    added = set(python('-c', code).split())
    assert 'brainpy_state' in added
    assert not added & HEAVY


def test_import_starts_no_jax_backend(python):
    # starting a backend of this name raises, so an import that computes anything fails here
    code = """
import brainpy_state, jax
try:
    jax.devices()
except RuntimeError:
    print('not started')
"""
    assert python('-c', code, JAX_PLATFORMS='none_of_these').strip() == 'not started'


def test_import_prints_nothing_and_warns_of_nothing_of_its_own(python):
    code = """
import warnings, jax, brainunit
warnings.simplefilter('error')
import brainpy_state
"""
    assert python('-c', code) == ''


def test_the_version_is_a_string(python):
    assert python('-c', 'import brainpy_state; print(brainpy_state.__version__)').strip().count('.') >= 1
