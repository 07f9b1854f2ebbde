"""`Expon`: an exact exponential decay."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import Expon, UnitError
from brainpy_state.transform import for_loop, grad


def test_impulse_response(dt):
    syn = bst.nn.init_all_states(Expon(1))
    g = [float(syn(x * u.mS).to_decimal(u.mS)[0]) for x in (1.0, 0.0, 0.0)]
    # 1, exp(-0.1 / 8), exp(-0.2 / 8); five digits
    np.testing.assert_allclose(g, [1.0, 0.98758, 0.97531], atol=5e-6)


@pytest.mark.parametrize('tau', [0.5, 8.0, 100.0])
@pytest.mark.parametrize('step', [0.01, 0.1, 5.0])
def test_decay_is_exact_whatever_the_step(tau, step, x64):
    syn = bst.nn.init_all_states(Expon(1, tau=tau * u.ms, g_initializer=2.0 * u.mS))
    with bst.environ.context(dt=step * u.ms):
        g = for_loop(lambda: syn(), length=100)
    exact = 2.0 * np.exp(-step * np.arange(100) / tau)
    # a hundred products, each rounded once; where g has become denormal nothing is left to compare
    np.testing.assert_allclose(g.to_decimal(u.mS)[:, 0], exact, rtol=1e-13, atol=1e-300)


def test_response_is_linear_in_the_input(dt, x64):
    rng = np.random.default_rng(0)
    a, b = (jnp.asarray(rng.random((50, 3))) * u.mS for _ in range(2))

    def response(x):
        syn = bst.nn.init_all_states(Expon(3))
        return for_loop(syn, x).to_decimal(u.mS)

    np.testing.assert_allclose(response(a + 2.0 * b), response(a) + 2.0 * response(b), rtol=1e-12)


def test_published_defaults():
    syn = bst.nn.init_all_states(Expon(2))
    assert syn.tau == 8.0 * u.ms
    assert u.get_unit(syn.g.value) == u.mS
    np.testing.assert_array_equal(syn.g.value.mantissa, [0.0, 0.0])


def test_unit_of_g_is_that_of_its_initializer(dt):
    syn = bst.nn.init_all_states(Expon(1, g_initializer=0.0 * u.pA))
    g = syn(1.0 * u.nA)
    assert u.get_unit(g) == u.pA
    np.testing.assert_allclose(g.mantissa, [1000.0])
    with pytest.raises(UnitError, match='Expon: input .*= .* has the unit mS, but needs one like pA'):
        syn(1.0 * u.mS)


def test_an_input_without_a_unit_is_an_error(dt):
    syn = bst.nn.init_all_states(Expon(1, name='AMPA'))
    with pytest.raises(UnitError, match=r"Expon 'AMPA': input .*= 1\.0 has no unit, but needs one like mS; for example .*1\.0 \* u\.mS"):
        syn(1.0)


def test_batch_and_type(dt, precision):
    syn = bst.nn.init_all_states(Expon(3), batch_size=2)
    g = syn(jnp.ones((2, 3)) * u.mS)
    assert g.shape == (2, 3)
    assert g.dtype == f'float{precision}'


def test_time_constants_of_single_neurons(dt, x64):
    tau = np.array([2.0, 8.0])
    syn = bst.nn.init_all_states(Expon(2, tau=tau * u.ms, g_initializer=1.0 * u.mS))
    syn()
    np.testing.assert_allclose(syn().to_decimal(u.mS), np.exp(-0.1 / tau), rtol=1e-14)


def test_gradient_by_a_trainable_time_constant(dt, x64):
    tau = bst.ParamState(jnp.array(8.0) * u.ms)
    syn = Expon(1, tau=tau, g_initializer=1.0 * u.mS)

    def loss():
        bst.nn.init_all_states(syn)
        return for_loop(lambda: syn(), length=11)[-1, 0].to_decimal(u.mS)

    # d/dtau exp(-T / tau) = T / tau**2 exp(-T / tau) with T = 1 ms
    assert float(u.get_mantissa(grad(loss, tau)())) == pytest.approx(np.exp(-1 / 8) / 64, rel=1e-12)


@pytest.mark.parametrize('tau', [5, -5.0 * u.ms, 5.0 * u.mV])
def test_a_bad_time_constant_is_an_error(tau):
    with pytest.raises((TypeError, ValueError), match='Expon: tau = '):
        Expon(1, tau=tau)


def test_receiving_before_allocation_says_what_to_do():
    with pytest.raises(AttributeError, match='init_all_states'):
        Expon(1).receive(1.0 * u.mS)


def test_what_is_received_acts_from_the_next_step_on(dt):
    syn = bst.nn.init_all_states(Expon(2))
    syn.receive(jnp.array([1.0, 0.0]) * u.mS)
    syn.receive(jnp.array([1.0, 3.0]) * u.mS)
    np.testing.assert_array_equal(syn().to_decimal(u.mS), [2.0, 3.0])
    # between steps g stands where V stands: at the start of the next step
    np.testing.assert_allclose(syn.g.value.to_decimal(u.mS), np.array([2.0, 3.0]) * np.exp(-0.1 / 8), rtol=1e-6)


def test_an_input_to_the_step_equals_one_received_before_it(dt):
    a, b = (bst.nn.init_all_states(Expon(2)) for _ in range(2))
    for x in ([1.0, 0.0], [0.0, 2.0]):
        x = jnp.array(x) * u.mS
        b.receive(x)
        np.testing.assert_array_equal(a(x).mantissa, b().mantissa)


def test_a_synapse_that_defines_nothing_says_so(dt):
    class Silent(bst.Synapse):
        """Defines nothing."""

    with pytest.raises(NotImplementedError, match='Silent does not define `receive`'):
        Silent(1).receive(1.0)
    with pytest.raises(NotImplementedError, match='Silent does not define `update`'):
        Silent(1)()
