"""`AlignPostProj` and `DeltaProj`: what is delivered when, which receptors are shared, gradients and errors."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import (
    COBA,
    CUBA,
    LIF,
    AlignPostProj,
    DeltaProj,
    Expon,
    LIFRef,
    ParamState,
    ShapeError,
    UnitError,
    one_to_one,
    pairwise_bernoulli,
)  # fmt: skip
from brainpy_state.transform import for_loop, grad


def pair(syn=None, out=None, n=2, weight=1.0 * u.mS, post=None, **parameters):
    """A neuron with one projection, ready to run."""
    post = post or LIF(n, V_th=1000.0 * u.mV, **parameters)
    projection = AlignPostProj(comm=one_to_one(n, n, weight=weight), syn=syn or Expon.desc(), out=out or CUBA.desc(), post=post)
    return post, projection


def test_a_delivery_acts_in_the_next_step_of_the_target(dt):
    post, projection = pair()
    bst.nn.init_all_states(post)
    projection(jnp.array([1.0, 0.0]))
    np.testing.assert_array_equal(projection.receptor.syn.g.value.mantissa, [1.0, 0.0])
    np.testing.assert_array_equal(post.V.value.mantissa, [0.0, 0.0])
    post()
    # 1 mS * 1 V = 1 mA through 1 ohm from rest
    np.testing.assert_allclose(post.V.value.to_decimal(u.mV), [0.01980132, 0.0], rtol=5e-7)
    np.testing.assert_allclose(projection.receptor.syn.g.value.mantissa, [np.exp(-0.1 / 8), 0.0], rtol=1e-6)


def test_delivering_twice_adds_up(dt):
    post, projection = pair()
    bst.nn.init_all_states(post)
    projection(jnp.array([1.0, 0.0]))
    projection(jnp.array([1.0, 1.0]))
    np.testing.assert_array_equal(projection.receptor.syn.g.value.mantissa, [2.0, 1.0])
    post()
    np.testing.assert_allclose(post.V.value.to_decimal(u.mV), [2 * 0.01980132, 0.01980132], rtol=5e-7)


def test_a_delivery_waits_until_the_target_is_called(dt):
    post, projection = pair()
    bst.nn.init_all_states(post)
    bst.transform.jit(lambda s: projection(s))(jnp.array([1.0, 0.0]))
    bst.transform.jit(lambda: post())()
    np.testing.assert_allclose(post.V.value.to_decimal(u.mV), [0.01980132, 0.0], rtol=5e-7)


def test_initialising_again_forgets_deliveries(dt):
    post, projection = pair()
    bst.nn.init_all_states(post)
    projection(jnp.ones(2))
    bst.nn.init_all_states(post)
    post()
    np.testing.assert_array_equal(projection.receptor.syn.g.value.mantissa, [0.0, 0.0])


def test_a_delta_projection_adds_to_v_after_integration(dt):
    post = LIF(2, V_th=1000.0 * u.mV)
    projection = DeltaProj(comm=one_to_one(2, 2, weight=0.5 * u.mV), post=post)
    bst.nn.init_all_states(post)
    projection(jnp.array([1.0, 0.0]))
    projection(jnp.array([1.0, 1.0]))
    post(1.0 * u.mA)
    np.testing.assert_allclose(post.V.value.to_decimal(u.mV), [1.01980132, 0.51980132], rtol=1e-6)
    post(1.0 * u.mA)
    decayed = 1 + (np.array([1.01980132, 0.51980132]) - 1) * np.exp(-0.02)
    np.testing.assert_allclose(post.V.value.to_decimal(u.mV), decayed, rtol=1e-6)


def test_a_refractory_neuron_ignores_jumps(dt):
    post = LIFRef(1, tau_ref=1.0 * u.ms, spk_reset='hard')
    projection = DeltaProj(comm=one_to_one(1, 1, weight=5.0 * u.mV), post=post)
    bst.nn.init_all_states(post)

    def step():
        projection(jnp.ones(1))
        return post()

    spikes = for_loop(step, length=40)[:, 0]
    assert set(np.diff(np.flatnonzero(spikes))) == {10}


MERGING = {
    'equal': (Expon.desc(tau=5.0 * u.ms), Expon.desc(tau=5.0 * u.ms), COBA.desc(), COBA.desc(), 1),
    'equal arrays': (Expon.desc(tau=np.full(2, 5.0) * u.ms), Expon.desc(tau=np.full(2, 5.0) * u.ms), COBA.desc(), COBA.desc(), 1),
    'other order of keywords': (
        Expon.desc(tau=5.0 * u.ms, g_initializer=0.0 * u.nS),
        Expon.desc(g_initializer=0.0 * u.nS, tau=5.0 * u.ms),
        COBA.desc(),
        COBA.desc(),
        1,
    ),
    'other tau': (Expon.desc(tau=5.0 * u.ms), Expon.desc(tau=6.0 * u.ms), COBA.desc(), COBA.desc(), 2),
    'other E': (Expon.desc(), Expon.desc(), COBA.desc(E=0.0 * u.mV), COBA.desc(E=-80.0 * u.mV), 2),
    'other output': (Expon.desc(), Expon.desc(), COBA.desc(), CUBA.desc(), 2),
    'other array': (Expon.desc(tau=np.array([5.0, 5.0]) * u.ms), Expon.desc(tau=np.array([5.0, 6.0]) * u.ms), COBA.desc(), COBA.desc(), 2),
    'other unit of the same number': (Expon.desc(tau=5.0 * u.ms), Expon.desc(tau=5.0 * u.us), COBA.desc(), COBA.desc(), 2),
}


@pytest.mark.parametrize(('syn_a', 'syn_b', 'out_a', 'out_b', 'count'), MERGING.values(), ids=MERGING)
def test_projections_share_a_receptor_exactly_when_their_descriptions_are_equal(syn_a, syn_b, out_a, out_b, count):
    post, a = pair(syn_a, out_a)
    _, b = pair(syn_b, out_b, post=post)
    assert len(post.receptors) == count
    assert (a.receptor is b.receptor) == (count == 1)


def test_long_arrays_that_differ_in_the_middle_are_not_merged():
    n = 2000
    tau = np.full(n, 5.0)
    other = tau.copy()
    other[n // 2] = 6.0
    post = LIF(n)
    for values in (tau, other, tau.copy()):
        AlignPostProj(comm=one_to_one(n, n, weight=1.0 * u.mS), syn=Expon.desc(tau=values * u.ms), out=CUBA.desc(), post=post)
    assert len(post.receptors) == 2
    bst.nn.init_all_states(post)
    assert post.receptors[1].syn.tau[n // 2] == 6.0 * u.ms


def test_an_option_of_the_synapse_tells_receptors_apart():
    post, start = pair(Expon.desc(tau=5.0 * u.ms))
    _, mean = pair(Expon.desc(tau=5.0 * u.ms, acts='mean'), post=post)
    _, same = pair(Expon.desc(acts='mean', tau=5.0 * u.ms), post=post)
    assert start.receptor is not mean.receptor
    assert mean.receptor is same.receptor
    assert (start.receptor.syn.acts, mean.receptor.syn.acts) == ('start', 'mean')


def test_a_state_as_parameter_is_shared_only_with_itself():
    tau = ParamState(jnp.array(5.0) * u.ms)
    post, _ = pair(Expon.desc(tau=tau))
    pair(Expon.desc(tau=tau), post=post)
    pair(Expon.desc(tau=ParamState(jnp.array(5.0) * u.ms)), post=post)
    assert len(post.receptors) == 2
    assert tau in bst.nn.init_all_states(post).states(ParamState).values()


def test_merged_receptors_give_what_separate_ones_give(dt, x64):
    spikes = jnp.asarray((np.random.default_rng(0).random((60, 2, 2)) < 0.3).astype(float))

    def run(other):
        post, a = pair(Expon.desc(tau=5.0 * u.ms), COBA.desc(E=10.0 * u.mV))
        _, b = pair(Expon.desc(tau=5.0 * u.ms), COBA.desc(E=other * u.mV), post=post)
        bst.nn.init_all_states(post)

        def step(s):
            a(s[0]), b(s[1])
            post()
            return post.V.value.to_decimal(u.mV)

        return len(post.receptors), for_loop(step, spikes)

    (merged, V), (separate, W) = run(10.0), run(10.0 + 1e-13)
    assert (merged, separate) == (1, 2)
    np.testing.assert_allclose(V, W, rtol=1e-11)


def test_a_reversal_potential_for_each_target_neuron(dt):
    post, projection = pair(out=COBA.desc(E=np.array([10.0, -10.0]) * u.mV), weight=1.0 * u.siemens)
    bst.nn.init_all_states(post)
    projection(jnp.ones(2))
    post()
    V = post.V.value.to_decimal(u.mV)
    np.testing.assert_allclose(V[0], -V[1], rtol=1e-6)
    assert V[0] > 0


@pytest.mark.slow
@pytest.mark.parametrize('out', [CUBA.desc(scale=1.0 * u.mV), COBA.desc(E=5.0 * u.mV)], ids=['CUBA', 'COBA'])
def test_gradient_by_the_weights_equals_finite_differences(out, dt, x64):
    # without the reset in the gradient: its surrogate is not the derivative that finite differences see
    post = LIF(3, V_th=1000.0 * u.mV, detach_reset=True)
    rng = np.random.default_rng(4)
    projection = AlignPostProj(
        comm=pairwise_bernoulli(6, 3, 0.6, weight=lambda shape: rng.uniform(0.5, 1.5, shape) * u.siemens, seed=2),
        syn=Expon.desc(tau=3.0 * u.ms), out=out, post=post,
    )  # fmt: skip
    spikes = jnp.asarray((rng.random((15, 6)) < 0.3).astype(float))
    weight = projection.comm.weight

    def step(s):
        projection(s)
        post()

    def loss():
        bst.nn.init_all_states(post)
        for_loop(step, spikes)
        return jnp.sum(post.V.value.to_decimal(u.mV) ** 2)

    gradient = u.get_mantissa(grad(loss, weight)())
    start, h = np.asarray(weight.value.mantissa), 1e-5
    numeric = []
    for k in range(start.size):
        sides = []
        for sign in (1, -1):
            weight.value = u.Quantity(jnp.asarray(start + sign * h * (np.arange(start.size) == k)), unit=u.siemens)
            sides.append(float(loss()))
        numeric.append((sides[0] - sides[1]) / (2 * h))
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0
    # central differences: h**2 of curvature and 1e-16 / h of rounding, of values of order one
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)


def test_gradient_reaches_the_weights_through_spikes(dt):
    pre, (post, projection) = LIF(2), pair(out=CUBA.desc(scale=1.0 * u.mV), weight=1.0 * u.siemens)

    def loss(scale):
        bst.nn.init_all_states(pre), bst.nn.init_all_states(post)

        def step():
            projection(pre(scale * 1.5 * u.mA))
            post()

        for_loop(step, length=80)
        return jnp.sum(post.V.value.to_decimal(u.mV))

    by_weight, by_input = grad(loss, projection.comm.weight, argnums=0)(1.0)
    assert np.isfinite(u.get_mantissa(by_weight)).all()
    assert float(u.get_mantissa(by_weight)) > 0
    assert np.isfinite(by_input)
    assert by_input != 0


BAD = {
    'syn is no synapse': (
        lambda: pair(syn=COBA()),
        TypeError,
        r'AlignPostProj: syn must be a Synapse or its description, such as `Class\.desc',
    ),
    'out is no output': (lambda: pair(out=Expon(2)), TypeError, 'out must be a SynOut or its description'),
    'roles swapped': (lambda: pair(syn=COBA.desc()), TypeError, 'syn must be a Synapse or its description'),
    'post is no model': (lambda: pair(post=COBA), TypeError, 'post must be a Neuron'),
    'label for a model by equations': (
        lambda: DeltaProj(comm=one_to_one(1, 1, weight=1.0), post=bst.LIF(1), label='ge'),
        bst.ParameterError,
        "label='ge' is given, but LIF",
    ),
    'delta post is no neuron': (
        lambda: DeltaProj(comm=one_to_one(1, 1, weight=1.0), post=None),
        TypeError,
        'DeltaProj: post must be a Neuron',
    ),
    'synapse of another size': (
        lambda: pair(syn=Expon.desc(3)),
        ShapeError,
        r'a synapse of size \(3,\) cannot act on a population of size \(2,\)',
    ),
}


@pytest.mark.parametrize(('make', 'kind', 'message'), BAD.values(), ids=BAD)
def test_bad_parts_are_errors_at_construction(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


def test_a_weight_of_the_wrong_unit_names_projection_target_and_units(dt):
    post, projection = pair(weight=1.0 * u.mV)
    bst.nn.init_all_states(post)
    with pytest.raises(
        UnitError, match=r'AlignPostProj: weight = .* has the unit mV, but needs one like mS.*g_initializer=0\. \* u\.mV would change'
    ):
        projection(jnp.ones(2))


def test_a_jump_of_the_wrong_unit_is_an_error(dt):
    post = LIF(2)
    projection = DeltaProj(comm=one_to_one(2, 2, weight=1.0 * u.nS), post=post, name='kick')
    bst.nn.init_all_states(post)
    with pytest.raises(UnitError, match="DeltaProj 'kick': weight = .* has the unit nS, but needs one like mV"):
        projection(jnp.ones(2))


def test_a_delivery_of_another_shape_is_an_error(dt):
    post, two = LIF(3, name='I'), one_to_one(2, 2, weight=1.0 * u.mS)
    message = r"AlignPostProj: comm delivers shape \(2,\), but its target LIF 'I' has shape \(3,\)"
    with pytest.raises(ShapeError, match=message):
        AlignPostProj(comm=two, syn=Expon.desc(), out=CUBA.desc(), post=post)
    projection = AlignPostProj(comm=lambda x: two(x), syn=Expon.desc(), out=CUBA.desc(), post=post)
    bst.nn.init_all_states(post)
    with pytest.raises(ShapeError, match=message):
        projection(jnp.ones(2))
