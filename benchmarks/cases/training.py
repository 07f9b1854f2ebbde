"""Forward and backward pass of spiking networks, dense and sparse: this project, plain JAX, and libraries for training.

T1: 700-256 recurrent-20, batch 128, 100 steps. T2: 700-512-512-20, the same. T3: 100-256 recurrent-10, batch 16, 2,000 steps. Inputs are
dense arrays with 3 % ones. ``long``: T3 with 100,000 steps, whose gradient needs checkpoints. ``coba`` and ``cuba``: Vogels and Abbott's
networks of 4,000 neurons, 1,000 steps, gradients by the two weights.

Dynamics and gradients are compared before anything is timed. Of T1 to T3, all but Spyx have the loss and the norms of a reference in NumPy,
by 1e-4: this project, plain JAX, SpikingJelly and Norse's recurrent layer with the reset held fixed in the derivative; snnTorch, Norse's
other layer and ``ours-through`` with a derivative that goes through it. That of T3 is not finite, so snnTorch is left out there. Spyx has
another reset. Gradients of the sparse networks are those of XLA without native code. ``compile s`` is the whole first call.
"""

from benchmarks._contender import OURS, WORKERS, Case, Contender

INSTALL_SPYX = 'python -m venv ENV && ENV/bin/pip install spyx==1.0.0 jax, then --peer-python spyx=ENV/bin/python'
PACKAGES = 'snntorch==1.0.0 norse==1.1.0 spikingjelly==2.0.0'
INSTALL_TORCH = f'python -m venv ENV && ENV/bin/pip install {PACKAGES}, then --peer-python {{0}}=ENV/bin/python'
TORCH = 'snntorch', 'norse', 'spikingjelly'
PEERS = {'T1': TORCH, 'T2': TORCH, 'T3': TORCH[1:], 'long': ()}
SPARSE = 'coba', 'cuba'


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project, and its forward pass alone; plain JAX, and peers where they have such networks."""

    def ours(name: str, file: str, *options: str) -> Contender:
        arguments = str(WORKERS / file), *options, '--seed', str(seed)
        return Contender(name, arguments, OURS, 'brainpy_state', install='pip install -e .')

    def peer(name: str, file: str, install: str, own_environment: bool = True) -> Contender:
        arguments = str(WORKERS / file), '--task', variant, '--contender', name, '--seed', str(seed)
        return Contender(name, arguments, name, name, install=install.format(name), own_environment=own_environment)

    if variant in SPARSE:
        network = 'training_sparse.py', '--synapses', variant
        one = '--threads', '1'
        return (
            ours('ours', *network),
            ours('ours-forward', *network, '--forward'),
            ours('ours-1-thread', *network, *one),
            ours('ours-1-thread-forward', *network, '--forward', *one),
        )
    task = 'training.py', '--contender', 'ours', '--task', variant
    return (
        ours('ours', *task),
        ours('ours-forward', *task, '--forward'),
        *((ours('ours-through', *task, '--through'),) if variant == 'T1' else ()),
        peer('jax', 'training.py', 'pip install jax', own_environment=False),
        *(() if variant == 'long' else (peer('spyx', 'training.py', INSTALL_SPYX),)),
        *(peer(name, 'training_torch.py', INSTALL_TORCH) for name in PEERS[variant]),
    )


CASE = Case('Training: forward and backward pass', (*PEERS, *SPARSE), contenders)
