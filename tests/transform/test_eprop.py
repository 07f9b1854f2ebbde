"""Gradients along with the steps: those of the backward pass where nothing is left out, the published formulas, and memory."""

import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainpy_state as bst
from brainpy_state.transform import eprop_grad, for_loop, grad, jit

STEPS, BATCH, IN, N, OUT = 12, 2, 3, 4, 2
EXACT = 1e-9  # of float64: the same sums in another order


@pytest.fixture(autouse=True)
def double():
    jax.config.update('jax_enable_x64', True)
    bst.environ.set(dt=1.0 * u.ms, precision=64)


def drawn(scale, unit=1.0):
    return lambda shape: bst.random.normal(0.0, scale, shape) * unit


class Net(bst.nn.Module):
    """Inputs, neurons with or without recurrent weights, and a leaky readout."""

    def __init__(self, neurons, project, recurrent=True, readout=None):
        super().__init__()
        self.neurons = neurons
        self.into = project(IN, neurons)
        self.back = project(N, neurons) if recurrent else None
        self.out = readout or bst.nn.LeakyRateReadout(N, OUT, tau=15.0 * u.ms, w_init=drawn(0.5))
        self.cut = False

    def update(self, x):
        if self.back is not None:
            spikes = self.neurons.get_spike()
            self.back(jax.lax.stop_gradient(spikes) if self.cut else spikes)
        self.into(x)
        return self.out(self.neurons())


def by_jumps(pre, post):
    return bst.DeltaProj(comm=bst.nn.Linear(pre, N, w_init=drawn(1.0, u.mV), b_init=drawn(0.2, u.mV)), post=post)


def by_synapses(pre, post):
    comm = bst.nn.Linear(pre, N, w_init=drawn(2.0, u.mS), b_init=None)
    syn = bst.Alpha.desc(tau=3.0 * u.ms)
    return bst.AlignPostProj(comm=comm, syn=syn, out=bst.CUBA.desc(), post=post)


def by_sparse_synapses(pre, post):
    comm = bst.fixed_indegree(pre, N, 2, weight=drawn(1.0, u.mS), seed=1)
    return bst.AlignPostProj(comm=comm, syn=bst.Expon.desc(tau=3.0 * u.ms), out=bst.COBA.desc(E=2.0 * u.mV), post=post)


def by_late_jumps(pre, post):
    return bst.DeltaProj(comm=bst.nn.Linear(pre, N, w_init=drawn(1.0, u.mV), b_init=None), post=post, delay=2.0 * u.ms)


def by_one_weight(pre, post):
    return bst.DeltaProj(comm=bst.fixed_indegree(pre, N, 2, weight=0.7 * u.mV, seed=1), post=post)


def alif(**options):
    return bst.ALIF(N, tau=10.0 * u.ms, tau_a=30.0 * u.ms, beta=0.3 * u.mV, **options)


def adaptive_exponential():
    bounds = {'V_rest': -65.0 * u.mV, 'V_reset': -68.0 * u.mV, 'V_th': -50.0 * u.mV, 'V_T': -59.9 * u.mV}
    return bst.AdExIF(N, R=8.0 * u.ohm, a=0.1 * u.siemens, b=0.5 * u.mA, V_initializer=-62.0 * u.mV, **bounds)


CASES = {
    'ALIF': (lambda: alif(tau_ref=2.0 * u.ms), by_jumps),
    'LIF, hard reset': (lambda: bst.LIF(N, tau=10.0 * u.ms, spk_reset='hard'), by_synapses),
    'LIF, detached': (lambda: bst.LIF(N, tau=10.0 * u.ms, detach_reset=True), by_jumps),
    'ALIF, conductances': (alif, by_sparse_synapses),
    'ALIF, delays': (alif, by_late_jumps),
    'ALIF, one weight': (alif, by_one_weight),
    'CubaLIF': (lambda: bst.CubaLIF(N, tau=10.0 * u.ms), lambda pre, post: bst.DeltaProj(comm=bst.nn.Linear(pre, N, w_init=drawn(2.0, u.mA)), post=post)),
    'AdExIF': (adaptive_exponential, by_synapses),
    'Izhikevich': (lambda: bst.Izhikevich(N), lambda pre, post: bst.DeltaProj(comm=bst.nn.Linear(pre, N, w_init=drawn(20.0, u.mV)), post=post)),
    'surrogate': (lambda: bst.LIF(N, spk_fun=braintools.surrogate.InvSquareGrad(alpha=5.0)), by_jumps),
}  # fmt: skip


def data():
    rng = np.random.default_rng(0)
    return (rng.random((STEPS, BATCH, IN)) < 0.5).astype(float), rng.normal(size=(STEPS, BATCH, OUT))


def loss_of(net):
    return lambda x, target: ((net(x) - target) ** 2).sum()


def backward(net, *xs, loss=None):
    bst.nn.init_all_states(net, batch_size=BATCH)
    loss = loss or loss_of(net)
    return grad(lambda *xs: for_loop(loss, *xs).sum(), net.states(bst.ParamState), return_value=True)(*xs)


def online(net, *xs, loss=None, **options):
    bst.nn.init_all_states(net, batch_size=BATCH)
    return eprop_grad(loss or loss_of(net), net.states(bst.ParamState), return_value=True, **options)(*xs)


def numbers(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def assert_same(a, b, tolerance=EXACT):
    a, b = numbers(a), numbers(b)
    assert any(abs(x).max() > 0 for x in b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance * max(1.0, abs(y).max()))


@pytest.mark.slow
@pytest.mark.parametrize('case', CASES)
def test_the_gradient_is_that_of_the_backward_pass_without_the_spikes_between_neurons(case):
    neurons, project = CASES[case]
    net = Net(neurons(), project)
    found = online(net, *data())
    spikes = net.neurons.spike.value
    net.cut = True
    assert_same(found, backward(net, *data()))
    np.testing.assert_array_equal(spikes, net.neurons.spike.value)


@pytest.mark.slow
@pytest.mark.parametrize('case', list(CASES)[::2])
def test_the_gradient_is_exact_without_recurrence(case):
    neurons, project = CASES[case]
    net = Net(neurons(), project, recurrent=False)
    assert_same(online(net, *data()), backward(net, *data()))


# ---- The published formulas, by hand ---------------------------------------------------------------------------------


def formulas(net, xs, targets, decay, decay_a, beta, resets, B):
    """Bellec et al. 2020: eligibility vectors of V and of the adaptation, eligibility and its filter, learning signals from errors.

    ``resets`` adds what a spike takes from V to the derivatives, which the publication leaves out.
    """
    comm, V_th = net.into.comm, 1.0
    W, W_rec = (np.asarray(p.comm.weight.value['weight'].mantissa) for p in (net.into, net.back))
    b, b_rec = (np.asarray(p.comm.weight.value['bias'].mantissa) for p in (net.into, net.back))
    W_out, kappa = np.asarray(net.out.weight.value), np.exp(-1 / 15.0)
    V, a, z, r = (np.zeros((BATCH, n)) for n in (N, N, N, OUT))
    grads = {'in': np.zeros_like(W), 'rec': np.zeros_like(W_rec), 'out': np.zeros_like(W_out)}
    eps = {name: [np.zeros((BATCH, n, N)) for _ in range(3)] for name, n in (('in', IN), ('rec', N))}
    z_bar = np.zeros((BATCH, N))
    assert comm.in_size == (IN,)
    for x, target in zip(xs, targets, strict=True):
        sent = {'in': x, 'rec': z}
        V, a = decay * V + x @ W + b + z @ W_rec + b_rec, decay_a * a
        threshold = V_th + beta * a
        z = (V >= threshold).astype(float)
        psi = 0.3 * np.maximum(0, 1 - abs(V - threshold))
        z_bar, r = kappa * z_bar + z, kappa * r + z @ W_out
        error = 2 * (r - target)
        L = error @ B.T
        for name, (eps_V, eps_a, e_bar) in eps.items():
            eps_V = decay * eps_V + sent[name][:, :, None]
            eps_a = decay_a * eps_a
            e = psi[:, None] * (eps_V - beta * eps_a)
            e_bar = kappa * e_bar + e
            grads[name] += (L[:, None] * e_bar).sum(0)
            if resets:
                eps_V = eps_V - e * threshold[:, None] - beta * eps_a * z[:, None]
            eps[name] = [eps_V, eps_a + e, e_bar]
        grads['out'] += np.einsum('bj,bk->jk', z_bar, error)
        V, a = V - z * threshold, a + z
    return grads


@pytest.mark.parametrize('model', ['LIF', pytest.param('ALIF', marks=pytest.mark.slow)])
def test_the_published_formulas_give_the_same(model):
    is_lif = model == 'LIF'
    net = Net(bst.LIF(N, tau=10.0 * u.ms, detach_reset=True) if is_lif else alif(), by_jumps)
    feedback = bst.State(bst.random.normal(0.0, 1.0, (N, OUT)))
    xs, targets = data()
    grads, _ = online(net, xs, targets, feedback={net.out.weight: feedback})
    beta = 0.0 if is_lif else 0.3
    expected = formulas(net, xs, targets, np.exp(-1 / 10.0), np.exp(-1 / 30.0), beta, not is_lif, np.asarray(feedback.value))
    assert_same(grads['into', 'comm', 'weight']['weight'].mantissa, expected['in'])
    assert_same(grads['back', 'comm', 'weight']['weight'].mantissa, expected['rec'])
    assert_same(grads['out', 'weight'], expected['out'])


# ---- Feedback --------------------------------------------------------------------------------------------------------


@pytest.fixture
def small():
    return Net(bst.LIF(N), by_jumps, recurrent=False)


@pytest.mark.slow
def test_feedback_that_is_trained_moves_as_the_weights_that_it_stands_for(small):
    small.feedback = bst.ParamState(jnp.ones((N, OUT)))
    grads, _ = online(small, *data(), feedback={small.out.weight: small.feedback})
    assert_same(grads['feedback',], grads['out', 'weight'])


@pytest.mark.slow
def test_feedback_of_a_layer_with_units_and_a_bias_has_its_structure():
    readout = bst.nn.Linear(N, OUT, w_init=drawn(1.0, u.mV), b_init=0.5 * u.mV)
    net = Net(bst.LIF(N), by_jumps, recurrent=False, readout=readout)

    def loss(x):
        return (net(x) ** 2).sum()

    xs, _ = data()
    same = bst.State(jax.tree.map(lambda x: 1.0 * x, readout.weight.value))
    assert_same(online(net, xs, loss=loss, feedback={readout.weight: same}), backward(net, xs, loss=loss))
    other = bst.State(jax.tree.map(lambda x: -x, readout.weight.value))
    turned, _ = online(net, xs, loss=loss, feedback={readout.weight: other})
    straight, _ = online(net, xs, loss=loss)
    assert_same(-turned['into', 'comm', 'weight']['weight'], straight['into', 'comm', 'weight']['weight'])
    assert_same(turned['out', 'weight'], straight['out', 'weight'])


# ---- What else a step may do -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_losses_may_take_the_states_of_neurons_and_their_weights():
    net = Net(alif(), by_jumps)

    def loss(x, target):
        out, neurons = net(x), net.neurons
        rate = neurons.get_spike().mean(0)
        weights = net.into.comm.weight.value['weight'].mantissa
        return ((out - target) ** 2).sum() + (rate**2).sum() + (neurons.V.value.mantissa**2).mean() + 0.1 * (weights**2).sum()

    found = online(net, *data(), loss=loss)
    net.cut = True
    assert_same(found, backward(net, *data(), loss=loss))


@pytest.mark.slow
def test_parameters_of_neurons_are_trained_too():
    tau, V_th = bst.ParamState(jnp.full(N, 10.0) * u.ms), bst.ParamState(1.2 * u.mV)
    net = Net(bst.LIF(N, tau=tau, V_th=V_th), by_jumps, recurrent=False)
    assert len(net.states(bst.ParamState)) == 4
    assert_same(online(net, *data()), backward(net, *data()))


@pytest.mark.slow
def test_weights_that_are_left_out_are_fixed():
    net = Net(alif(), by_jumps)
    bst.nn.init_all_states(net, batch_size=BATCH)
    chosen = {'in': net.into.comm.weight}
    found = eprop_grad(loss_of(net), chosen)(*data())
    everything, _ = online(net, *data())
    assert_same(found['in'], everything['into', 'comm', 'weight'])


@pytest.mark.slow
def test_several_populations_and_readouts_have_signals_of_their_own():
    class Two(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = bst.LIF(N, tau=10.0 * u.ms), alif()
            self.into_a, self.into_b, self.a_to_b = (by_jumps(n, post) for n, post in ((IN, self.a), (IN, self.b), (N, self.b)))
            self.out_a = bst.nn.LeakyRateReadout(N, OUT, tau=15.0 * u.ms)
            self.out_b = bst.nn.Linear(N, OUT)
            self.cut = False

        def update(self, x):
            spikes = self.a.get_spike()
            self.a_to_b(jax.lax.stop_gradient(spikes) if self.cut else spikes)
            self.into_a(x), self.into_b(x)
            return self.out_a(self.a()) * self.out_b(self.b())

    net = Two()
    found = online(net, *data())
    net.cut = True
    assert_same(found, backward(net, *data()))


@pytest.mark.slow
def test_one_compiled_step_trains_by_an_optimiser(small):
    optimizer = bst.optim.Optimizer(optax.adam(1e-2), small.states(bst.ParamState))

    def loss(x, target):
        out = small(x)
        return ((out - target) ** 2).sum(), out

    @jit
    def update(xs, targets):
        bst.nn.init_all_states(small, batch_size=BATCH)
        grads, value, outs = eprop_grad(loss, optimizer.params, has_aux=True, return_value=True)(xs, targets)
        optimizer.update(grads)
        return value, outs

    losses = [update(*data()) for _ in range(3)]
    assert losses[0][1].shape == (STEPS, BATCH, OUT)
    assert losses[2][0] < losses[0][0]


def temporary_memory(net, steps):
    bst.nn.init_all_states(net, batch_size=BATCH)
    step = jit(lambda *xs: eprop_grad(loss_of(net), net.states(bst.ParamState))(*xs))
    return step.compile(jnp.zeros((steps, BATCH, IN)), jnp.zeros((steps, BATCH, OUT))).memory_analysis().temp_size_in_bytes


@pytest.mark.slow
def test_memory_does_not_depend_on_the_number_of_steps():
    net = Net(alif(), by_jumps)
    short, long = (temporary_memory(net, steps) for steps in (100, 10_000))
    assert 0 < long == short


@pytest.mark.slow
def test_a_trace_that_all_targets_share_is_kept_once():
    from brainpy_state.transform import _eprop_traces

    kept = []
    begin = _eprop_traces.Trace.begin
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_eprop_traces.Trace, 'begin', lambda self: kept.append((self.tap.aval.shape, begin(self)[0])) or begin(self))
        online(Net(bst.LIF(N, detach_reset=True), by_jumps), *data())
        online(Net(bst.LIF(N), by_jumps), *data())
    shapes = [x.shape for _, traces in kept for x in traces if x.ndim == 3]
    assert sorted(shapes) == sorted([(BATCH, IN, 1), (BATCH, N, 1), (BATCH, IN, N), (BATCH, N, N), (BATCH, N, 1), (BATCH, N, 1)])


# ---- What cannot be followed -----------------------------------------------------------------------------------------


def raises(error, message, net, loss=None, states=None, **options):
    bst.nn.init_all_states(net, batch_size=BATCH)
    before = numbers([s.value for s in net.states().values()])
    with pytest.raises(error, match=message):
        eprop_grad(loss or loss_of(net), net.states(bst.ParamState) if states is None else states, **options)(*data())
    assert all(np.array_equal(x, y) for x, y in zip(numbers([s.value for s in net.states().values()]), before, strict=True))


class Mixing(Net):
    def update(self, x):
        mean = self.neurons.get_spike().mean(-1, keepdims=True) * u.mA
        self.into(x)
        return self.out(self.neurons(-mean))


def test_a_loss_that_is_not_one_number_for_each_step_is_an_error(small):
    raises(TypeError, 'must return its share of the loss, one real number, but returned float64', small, lambda x, target: small(x))


def test_a_way_between_neurons_that_is_hidden_is_an_error():
    net = Mixing(bst.LIF(N), by_jumps, recurrent=False)
    raises(ValueError, r"weight' acts on .*neurons.V': the way goes through `\w+` at .*neither neuron by neuron nor a product", net)


@pytest.mark.slow
def test_synapses_with_delays_of_their_own_are_an_error():
    def project(pre, post):
        comm = bst.fixed_indegree(pre, N, 2, weight=drawn(1.0, u.mV), delay=bst.drawn.uniform(1.0 * u.ms, 3.0 * u.ms), seed=1)
        return bst.DeltaProj(comm=comm, post=post)

    raises(
        ValueError,
        r'the way goes through `event_\w+`.*Synapses with delays of their own cannot be followed',
        Net(bst.LIF(N), project),
    )


@pytest.mark.slow
def test_neurons_that_nothing_reads_get_no_signal():
    deep = bst.nn.Sequential(
        bst.nn.Linear(IN, N, w_init=1.0 * u.mA),
        bst.LIF(N),
        bst.nn.Linear(N, N, w_init=1.0 * u.mA),
        bst.LIF(N),
        bst.nn.LeakyRateReadout(N, OUT),
    )
    raises(ValueError, r"no learning signal reaches ParamState 'layers.0.weight'", deep)


@pytest.mark.slow
def test_a_readout_whose_outputs_decay_differently_is_an_error():
    readout = bst.nn.LeakyRateReadout(N, OUT, tau=np.array([5.0, 10.0]) * u.ms)
    raises(ValueError, r"'out.r' does not decay alike for all outputs", Net(bst.LIF(N), by_jumps, readout=readout))


def test_feedback_that_does_not_fit_is_an_error(small):
    weight, into = small.out.weight, small.into.comm.weight
    raises(ValueError, r"feedback for .*out.weight' is .*\[2,4\], but must have", small, feedback={weight: bst.State(jnp.ones((OUT, N)))})
    raises(ValueError, "are no weights of a readout.*: ParamState 'out.weight'", small, feedback={into: bst.State(into.value)})


def test_weights_that_a_step_does_not_read_or_that_it_writes_are_an_error(small):
    other = bst.ParamState(1.0)
    raises(ValueError, 'never reads', small, states=[other])

    def loss(x, target):
        small.out.weight.value = 0.9 * small.out.weight.value
        return ((small(x) - target) ** 2).sum()

    raises(ValueError, 'writes .*, by which the gradient is taken', small, loss)
    raises(ValueError, 'there is nothing to differentiate by', small, states=[])
