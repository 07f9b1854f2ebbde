"""Arrays that are shared out over devices are written part by part, and go back to where they were."""

import pytest

CODE = """
import sys
import jax, jax.numpy as jnp, numpy as np
import brainpy_state as bst
from brainpy_state.files import _write

_write._BLOCK = 64
mesh, P = jax.sharding.Mesh(np.array(jax.devices()).reshape(2, 2), ('x', 'y')), jax.sharding.PartitionSpec
x, keys = jnp.arange(400.0).reshape(100, 4), jax.random.split(jax.random.key(0), 100)
for spec in (P('x'), P('x', 'y'), P(None, 'y'), P()):
    sharding, of_keys = (jax.sharding.NamedSharding(mesh, s) for s in (spec, P('x')))
    value = {'w': jax.device_put(x, sharding), 'h': jax.device_put(x.astype(jnp.bfloat16), sharding), 'k': jax.device_put(keys, of_keys)}
    state = bst.State(value)
    bst.save_states(sys.argv[1], state)
    state.value = jax.tree.map(lambda a: jax.device_put(a[::-1], a.sharding), value)
    bst.load_states(sys.argv[1], state)
    back = state.value
    right = [(back['w'] == x).all(), (back['h'] == x.astype(jnp.bfloat16)).all(), (jax.random.key_data(back['k']) == jax.random.key_data(keys)).all()]
    there = [back['w'].sharding == sharding, back['h'].sharding == sharding, back['k'].sharding == of_keys]
    print(all(map(bool, right)), all(there))
"""


@pytest.mark.slow
def test_sharded_arrays_come_back_to_their_devices(python, tmp_path):
    printed = python('-c', CODE, str(tmp_path / 'x'), XLA_FLAGS='--xla_force_host_platform_device_count=4', JAX_PLATFORMS='cpu')
    assert printed.split() == ['True'] * 8
