"""Forward and backward pass of three spiking networks, dense and recurrent: this project, plain JAX, Spyx.

T1: 700-256 recurrent-20, batch 128, 100 steps. T2: 700-512-512-20, the same. T3: 100-256 recurrent-10, batch 16, 2,000 steps. Inputs are
dense arrays with 3 % ones. This project and plain JAX have the same dynamics and gradients (the reports hold loss and norms); those of
Spyx differ by its reset. ``compile s`` is the whole first call.
"""

from benchmarks._contender import OURS, WORKERS, Case, Contender

INSTALL_SPYX = 'python -m venv ENV && ENV/bin/pip install spyx==1.0.0 jax, then --peer-python spyx=ENV/bin/python'


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project, and its forward pass alone; plain JAX, and Spyx."""

    def worker(name: str, *options: str) -> tuple[str, ...]:
        return (str(WORKERS / 'training.py'), '--task', variant, '--contender', name, '--seed', str(seed), *options)

    return (
        Contender('ours', worker('ours'), OURS, 'brainpy_state', install='pip install -e .'),
        Contender('ours-forward', worker('ours', '--forward'), OURS, 'brainpy_state', install='pip install -e .'),
        Contender('jax', worker('jax'), 'jax', 'jax'),
        Contender('spyx', worker('spyx'), 'spyx', 'spyx', install=INSTALL_SPYX, own_environment=True),
    )


CASE = Case('Training: forward and backward pass', ('T1', 'T2', 'T3'), contenders)
