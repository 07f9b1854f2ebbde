"""Derivatives of native loops: equal to those of plain XLA, keeping no more than they need, with work that follows events both ways."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event._bits import words_for
from brainpy_state.event._pullback import moving_results, pullback
from brainpy_state.event._rewrite import hoisted, rewritten

N, STEPS, BATCH = 60, 12, 3
RNG = np.random.default_rng(4)
CSR = event.CSR.from_pairs(RNG.integers(0, N, 400), RNG.integers(0, N, 400), (N, N))
HALF = event.CSR.from_pairs(RNG.integers(0, N // 2, 200), RNG.integers(0, N, 200), (N // 2, N))


def _surrogate(slope):
    @jax.custom_jvp
    def spike(x):
        return (x > 0).astype(x.dtype)

    spike.defjvp(lambda primals, tangents: (spike(*primals), tangents[0] * slope(primals[0])))
    return spike


broad = _surrogate(lambda x: 1 / (1 + jnp.abs(x)) ** 2)
window = _surrogate(lambda x: jnp.maximum(0.0, 1 - 2 * jnp.abs(x)))


def _synapses(w, s):
    return event.product(CSR, w, s)


def _one_weight(w, s):
    return event.product(CSR, w[0], s)


def _matrix(w, s):
    return s @ w[: N * N].reshape(N, N)


def _all_to_all(w, s):
    return event.product(event.AllToAll((N, N)), w[: N * N], s)


def _parts(w, s):
    return event.product(HALF, w[: HALF.nnz], s[..., : N // 2]) - 0.5 * (s[..., N // 2 :] @ w[: N * N // 2].reshape(N // 2, N))


CONNECTIONS = {
    'synapses': (_synapses, CSR.nnz),
    'one weight': (_one_weight, CSR.nnz),
    'a matrix': (_matrix, N * N),
    'all to all': (_all_to_all, N * N),
    'parts of the sources': (_parts, N * N),
}


def network(deliver, spike, detached):
    """The loss of a recurrent network, by weights, decay, first potential and input."""

    def loss(w, decay, start, xs, batch=(BATCH,)):
        def step(carry, x):
            v, s, count = carry
            h = decay * v + x + deliver(w, s)
            s = spike(h - 1)
            v = h * (1 - (jax.lax.stop_gradient(s) if detached else s))
            return (v, s, count + (s > 0)), (s, h)

        spikes = jnp.broadcast_to((start > 0.8).astype(w.dtype), (*batch, N))
        first = jnp.broadcast_to(start, (*batch, N)), spikes, jnp.zeros((*batch, N), jnp.int32)
        (v, s, _), (spikes, h) = event.scan(step, first, xs, STEPS)
        return jnp.sum(spikes * jnp.cos(jnp.arange(N))) + jnp.mean(v**2) + jnp.sum(s) + jnp.mean(jnp.tanh(h[3]))

    return loss


def arguments(size, batch=(BATCH,), dtype=np.float64):
    rng = np.random.default_rng(1)
    w = rng.normal(size=size) * 0.2
    return (
        jnp.asarray(w, dtype),
        jnp.asarray(0.9, dtype),
        jnp.asarray(rng.random(N), dtype),
        jnp.asarray(rng.random((STEPS, *batch, N)), dtype),
    )


@pytest.fixture
def precise():
    with jax.enable_x64(True):
        yield


def by(backend, f, *args):
    with event.use_backend(backend):
        return jax.tree.map(np.asarray, jax.jit(f)(*args))


def agree(f, *args, rtol=1e-9):
    for a, b in zip(jax.tree.leaves(by('auto', f, *args)), jax.tree.leaves(by('xla', f, *args)), strict=True):
        assert np.any(b != 0)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


@pytest.mark.quick('synapses-window-True|sources-broad-False')
@pytest.mark.parametrize('detached', [True, False])
@pytest.mark.parametrize('spike', [broad, window], ids=['broad', 'window'])
@pytest.mark.parametrize('name', CONNECTIONS)
def test_gradients_equal_those_of_xla(precise, name, spike, detached):
    deliver, size = CONNECTIONS[name]
    loss = network(deliver, spike, detached)
    agree(jax.value_and_grad(loss, (0, 1, 2, 3)), *arguments(size))


def test_a_weight_that_is_read_three_times_has_the_gradient_of_all(precise):
    def deliver(w, s):
        w = w.reshape(N, N)
        return s @ w + 0.1 * (s @ w.T) + 0.01 * w.sum(0)

    agree(jax.value_and_grad(network(deliver, broad, False), (0, 1, 2, 3)), *arguments(N * N))


@pytest.mark.slow
@pytest.mark.parametrize('name', ['synapses', 'a matrix'])
def test_forward_mode_second_derivatives_and_lanes_equal_those_of_xla(precise, name):
    deliver, size = CONNECTIONS[name]
    loss = network(deliver, broad, False)
    args = arguments(size)
    agree(lambda *a: jax.jvp(loss, a, jax.tree.map(jnp.ones_like, a)), *args)
    agree(lambda *a: jax.jvp(jax.grad(loss, (0, 1)), a, jax.tree.map(jnp.ones_like, a))[1], *args)
    lanes = jnp.stack([args[3], 2 * args[3]])
    agree(lambda w, d, v, xs: jax.vmap(jax.grad(loss), (None, None, None, 0))(w, d, v, xs), *args[:3], lanes)
    agree(lambda w, d, v, xs: jax.vmap(jax.grad(loss), (0, None, None, None))(w, d, v, xs), jnp.stack([args[0], 2 * args[0]]), *args[1:])


@pytest.mark.slow
@pytest.mark.parametrize('batch', [(), (1,), (2, 5)])
def test_any_batch(precise, batch):
    for name in ('synapses', 'a matrix'):
        deliver, size = CONNECTIONS[name]
        loss = functools.partial(network(deliver, window, True), batch=batch)
        agree(jax.value_and_grad(loss, (0, 3)), *arguments(size, batch))


def test_single_precision_and_threads():
    deliver, size = CONNECTIONS['a matrix']
    args = arguments(size, dtype=np.float32)
    f = jax.grad(network(deliver, broad, True), (0, 3))
    agree(f, *args, rtol=2e-4)
    before = event.threads()
    found = by('auto', f, *args)
    try:
        event.set_threads(1 if before > 1 else 2)
        jax.clear_caches()
        for a, b in zip(found, by('auto', f, *args), strict=True):
            np.testing.assert_array_equal(a, b)
    finally:
        event.set_threads(before)


def test_backwards_and_with_outputs_that_nobody_asks_for(precise):
    def loss(w, xs):
        def step(v, x):
            v = jnp.sin(w * v + x)
            return v, (v, v * 2, x)

        v, (ys, _, _) = event.scan(step, jnp.ones(N), xs, STEPS, reverse=True)
        return jnp.sum(v) + jnp.sum(ys[::2] ** 2)

    agree(jax.grad(loss, (0, 1)), *(jnp.asarray(RNG.random(shape)) for shape in ((N,), (STEPS, N))))


@pytest.mark.quick('False-None|True-4')
@pytest.mark.parametrize('base', [None, 4])
@pytest.mark.parametrize('reverse', [False, True])
def test_values_kept_as_bits_are_those_of_the_first_step_too_whatever_they_are_there(precise, reverse, base):
    large = event.CSR.from_pairs(RNG.integers(0, 2 * N, 800), RNG.integers(0, 2 * N, 800), (2 * N, 2 * N))

    def loss(w, spikes, xs):
        def step(carry, x):
            v, s, refractory = carry
            h = 0.9 * v + x + event.product(large, w, s)
            fired = jnp.where(refractory, 0.0, window(h - 1))
            return (jnp.where(refractory, v, h), fired, fired > 0), h

        first = jnp.zeros(2 * N), spikes, spikes > 0.9  # spikes of any size
        (v, _, _), h = event.scan(step, first, xs, STEPS, reverse=reverse, base=base)
        return jnp.sum(v) + jnp.sum(jnp.sin(h))

    args = tuple(jnp.asarray(RNG.random(shape)) for shape in (large.nnz, 2 * N, (STEPS, 2 * N)))
    agree(jax.value_and_grad(loss, (0, 1, 2)), *args)
    assert 'event_pack' in str(jax.make_jaxpr(jax.grad(loss))(*args))


@pytest.mark.parametrize('name', ['synapses', 'a matrix'])
def test_only_what_is_certain_to_be_0_or_1_is_kept_as_bits(precise, name):
    """Where one equation hands on a flag beside a number, or a number is another in the first step only, numbers stay numbers."""

    deliver, number = CONNECTIONS[name]

    def loss(w, first, xs):
        def step(carry, x):
            v, s, other = carry
            s, other = jax.lax.optimization_barrier((s, other))
            h = 0.9 * v + x + deliver(w, s) + jnp.tanh(other)
            fired, size = jax.lax.optimization_barrier((window(h - 1), jnp.sin(h)))
            return (h * (1 - fired), fired * size, size), h

        (v, _, _), h = event.scan(step, (jnp.zeros(N), first, first), xs, STEPS)
        return jnp.sum(v) + jnp.sum(jnp.sin(h))

    args = tuple(jnp.asarray(RNG.random(shape)) for shape in (number, N, (STEPS, N)))
    args = (0.1 * args[0], *args[1:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('brainpy_state.event._flags._SMALLEST', 1)
        agree(jax.value_and_grad(loss, (0, 1, 2)), *args)


def step_of(deliver, spike):
    """A step with operands w, v, s, x; results v, s."""

    def step(w, v, s, x):
        h = 0.9 * v + x + deliver(w, s)
        s = spike(h - 1)
        return [h * (1 - jax.lax.stop_gradient(s)), s]

    state = jax.ShapeDtypeStruct((BATCH, N), np.float32)
    return jax.make_jaxpr(step)(jax.ShapeDtypeStruct((CSR.nnz,), np.float32), state, state, state)


def test_a_step_keeps_its_potential_and_the_spikes_it_took():
    closed = step_of(_synapses, broad)
    moves = [True, True, True, True]
    results = moving_results(closed.jaxpr, moves)
    assert results == [True, True]
    halves = pullback(closed, moves, results, [True, False, False, True])
    spikes, potential = halves.forward.out_avals[2:]
    assert (potential.shape, potential.dtype) == ((BATCH, N), np.float32)
    assert (spikes.size, spikes.dtype) == (words_for(BATCH * N), np.uint32)


@pytest.mark.parametrize('traced', [False, True])
def test_spikes_that_a_matrix_delivers_are_made_again_in_the_step_before_unless_they_are_read_otherwise(traced):
    def step(w, v, s, x):
        h = 0.9 * v + x + s @ w
        x = broad(h - 1)
        return [h * (1 - x) + (jnp.sin(s) if traced else 0.0), x]

    state = jax.ShapeDtypeStruct((BATCH, N), np.float32)
    closed = jax.make_jaxpr(step)(jax.ShapeDtypeStruct((N, N), np.float32), state, state, state)
    halves = pullback(closed, [True] * 4, [True, True], [True, False, False, True])
    assert len(halves.forward.out_avals) == 2 + (2 if traced else 1)
    assert _names(halves.backward.jaxpr).count('dot_general') == (2 if traced else 1)
    assert [one.carry for one in halves.seen] == ([] if traced else [1])


@pytest.mark.parametrize('rare', [True, False])
def test_spikes_are_kept_and_delivered_again_but_other_values_are_not(rare):
    other = event.CSR.from_pairs(RNG.integers(0, N, 300), RNG.integers(0, N, 300), (N, N))

    def step(w, r, v, s, x):
        h = 0.9 * v + x + event.product(CSR, w, s) - event.product(other, r, s)
        return [h, window(h - 1) if rare else jnp.tanh(h)]

    number, state = (jax.ShapeDtypeStruct(shape, np.float32) for shape in ((), (N,)))
    closed = jax.make_jaxpr(step)(number, number, state, state, state)
    halves = pullback(closed, [True] * 5, [True, True], [True, True, False, False, True])
    assert _names(halves.backward.jaxpr).count('event_to_pre') == 2
    assert len(halves.forward.out_avals) == 2 + (2 if rare else 3)  # h, and the spikes or what both deliveries gave


def _names(jaxpr):
    return [eqn.primitive.name for eqn in jaxpr.eqns]


def test_what_sources_collect_is_computed_where_the_surrogate_reaches():
    def step(w, ct, h):
        collected = event.to_pre(CSR, w, ct)
        return [(collected + 1) * jnp.maximum(0.0, 1 - jnp.abs(h))]

    def everywhere(w, ct, h):
        return [event.to_pre(CSR, w, ct) / (1 + jnp.abs(h)) ** 2]

    args = jnp.ones(CSR.nnz), jnp.linspace(-1, 1, N), jnp.linspace(-4, 4, N)
    closed = jax.make_jaxpr(step)(*args)
    better = rewritten(closed, ())
    assert 'event_to_pre_within' in _names(better.jaxpr)
    np.testing.assert_allclose(jax.core.eval_jaxpr(better.jaxpr, better.consts, *args)[0], step(*args)[0], rtol=1e-6)
    assert 'event_to_pre' in _names(rewritten(jax.make_jaxpr(everywhere)(*args), ()).jaxpr)


def test_what_all_steps_share_is_computed_once_before_them():
    def step(w, ct):
        return [ct @ jnp.exp(w).T + jnp.zeros(N)]

    closed = jax.make_jaxpr(step)(jnp.ones((N, N)), jnp.ones((BATCH, N)))
    better = rewritten(closed, closed.jaxpr.invars[:1])
    before, after = hoisted(better, better.jaxpr.invars[:1])
    assert 'exp' in _names(before.jaxpr)
    assert 'exp' not in _names(after.jaxpr)
    assert 'broadcast_in_dim' in _names(after.jaxpr)


def test_a_rule_of_a_derivative_may_hold_arrays(precise):
    scale = np.linspace(1.0, 2.0, N)
    spike = _surrogate(lambda x: scale * jnp.maximum(0.0, 1 - jnp.abs(x)))
    agree(jax.grad(network(_synapses, spike, True), (0, 3)), *arguments(CSR.nnz))
