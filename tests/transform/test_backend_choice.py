"""The choice of event kernels is part of what a compiled function must match."""

import jax.numpy as jnp
import numpy as np

from brainpy_state import event, one_to_one
from brainpy_state.transform import jit


def test_another_event_backend_traces_again():
    connection = one_to_one(3, 3, weight=2.0)
    seen = []

    @jit
    def deliver(spikes):
        seen.append(event.preference())
        return connection(spikes)

    spikes = jnp.array([0.0, 1.0, 1.0])
    for choice in ('auto', 'xla', 'auto', 'xla'):
        with event.use_backend(choice):
            np.testing.assert_array_equal(deliver(spikes), [0.0, 2.0, 2.0])
    assert seen == ['auto', 'xla']
