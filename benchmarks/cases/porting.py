"""Scripts for brainpy.state with the import changed: five networks of its documentation, in both packages.

``compile s`` is the whole first call, with tracing and compiling; ``run s`` is a repeat.
"""

from benchmarks._contender import OURS, WORKERS, Case, Contender
from benchmarks.cases._network import INSTALL_BRAINPY

NETWORKS = ('ei', 'coba', 'cuba', 'cobahh', 'gamma')


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project and brainpy.state."""

    def worker(kernel: str) -> tuple[str, ...]:
        return (str(WORKERS / 'porting.py'), '--kernel', kernel, '--network', variant, '--seed', str(seed))

    return (
        Contender('ours', worker('brainpy_state'), OURS, 'brainpy_state', install='pip install -e .'),
        Contender('brainpy', worker('brainpy'), 'brainpy', 'brainpy', install=INSTALL_BRAINPY, own_environment=True),
    )


CASE = Case('Scripts for brainpy.state', NETWORKS, contenders)
