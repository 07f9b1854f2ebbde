"""`GapJunction` against the exact solution of coupled linear cells, and against a dense simulation."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import brainpy_state as bst
from brainpy_state import GapJunction, ShapeError, UnitError
from brainpy_state.transform import for_loop

TAU, R, DT = 10.0, 0.1, 0.01  # ms, Gohm
START = np.array([-50.0, -60.0, -70.0, -65.0])
PAIRS = [(0, 1), (1, 2), (3, 0)]
G = np.array([2.0, 5.0, 1.0])  # nS


def cells(n, start, **options):
    return bst.LIF(
        n, R=R * u.Gohm, tau=TAU * u.ms, V_rest=-60.0 * u.mV, V_reset=-90.0 * u.mV, V_th=100.0 * u.mV, V_initializer=start * u.mV, **options
    )


def connection(pairs, g, shape):
    csr = bst.event.CSR.from_pairs(*np.array(pairs).T, shape)
    order = bst.event.CSR.row_order(np.array(pairs)[:, 0])
    return bst.Connection(csr, g[order] * u.nS)


class Coupled(bst.nn.Module):
    def __init__(self, symmetric):
        super().__init__()
        self.N = cells(4, START)
        self.gap = GapJunction(self.N, self.N, connection(PAIRS, G, (4, 4)), symmetric=symmetric)

    def update(self):
        self.gap()
        self.N()
        return self.N.V.value.to_decimal(u.mV)


@pytest.mark.slow
@pytest.mark.parametrize('symmetric', [True, False])
def test_coupled_cells_follow_the_exact_solution_to_first_order_in_dt(symmetric, x64):
    matrix = np.zeros((4, 4))
    for (i, j), g in zip(PAIRS, G, strict=True):
        matrix[j, i] += g
        if symmetric:
            matrix[i, j] += g
    A = (R * (matrix - np.diag(matrix.sum(axis=1))) - np.eye(4)) / TAU
    errors = []
    for dt in (0.02, 0.01):
        with bst.environ.context(dt=dt * u.ms):
            V = for_loop(bst.nn.init_all_states(Coupled(symmetric)), length=round(5.0 / dt))
        exact = -60.0 + scipy.linalg.expm(5.0 * A) @ (START + 60.0)
        errors.append(np.abs(V[-1] - exact).max())
    assert errors[1] < 5e-3
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.05)


@pytest.mark.slow
def test_current_between_two_populations_flows_both_ways(x64):
    class Pair(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.A, self.B = cells(2, np.array([-50.0, -55.0])), cells(3, np.full(3, -70.0))
            self.gap = GapJunction(self.A, self.B, connection([(0, 2), (1, 0)], np.array([3.0, 4.0]), (2, 3)))

        def update(self):
            self.gap()
            self.A(), self.B()
            return self.A.V.value.to_decimal(u.mV), self.B.V.value.to_decimal(u.mV)

    with bst.environ.context(dt=DT * u.ms):
        a, b = bst.nn.init_all_states(Pair())()
    rate = DT / TAU
    np.testing.assert_allclose(a, [-50.0 + rate * (-10 - R * 3 * 20), -55.0 + rate * (-5 - R * 4 * 15)], rtol=1e-5)
    np.testing.assert_allclose(b, [-70.0 + rate * (10 + R * 4 * 15), -70.0 + rate * 10, -70.0 + rate * (10 + R * 3 * 20)], rtol=1e-5)


def test_strong_coupling_is_stable_with_long_steps():
    net = Coupled(True)
    net.gap.comm.weight.value = jnp.full(3, 1e4) * u.nS
    with bst.environ.context(dt=1.0 * u.ms):
        V = for_loop(bst.nn.init_all_states(net), length=200)
    assert np.isfinite(V).all()
    assert (np.abs(V) <= 70.001).all()


def test_a_batch_equals_single_runs(dt):
    net = Coupled(True)
    alone = for_loop(bst.nn.init_all_states(net), length=20)
    together = for_loop(bst.nn.init_all_states(net, batch_size=2), length=20)
    for b in range(2):
        np.testing.assert_allclose(together[:, b], alone, rtol=1e-6)


def test_what_does_not_fit_is_refused():
    N = cells(4, START)
    with pytest.raises(ShapeError, match=r'comm couples \(3, 4\) neurons, but pre and post have \(4, 4\)'):
        GapJunction(N, N, bst.all_to_all(3, 4, weight=1.0 * u.nS))
    with pytest.raises(UnitError, match='weight'):
        GapJunction(N, N, bst.all_to_all(4, 4, weight=1.0 * u.mV))
    with pytest.raises(TypeError, match='pre and post must be neurons'):
        GapJunction(N, 3, bst.all_to_all(4, 4, weight=1.0 * u.nS))
