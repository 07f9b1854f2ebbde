"""Networks that are simulated as a whole and divided between devices."""

import brainunit as u
import numpy as np

import brainpy_state as bst
from brainpy_state import plasticity
from brainpy_state.record import RateMonitor, SpikeMonitor, SpikeRecorder, StateMonitor

N, SEED = 101, 4  # no number of devices divides it
EXCITATORY = {'syn': bst.Expon.desc(tau=5.0 * u.ms, g_initializer=0.0 * u.nS), 'out': bst.COBA.desc(E=0.0 * u.mV)}
INHIBITORY = {'syn': bst.Expon.desc(tau=8.0 * u.ms, g_initializer=0.0 * u.nS), 'out': bst.COBA.desc(E=-80.0 * u.mV)}
WEIGHTS = bst.drawn.normal(2.0 * u.nS, 0.5 * u.nS, low=0.0 * u.nS)
DELAYS = bst.drawn.normal(1.5 * u.ms, 0.7 * u.ms, low=0.1 * u.ms)


def cells(n=N, model=bst.LIFRef, **options):
    """Neurons that begin at different potentials."""
    V = np.random.default_rng(n).uniform(-60.0, -50.0, n) * u.mV
    options = {'R': 100.0 * u.Mohm, 'tau': 20.0 * u.ms, 'V_rest': -60.0 * u.mV, 'V_reset': -60.0 * u.mV, 'V_th': -50.0 * u.mV} | options
    return model(n, V_initializer=V, **options)


class Network(bst.nn.Module):
    """Neurons that drive each other; subclasses connect them."""

    current = 0.12 * u.nA

    def __init__(self):
        super().__init__()
        self.E = cells(tau_ref=2.0 * u.ms)
        self.connect()

    def record(self):
        return {
            'spikes': SpikeMonitor(self.E),
            'some': SpikeMonitor(self.E, of=slice(10, 40)),
            'V': StateMonitor(self.E, 'V', of=[0, 50, N - 1]),
            'all': StateMonitor(self.E, 'V', every=1.0 * u.ms),
            'rate': RateMonitor(self.E, bin=1.0 * u.ms),
        }

    def connect(self):
        self.ee = bst.AlignPostProj(comm=bst.pairwise_bernoulli(N, N, 0.1, weight=2.0 * u.nS, seed=(SEED, 'ee')), post=self.E, **EXCITATORY)

    def update(self):
        self.ee(self.E.get_spike())
        self.E(self.current)


class Delayed(Network):
    """Delays of synapses, one delay with short-term plasticity, Poisson drive, noise, every random rule."""

    current = 0.05 * u.nA

    def connect(self):
        self.I = cells(30, tau=10.0 * u.ms)
        rules = {
            'ee': (bst.pairwise_bernoulli(N, N, 0.1, weight=WEIGHTS, delay=DELAYS, seed=(SEED, 'ee')), self.E, EXCITATORY, {}),
            'ei': (
                bst.fixed_indegree(N, 30, 20, weight=WEIGHTS, seed=(SEED, 'ei')),
                self.I, EXCITATORY, {'delay': 1.0 * u.ms, 'stp': bst.STP.desc(U=0.2)},
            ),
            'ie': (
                bst.fixed_total_number(30, N, 500, weight=WEIGHTS, delay=DELAYS, allow_multapses=False, seed=(SEED, 'ie')),
                self.E, INHIBITORY, {},
            ),
            'ii': (bst.fixed_outdegree(30, 30, 5, weight=3.0 * u.nS, seed=(SEED, 'ii')), self.I, INHIBITORY, {}),
        }  # fmt: skip
        for name, (comm, post, synapse, options) in rules.items():
            setattr(self, name, bst.AlignPostProj(comm=comm, post=post, **synapse, **options))
        self.drive = bst.PoissonInput(self.ee.receptor.syn, 100, 15.0 * u.Hz, 1.0 * u.nS, seed=(SEED, 'drive'))
        self.noise = bst.OUProcessInput(30, mean=0.0 * u.nA, sigma=0.05 * u.nA, tau=5.0 * u.ms, seed=(SEED, 'noise'))
        self.recorder = SpikeRecorder(30)

    def record(self):
        return super().record() | {'inhibitory': self.recorder}

    def update(self):
        e, i = self.E.get_spike(), self.I.get_spike()
        self.ee(e)
        self.ei(e)
        self.ie(i)
        self.ii(i)
        self.drive()
        self.E(self.current)
        self.recorder(self.I(0.12 * u.nA + self.noise()))


class Late(Network):
    """Nothing arrives before 0.7 ms, so devices need not exchange anything in each step."""

    current = 0.15 * u.nA

    def connect(self):
        self.I = cells(30, tau=10.0 * u.ms)
        late = bst.drawn.uniform(0.7 * u.ms, 3.0 * u.ms)
        self.ee = bst.AlignPostProj(
            comm=bst.pairwise_bernoulli(N, N, 0.1, weight=WEIGHTS, delay=late, seed=(SEED, 'ee')), post=self.E, stp=bst.STP.desc(U=0.4),
            **EXCITATORY,
        )  # fmt: skip
        self.ei = bst.AlignPostProj(
            comm=bst.fixed_indegree(N, 30, 20, weight=WEIGHTS, seed=(SEED, 'ei')), post=self.I, delay=1.0 * u.ms, **EXCITATORY
        )
        self.ie = bst.AlignPostProj(
            comm=bst.pairwise_bernoulli(30, N, 0.2, weight=WEIGHTS, delay=late, seed=(SEED, 'ie')), post=self.E, **INHIBITORY
        )

    def update(self):
        e, i = self.E.get_spike(), self.I.get_spike()
        self.ee(e)
        self.ei(e)
        self.ie(i)
        self.E(self.current)
        self.I(0.1 * u.nA)


class OtherWays(Network):
    """A source without neurons of its own, synapses at the source, jumps, currents, all pairs, pairs of equal number, weights of the user's."""

    def connect(self):
        n = 40
        self.source = bst.PoissonSpike(n, 50.0 * u.Hz, seed=(SEED, 'source'))
        rng = np.random.default_rng(1)
        given = bst.explicit_edges(n, N, rng.integers(0, n, 300), rng.integers(0, N, 300), weight=rng.uniform(0.0, 3.0, 300) * u.nS)
        each = rng.uniform(0.0, 2.0, n).round(1) * u.ms
        self.slow = bst.AlignPreProj(
            comm=bst.fixed_indegree(N, N, 5, weight=0.5 * u.nS, seed=(SEED, 'slow')), syn=bst.BioNMDA.desc(N, g_max=1.0),
            out=bst.COBA.desc(E=0.0 * u.mV), post=self.E,
        )  # fmt: skip
        self.given = bst.AlignPostProj(comm=given, post=self.E, delay=each, **EXCITATORY)
        self.jumps = bst.DeltaProj(comm=bst.all_to_all(n, N, weight=0.01 * u.mV), post=self.E)
        self.same = bst.DeltaProj(comm=bst.one_to_one(N, N, weight=-1.0 * u.mV), post=self.E, delay=2.0 * u.ms)
        self.currents = bst.CurrentProj(comm=bst.all_to_all(n, N, weight=bst.drawn.uniform(0.0 * u.nA, 0.1 * u.nA), seed=1), post=self.E)

    def update(self):
        s, e = self.source(), self.E.get_spike()
        self.given(s)
        self.jumps(s)
        self.currents(s)
        self.same(e)
        self.slow(e)
        self.E(self.current)


class Plastic(Network):
    """Weights that change by a rule."""

    options = {'delay': 1.0 * u.ms}
    rule = plasticity.PairSTDP.desc(w_max=4.0 * u.nS)

    def connect(self):
        comm = bst.pairwise_bernoulli(N, N, 0.1, weight=bst.drawn.uniform(0.5 * u.nS, 3.0 * u.nS), seed=(SEED, 'ee'))
        self.ee = bst.AlignPostProj(comm=comm, post=self.E, plasticity=self.rule, **EXCITATORY, **self.options)


class ByHand(bst.nn.Dynamics):
    """A neuron that gives its own update."""

    def __init__(self, n):
        super().__init__(n)
        self.V = bst.HiddenState(np.linspace(-60.0, -50.5, n) * u.mV)
        self.spike = bst.ShortTermState(np.zeros(n))

    def get_spike(self):
        return self.spike.value

    def update(self, x):
        current = self.sum_current_inputs(x, self.V.value)
        V = bst.nn.exp_euler_step(lambda V, x: (-60.0 * u.mV - V + 100.0 * u.Mohm * x) / (20.0 * u.ms), self.V.value, current)
        V = self.sum_delta_inputs(V)
        self.spike.value = (V > -50.0 * u.mV).astype(float)
        self.V.value = u.math.where(self.spike.value > 0, -60.0 * u.mV, V)
        return self.spike.value


class Handwritten(Network):
    """A neuron of the user's, which asks for its inputs."""

    current = 0.13 * u.nA

    def __init__(self):
        bst.nn.Module.__init__(self)
        self.E = ByHand(N)
        comm = bst.pairwise_bernoulli(N, N, 0.1, weight=0.5 * u.nS, seed=(SEED, 'ee'))
        self.ee = bst.AlignPostProj(comm=comm, post=self.E, **EXCITATORY)
        self.delta = bst.DeltaProj(comm=bst.fixed_indegree(N, N, 3, weight=0.5 * u.mV, seed=1), post=self.E, delay=0.5 * u.ms)

    def update(self):
        spikes = self.E.get_spike()
        self.ee(spikes)
        self.delta(spikes)
        self.E(self.current)


class Channels(Network):
    """Hodgkin-Huxley neurons, and synapses whose time constants differ."""

    def __init__(self):
        bst.nn.Module.__init__(self)
        self.E = bst.HH(N, V_initializer=np.linspace(-70.0, -50.0, N) * u.mV)
        comm = bst.pairwise_bernoulli(N, N, 0.1, weight=0.02 * u.mS, seed=(SEED, 'ee'))
        synapse = {'syn': bst.Expon.desc(tau=np.linspace(2.0, 8.0, N) * u.ms, g_initializer=0.0 * u.mS), 'out': bst.COBA.desc(E=0.0 * u.mV)}
        self.ee = bst.AlignPostProj(comm=comm, post=self.E, **synapse)

    def update(self):
        self.ee(self.E.get_spike())
        self.E(6.0 * u.uA)


def plastic(rule, **options):
    """A network with a rule."""
    return lambda: type('Plastic', (Plastic,), {'rule': rule, 'options': {'delay': 1.0 * u.ms} | options})()


LIMITS = {'w_max': 4.0 * u.nS}
NETWORKS = {
    'plain': Network,
    'delayed': Delayed,
    'late': Late,
    'other ways': OtherWays,
    'by hand': Handwritten,
    'channels': Channels,
    'pair': plastic(plasticity.PairSTDP.desc(**LIMITS)),
    'dendritic': plastic(plasticity.PairSTDP.desc(delay_is='dendritic', equal_times='pre_first', **LIMITS)),
    'triplet': plastic(plasticity.TripletSTDP.desc(w_0=1.0 * u.nS, **LIMITS), stp=bst.STP.desc(U=0.3)),
    'nearest': plastic(plasticity.NearestSTDP.desc(**LIMITS)),
    'power': plastic(plasticity.PowerLawSTDP.desc(w_0=1.0 * u.nS, **LIMITS)),
    'inhibitory': plastic(plasticity.InhibitorySTDP.desc(w_0=1.0 * u.nS, **LIMITS)),
    'voltage': plastic(plasticity.VoltageSTDP.desc(w_0=1.0 * u.nS, **LIMITS)),
    'dopamine': plastic(plasticity.DopamineSTDP.desc(w_0=1.0 * u.nS, **LIMITS)),
    'calcium': plastic(plasticity.CalciumPlasticity.desc(**LIMITS)),
    'scaling': plastic(plasticity.SynapticScaling.desc(**LIMITS)),
}
