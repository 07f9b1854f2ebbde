"""Weights and delays that are drawn for each synapse."""

import math

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, UnitError, drawn

LARGE = dict(pre=100, post=80, total=40_000, seed=1)


def connection(pre=100, post=80, total=2000, seed=1, **options):
    return bst.fixed_total_number(pre, post, total, **({'weight': 1.0} | options), seed=seed)


def cdf(z):
    return 0.5 * math.erfc(-z / math.sqrt(2))


def test_normal_weights_have_mean_and_deviation():
    weights = connection(**LARGE, weight=drawn.normal(3.0 * u.nS, 2.0 * u.nS)).weights.to_decimal(u.nS)
    # four standard errors of 40,000 values
    assert weights.mean() == pytest.approx(3.0, abs=4 * 2.0 / 200)
    assert weights.std() == pytest.approx(2.0, rel=4 / np.sqrt(2 * 40_000))
    assert ((weights - 3.0) ** 3).mean() / 8 == pytest.approx(0.0, abs=4 * np.sqrt(15 / 40_000))


@pytest.mark.parametrize('limit', [0.5, 1.0, 2.5])
def test_normal_weights_have_the_distribution(limit):
    weights = np.asarray(connection(**LARGE, weight=drawn.normal(0.0, 1.0)).weights)
    p = cdf(limit)
    assert (weights < limit).mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 40_000))


def test_clipped_values_stand_at_the_limit_and_redrawn_ones_do_not():
    clipped = np.asarray(connection(**LARGE, weight=drawn.normal(1.0, 1.0, low=0.0, high=2.0)).weights)
    redrawn = np.asarray(connection(**LARGE, weight=drawn.normal(1.0, 1.0, low=0.0, high=2.0, outside='redraw')).weights)
    for limit in (0.0, 2.0):
        assert (clipped == limit).mean() == pytest.approx(cdf(-1), abs=0.008)  # four standard errors
        assert not (redrawn == limit).any()
    inside = (clipped > 0) & (clipped < 2)
    np.testing.assert_array_equal(redrawn[inside], clipped[inside])
    assert redrawn.min() > 0 and redrawn.max() < 2
    assert redrawn.std() == pytest.approx(0.5396, abs=0.01)  # of the truncated distribution


def test_uniform_weights_fill_their_range():
    weights = np.asarray(connection(**LARGE, weight=drawn.uniform(-1.0, 3.0)).weights)
    assert -1.0 <= weights.min() < -0.99 and 2.99 < weights.max() <= 3.0
    np.testing.assert_allclose(np.histogram(weights, 4)[0] / 10_000, 1, atol=0.04)  # four standard deviations


def test_neighbouring_synapses_and_sources_are_independent():
    weights = np.asarray(bst.fixed_outdegree(200, 100, 200, weight=drawn.normal(0.0, 1.0), seed=2).weights).reshape(200, 200)
    for shifted in ((weights[:, 1:], weights[:, :-1]), (weights[1:], weights[:-1])):
        assert abs(np.mean(shifted[0] * shifted[1])) < 4 / 200


def test_weights_and_delays_are_independent_of_each_other(dt):
    conn = connection(**LARGE, weight=drawn.normal(0.0, 1.0), delay=drawn.normal(10.0 * u.ms, 1.0 * u.ms))
    steps = np.asarray(conn.delay_steps, float)
    assert abs(np.corrcoef(conn.weights, steps)[0, 1]) < 4 / 200


def test_delays_are_rounded_to_the_nearest_step(dt):
    conn = connection(**LARGE, delay=drawn.normal(1.5 * u.ms, 0.75 * u.ms, low=0.1 * u.ms))
    steps = np.asarray(conn.delay_steps)
    assert steps.dtype == np.uint8
    assert steps.min() == 1
    for k in (5, 10, 15, 20):
        p = cdf((k + 0.5 - 15) / 7.5) - cdf((k - 0.5 - 15) / 7.5)
        assert (steps == k).mean() == pytest.approx(p, abs=4 * np.sqrt(p / 40_000))
    assert (steps == 1).mean() == pytest.approx(cdf((1.5 - 15) / 7.5), abs=0.004)
    np.testing.assert_allclose(conn.delays.to_decimal(u.ms), steps * 0.1, rtol=1e-6)


def test_long_delays_take_two_bytes(dt):
    conn = connection(delay=drawn.uniform(10.0 * u.ms, 30.0 * u.ms))
    assert conn.delay_steps.dtype == np.uint16
    assert 100 <= conn.delay_steps.min() and conn.delay_steps.max() <= 300


def test_each_row_is_in_the_order_of_delays_and_then_of_targets(dt):
    conn = connection(**LARGE, delay=drawn.normal(1.5 * u.ms, 0.75 * u.ms, low=0.1 * u.ms))
    order = np.lexsort((conn.targets, conn.delay_steps, conn.sources))
    np.testing.assert_array_equal(order, np.arange(40_000))


def test_delays_change_neither_the_synapses_nor_their_weights(dt):
    options = dict(weight=drawn.normal(0.0, 1.0))
    plain, delayed = connection(**options), connection(**options, delay=drawn.uniform(0.0 * u.ms, 2.0 * u.ms))

    def rows(conn):
        return sorted(zip(conn.sources.tolist(), conn.targets.tolist(), np.asarray(conn.weights).tolist(), strict=True))

    assert rows(plain) == rows(delayed)


def test_a_network_that_grows_keeps_weights_and_delays(dt):
    def by_pair(pre, post):
        options = dict(weight=drawn.normal(0.0, 1.0), delay=drawn.uniform(0.0 * u.ms, 2.0 * u.ms), seed=1)
        conn = bst.pairwise_bernoulli(pre, post, 0.2, **options)
        values = zip(np.asarray(conn.weights).tolist(), np.asarray(conn.delay_steps).tolist(), strict=True)
        return dict(zip(zip(conn.sources.tolist(), conn.targets.tolist(), strict=True), values, strict=True))

    small, large = by_pair(40, 50), by_pair(80, 90)
    assert small.items() <= large.items()


@pytest.mark.slow
def test_weights_of_16_bits_are_those_of_32_rounded_and_delivered_as_32(dt):
    whole, half = (connection(weight=drawn.normal(2.0 * u.nS, 1.0 * u.nS, dtype=dtype)) for dtype in ('float32', 'float16'))
    assert half.weight.value.dtype == np.float16
    np.testing.assert_array_equal(half.weights.mantissa, whole.weights.mantissa.astype(np.float16))
    arrived = half(np.ones(100, np.float32))
    assert arrived.dtype == np.float32
    exact = np.bincount(half.targets, np.asarray(half.weights.mantissa, float), 80)
    np.testing.assert_allclose(arrived.mantissa, exact, rtol=1e-5)
    neurons = bst.LIF(80)
    projection = bst.AlignPostProj(comm=half, syn=bst.Expon.desc(g_initializer=0.0 * u.nS), out=bst.CUBA.desc(), post=neurons)
    bst.nn.init_all_states(neurons)
    projection(np.ones(100, np.float32))
    np.testing.assert_allclose(projection.receptor.syn.g.value.to_decimal(u.nS), exact, rtol=1e-5)


def test_every_rule_can_draw(dt):
    options = dict(weight=drawn.uniform(1.0, 2.0), delay=drawn.uniform(0.0 * u.ms, 2.0 * u.ms), seed=1)
    places = bst.spatial.grid((5, 5))
    near = bst.spatial.box(0.5)
    made = [
        bst.one_to_one(20, 20, **options),
        bst.all_to_all(20, 20, **options),
        bst.distance_dependent(places, places, near, **options),
        bst.distance_dependent(places, places, near, weight_of_distance=lambda d: d, delay=options['delay'], seed=1),
        bst.explicit_edges(5, 5, [4, 0, 0], [1, 2, 1], weight=options['weight'], seed=1),
    ]
    for conn in made:
        assert len(np.unique(conn.weights)) > 2
        assert (np.diff(conn.sources) >= 0).all()
    np.testing.assert_allclose(made[3].weights, made[3].distances, rtol=1e-6)


@pytest.mark.slow
def test_delivery_follows_the_delays(dt):
    conn = connection(pre=4, post=5, total=60, weight=drawn.uniform(1.0 * u.mV, 2.0 * u.mV), delay=drawn.uniform(0.0 * u.ms, 1.5 * u.ms))
    post = bst.LIF(5, V_th=1e6 * u.mV)
    proj = bst.DeltaProj(comm=conn, post=post)
    bst.nn.init_all_states(post), bst.nn.init_all_states(proj)
    arrived = np.zeros((20, 5))
    for k in range(20):
        proj(jnp.array([0.0, 1.0, 0.0, 1.0]) * (k == 0))
        arrived[k] = post.delta.value.to_decimal(u.mV)
        post()
    expected = np.zeros((20, 5))
    fired = np.isin(conn.sources, [1, 3])
    np.add.at(expected, (np.asarray(conn.delay_steps)[fired], conn.targets[fired]), np.asarray(conn.weights.mantissa)[fired])
    np.testing.assert_allclose(arrived, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(proj.delays.to_decimal(u.ms), conn.delays.to_decimal(u.ms))


def test_delays_are_those_of_the_time_step_they_were_drawn_for(dt):
    conn = connection(delay=drawn.uniform(0.0 * u.ms, 2.0 * u.ms))
    with pytest.raises(ParameterError, match='are given, but|is given, but synapses of comm have delays'):
        bst.DeltaProj(comm=conn, post=bst.LIF(80), delay=1.0 * u.ms)
    proj = bst.DeltaProj(comm=conn, post=bst.LIF(80))
    with bst.environ.context(dt=0.05 * u.ms), pytest.raises(ParameterError, match=r'made for dt = 0.1 ms, but dt is 0.05 ms'):
        bst.nn.init_all_states(proj)


def test_delays_need_a_time_step():
    with pytest.raises(KeyError, match='fixed_total_number counts delays in time steps'):
        connection(delay=drawn.uniform(0.0 * u.ms, 2.0 * u.ms))


BAD = [
    (lambda: drawn.normal(1.0, -1.0), ParameterError, r'normal: mean = 1.0, std = -1.0, low = -inf, high = inf must be finite'),
    (lambda: drawn.normal(1.0, 1.0, low=2.0, high=1.0), ParameterError, 'the limits in order'),
    (lambda: drawn.normal(np.nan, 1.0), ParameterError, 'must be finite'),
    (lambda: drawn.normal(np.ones(3), 1.0), ParameterError, 'each of its values is one number'),
    (lambda: drawn.normal(1.0 * u.nS, 1.0), UnitError, 'normal: std = 1.0 has no unit'),
    (lambda: drawn.normal(1.0 * u.nS, 1.0 * u.nS, low=0.0 * u.mV), UnitError, 'normal: low = 0. mV'),
    (lambda: drawn.uniform(1.0, 0.0), ParameterError, 'uniform: .* the limits in order'),
    (lambda: drawn.normal(1.0, 1.0, low=0.0, outside='drop'), ParameterError, "outside = 'drop' must be 'clip' or 'redraw'"),
    (lambda: drawn.normal(1.0, 1.0, outside='redraw'), ParameterError, "outside='redraw' needs a limit"),
    (lambda: drawn.normal(0.0, 1.0, low=4.0, outside='redraw'), ParameterError, r'3.2e-05 of all draws are between low = 4.0 and'),
    (lambda: drawn.normal(0.0, 0.0, low=1.0, outside='redraw'), ParameterError, '0 of all draws'),
    (lambda: connection(delay=1.0 * u.ms), ParameterError, r'fixed_total_number: delay = 1. ms must say how delays are drawn'),
    (lambda: connection(delay=drawn.uniform(0.0, 1.0)), UnitError, 'fixed_total_number: delay = 0.0 has no unit'),
    (lambda: connection(delay=drawn.normal(1.0 * u.ms, 1.0 * u.ms)), ParameterError, r'a delay could be -7.21 ms; give it a limit'),
    (lambda: connection(delay=drawn.uniform(0.0 * u.ms, 9.0 * u.second)), ParameterError, r'a delay could be 90000 steps'),
    (lambda: drawn.normal(1.0, 1.0, dtype='int8'), ParameterError, "normal: dtype = 'int8' must be 'float16', 'float32' or 'float64'"),
    (lambda: connection(delay=drawn.uniform(0.0 * u.ms, 1.0 * u.ms, dtype='float16')), ParameterError, 'delays are stored in whole steps'),
    (lambda: bst.Connection(connection().structure, drawn.uniform(0.0, 1.0)), ParameterError, 'weights are drawn by a rule'),
    (lambda: bst.Connection(connection().structure, 1.0, delay_steps=np.zeros(3, np.uint8)), bst.ShapeError, r'delay_steps are uint8 \(3,\)'),
    (lambda: bst.one_to_one(3, 3, weight=drawn.uniform(0.0, 1.0), seed=1.5), ParameterError, 'one_to_one: seed is 1.5, but must be an integer'),
]  # fmt: skip


@pytest.mark.parametrize(('make', 'error', 'message'), BAD, ids=[message[:40] for *_, message in BAD])
def test_what_cannot_be_drawn_is_one_clear_line(make, error, message, dt):
    with pytest.raises(error, match=message) as raised:
        make()
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize('mesh', [False, True])
def test_slots_beyond_32_bits_are_an_error(mesh):
    more = {'mesh': jax.make_mesh((1,), ('i',))} if mesh else {}
    with (
        bst.environ.context(dt=0.1 * u.ms, **more),
        pytest.raises(bst.ParameterError, match=r'one_to_one: 60001 steps of delay onto 40000 neurons'),
    ):
        bst.one_to_one(40_000, 40_000, weight=1.0, delay=bst.drawn.uniform(6000.0 * u.ms, 6000.0 * u.ms), seed=1)
