"""What loops and functions keep for the backward pass, when they compute again in it."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import ParamState, State
from brainpy_state.transform import checkpoint, checkpointed_for_loop, for_loop, jit


def saved(f, *args):
    """The number of float values that the backward pass keeps of the forward pass."""
    kept = jax.tree.leaves(jax.vjp(f, *args)[1])
    return sum(x.size for x in kept if jnp.issubdtype(x.dtype, jnp.floating))


@pytest.mark.slow
def test_fewer_values_are_kept_for_the_backward_pass():
    w = ParamState(jnp.full(10, 0.9))

    def last(loop, **options):
        @jit
        def run(x):
            h = State(jnp.zeros(10))

            def step(x):
                for _ in range(3):
                    h.value = jnp.tanh(w.value * h.value + x)

            loop(step, x, **options)
            return h.value.sum()

        return run

    xs = jnp.ones(256)
    plain, two_levels, more_levels = (
        saved(f, xs) for f in (last(for_loop), last(checkpointed_for_loop), last(checkpointed_for_loop, base=4))
    )
    # a state of ten numbers for each step, from which the rest is computed again; one for each of the 16, or 4, blocks; and the inputs
    assert 10 * 256 <= plain <= 10 * 256 + 256 + 100
    assert two_levels <= 256 + 10 * 16 + 100
    assert more_levels <= 256 + 10 * 4 + 100


MEMORY = """
import json, sys
import brainunit as u, jax, jax.numpy as jnp
import braintools
import brainpy_state as bst

n = 100
class Net(bst.nn.Module):
    def __init__(self):
        super().__init__()
        self.recurrent = bst.nn.Linear(n, n, w_init=braintools.init.Normal(0.0, 0.1))
        self.neurons = bst.LIF(n, tau=10. * u.ms)

    def update(self, x):
        return self.neurons((x + self.recurrent(self.neurons.spike.value)) * u.mA)

bst.environ.set(dt=0.1 * u.ms)
net = bst.nn.init_all_states(Net())
loop = getattr(bst.transform, sys.argv[1])

def loss(gain):
    bst.nn.init_all_states(net)
    def step(i):
        return net(gain * (1.5 + jnp.sin(i * 0.01))).mean()
    return loop(step, jnp.arange(100_000)).mean()

found = bst.transform.grad(loss, net.recurrent.weight, argnums=0)(jnp.float32(1.0))
slopes = jax.tree.map(lambda x: float(abs(x).max()), jax.tree.leaves(found))
peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))  # ru_maxrss is the parent's at least
print(json.dumps({'peak': int(peak.split()[1]) / 1024, 'slopes': slopes}))
"""


@pytest.mark.slow
def test_the_gradient_of_a_hundred_thousand_steps_fits_into_a_gigabyte(python):
    found = json.loads(python('-c', MEMORY, 'checkpointed_for_loop', JAX_PLATFORMS='cpu'))
    assert found['peak'] < 1000  # MB; the plain loop keeps ten times 40 MB and more
    assert all(0 < slope < np.inf for slope in found['slopes'])


def inner(x):
    for _ in range(4):
        x = jnp.sin(x)
    return x


def test_inner_values_are_not_kept():
    x = jnp.ones(10)
    assert saved(inner, x) == 40
    assert saved(checkpoint(inner), x) == 10


def test_the_policy_says_what_is_kept():
    w = ParamState(jnp.ones((10, 10)))

    def layer(x):
        return jnp.sin(jnp.sin(x) @ w.value)

    x = jnp.ones(10)
    nothing, dots = (saved(checkpoint(layer, policy=p), x) for p in (None, jax.checkpoint_policies.dots_saveable))
    assert dots == nothing + 10
