"""Small scripts as users of ``brainstate`` and ``brainpy.state`` write them: nothing but the import is changed."""

import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state.compat import brainpy, brainstate

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def clock():
    with brainstate.environ.context(dt=0.1 * u.ms):
        brainstate.random.seed(0)
        yield


def times(duration):
    return u.math.arange(0.0 * u.ms, duration, brainstate.environ.get_dt())


def rate(spikes):
    return float(np.mean(np.asarray(spikes) != 0)) / 1e-4


class Balanced(brainstate.nn.Module):
    """One population by the library's models."""

    def __init__(self, syn, out):
        super().__init__()
        self.N = brainpy.state.LIF(
            1000, V_rest=-52.0 * u.mV, V_th=-50.0 * u.mV, V_reset=-60.0 * u.mV, tau=10.0 * u.ms,
            V_initializer=braintools.init.Normal(-60.0 * u.mV, 10.0 * u.mV), spk_reset='soft',
        )  # fmt: skip
        self.E = brainpy.state.AlignPostProj(
            comm=brainstate.nn.EventFixedProb(500, 1000, 0.1, 1 / u.math.sqrt(50) * u.mS), syn=syn(), out=out(), post=self.N
        )
        self.I = brainpy.state.AlignPostProj(
            comm=brainstate.nn.EventFixedProb(500, 1000, 0.1, -1 / u.math.sqrt(50) * u.mS), syn=syn(), out=out(), post=self.N
        )

    def update(self, inp):
        spikes = self.N.get_spike() != 0.0
        self.E(spikes[:500])
        self.I(spikes[500:])
        self.N(inp)
        return self.N.get_spike()


@pytest.mark.parametrize('given', ['descriptions', 'instances'])
def test_a_balanced_network(given):
    synapse = {'descriptions': brainpy.state.Expon.desc, 'instances': brainpy.state.Expon}[given]
    output = {'descriptions': brainpy.state.CUBA.desc, 'instances': brainpy.state.CUBA}[given]
    net = Balanced(lambda: synapse(1000, tau=2.0 * u.ms), lambda: output(scale=u.volt))
    brainstate.nn.init_all_states(net)
    spikes = brainstate.transform.for_loop(lambda t: net.update(3.0 * u.mA), times(300.0 * u.ms), pbar=brainstate.transform.ProgressBar(10))
    assert spikes.shape == (3000, 1000)
    assert 20 < rate(spikes) < 60
    assert net.E.syn.g.value.shape == (1000,) and isinstance(net.E.out, brainpy.state.CUBA)


class HandWritten(brainpy.state.Neuron):
    """Two conductances with a spike at a crossing."""

    def __init__(self, in_size, EL=-65.0 * u.mV, C=1.0 * u.uF, gL=0.1 * u.mS, V_th=-20.0 * u.mV):
        super().__init__(in_size)
        self.EL, self.C, self.gL, self.V_th = EL, C, gL, V_th

    def init_state(self, *args, **kwargs):
        self.V = brainstate.HiddenState(self.EL + brainstate.random.randn(*self.varshape) * 5 * u.mV)
        self.n = brainstate.HiddenState(braintools.init.param(braintools.init.Constant(0.3), self.varshape))
        self.h = brainstate.HiddenState(u.math.ones(self.varshape, dtype=brainstate.environ.dftype()) * 0.6)
        self.spike = brainstate.HiddenState(u.math.zeros(self.varshape, dtype=bool))

    def dV(self, V, n, h, current):
        alpha = 1.0 / u.math.exprel(-0.1 * (V / u.mV + 35))
        m = alpha / (alpha + 4 * u.math.exp(-(V / u.mV + 60) / 18))
        channels = -35.0 * u.mS * m**3 * h * (V - 55.0 * u.mV) - 9.0 * u.mS * n**4 * (V + 90.0 * u.mV) - self.gL * (V - self.EL)
        return (channels + self.sum_current_inputs(current, V)) / self.C

    def dn(self, n, V):
        alpha = -0.01 * (V / u.mV + 34) / (u.math.exp(-0.1 * (V / u.mV + 34)) - 1)
        return 5.0 * (alpha * (1 - n) - 0.125 * u.math.exp(-(V / u.mV + 44) / 80) * n) / u.ms

    def dh(self, h, V):
        alpha = 0.07 * u.math.exp(-(V / u.mV + 58) / 20)
        return 5.0 * (alpha * (1 - h) - h / (u.math.exp(-0.1 * (V / u.mV + 28)) + 1)) / u.ms

    def update(self, x=0.0 * u.uA):
        last = self.V.value
        V = brainstate.nn.exp_euler_step(self.dV, last, self.n.value, self.h.value, x)
        self.n.value = brainstate.nn.exp_euler_step(self.dn, self.n.value, last)
        self.h.value = brainstate.nn.exp_euler_step(self.dh, self.h.value, last)
        self.spike.value = u.math.logical_and(last < self.V_th, V >= self.V_th)
        self.V.value = V
        return self.spike.value


def test_a_hand_written_neuron_receives_conductances():
    class Net(brainstate.nn.Module):
        def __init__(self, weight):
            super().__init__()
            self.N = HandWritten(100)
            self.I = brainpy.state.AlignPostProj(
                comm=brainstate.nn.EventFixedProb(100, 100, conn_num=0.2, conn_weight=weight),
                syn=brainpy.state.Expon(100, tau=10.0 * u.ms), out=brainpy.state.COBA(E=-80.0 * u.mV), post=self.N,
            )  # fmt: skip

        def update(self, t):
            with brainstate.environ.context(t=t):
                self.I(self.N.spike.value)
                return self.N(1.0 * u.uA)

    found = []
    for weight in (0.0, 0.02):
        with brainstate.environ.context(dt=0.02 * u.ms):
            net = brainstate.nn.init_all_states(Net(weight * u.mS))
            found.append(rate(brainstate.transform.for_loop(net.update, times(100.0 * u.ms), pbar=100)) * 5)
    assert found[0] > 30 and found[1] < 0.8 * found[0]


def test_a_graded_synapse_of_ones_own_is_read_by_a_current_projection():
    class Graded(brainpy.state.Synapse):
        def __init__(self, in_size, alpha=12 / u.ms, beta=0.1 / u.ms):
            super().__init__(in_size=in_size)
            self.alpha, self.beta = alpha, beta

        def init_state(self, *args, **kwargs):
            self.g = brainstate.HiddenState(braintools.init.param(braintools.init.ZeroInit(), self.varshape))

        def update(self, V):
            opened = 1 / (1 + u.math.exp(-V / u.mV / 2))
            self.g.value = brainstate.nn.exp_euler_step(lambda s: self.alpha * opened * (1 - s) - self.beta * s, self.g.value)
            return self.g.value

    class Gamma(brainstate.nn.Module):
        def __init__(self, num, weight):
            super().__init__()
            self.neu, self.syn = HandWritten(num), Graded(num)
            self.proj = brainpy.state.CurrentProj(
                self.syn.prefetch('g'),
                comm=brainstate.nn.AllToAll(self.neu.varshape, self.neu.varshape, include_self=False, w_init=weight / num),
                out=brainpy.state.COBA(E=-75.0 * u.mV),
                post=self.neu,
            )

        def update(self, t):
            with brainstate.environ.context(t=t):
                self.proj()
                self.neu(1.0 * u.uA)
                self.syn(self.neu.V.value)
                return self.neu.spike.value, self.neu.V.value[:5]

    found = []
    for weight in (0.0, 0.3):
        with brainstate.environ.context(dt=0.02 * u.ms):
            net = brainstate.nn.init_all_states(Gamma(20, weight * u.mS))
            spikes, V = brainstate.transform.for_loop(net.update, times(60.0 * u.ms))
        assert V.shape == (3000, 5) and u.get_unit(V) == u.mV
        found.append(rate(spikes))
    assert found[1] < found[0]


class Noisy(brainpy.state.Neuron):
    """Jumps of V, noise, and refractoriness by the time of the last spike."""

    def init_state(self, *args, **kwargs):
        self.V = brainstate.HiddenState(braintools.init.param(braintools.init.Constant(10.0 * u.mV), self.varshape))
        self.t_last = brainstate.ShortTermState(braintools.init.param(braintools.init.Constant(-1e7 * u.ms), self.varshape))

    def update(self):
        drift = lambda V: (-V + self.sum_current_inputs(25.0 * u.mV, V)) / (20.0 * u.ms)  # noqa: E731
        V = brainstate.nn.exp_euler_step(drift, lambda V: 1.0 * u.mV / u.math.sqrt(20.0 * u.ms), self.V.value)
        V = self.sum_delta_inputs(V)
        t = brainstate.environ.get('t')
        V = u.math.where((t - self.t_last.value) <= 2.0 * u.ms, self.V.value, V)
        spike = V >= 20.0 * u.mV
        self.V.value = u.math.where(spike, 10.0 * u.mV, V)
        self.t_last.value = u.math.where(spike, t, self.t_last.value)
        return spike


def test_a_delay_that_is_read_by_hand():
    class Net(brainstate.nn.Module):
        def __init__(self, num):
            super().__init__()
            self.group = Noisy(num)
            self.delay = brainstate.nn.Delay(jax.ShapeDtypeStruct((num,), bool), 2.0 * u.ms)
            self.syn = brainpy.state.DeltaProj(comm=brainstate.nn.EventFixedProb(num, num, 0.1, -0.1 * u.mV), post=self.group)

        def update(self, t, i):
            with brainstate.environ.context(t=t, i=i):
                self.syn(self.delay.retrieve_at_step(jnp.asarray(2.0 * u.ms / brainstate.environ.get_dt(), dtype=int)))
                spike = self.group()
                self.delay(spike)
                return spike

    net = brainstate.nn.init_all_states(Net(500))
    steps = times(100.0 * u.ms)
    spikes = brainstate.transform.for_loop(net.update, steps, u.math.arange(steps.size))
    assert spikes.dtype == bool and 10 < rate(spikes) < 40
    assert not np.diff(np.nonzero(np.asarray(spikes)[:, 0])[0]).min(initial=99) <= 20


def test_entries_of_a_delay():
    delay = brainstate.nn.Delay(jax.ShapeDtypeStruct((2,), np.float32) * u.mV, entries={'a': 0.2 * u.ms, 'b': None})
    brainstate.nn.init_all_states(delay)
    for k in range(5):
        delay.update(np.full(2, k, np.float32) * u.mV)
    assert delay.at('a')[0] == 2.0 * u.mV and delay.at('b')[0] == 4.0 * u.mV and delay.retrieve_at_step(1)[1] == 3.0 * u.mV
    with pytest.raises(KeyError, match='it has a, b'):
        delay.at('c')
    with pytest.raises(ValueError, match='holds 2 steps'):
        delay.retrieve_at_step(3)


class Labelled(brainpy.state.Neuron):
    """Conductances are variables of the neuron, into which projections jump by label."""

    def __init__(self, in_size, tau_e=1.5 * u.ms, tau_i=7.5 * u.ms, V_initializer=braintools.init.Uniform(-65.0 * u.mV, -50.0 * u.mV)):  # noqa: B008
        super().__init__(in_size=in_size)
        self.tau_e, self.tau_i, self.V_initializer = tau_e, tau_i, V_initializer

    def init_state(self):
        self.V = brainstate.HiddenState(braintools.init.param(self.V_initializer, self.varshape))
        self.ge = brainstate.HiddenState(braintools.init.param(braintools.init.Constant(0.0 * u.nS), self.varshape))
        self.gi = brainstate.HiddenState(braintools.init.param(braintools.init.Constant(0.0 * u.nS), self.varshape))
        self.spike = brainstate.HiddenState(braintools.init.param(lambda s: u.math.zeros(s, bool), self.varshape))

    def update(self, x=0.0 * u.pA):
        ge = self.sum_delta_inputs(brainstate.nn.exp_euler_step(lambda g: -g / self.tau_e, self.ge.value), label='ge')
        gi = self.sum_delta_inputs(brainstate.nn.exp_euler_step(lambda g: -g / self.tau_i, self.gi.value), label='gi')

        def dV(V):
            leak, synaptic = 10 * u.nS * (-65 * u.mV - V), ge * (0 * u.mV - V) + gi * (-80 * u.mV - V)
            return (leak + synaptic + self.sum_current_inputs(x)) / (150 * u.pF)

        V = self.sum_delta_inputs(brainstate.nn.exp_euler_step(dV, self.V.value), label='V')
        spike = V >= -50.0 * u.mV
        self.V.value = u.math.where(spike, -65.0 * u.mV, V)
        self.ge.value, self.gi.value, self.spike.value = ge, gi, spike
        return spike


def test_jumps_by_label_with_delays():
    class Net(brainstate.nn.Module):
        def __init__(self, inhibition):
            super().__init__()
            self.E, self.I = Labelled(400), Labelled(100)
            self.ext = brainpy.state.PoissonEncoder(400)
            prob, proj = brainstate.nn.EventFixedProb, brainpy.state.DeltaProj
            self.ext_E = proj(comm=prob(400, 400, 0.1, 3.0 * u.nS), post=self.E, label='ge')
            self.ext_I = proj(comm=prob(400, 100, 0.1, 3.0 * u.nS), post=self.I, label='ge')
            self.E_I = proj(self.E.prefetch('spike').delay.at(1.5 * u.ms), comm=prob(400, 100, 0.1, 1.0 * u.nS), post=self.I, label='ge')
            self.I_E = proj(self.I.prefetch('spike').delay.at(1.5 * u.ms), comm=prob(100, 400, 0.1, inhibition), post=self.E, label='gi')

        def update(self, i, t, freq):
            with brainstate.environ.context(t=t, i=i):
                spikes = self.ext(freq)
                self.ext_E(spikes)
                self.ext_I(spikes)
                self.E_I()
                self.I_E()
                self.E()
                self.I()
                return {'E': self.E.spike.value, 'I': self.I.spike.value, 'V': self.E.V.value[0]}

    found = []
    for inhibition in (0.0 * u.nS, 10.0 * u.nS):
        net = brainstate.nn.init_all_states(Net(inhibition))
        steps = times(200.0 * u.ms)
        out = brainstate.transform.for_loop(net.update, u.math.arange(len(steps)), steps, np.full(len(steps), 20.0) * u.Hz, pbar=500)
        found.append(rate(out['E']))
    assert found[0] > 5 and found[1] < 0.7 * found[0]


def test_a_prefetched_potential_shows_the_spikes():
    class Net(brainstate.nn.Module):
        def __init__(self, reads):
            super().__init__()
            self.E = brainpy.state.LIFRef(
                200, V_rest=-49.0 * u.mV, V_th=-50.0 * u.mV, V_reset=-60.0 * u.mV, tau=20.0 * u.ms, tau_ref=5.0 * u.ms,
                V_initializer=braintools.init.Normal(-55.0 * u.mV, 2.0 * u.mV),
            )  # fmt: skip
            chain = {
                'V': (self.E.prefetch('V'), lambda V: self.E.get_spike(V) != 0.0),
                'V later': (self.E.prefetch('V').delay.at(1.0 * u.ms), lambda V: self.E.get_spike(V) != 0.0),
                'spike': (self.E.prefetch('spike'),),
            }
            self.proj = brainpy.state.AlignPostProj(
                *chain[reads], comm=brainstate.nn.EventFixedProb(200, 200, 0.1, 0.3 * u.mS, seed=1),
                syn=brainpy.state.Expon.desc(200, tau=5.0 * u.ms), out=brainpy.state.CUBA.desc(scale=u.volt), post=self.E,
            )  # fmt: skip

        def update(self, t):
            with brainstate.environ.context(t=t):
                self.proj()
                self.E(20.0 * u.mA)
                return self.E.get_spike()

    found = {}
    for reads in ('V', 'V later', 'spike'):
        brainstate.random.seed(1)
        net = brainstate.nn.init_all_states(Net(reads))
        found[reads] = np.asarray(brainstate.transform.for_loop(net.update, times(50.0 * u.ms)))
    assert found['spike'].sum() > 100
    np.testing.assert_array_equal(found['V'], found['spike'])
    assert not np.array_equal(found['V later'], found['spike'])
