"""Copies and pickles: every public class has a row, and what is copied does the same as the original, on states of its own."""

import copy
import functools
import inspect
import pickle

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import event, graph, nn, random, record, transform

MS, MA, MS_ = 1.0 * u.ms, 1.0 * u.mA, 1.0 * u.mS
N, BATCH, STEPS = 4, 2, 2

PICKLES = {
    f'pickle {p}': functools.partial(lambda x, p: pickle.loads(pickle.dumps(x, p)), p=p) for p in range(2, pickle.HIGHEST_PROTOCOL + 1)
}
WAYS = {**PICKLES, 'deepcopy': copy.deepcopy}


def step_with(x):
    """Drive an object for some steps, whatever batch it has."""
    return lambda model: [model(x) for _ in range(STEPS)]


def undriven(model):
    return [model() for _ in range(STEPS)]


def current(out):
    return [out.current(2.0 * MS_, -60.0 * u.mV)]


def on_signal(*shape):
    """A layer's output for numbers that are the same each time."""
    return lambda layer: [layer(jnp.linspace(0.0, 1.0, int(np.prod(shape))).reshape(shape))]


def slope(x):
    return jnp.sum(x * x)


def twice(x):
    return 2.0 * x


def alpha(V):
    return 0.1 * np.exp(V / 10.0)


def beta(V):
    return 0.2 + 0.0 * V


class Net(nn.Module):
    """Populations, inputs and projections of every kind, with what they share; and compiled functions kept as attributes."""

    def __init__(self):
        super().__init__()
        self.E, self.I = bst.LIFRef(N, V_th=nn.Param(1.0 * u.mV)), bst.AdExIF(N)
        expon, coba = bst.Expon.desc(tau=5.0 * MS), bst.COBA.desc(E=0.0 * u.mV)
        at_random = functools.partial(bst.fixed_indegree, N, N, 2, weight=0.3 * MS_, seed=1)
        self.recurrent = bst.AlignPostProj(comm=at_random(), syn=expon, out=coba, post=self.E, delay=0.2 * MS, stp=bst.STP.desc())
        late = bst.drawn.uniform(0.1 * MS, 0.3 * MS)
        self.late = bst.AlignPostProj(comm=at_random(delay=late), syn=expon, out=coba, post=self.E)  # shares the receptor
        self.cross = [bst.AlignPreProj(comm=procedural(), syn=bst.AMPA.desc(), out=bst.MgBlock(), post=self.I)]
        self.more = {
            'delta': bst.DeltaProj(comm=bst.one_to_one(N, N, weight=0.1 * u.mV), post=self.E),
            'rate': bst.CurrentProj(comm=bst.all_to_all(N, N, weight=0.1 * MA), post=self.I),
            'gap': bst.GapJunction(self.E, self.I, bst.one_to_one(N, N, weight=0.1 * u.siemens)),
        }
        self.noise = bst.OUProcessInput(N, 3.0 * MA, 1.0 * MA, 5.0 * MS, seed=1)
        self.compiled, self.shown = transform.jit(self.update), bst.random.RandomState(1)

    def update(self):
        spikes = self.E.get_spike()
        for projection in (self.recurrent, self.late, *self.cross, self.more['delta'], self.more['rate']):
            projection(spikes)
        self.more['gap']()
        self.E(self.noise()), self.I(20.0 * MA)
        return self.E.V.value, self.I.V.value, self.shown.random(2)


def compiled_steps(net):
    return [net.compiled() for _ in range(STEPS)]


def stored():
    return bst.fixed_indegree(N, N, 2, weight=1.0 * u.nS, seed=1)


def procedural():
    return bst.pairwise_bernoulli(N, N, 0.5, weight=1.0, seed=1, procedural=True)


def project(kind, **options):
    """A projection in a network of two populations, and the target's response."""

    def make():
        return Pair(kind, options)

    return make


class Watched(nn.Module):
    """A population with a monitor of it, which its model calls."""

    def __init__(self, kind, *args, **options):
        super().__init__()
        self.cells = bst.LIF(N)
        self.monitor = kind(self.cells, *args, **options)

    def init_state(self, *args, **kwargs):
        self.monitor.init_state()

    def update(self):
        spikes = self.cells(50.0 * MA)
        self.monitor()
        return spikes


class Pair(nn.Module):
    """A projection onto a neuron."""

    def __init__(self, kind, options):
        super().__init__()
        self.post = bst.LIF(N)
        self.projection = kind(post=self.post, **options)

    def update(self, x):
        self.projection(x)
        return self.post(0.5 * MA), self.post.V.value


class Coupled(nn.Module):
    """Two populations and gap junctions between them."""

    def __init__(self):
        super().__init__()
        self.a, self.b = bst.LIF(N, V_initializer=0.5 * u.mV), bst.LIF(N)
        self.gap = bst.GapJunction(self.a, self.b, bst.one_to_one(N, N, weight=0.1 * u.siemens))

    def update(self):
        self.gap()
        return self.a(), self.b(), self.b.V.value


NEURONS = {
    kind: (functools.partial(kind, N), step_with(x))
    for x, kinds in (
        (10.0 * MA, (bst.IF, bst.LIF, bst.LIFRef, bst.ALIF, bst.CubaLIF, bst.CobaLIF, bst.ExpIF, bst.ExpIFRef, bst.QuaIF, bst.AdQuaIF)),
        (5.0 * MA, (bst.AdQuaIFRef, bst.AdExIF, bst.AdExIFRef, bst.Gif, bst.GifRef)),
        (20.0 * u.mV / u.ms, (bst.Izhikevich, bst.IzhikevichRef)),
        (10.0 * u.uA, (bst.HH, bst.WangBuzsakiHH, bst.TraubMilesHH, bst.MorrisLecar)),
        (1.0, (bst.FitzHughNagumo, bst.HindmarshRose)),
    )
    for kind in kinds
}

SYNAPSES = {
    **{kind: (functools.partial(kind, N), step_with(MS_)) for kind in (bst.Expon, bst.DualExpon, bst.Alpha)},
    **{kind: (functools.partial(kind, N), step_with(1.0)) for kind in (bst.AMPA, bst.GABAa, bst.BioNMDA, bst.STP, bst.STD)},
    **{kind: (kind, current) for kind in (bst.COBA, bst.CUBA, bst.MgBlock)},
}

INPUTS = {
    bst.ConstantInput: (lambda: bst.ConstantInput(N, MA, 1.0 * MS), undriven),
    bst.SectionInput: (lambda: bst.SectionInput(N, [1.0 * MA, 2.0 * MA], [0.1 * MS, 0.2 * MS]), undriven),
    bst.StepInput: (lambda: bst.StepInput(N, [1.0 * MA, 2.0 * MA], [0.0 * MS, 0.1 * MS]), undriven),
    bst.RampInput: (lambda: bst.RampInput(N, 0.0 * MA, 1.0 * MA, 1.0 * MS), undriven),
    bst.SinusoidalInput: (lambda: bst.SinusoidalInput(N, 1.0 * MA, 100.0 * u.Hz), undriven),
    bst.WienerProcessInput: (lambda: bst.WienerProcessInput(N, MA * u.ms**0.5), undriven),
    bst.OUProcessInput: (lambda: bst.OUProcessInput(N, MA, MA, MS), undriven),
    bst.PoissonSpike: (lambda: bst.PoissonSpike(N, 2000.0 * u.Hz), undriven),
    bst.PoissonEncoder: (lambda: bst.PoissonEncoder(N), step_with(2000.0 * u.Hz)),
    bst.PoissonInput: (lambda: DrivenByPoisson(), undriven),
    bst.SpikeTime: (lambda: bst.SpikeTime(N, [1, 2], [0.0 * MS, 0.1 * MS]), undriven),
}


class DrivenByPoisson(nn.Module):
    """A neuron under Poisson drive."""

    def __init__(self):
        super().__init__()
        self.neuron = bst.LIF(N)
        self.drive = bst.PoissonInput(self.neuron, 100, 500.0 * u.Hz, 0.1 * u.mV, seed=1)

    def update(self):
        self.drive()
        self.neuron(MA)
        return self.neuron.V.value


PROJECTIONS = {
    bst.AlignPostProj: (
        project(bst.AlignPostProj, comm=bst.one_to_one(N, N, weight=MS_), syn=bst.Expon.desc(), out=bst.CUBA.desc()),
        step_with(jnp.ones(N)),
    ),
    bst.AlignPreProj: (
        project(bst.AlignPreProj, comm=bst.one_to_one(N, N, weight=1.0), syn=bst.AMPA.desc(), out=bst.COBA.desc()),
        step_with(jnp.ones(N)),
    ),
    bst.DeltaProj: (project(bst.DeltaProj, comm=bst.one_to_one(N, N, weight=0.1 * u.mV), delay=0.1 * MS), step_with(jnp.ones(N))),
    bst.CurrentProj: (project(bst.CurrentProj, comm=bst.all_to_all(N, N, weight=MA)), step_with(jnp.ones(N))),
    bst.GapJunction: (lambda: Coupled(), undriven),
    bst.Connection: (stored, step_with(jnp.ones(N))),
    bst.ProceduralConnection: (procedural, step_with(jnp.ones(N))),
}

LAYERS = {
    nn.Linear: (lambda: nn.Linear(3, 2), on_signal(3)),
    nn.Conv1d: (lambda: nn.Conv1d((8, 2), 3, 3), on_signal(8, 2)),
    nn.Conv2d: (lambda: nn.Conv2d((5, 5, 1), 2, 3), on_signal(5, 5, 1)),
    nn.Conv3d: (lambda: nn.Conv3d((3, 3, 3, 1), 2, 2), on_signal(3, 3, 3, 1)),
    nn.ConvTranspose1d: (lambda: nn.ConvTranspose1d((4, 2), 3, 3, 2), on_signal(4, 2)),
    nn.ConvTranspose2d: (lambda: nn.ConvTranspose2d((3, 3, 1), 2, 3, 2), on_signal(3, 3, 1)),
    nn.ConvTranspose3d: (lambda: nn.ConvTranspose3d((2, 2, 2, 1), 2, 2, 2), on_signal(2, 2, 2, 1)),
    nn.Embedding: (lambda: nn.Embedding(5, 2), lambda layer: [layer(jnp.array([1, 3]))]),
    nn.Dropout: (nn.Dropout, lambda layer: (random.seed(0), layer(jnp.ones(20)))[1:]),
    **{
        kind: (lambda kind=kind: kind(in_size=3), on_signal(3))
        for kind in (
            nn.ELU,
            nn.GELU,
            nn.LeakyReLU,
            nn.ReLU,
            nn.Sigmoid,
            nn.SiLU,
            nn.Softmax,
            nn.Softplus,
            nn.Tanh,
        )
    },
    **{kind: (lambda kind=kind: kind(3, 2), on_signal(3)) for kind in (nn.RNNCell, nn.GRUCell, nn.MGUCell, nn.LSTMCell)},
    nn.Flatten: (lambda: nn.Flatten(in_size=(2, 3)), on_signal(2, 3)),
    nn.LayerNorm: (lambda: nn.LayerNorm(3), on_signal(3)),
    nn.BatchNorm0d: (lambda: nn.BatchNorm0d(3), on_signal(4, 3)),
    nn.BatchNorm1d: (lambda: nn.BatchNorm1d((4, 3)), on_signal(2, 4, 3)),
    nn.BatchNorm2d: (lambda: nn.BatchNorm2d((4, 4, 3)), on_signal(2, 4, 4, 3)),
    nn.BatchNorm3d: (lambda: nn.BatchNorm3d((2, 2, 2, 3)), on_signal(2, 2, 2, 2, 3)),
    nn.AvgPool3d: (lambda: nn.AvgPool3d(2), on_signal(2, 2, 2, 1)),
    nn.MaxPool3d: (lambda: nn.MaxPool3d(2), on_signal(2, 2, 2, 1)),
    nn.AdaptiveAvgPool3d: (lambda: nn.AdaptiveAvgPool3d(1), on_signal(2, 2, 2, 1)),
    nn.AvgPool1d: (lambda: nn.AvgPool1d(2), on_signal(4, 1)),
    nn.MaxPool1d: (lambda: nn.MaxPool1d(2), on_signal(4, 1)),
    nn.AvgPool2d: (lambda: nn.AvgPool2d(2), on_signal(4, 4, 1)),
    nn.MaxPool2d: (lambda: nn.MaxPool2d(2), on_signal(4, 4, 1)),
    nn.AdaptiveAvgPool1d: (lambda: nn.AdaptiveAvgPool1d(2), on_signal(4, 1)),
    nn.AdaptiveAvgPool2d: (lambda: nn.AdaptiveAvgPool2d(2), on_signal(4, 4, 1)),
    nn.LeakyRateReadout: (lambda: nn.LeakyRateReadout(N, 2), step_with(jnp.ones(N))),
    nn.Sequential: (lambda: nn.Sequential(nn.Linear(3, 2), twice, nn.Linear.desc(2)), on_signal(3)),
}

MODULES = {
    **NEURONS, **SYNAPSES, **INPUTS, **PROJECTIONS, **LAYERS,
    nn.Module: (Net, compiled_steps),
    nn.Param: (lambda: nn.Param(2.0 * MS, nn.SoftplusT(1.0 * MS), nn.L2Reg(1.0 / MS**2)), lambda p: [p.value(), p.reg_loss()]),
    nn.Const: (lambda: nn.Const(2.0 * MS), lambda p: [p.value()]),
    nn.Delay: (lambda: nn.Delay(N, 0.2 * MS), step_with(jnp.ones(N))),
    record.SpikeMonitor: (lambda: Watched(record.SpikeMonitor), lambda w: [w(), w.monitor.events.value]),
    record.StateMonitor: (lambda: Watched(record.StateMonitor, 'V', of=[0]), lambda w: [w(), w.monitor.rows.value[0]]),
    record.RateMonitor: (lambda: Watched(record.RateMonitor, bin=0.1 * MS), lambda w: [w(), w.monitor.rows.value[0]]),
    record.SpikeRecorder: (lambda: record.SpikeRecorder(N, 64), lambda r: [r(jnp.ones((*r.count.value.shape, N))), r.events.value]),
}  # fmt: skip

STATES = {
    **{
        kind: (functools.partial(kind, jnp.ones(2) * u.mV, name='x', tag='a'), lambda s: [s.value, s.name, s.tag])
        for kind in (bst.State, bst.ShortTermState, bst.LongTermState, bst.ParamState, bst.BatchState, bst.DelayState, bst.HiddenState)
    },
    random.RandomState: (lambda: random.RandomState(1), lambda s: [s.random(3)]),
    random.Stream: (lambda: random.Stream((1, 'a')), lambda s: [s.random(3)]),
    bst.StateDictManager: (lambda: bst.StateDictManager({('w',): bst.ParamState(1.0)}), lambda d: [list(d), d.to_dict_values()]),
}

VALUES = {
    bst.History: (lambda: bst.History(3, seed=1), lambda history: [np.array([history.epochs, history.seed, len(history)])]),
    **{
        kind: (functools.partial(kind, *args), lambda t: [t.forward(0.3)])
        for kind, args in {
            nn.AffineT: (2.0, 1.0), nn.ClipT: (0.0, 1.0), nn.ExpT: (0.0,), nn.IdentityT: (), nn.NegSoftplusT: (1.0,), nn.PositiveT: (),
            nn.SigmoidT: (0.0, 1.0), nn.SoftplusT: (0.0,), nn.TanhT: (0.0, 1.0), nn.ChainT: (nn.SigmoidT(0.0, 1.0), nn.AffineT(-2.0, 1.0)),
        }.items()
    },
    **{
        kind: (functools.partial(kind, *args), lambda r: [r.loss(jnp.ones(2))])
        for kind, args in {
            nn.L1Reg: (), nn.L2Reg: (), nn.ElasticNetReg: (), nn.GaussianReg: (0.0, 1.0), nn.ChainedReg: (nn.L1Reg(), nn.L2Reg()),
        }.items()
    },
    nn.Constraint: (lambda: nn.positive, lambda c: [c.test(1.0), c.text]),
    nn.Parameter: (lambda: nn.Parameter(1.0 * MS, nn.positive, 'doc'), lambda p: [p.default, p.doc, p.constraint.text]),
    nn.Option: (lambda: nn.Option('a', ('a', 'b')), lambda o: [o.default, o.allowed]),
    nn.Variable: (lambda: nn.Variable(0.0 * u.mV, 'doc'), lambda v: [v.init, v.doc]),
    bst.Gate: (lambda: bst.Gate('gate', alpha, beta), lambda g: [g.alpha(1.0), g.init.__name__]),
    bst.Channel: (lambda: bst.Channel('gNa', 'ENa', m=3), lambda c: [repr(vars(c))]),
    record.Spikes: (lambda: record.Spikes(np.array([1, 2]), np.array([0, 1]), 2, 0.1 * MS, 0, 5), lambda s: [s.t, s.count]),
    record.Trace: (lambda: record.Trace(np.array([1, 2]), np.ones((2, 3)) * u.mV, 0.1 * MS, np.arange(3)), lambda t: [t.t, t.values, t.of]),
    record.Layout: (lambda: record.Layout.trace((2,), np.float32, unit=u.mV), lambda x: [x.kind, repr(x.attributes)]),
    bst.environ.Time: (lambda: bst.environ.Time(10**9, 0.1, u.ms), lambda t: [t.step, (t - 1e8 * MS).to_decimal(u.ms)]),
    event.Report: (lambda: event.explain(lambda x: [twice(x)], jnp.ones(300)), lambda r: [str(r)]),
    event.CSR: (lambda: event.CSR.from_pairs([0, 0, 2], [1, 3, 0], (3, 4)), lambda c: [c.to_dense(), c.ordered]),
    event.Delayed: (lambda: event.Delayed(*map(np.int32, ([0, 2, 3], [1, 4, 9])), (2, 3)), lambda c: [c.to_dense(), c.steps, c.rising]),
    event.Ends: (lambda: event.Ends.of_targets(event.CSR.from_pairs([0, 0, 2], [1, 3, 0], (3, 4))), lambda e: [*e]),
    event.OneToOne: (lambda: event.OneToOne(3), lambda s: [s.shape, s.indices]),
    event.AllToAll: (lambda: event.AllToAll((2, 3)), lambda s: [s.shape, s.indices]),
    event.Procedural: (lambda: procedural().structure, lambda s: [s.words, s.shape, s.rule]),
    event.Rule: (lambda: event.Rule('gaps', 1, 0, '', -1), lambda r: [tuple(r)]),
    bst.spatial.Kernel: (lambda: bst.spatial.gaussian(1.0 * u.mm), lambda k: [k(np.array([0.0, 1.0]) * u.mm)]),
    bst.drawn.Drawn: (lambda: bst.drawn.normal(1.0 * MA, 0.1 * MA), lambda d: [d.law()]),
    bst.Forecast: (lambda: bst.forecast(bst.run, functools.partial(twice, jnp.ones(2)), 0.2 * MS), lambda f: [repr(f)]),
    transform.ProgressBar: (lambda: transform.ProgressBar(freq=3), lambda p: [p]),
    transform.GradientTransform: (lambda: transform.grad(slope), lambda g: [g(jnp.ones(2))]),
    transform.StatefulFunction: (lambda: transform.StatefulFunction(twice), lambda f: [f.jaxpr_call([], 1.0)]),
    type(transform.jit(twice)): (lambda: transform.jit(twice), lambda f: [f(1.0)]),
    graph.GraphDef: (lambda: graph.graphdef(bst.LIF(2)), lambda d: [hash(d) == hash(graph.graphdef(bst.LIF(2)))]),
    graph.TreefyState: (lambda: graph.TreefyState.of(bst.ParamState(2.0, name='w')), lambda t: [t.value, t.name, t.to_state().value]),
    **{
        type(f): (functools.partial(bst.filter.to_predicate, given), lambda f: [f(('a', 'w'), bst.ParamState(1.0, tag='w'))])
        for given in (bst.ParamState, 'w', ..., None, bst.filter.PathContains('a'), [bst.ParamState, 'w'],
                      bst.filter.All(bst.ParamState, 'w'), bst.filter.Not('w'))
        for f in [bst.filter.to_predicate(given)]
    },
}  # fmt: skip

# What belongs to one process or to one moment of it.
MOMENTARY = {
    bst.HookHandle, bst.HookContext, bst.InitHookContext, bst.ReadHookContext, bst.RestoreHookContext, bst.WriteHookContext,
    bst.MutableWriteHookContext, bst.StateTraceStack, bst.environ.Setting, bst.Simulation,
    event.Parts, event.DelayedParts, record.Store, record.Records, record.StoredSpikes, record.StoredTrace, record.Values,
}  # fmt: skip

TABLE = MODULES | STATES | VALUES


@pytest.fixture(autouse=True)
def clock():
    with bst.environ.context(dt=0.1 * MS, i=1, t=0.1 * MS, fit=True):
        yield


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, *(jax.tree.map(np.asarray, x) if not isinstance(x, str) else x for x in (a, b)))


def test_every_public_class_has_a_row():
    places = (bst, nn, record, random, event, bst.spatial, bst.drawn, transform, graph, bst.environ, bst.filter)
    classes = {x for place in places for name, x in vars(place).items() if name[0] != '_' and inspect.isclass(x)}
    ours = {x for x in classes if x.__module__.startswith('brainpy_state') and not issubclass(x, Exception)}
    missing = [x for x in ours - TABLE.keys() - MOMENTARY if not any(issubclass(kind, x) for kind in TABLE)]
    assert missing == []
    assert not MOMENTARY & TABLE.keys()
    assert TABLE.keys() - ours == {type(transform.jit(twice))}


def check_twin(twin, module):
    assert type(twin) is type(module)
    assert list(twin.states()) == list(module.states())
    assert not set(twin.states().values()) & set(module.states().values())
    assert list(twin.nodes()) == list(module.nodes())
    same(*(s.to_dict_values() for s in (twin.states(), module.states())))


@pytest.mark.quick('^(LIF|Expon|PoissonInput|AlignPostProj|GapJunction|ProceduralConnection|BatchNorm1d|Delay|SpikeRecorder|Param)$')
@pytest.mark.parametrize('kind', MODULES, ids=lambda kind: kind.__name__)
def test_a_copy_of_a_module_goes_on_as_the_original_with_states_of_its_own(kind):
    make, use = MODULES[kind]
    module = make()
    fresh = pickle.loads(pickle.dumps(module))
    nn.init_all_states(module, batch_size=BATCH)
    check_twin(pickle.loads(pickle.dumps(module)), module)
    random.seed(1)
    nn.init_all_states(module)
    random.seed(1)
    check_twin(nn.init_all_states(fresh), module)
    use(module)  # compiled, and in the middle of a run
    twins = {name: way(module) for name, way in WAYS.items()}
    for twin in twins.values():
        check_twin(twin, module)
    before = module.states().to_dict_values()
    runs = [use(twins[name]) for name in (list(PICKLES)[-1], 'deepcopy')]
    same(module.states().to_dict_values(), before)  # the copies have changed nothing
    runs.append(use(module))
    for run in runs[:-1]:
        same(run, runs[-1])


@pytest.mark.parametrize('kind', STATES | VALUES, ids=lambda kind: kind.__name__)
def test_a_copy_of_a_value_is_the_same(kind):
    make, use = TABLE[kind]
    value = make()
    assert isinstance(value, kind)
    twins = [way(value) for way in (*WAYS.values(), copy.copy)]
    assert {type(twin) for twin in twins} == {type(value)}
    for run in list(map(use, twins)):
        same(run, use(copy.copy(value)))
    same(run, use(value))


class Compiles(nn.Module):
    """Keeps functions that transforms have made of its method."""

    def __init__(self):
        super().__init__()
        self.w = bst.ParamState(2.0)
        self.plain = transform.jit(self.update)
        self.lanes = transform.vmap(self.update)
        self.again = transform.checkpoint(self.update)
        self.checked = transform.checkify(self.update)
        self.slope = transform.grad(self.update, self.w)
        self.jaxpr = transform.make_jaxpr(self.update)
        self.new = transform.vmap_new_states(self.update)
        self.bound = self.decorated

    def update(self, x):
        return self.w.value * x

    @transform.jit
    def decorated(self, x):
        return self.w.value * x

    def results(self):
        x = jnp.ones(2)
        out = [self.plain(1.0), self.lanes(x), self.again(1.0), self.checked(1.0)[1], self.slope(1.0), self.new(x), self.bound(1.0)]
        return [*out, self.jaxpr(1.0)[1][0].value]


def test_a_function_that_a_transform_has_made_is_made_anew_for_the_copy():
    model = Compiles()
    fresh = [way(model) for way in WAYS.values()]
    same(model.results(), [2.0, [2.0, 2.0], 2.0, 2.0, 1.0, [2.0, 2.0], 2.0, 2.0])
    called = [way(model) for way in WAYS.values()]
    for twin in (fresh[-2], fresh[-1], called[-2], called[-1]):
        twin.w.value = 3.0
        same(twin.results(), [3.0, [3.0, 3.0], 3.0, 3.0, 1.0, [3.0, 3.0], 3.0, 3.0])
    assert float(model.w.value) == 2.0


@transform.jit
def doubled(x):
    return 2.0 * x


def test_a_decorated_function_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    assert pickle.loads(pickle.dumps(Compiles.decorated)) is Compiles.decorated


def test_what_is_shared_stays_shared_in_a_copy_and_takes_more_projections():
    for way in WAYS.values():
        net = way(Net())
        assert net.recurrent.receptor is net.late.receptor
        assert net.E.receptors[0] is net.recurrent.receptor
        assert net.late.line.comm is net.late.comm
        more = functools.partial(bst.AlignPostProj, comm=stored(), out=bst.COBA.desc(E=0.0 * u.mV), post=net.E)
        assert more(syn=bst.Expon.desc(tau=5.0 * MS)).receptor is net.recurrent.receptor
        assert more(syn=bst.Expon.desc(tau=6.0 * MS)).receptor is not net.recurrent.receptor


def test_copy_of_a_module_is_shallow():
    neuron = nn.init_all_states(bst.LIF(2))
    twin = copy.copy(neuron)
    assert twin.V is neuron.V
    twin.tau = 7.0 * MS
    assert neuron.tau == 5.0 * MS


def test_a_lambda_of_the_user_is_named_where_it_cannot_be_pickled():
    neuron = bst.LIF(2, V_initializer=lambda shape: np.zeros(shape) * u.mV)
    with pytest.raises((pickle.PicklingError, AttributeError), match='<lambda>'):
        pickle.dumps(neuron)
    assert nn.init_all_states(copy.deepcopy(neuron)).V.value.shape == (2,)


@pytest.mark.parametrize(
    'error', [x for x in vars(bst).values() if inspect.isclass(x) and issubclass(x, Exception)], ids=lambda e: e.__name__
)
def test_errors_come_back_from_other_processes(error):
    again = pickle.loads(pickle.dumps(error('told')))
    assert (type(again), str(again)) == (error, 'told')
