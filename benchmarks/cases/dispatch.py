"""What a call of a compiled function costs before and after its work: 1,000 calls that add to small states.

``jax`` passes the same values to ``jax.jit`` and takes them back, ``brainstate`` is the kernel under brainpy.
Variants are numbers of states, and how the function is called.
"""

from benchmarks._contender import OURS, WORKERS, Case, Contender
from benchmarks.cases._network import INSTALL_BRAINPY

WAYS = ('plain', 'argument', 'second', 'alternating', 'module', 'settings')
VARIANTS = tuple(f'{n} {way}' for n in (1, 10, 50, 200) for way in WAYS[:3]) + tuple(f'{n} {way}' for n in (1, 50) for way in WAYS[3:])


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project, plain JAX, brainstate."""
    states, way = variant.split()

    def worker(kernel: str) -> tuple[str, ...]:
        return (str(WORKERS / 'dispatch.py'), '--kernel', kernel, '--states', states, '--way', way)

    return (
        Contender('ours', worker('brainpy_state'), OURS, 'brainpy_state', install='pip install -e .'),
        Contender('jax', worker('jax'), 'jax', 'jax', install='pip install jax'),
        Contender('brainstate', worker('brainstate'), 'brainpy', 'brainstate', install=INSTALL_BRAINPY, own_environment=True),
    )


CASE = Case('1,000 calls of a compiled function', VARIANTS, contenders)
