"""Products in tiles, against NumPy: for all heights, and tiles of every size that some processor takes."""

import numpy as np
import pytest
from numba import cfunc, types

from brainpy_state.event._within import PANEL
from brainpy_state.event.backends import numba_matrix
from brainpy_state.event.backends.numba_memory import OPTIONS

SIZES = {'32 registers': (8, 16, 4), '16 registers': (6, 12, 2)}
STEPS, WIDTH = 5, PANEL + 21


def compiled(kernel):
    function = cfunc(types.int64(*[types.int64] * kernel.__code__.co_argcount), **OPTIONS)(kernel)
    return function.ctypes


@pytest.fixture(scope='module')
def kernels():
    """The product with a matrix in panels, for each size."""
    found = {}
    for name, size in SIZES.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(numba_matrix, 'tallest', lambda size=size: size)
            found[name] = compiled(numba_matrix.product_of_all('float32'))
    return found


@pytest.mark.parametrize('rows', [*range(1, 19), 33])
def test_a_product_is_that_of_numpy_whatever_its_height(kernels, rows):
    rng = np.random.default_rng(rows)
    a, b = (rng.normal(size=size).astype(np.float32) for size in ((rows, STEPS), (STEPS, WIDTH)))
    padded = np.pad(b, ((0, 0), (0, -WIDTH % PANEL)))
    panels = np.concatenate([padded[:, k : k + PANEL].ravel() for k in range(0, WIDTH, PANEL)])
    found = []
    for kernel in kernels.values():
        for parts in (1, 2):
            c = np.full((rows, WIDTH), np.nan, np.float32)
            context = np.array([a.ctypes.data, panels.ctypes.data, c.ctypes.data, rows, STEPS, WIDTH], np.int64)
            for part in range(parts):
                kernel(context.ctypes.data, part, parts)
            found.append(c)
    np.testing.assert_allclose(found[0], a @ b, rtol=1e-5, atol=1e-5)
    assert all(np.array_equal(found[0], other) for other in found[1:])


@pytest.mark.slow
def test_what_sources_collect_is_that_of_numpy_for_all_sizes(monkeypatch):
    for size in SIZES.values():
        monkeypatch.setattr(numba_matrix, 'tallest', lambda size=size: size)
        kernel = compiled(numba_matrix.to_pre('float32', False))
        for batch, pre in ((1, 1), (4, 3), (5, 7), (9, 8)):
            rng = np.random.default_rng(batch)
            weights, values = (rng.normal(size=(number, WIDTH)).astype(np.float32) for number in (pre, batch))
            collected = np.full((batch, pre), np.nan, np.float32)
            addresses = [x.ctypes.data for x in (weights, values, collected)]
            kernel(np.array([*addresses, batch, pre, WIDTH, 0], np.int64).ctypes.data, 0, 1)
            np.testing.assert_allclose(collected, values @ weights.T, rtol=1e-4, atol=1e-4)
