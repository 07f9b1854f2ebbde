"""Delays that are trained: what they simulate, their derivative, and that a hidden one is found."""

import pickle

import brainunit as u
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainpy_state as bst
from brainpy_state import COBA, CUBA, AlignPostProj, AlignPreProj, CurrentProj, DeltaProj, Expon, ParameterError, event
from brainpy_state.nn import AffineT, ChainT, ClipT, Delay, Param, SigmoidT, SoftplusT
from brainpy_state.transform import checkpointed_for_loop, for_loop, grad, vmap

PRE, POST, STEPS, DT = 4, 3, 40, 0.1
LONGEST = 2.0  # ms
RANGE = ClipT(0.0 * u.ms, LONGEST * u.ms)
RNG = np.random.default_rng(0)
SENT = (RNG.random((STEPS, PRE)) < 0.15).astype(float)
WANTED = RNG.normal(size=(STEPS, POST))
WEIGHT = RNG.normal(size=(PRE, POST))
SHAPES = {'one': (), 'each source': (PRE,), 'each synapse': (PRE * POST,), 'matrix': (PRE, POST)}
KINDS = {'post': u.mA, 'pre': u.mA, 'delta': u.mV, 'current': u.mA}


def some(form):
    """Delays that lie between two steps, in ms."""
    return np.random.default_rng(3).uniform(0.02, 0.95 * LONGEST, SHAPES[form])


class Net(bst.nn.Module):
    def __init__(self, kind, delay, weight=WEIGHT, comm=None):
        super().__init__()
        self.post = bst.LIF(POST, V_th=1000.0 * u.mV, detach_reset=True)
        comm = bst.all_to_all(PRE, POST, weight=weight * KINDS[kind]) if comm is None else comm
        given = {'comm': comm, 'post': self.post, 'delay': delay}
        if kind in ('post', 'pre'):
            syn = Expon.desc(tau=1.0 * u.ms, g_initializer=0.0 * (u.mA if kind == 'post' else u.UNITLESS))
            self.proj = {'post': AlignPostProj, 'pre': AlignPreProj}[kind](syn=syn, out=CUBA.desc(scale=1.0), **given)
        else:
            self.proj = {'delta': DeltaProj, 'current': CurrentProj}[kind](**given)

    def update(self, x):
        self.proj(x)
        self.post()
        return self.post.V.value.to_decimal(u.mV)


def trained(form, t=RANGE):
    return Param(some(form) * u.ms, t=t)


def simulate(net, sent=SENT, loop=for_loop):
    bst.nn.init_all_states(net, batch_size=None if np.ndim(sent) == 2 else np.shape(sent)[1])
    return loop(net, jnp.asarray(sent, bst.environ.dftype()))


def loss_of(net, **options):
    return lambda: jnp.sum((simulate(net, **options) - WANTED) ** 2)


def matrix(delay):
    """The delay of each pair."""
    return np.broadcast_to(delay[:, None] if delay.shape == (PRE,) else delay.reshape(PRE, POST) if delay.ndim else delay, (PRE, POST))


def arrivals(delay):
    """What arrives in each step, by hand."""
    arrived = np.zeros((STEPS + 2 * round(LONGEST / DT), POST))
    for (i, j), steps in np.ndenumerate(matrix(delay) / DT):
        for step in np.flatnonzero(SENT[:, i]):
            whole = int(steps)
            arrived[step + whole, j] += WEIGHT[i, j] * (1 - (steps - whole))
            arrived[step + whole + 1, j] += WEIGHT[i, j] * (steps - whole)
    return arrived[:STEPS]


@pytest.mark.quick('^each source$')
@pytest.mark.parametrize('form', SHAPES)
def test_a_spike_arrives_in_the_two_steps_around_its_delay(form, dt, x64):
    found = simulate(Net('delta', trained(form)))
    V, expected, left = np.zeros(POST), [], np.exp(-DT / 5.0)
    for now in arrivals(some(form)):
        V = V * left + now
        expected.append(V)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.quick('^post-each synapse$')
@pytest.mark.parametrize('form', SHAPES)
@pytest.mark.parametrize('kind', KINDS)
def test_the_derivative_by_delays_and_weights_equals_central_differences(kind, form, dt, x64):
    delay = trained(form)
    net = Net(kind, delay)
    loss = loss_of(net)
    states = net.states(bst.ParamState)
    slopes = bst.transform.jit(grad(loss, states))()
    compiled = bst.transform.jit(loss)
    for path, state in states.items():
        start, unit = u.get_mantissa(state.value), u.get_unit(state.value)
        direction = np.random.default_rng(8).normal(size=start.shape)
        values = []
        for sign in (1, -1):
            state.value = (start + sign * 1e-6 * direction) * unit
            values.append(float(compiled()))
        state.value = start * unit
        found = float(np.sum(u.get_mantissa(slopes[path]) * direction))
        assert found == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6), path


@pytest.mark.slow
@pytest.mark.parametrize('form', SHAPES)
def test_events_are_dense_native_is_xla_and_checkpoints_change_nothing(form, dt, x64):
    def both(net, loop=for_loop):
        states = net.states(bst.ParamState)
        slopes, value = grad(loss_of(net, loop=loop), states, return_value=True)()
        return [float(value), *(np.ravel(u.get_mantissa(slopes[path])) for path in sorted(states, reverse=True))]

    pairs = list(np.ndindex(PRE, POST))
    listed = bst.explicit_edges(PRE, POST, [i for i, _ in pairs], [j for _, j in pairs], weight=WEIGHT.reshape(-1) * u.mA)
    expected = both(Net('post', trained(form)))
    others = [both(Net('post', trained(form)), checkpointed_for_loop)]
    if form != 'matrix':
        others.append(both(Net('post', trained(form), comm=listed)))
    with event.use_backend('xla'):
        others.append(both(Net('post', trained(form))))
    assert np.all([np.any(x != 0) for x in expected])
    for found in others:
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize('form', ['one', 'each source', 'each synapse'])
def test_batches_and_lanes_equal_single_runs(form, dt, x64):
    net, sent = Net('post', trained(form)), np.stack([SENT, SENT[::-1]], axis=1)
    together = simulate(net, sent)
    written = bst.HiddenState, bst.ShortTermState, bst.DelayState
    lanes = vmap(lambda x: simulate(net, x), in_axes=1, out_axes=1, out_states=written)(jnp.asarray(sent))
    for b in range(2):
        alone = simulate(net, sent[:, b])
        np.testing.assert_allclose(together[:, b], alone, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(lanes[:, b], alone, rtol=1e-10, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize('form', SHAPES)
def test_lanes_may_have_delays_of_their_own(form, dt, x64):
    net = Net('post', delay := trained(form))
    first = delay.val.value
    each = u.math.stack([first, first[::-1] if form != 'one' else 0.5 * first])

    def lane(raw):
        delay.val.value = raw
        return loss_of(net)()

    written = bst.HiddenState, bst.ShortTermState, bst.DelayState, bst.ParamState
    found = vmap(lambda raw: grad(lane, return_value=True)(raw), out_states=written)(each)
    for b in range(2):
        for all_, one in zip(found, grad(lane, return_value=True)(each[b]), strict=True):
            np.testing.assert_allclose(u.get_mantissa(all_)[b], u.get_mantissa(one), rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize('form', SHAPES)
def test_rounded_to_whole_steps_it_is_a_fixed_delay(form, dt, x64):
    delay = trained(form)
    net = Net('post', delay)
    delay.set_value(u.math.round(delay.value() / dt) * dt)
    rounded = np.round(some(form) / DT) * DT
    np.testing.assert_allclose(net.proj.delays.to_decimal(u.ms), matrix(rounded).reshape(-1), rtol=1e-9)
    np.testing.assert_allclose(simulate(net), simulate(Net('post', rounded * u.ms)), rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize('form', ['one', 'each synapse'])
def test_the_ring_has_room_for_the_whole_range(form, dt):
    delay = Param(np.zeros(SHAPES[form]) * u.ms, t=RANGE)
    net = Net('delta', delay, weight=np.ones((PRE, POST)))
    first = np.zeros((STEPS, PRE))
    first[0, 0] = 1
    for time, arrives in ((0.0, 0), (LONGEST, round(LONGEST / DT))):
        delay.set_value(np.full(SHAPES[form], time) * u.ms)
        V = np.asarray(simulate(net, first))
        assert np.flatnonzero(np.abs(V[:, 0]) > 1e-3)[0] == arrives
        assert V[:, 0].max() == pytest.approx(1.0, abs=1e-4)  # all in one step


@pytest.mark.slow
def test_delays_are_saved_and_loaded_as_any_state(dt):
    net, other = Net('post', trained('each synapse')), Net('post', Param(np.zeros(PRE * POST) * u.ms, t=RANGE))
    bst.nn.assign_state_values(other, {path: state.value for path, state in net.states(bst.ParamState).items()})
    expected = simulate(net)
    np.testing.assert_array_equal(simulate(other), expected)
    np.testing.assert_array_equal(simulate(pickle.loads(pickle.dumps(net))), expected)


@pytest.mark.slow
def test_one_parameter_may_be_the_delay_of_several_projections(dt):
    delay = trained('each synapse')
    one, other = Net('delta', delay), Net('delta', delay)
    np.testing.assert_array_equal(simulate(one), simulate(other))
    assert len({id(s) for net in (one, other) for path, s in net.states(bst.ParamState).items() if path[-1] == 'val'}) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    't', [SigmoidT(0.0 * u.ms, LONGEST * u.ms), ChainT(SigmoidT(0.0, 1.0), AffineT(LONGEST * u.ms, 0.0 * u.ms))], ids=str
)
def test_any_transform_with_two_bounds_is_a_range(t, dt):
    net = Net('delta', Param(some('each synapse') * u.ms, t=t))
    assert net.proj.line.longest.to_decimal(u.ms) == pytest.approx(LONGEST)
    np.testing.assert_allclose(simulate(net), simulate(Net('delta', trained('each synapse'))), atol=1e-4)


def teacher_and_student(hidden, first):
    """The target's potential for a hidden delay and weight, and a network that begins with others."""

    def build(delay, weight):
        post = bst.LIF(1, V_th=1000.0 * u.mV, tau=10.0 * u.ms, detach_reset=True)
        comm = bst.all_to_all(1, 1, weight=bst.ParamState(np.array([weight]) * u.mA))
        syn = Expon.desc(tau=5.0 * u.ms, g_initializer=0.0 * u.mA)
        proj = AlignPostProj(
            comm=comm, syn=syn, out=CUBA.desc(scale=1.0), post=post, delay=Param(np.array([[delay]]) * u.ms, t=ClipT(0.0 * u.ms, 20.0 * u.ms))
        )  # fmt: skip
        net = bst.nn.Module()
        net.post, net.proj = post, proj
        return net

    sent = np.zeros((200, 1), np.float32)
    sent[[10, 25, 90]] = 1

    def run(net):
        bst.nn.init_all_states(net)

        def step(x):
            net.proj(x)
            net.post()
            return net.post.V.value.to_decimal(u.mV)

        return for_loop(step, jnp.asarray(sent))

    return run(build(*hidden)), build(*first), run


@pytest.mark.slow
def test_a_hidden_delay_and_weight_are_found_by_gradient_descent():
    with bst.environ.context(dt=0.5 * u.ms):
        wanted, net, run = teacher_and_student((11.3, 2.0), (4.0, 0.7))
        states = net.states(bst.ParamState)
        optimizer = bst.optim.Optimizer(optax.adam(optax.exponential_decay(0.3, 150, 0.1)), states)

        @bst.transform.jit
        def fit():
            def step():
                slopes, value = grad(lambda: jnp.mean((run(net) - wanted) ** 2), states, return_value=True)()
                optimizer.update(slopes)
                return value

            return for_loop(step, length=300)

        losses = fit()
    assert float(net.proj.delays.to_decimal(u.ms)[0]) == pytest.approx(11.3, abs=0.1)
    assert float(net.proj.comm.weights.to_decimal(u.mA)[0]) == pytest.approx(2.0, rel=0.02)
    assert losses[-1] < 1e-3 * losses[0]


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: Net('post', bst.ParamState(1.0 * u.ms)), r'AlignPostProj: a trained delay needs a range, .* delay is a ParamState, which has none'),
        (lambda: Net('post', Param(1.0 * u.ms)), r'delay is a Param with t=IdentityT\(\)'),
        (lambda: Net('post', Param(1.0 * u.ms, t=SoftplusT(0.0 * u.ms))), r'delay is a Param with t=SoftplusT'),
        (lambda: Net('post', Param(1.0 * u.ms, t=ClipT(-1.0 * u.ms, 2.0 * u.ms))), r'needs a range'),
        (lambda: Delay(3, Param(1.0 * u.ms, t=RANGE)), r'Delay: delay is a Param, but there is no derivative by whole steps'),
        (lambda: bst.all_to_all(2, 2, weight=1.0, delay=Param(1.0 * u.ms, t=RANGE)), r'others are given to the projection'),
        (
            lambda: AlignPreProj(
                comm=bst.all_to_all(2, 3, weight=1.0), syn=bst.AMPA.desc(), out=COBA.desc(), post=bst.LIF(3), delay=Param(1.0 * u.ms, t=RANGE)
            ),
            r'brings parts of spikes to AMPA, .* give one for each synapse',
        ),
    ],
    ids=['no Param', 'no range', 'no longest', 'negative', 'whole steps', 'rule', 'pulses'],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_by_name(make, message, dt):
    with pytest.raises(ParameterError, match=message):
        make()
