"""Every kind of projection, with every kind of delay and with short-term plasticity, against a dense simulation in plain NumPy."""

import functools

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import (
    COBA,
    STP,
    AlignPostProj,
    AlignPreProj,
    CurrentProj,
    DeltaProj,
    Expon,
    LIFRef,
    ParameterError,
    ShapeError,
    fixed_indegree,
    one_to_one,
    pairwise_bernoulli,
)
from brainpy_state.transform import for_loop, grad

N, STEPS, DT = 50, 200, 0.1
TAU, R, V_TH, V_RESET, TAU_REF, TAU_SYN = 20.0, 0.1, -50.0, -60.0, 2.0, 5.0  # ms, Gohm (nS * Gohm = 1), mV
I_EXT = 250.0  # pA
UNIT = {'post': u.nS, 'pre': u.nS, 'delta': u.mV, 'current': u.pA}
SIZE = {'post': 3.0, 'pre': 3.0, 'delta': 1.0, 'current': 300.0}
START = np.linspace(V_RESET, V_TH - 0.5, N)
RNG = np.random.default_rng(4)
DRIVE = RNG.uniform(0.5, 2.0, (STEPS, N)).astype(np.float32).astype(float)
FORMS = ('none', 'one', 'each source', 'each synapse')


def delays_of(form, conn):
    """What the projection is given, in ms, and the delay of each synapse in steps."""
    steps = {
        'none': np.array(0),
        'one': np.array(15),
        'each source': np.random.default_rng(5).integers(0, 12, N),
        'each synapse': np.random.default_rng(6).integers(0, 12, conn.n_synapses),
    }[form]
    each = steps[conn.sources] if form == 'each source' else np.broadcast_to(steps, (conn.n_synapses,))
    return None if form == 'none' else steps * DT, each


U, TAU_F, TAU_D = 0.3, 500.0, 100.0


class Network(bst.nn.Module):
    """Made by `network`, so that tests share its compiled steps."""

    def __init__(self, kind, form, stp=False):
        super().__init__()
        self.kind, self.plastic = kind, stp
        self.N = LIFRef(
            N, R=R * u.Gohm, tau=TAU * u.ms, V_th=V_TH * u.mV, V_reset=V_RESET * u.mV, V_rest=V_RESET * u.mV, tau_ref=TAU_REF * u.ms,
            spk_reset='hard', V_initializer=START * u.mV,
        )  # fmt: skip
        weight = lambda shape: np.random.default_rng(1).uniform(0.5, 1.5, shape) * SIZE[kind] * UNIT[kind]  # noqa: E731
        comm = fixed_indegree(N, N, 5, weight=weight, seed=7)
        delay, self.steps = delays_of(form, comm)
        options = {'comm': comm, 'post': self.N, 'delay': None if delay is None else delay * u.ms}
        if stp:
            options['stp'] = STP.desc(U=U, tau_f=TAU_F * u.ms, tau_d=TAU_D * u.ms)
        if kind == 'post':
            syn = Expon.desc(tau=TAU_SYN * u.ms, g_initializer=0.0 * u.nS)
            self.proj = AlignPostProj(syn=syn, out=COBA.desc(E=0.0 * u.mV), **options)
        elif kind == 'pre':
            syn = Expon.desc(tau=TAU_SYN * u.ms, g_initializer=0.0)
            self.proj = AlignPreProj(syn=syn, out=COBA.desc(E=0.0 * u.mV), **options)
        else:
            self.proj = {'delta': DeltaProj, 'current': CurrentProj}[kind](**options)

    def update(self, x):
        self.proj(self.N.get_spike())
        return self.N(x)


network = functools.cache(Network)


def dense_simulation(net, drive):
    """The same equations, one line each; V is integrated exactly over a step with constant conductances."""
    conn = net.proj.comm
    weight = np.asarray(u.get_mantissa(conn.weight.value), float)
    sent = []  # what each source sends in each step
    V, spike, g, g_pre, held = START, np.zeros(N), np.zeros(N), np.zeros(N), np.zeros(N, int)
    use, left = np.zeros(N), np.ones(N)
    for k in range(STEPS):
        if net.plastic:
            use = use + U * (1 - use) * spike
            released = use * left * spike
            left = 1 + (left - released - 1) * np.exp(-DT / TAU_D)
            use = use * np.exp(-DT / TAU_F)
            spike = released
        if net.kind == 'pre':
            g_pre = g_pre + spike
            sent.append(g_pre)
            g_pre = g_pre * np.exp(-DT / TAU_SYN)
        else:
            sent.append(spike)
        each = np.array([sent[k - d][i] if k >= d else 0.0 for i, d in zip(conn.sources, net.steps, strict=True)])
        arrived = np.bincount(conn.targets, weight * each, minlength=N)
        conductance, current, jump = np.zeros(N), drive[k] * I_EXT, np.zeros(N)
        if net.kind == 'post':
            g = g + arrived
            conductance = g
            g = g * np.exp(-DT / TAU_SYN)
        elif net.kind == 'pre':
            conductance = arrived
        elif net.kind == 'delta':
            jump = arrived
        else:
            current = current + arrived
        total = 1 + R * conductance
        goal = (V_RESET + R * current) / total
        new = np.where(held > 0, V, goal + (V - goal) * np.exp(-DT / TAU * total) + jump)
        spike = ((new >= V_TH) & (held == 0)).astype(float)
        held = np.where(spike > 0, round(TAU_REF / DT) - 1, np.maximum(held - 1, 0))
        V = np.where(spike > 0, V_RESET, new)
        yield spike, V


def simulate(net, drive):
    def step(x):
        spike = net(x * I_EXT * u.pA)
        return spike, net.N.V.value.to_decimal(u.mV)

    return for_loop(step, jnp.asarray(drive))


@pytest.mark.quick('^(post-each synapse|pre-each source)$')
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('kind', UNIT)
def test_a_network_equals_the_dense_simulation(kind, form, x64):
    with bst.environ.context(dt=DT * u.ms):
        net = bst.nn.init_all_states(network(kind, form))
        spikes, V = simulate(net, DRIVE)
    expected = list(dense_simulation(net, DRIVE))
    assert spikes.sum() > 2 * N
    np.testing.assert_array_equal(spikes, [s for s, _ in expected])
    np.testing.assert_allclose(V, [v for _, v in expected], rtol=1e-11)


@pytest.mark.quick('^post-one$')
@pytest.mark.parametrize('form', ['one', 'each synapse'])
@pytest.mark.parametrize('kind', UNIT)
def test_a_network_with_short_term_plasticity_equals_the_dense_simulation(kind, form, x64):
    with bst.environ.context(dt=DT * u.ms):
        net = bst.nn.init_all_states(Network(kind, form, stp=True))
        spikes, V = simulate(net, DRIVE)
    expected = list(dense_simulation(net, DRIVE))
    assert spikes.sum() > N
    np.testing.assert_array_equal(spikes, [s for s, _ in expected])
    np.testing.assert_allclose(V, [v for _, v in expected], rtol=1e-11)


@pytest.mark.quick('^(post-each synapse|delta-none)$')
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('kind', UNIT)
def test_a_batch_equals_single_networks(kind, form, x64):
    drive = np.stack([DRIVE, DRIVE[::-1]], axis=1)
    with bst.environ.context(dt=DT * u.ms):
        net = network(kind, form)
        together = simulate(bst.nn.init_all_states(net, batch_size=2), drive)
        for b in range(2):
            alone = simulate(bst.nn.init_all_states(net), drive[:, b])
            np.testing.assert_array_equal(together[0][:, b], alone[0])
            np.testing.assert_allclose(together[1][:, b], alone[1], rtol=1e-11)


def arrival_steps(delay, dt=DT, make=one_to_one):
    """The step in which V of each target moves after all sources have fired in step 0."""
    with bst.environ.context(dt=dt * u.ms):
        post = bst.LIF(3, V_th=100.0 * u.mV)
        proj = DeltaProj(comm=make(3, 3, weight=1.0 * u.mV), post=post, delay=delay)
        net = bst.nn.init_all_states(Pair(proj, post))
        V = for_loop(lambda x: net(x), jnp.zeros((20, 3)).at[0].set(1.0))
    return np.argmax(np.asarray(V) > 0.1, axis=0).tolist()


class Pair(bst.nn.Module):
    def __init__(self, proj, post):
        super().__init__()
        self.proj, self.post = proj, post

    def update(self, x):
        self.proj(x)
        self.post()
        return self.post.V.value.to_decimal(u.mV)


@pytest.mark.parametrize(('delay', 'steps'), [(None, 0), (0.0 * u.ms, 0), (0.1 * u.ms, 1), (0.3 * u.ms, 3), (1.5 * u.ms, 15)], ids=str)
def test_a_delay_of_k_steps_shifts_the_arrival_by_exactly_k_steps(delay, steps):
    assert arrival_steps(delay) == [steps] * 3


def test_sources_and_synapses_have_delays_of_their_own():
    assert arrival_steps(np.array([0.0, 0.2, 0.7]) * u.ms) == [0, 2, 7]
    both = lambda pre, post, weight: bst.all_to_all(pre, post, weight=weight)  # noqa: E731
    assert arrival_steps(np.array([0.9, 0.9, 0.9, 0.4, 0.9, 0.9, 0.9, 0.3, 0.2]) * u.ms, make=both) == [4, 3, 2]


def test_a_spike_between_two_steps_is_not_delivered_twice_but_refused():
    with pytest.raises(ParameterError, match=r'delay = 0.25 ms must be a multiple of dt = 0.1 ms'):
        arrival_steps(0.25 * u.ms)


def test_a_changed_dt_is_an_error_not_another_delay():
    with bst.environ.context(dt=0.1 * u.ms):
        net = bst.nn.init_all_states(Network('post', 'each synapse'))
    with bst.environ.context(dt=0.05 * u.ms), pytest.raises(ParameterError, match=r'made for dt = 0.1 ms, but dt is 0.05 ms'):
        net(0.0 * u.pA)


@pytest.mark.parametrize('form', ['one', 'each source', 'each synapse'])
def test_delays_of_synapses_can_be_looked_at(form):
    net = Network('post', form)
    np.testing.assert_allclose(net.proj.delays.to_decimal(u.ms), net.steps * DT, rtol=1e-6)


def test_delays_of_the_wrong_shape_name_what_fits():
    post, comm = bst.LIF(3), pairwise_bernoulli(4, 3, 1.0, weight=1.0 * u.mV)
    with pytest.raises(ShapeError, match=r'delay has shape \(5,\), expected \(\): one for all, \(4,\): .* source, or \(12,\): .* synapse'):
        DeltaProj(comm=comm, post=post, delay=np.ones(5) * u.ms)
    square = bst.Connection(bst.event.CSR.from_pairs([0, 0, 1], [0, 1, 2], (3, 3)), 1.0 * u.mV)
    with pytest.raises(ParameterError, match='could be one for each source or one for each synapse'):
        DeltaProj(comm=square, post=post, delay=np.ones(3) * u.ms)
    with pytest.raises(ParameterError, match='the number of sources is needed'):
        DeltaProj(comm=lambda x: x, post=post, delay=1.0 * u.ms)


@pytest.mark.slow
@pytest.mark.parametrize('form', FORMS)
def test_the_gradient_by_the_weights_equals_finite_differences(form, x64):
    with bst.environ.context(dt=DT * u.ms):
        net = Network('post', form)
        net.N.V_th, net.N.V_reset = 1000.0 * u.mV, 0.0 * u.mV  # out of reach, also of the surrogate gradient
        weight, start = net.proj.comm.weight, net.proj.comm.weight.value
        kick = jnp.zeros((30, N)).at[3].set(1.0)

        def loss():
            bst.nn.init_all_states(net)

            def step(x):
                net.proj(x)
                net.N()
                return (net.N.V.value.to_decimal(u.mV) ** 2).sum()

            return for_loop(step, kick).sum()

        slope = u.get_mantissa(grad(loss, weight)())
        direction = np.random.default_rng(8).normal(size=slope.shape)
        values = []
        for sign in (1, -1):
            weight.value = start + sign * 1e-5 * direction * u.nS
            values.append(float(loss()))
    assert float(slope @ direction) == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-6)


@pytest.mark.slow
def test_a_receptor_of_its_own_sums_what_gated_synapses_send(dt, x64):
    post = bst.LIF(2, R=1.0 * u.Gohm, V_th=1000.0 * u.mV)
    comm = pairwise_bernoulli(3, 2, 1.0, weight=np.arange(1.0, 7.0))
    proj = AlignPreProj(comm=comm, syn=bst.BioNMDA.desc(g_max=1.0 * u.nS), out=COBA.desc(E=0.0 * u.mV), post=post, delay=0.2 * u.ms)
    twin = bst.nn.init_all_states(bst.BioNMDA(3, g_max=1.0 * u.nS))
    bst.nn.init_all_states(proj), bst.nn.init_all_states(post)
    weight = np.arange(1.0, 7.0).reshape(3, 2)
    spikes = jnp.array([1.0, 0.0, 1.0])
    for k in range(8):
        proj(spikes * (k == 0))
        expected = twin(spikes * (k == 2)).to_decimal(u.nS) @ weight
        np.testing.assert_allclose(proj.receptor.waiting.value.to_decimal(u.nS), expected, rtol=1e-12)
        post()
    assert expected.min() > 0


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda post, comm: DeltaProj(comm=comm, post=post, stp=lambda x: x), 'stp must be short-term plasticity'),
        (lambda post, comm: AlignPreProj(comm=comm, syn=3, out=COBA(), post=post), 'syn and out must be a synapse and a SynOut'),
        (lambda post, comm: AlignPreProj(comm=comm, syn=Expon(3), out=Expon.desc(), post=post), 'out must be a SynOut or its description'),
        (
            lambda post, comm: AlignPostProj(comm=comm, syn=bst.BioNMDA.desc(), out=COBA.desc(), post=post),
            'syn must be a Synapse or its description',
        ),
        (lambda post, comm: CurrentProj(comm=comm, post=3), 'post must be a Neuron'),
    ],
    ids=['stp', 'syn', 'out', 'saturating', 'post'],
)
def test_parts_that_do_not_fit_are_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make(bst.LIF(2), bst.all_to_all(3, 2, weight=1.0 * u.mV))
