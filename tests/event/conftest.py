"""Both backends, both precisions, and networks of every awkward kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jax
import numpy as np
import pytest

from brainpy_state import event

BACKENDS = ('numba', 'xla')

# (pre, post) and pairs; an empty row, duplicate pairs, sources beyond one 64-item block, empty networks.
NETWORKS = {
    'random': (70, 30, None),
    'wide': (5, 300, None),
    'duplicates': (4, 3, ([0, 0, 0, 2], [1, 1, 2, 1])),
    'empty_rows': (200, 6, ([0, 63, 64, 199], [5, 0, 0, 5])),
    'no_synapses': (9, 4, ([], [])),
    'no_sources': (0, 4, ([], [])),
    'no_targets': (4, 0, ([], [])),
}


def build(name: str) -> event.CSR:
    pre, post, pairs = NETWORKS[name]
    if pairs is None:
        pairs = np.nonzero(np.random.default_rng(pre).random((pre, post)) < 0.2)
    return event.CSR.from_pairs(*pairs, (pre, post))


@pytest.fixture(params=NETWORKS, scope='session')
def csr(request: pytest.FixtureRequest) -> event.CSR:
    """One of the networks."""
    return build(request.param)


@pytest.fixture
def network() -> Callable[[str], event.CSR]:
    """Builds a network by its name."""
    return build


@pytest.fixture
def small() -> event.CSR:
    """A network small enough for Hessians."""
    return event.CSR.from_pairs([0, 0, 1, 3, 3], [1, 2, 0, 0, 2], (4, 3))


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test on each backend."""
    with event.use_backend(request.param):
        yield request.param


@pytest.fixture(params=(np.float32, np.float64), ids=('float32', 'float64'))
def dtype(request: pytest.FixtureRequest) -> Iterator[type]:
    """Run the test in each precision."""
    with jax.enable_x64(request.param is np.float64):
        yield request.param
