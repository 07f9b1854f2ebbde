"""Networks from and to graphs of NIR; files and spikes of snnTorch and Norse were made by nir_files/make_references.py."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import brainunit as u
import jax.numpy as jnp
import nir
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, ShapeError, UnitError
from brainpy_state.nir import Graph, Integrator, LeakyIntegrator, PerfectIF, Scale, SumPool2d, Threshold, from_nir, to_nir

FILES = Path(__file__).with_name('nir_files')
SPIKES = np.load(FILES / 'spikes.npz')
SNNTORCH, NORSE = {'euler': 0.1 * u.ms}, {'euler': 1.0 * u.ms}
EXPORTED_BY_NORSE = NORSE | {'time': 1000.0 * u.second}  # it writes time constants multiplied by its dt of 0.001
AS_IN = {'feedforward': SNNTORCH, 'recurrent': SNNTORCH, 'images': SNNTORCH, 'norse': EXPORTED_BY_NORSE, 'norse_recurrent': NORSE}
MV = {'V_rest': -60.0 * u.mV, 'V_reset': -60.0 * u.mV, 'V_th': -50.0 * u.mV, 'spk_reset': 'hard'}
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def one_millisecond():
    with bst.environ.context(dt=1.0 * u.ms):
        yield


def simulated(net, x):
    bst.nn.init_all_states(net, batch_size=x.shape[1])
    return np.asarray(bst.transform.for_loop(net, jnp.asarray(x, 'float32')))


def random_spikes(*size, steps=40):
    return (np.random.default_rng(1).random((steps, 2, *size)) < 0.3).astype(np.float32)


def numbers(shape, low=0.1, high=1.0):
    return np.linspace(low, high, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def assert_same(a, b, rtol=0.0):
    """Two graphs have the same nodes, edges and arrays."""
    assert {name: type(node) for name, node in a.nodes.items()} == {name: type(node) for name, node in b.nodes.items()}
    assert sorted(a.edges) == sorted(b.edges)
    for name, node in a.nodes.items():
        other = b.nodes[name]
        if isinstance(node, nir.NIRGraph):
            assert_same(node, other, rtol)
            continue
        for key, value in vars(node).items():
            if key == 'padding' and isinstance(value, str):
                assert value == other.padding
            elif not isinstance(value, dict):
                expected, found = np.asarray(value), np.asarray(getattr(other, key))
                np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), rtol, err_msg=f'{name}.{key}')
        if isinstance(node, (nir.Input, nir.Output)):
            np.testing.assert_array_equal(node.input_type['input'], other.input_type['input'])


def lif(shape, **more):
    return nir.LIF(
        tau=numbers(shape, 0.005, 0.02), r=numbers(shape, 1, 2), v_leak=numbers(shape, 0, 0.1), v_threshold=numbers(shape), **more
    )


def cuba(shape):
    values = {
        'tau_syn': numbers(shape, 0.003, 0.01),
        'tau_mem': numbers(shape, 0.005, 0.02),
        'r': numbers(shape, 1, 2),
        'w_in': numbers(shape),
    }
    return nir.CubaLIF(v_leak=numbers(shape, 0, 0.1), v_threshold=numbers(shape), v_reset=numbers(shape, -0.2, 0), **values)


def image_graph():
    """One of each node for images, with windows, strides and paddings that are no squares."""
    kernel = RNG.normal(size=(4, 1, 3, 2)).astype('float32')
    convolution = nir.Conv2d((8, 7), kernel, (2, 1), (1, 0), (1, 2), 2, numbers(4))
    same = nir.Conv2d((3, 5), numbers((2, 4, 2, 3)), 1, 'same', 1, 1, numbers(2))
    pools = [
        nir.AvgPool2d(np.array([2, 1]), np.array([1, 1]), np.array([0, 0])),
        nir.SumPool2d(np.array([1, 2]), np.array([1, 2]), np.array([0, 1])),
    ]
    nodes = [
        convolution,
        lif((4, 4, 5), v_reset=numbers((4, 4, 5), -0.5, -0.1)),
        pools[0],
        same,
        pools[1],
        nir.Flatten(None, 0, -1),
        nir.Linear(numbers((3, 18))),
    ]
    names = ['input', *map(str, range(len(nodes))), 'output']
    ends = [nir.Input(np.array([2, 8, 7])), nir.Output(np.array([3]))]
    return nir.NIRGraph(dict(zip(names, [ends[0], *nodes, ends[1]], strict=True)), list(pairwise(names)), type_check=False)


def vector_graph():
    """One of each node for vectors, with a cycle and a subgraph."""
    inner = nir.NIRGraph(
        {
            'in': nir.Input(np.array([5])),
            'lif': cuba(5),
            'w_rec': nir.Affine(numbers((5, 5), -1, 1), numbers(5)),
            'out': nir.Output(np.array([5])),
        },
        [('in', 'lif'), ('lif', 'w_rec'), ('w_rec', 'lif'), ('lif', 'out')],
    )
    nodes = {
        'a': nir.Affine(numbers((5, 3), -1, 2), numbers(5)),
        'b': inner,
        'c': nir.Scale(numbers(5)),
        'd': nir.Delay(np.array([0.0, 0.001, 0.002, 0.003, 0.004])),
        'e': nir.IF(numbers(5, 100, 300), numbers(5), numbers(5, -0.3, 0)),
        'f': nir.I(numbers(5, 100, 300)),
        'g': nir.LI(numbers(5, 0.01, 0.1), numbers(5), numbers(5)),
        'h': nir.CubaLI(numbers(5, 0.003, 0.01), numbers(5, 0.005, 0.02), numbers(5), numbers(5, 0, 0.1), numbers(5)),
        'i': nir.Threshold(numbers(5, 1, 3)),
    }
    names = ['input', *nodes, 'output']
    nodes |= {'input': nir.Input(np.array([3])), 'output': nir.Output(np.array([5]))}
    return nir.NIRGraph(nodes, [*pairwise(names), ('i', 'c')])


def sound_graph():
    return nir.NIRGraph.from_list(
        nir.Conv1d(12, numbers((3, 2, 4)), 2, 1, 1, 1, numbers(3)), lif((3, 6)), nir.Conv1d(6, numbers((2, 3, 2)), 1, 'valid', 2, 1, numbers(2)),
    )  # fmt: skip


GRAPHS = {'images': image_graph, 'vectors': vector_graph, 'sounds': sound_graph}


# ---- Other libraries -----------------------------------------------------------------------------------------------------


@pytest.mark.quick('recurrent')
@pytest.mark.parametrize('name', AS_IN)
def test_a_file_gives_the_spikes_that_the_library_computes(name):
    net = from_nir(FILES / f'{name}.nir', **AS_IN[name])
    with bst.environ.context(dt=AS_IN[name]['euler']):
        found = simulated(net, SPIKES[f'{name}_x'])
    assert found.sum() > 10
    np.testing.assert_array_equal(found, SPIKES[f'{name}_y'])


@pytest.mark.parametrize('name', AS_IN)
def test_a_file_read_and_written_again_has_the_same_arrays(name):
    graph = nir.read(FILES / f'{name}.nir')
    rounding = 1e-6 if name == 'norse_recurrent' else 0.0  # its weights have 64 bits
    assert_same(graph, to_nir(from_nir(graph)), rounding)
    assert_same(graph, to_nir(from_nir(graph, **AS_IN[name]), **AS_IN[name]), 1e-5)  # time constants of 32 bits, there and back


def recurrent_network():
    rng = np.random.default_rng(2)
    membrane = {'R': 1.0 * u.ohm, 'V_th': 1.0 * u.volt, 'V_rest': 0.0 * u.volt, 'V_reset': 0.0 * u.volt, 'spk_reset': 'hard'}
    current = bst.Expon(10, tau=5.0 * u.ms, g_initializer=0.0 * u.amp)
    parts = {
        'weights': bst.nn.Linear(12, 10, rng.normal(0.5, 0.7, (12, 10)), np.linspace(0, 0.5, 10)),
        'neurons': bst.nn.Sequential(current, bst.LIF(10, tau=np.linspace(5, 20, 10) * u.ms, spk_fun=bst.nir.above, **membrane)),
        'recurrent': bst.nn.Linear(10, 10, rng.normal(0, 0.5, (10, 10)), b_init=None),
        'out': bst.nn.Linear(10, 4, rng.normal(1.0, 3.0, (10, 4)), b_init=None),
        'last': bst.LIF(4, tau=10.0 * u.ms, spk_fun=bst.nir.above, **membrane),
    }
    edges = [('input', 'weights'), ('weights', 'neurons'), ('neurons', 'recurrent'), ('recurrent', 'neurons')]
    return Graph({'input': 12}, parts, [*edges, ('neurons', 'out'), ('out', 'last'), ('last', 'output')])


def test_norse_computes_our_spikes_from_our_file():
    net = recurrent_network()
    assert_same(nir.read(FILES / 'written.nir'), to_nir(net, euler=1.0 * u.ms), 1e-6)  # time constants are computed
    found = simulated(net, SPIKES['written_x'])
    assert found.sum() > 50
    np.testing.assert_array_equal(found, SPIKES['written_y'])


# ---- There and back ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('graph', GRAPHS)
def test_a_graph_of_all_nodes_is_the_same_after_reading_and_writing(graph, tmp_path):
    graph = GRAPHS[graph]()
    again = to_nir(from_nir(graph))
    assert_same(graph, again)
    nir.write(tmp_path / 'graph.nir', again)
    assert_same(again, to_nir(from_nir(str(tmp_path / 'graph.nir'))))


@pytest.mark.slow  # two seconds, for compiling
def test_images_with_channels_last_give_the_same_spikes_after_writing_and_reading():
    net = bst.nn.Sequential(
        bst.nn.Conv2d((6, 4, 2), 3, 3, w_init=lambda shape: bst.random.normal(0.5, 2.0, shape) * u.nA),
        bst.LIF.desc(R=10.0 * u.Mohm, tau=lambda shape: numbers(shape, 2, 20) * u.ms, **MV),
        bst.nn.AvgPool2d.desc((2, 1)),
        bst.nn.Flatten(in_size=(3, 4, 3)),
        Scale.desc(scale=numbers(36, 0.5, 1.5)),
        bst.nn.Linear.desc(10, w_init=lambda shape: bst.random.normal(0.3, 2.0, shape) * u.nA, b_init=None),
        bst.Expon.desc(tau=5.0 * u.ms, g_initializer=0.0 * u.nA),
        bst.LIF.desc(R=10.0 * u.Mohm, tau=20.0 * u.ms, **MV),
    )
    x = random_spikes(6, 4, 2)
    expected = simulated(net, x)
    graph = to_nir(net)
    assert [type(node).__name__ for node in graph.nodes.values()][-2] == 'CubaLIF'
    assert 0.05 < expected.mean() < 0.5
    np.testing.assert_array_equal(simulated(from_nir(graph), np.moveaxis(x, -1, 2)), expected)


@pytest.mark.slow  # two seconds, for compiling
def test_images_that_leave_a_subgraph_are_flattened_in_their_order():
    inner = Graph({'in': (4, 3, 2)}, {'c': bst.nn.Conv2d((4, 3, 2), 3, 2)}, [('in', 'c'), ('c', 'out')], outputs=('out',))
    parts = {'image': inner, 'flat': bst.nn.Flatten(in_size=(4, 3, 3)), 'weights': bst.nn.Linear(36, 2)}
    edges = [('input', 'image'), ('image', 'flat'), ('flat', 'weights'), ('weights', 'output')]
    net, x = bst.nn.init_all_states(Graph({'input': (4, 3, 2)}, parts, edges)), RNG.normal(size=(4, 3, 2)).astype('float32')
    again = bst.nn.init_all_states(from_nir(to_nir(net)))
    np.testing.assert_allclose(again(np.moveaxis(x, -1, 0)), net(x), rtol=1e-5, atol=1e-6)  # sums of 36 in another order


@pytest.mark.slow  # two seconds, for compiling
def test_a_recurrent_network_gives_the_same_spikes_after_writing_for_euler_and_reading():
    parts = {
        'weights': bst.nn.Linear(12, 10, w_init=lambda shape: bst.random.normal(0.5, 0.7, shape) * u.mA, b_init=None),
        'neurons': bst.nn.Sequential(bst.Expon(10, tau=5.0 * u.ms, g_initializer=0.0 * u.mA, acts='mean'), bst.LIF(10, spk_reset='hard')),
        'recurrent': bst.nn.Linear(10, 10, w_init=lambda shape: bst.random.normal(0.0, 0.7, shape) * u.mA),
        'readout': bst.nn.LeakyRateReadout(10, 2, tau=20.0 * u.ms),
    }
    edges = [
        ('input', 'weights'),
        ('weights', 'neurons'),
        ('neurons', 'recurrent'),
        ('recurrent', 'neurons'),
        ('neurons', 'readout'),
        ('readout', 'output'),
    ]
    net, x = Graph({'input': 12}, parts, edges), random_spikes(12)
    expected = simulated(net, x)
    graph = to_nir(net, euler=1.0 * u.ms)
    assert {type(graph.nodes[name]) for name in ('neurons', 'readout.leak')} == {nir.CubaLIF, nir.LI}
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(simulated(from_nir(graph, euler=1.0 * u.ms), x), expected, atol=2e-4)  # sums of 40 steps in 32 bits


# ---- What a node does ----------------------------------------------------------------------------------------------------


def test_time_constants_are_exact_or_those_of_euler():
    graph = nir.NIRGraph.from_list(nir.LI(np.array([0.01]), np.array([3.0]), np.array([0.5])))
    exact, euler = (simulated(from_nir(graph, **options), np.ones((1, 2, 1)))[0, 0, 0] for options in ({}, {'euler': 1.0 * u.ms}))
    np.testing.assert_allclose(exact, 0.5 + 3 * (1 - np.exp(-0.1)), rtol=1e-6)
    np.testing.assert_allclose(euler, 0.5 + 3 * 0.1, rtol=1e-6)


def test_numbers_of_a_graph_may_be_other_times():
    graph = nir.NIRGraph.from_list(nir.IF(np.ones(1), 2.5 * np.ones(1)))  # a step is the number 1
    net = from_nir(graph, time=1.0 * u.ms)
    assert simulated(net, np.ones((6, 1, 1))).ravel().tolist() == [0, 0, 1, 0, 0, 1]
    assert to_nir(net, time=1.0 * u.ms).nodes['if'].r == 1.0


def test_a_neuron_at_its_threshold_is_silent_as_in_nir_unless_told_otherwise():
    graph = nir.NIRGraph.from_list(nir.IF(1000 * np.ones(1), np.ones(1)))
    assert simulated(from_nir(graph), np.ones((2, 1, 1))).ravel().tolist() == [0, 1]
    assert simulated(from_nir(graph, spk_fun=bst.numerics.heaviside), np.ones((2, 1, 1))).ravel().tolist() == [1, 1]


def test_spikes_go_round_a_cycle_with_the_weights_of_the_next_step():
    parts = {
        'a': PerfectIF(1, V_th=0.5 * u.volt, gain=1000.0 * u.volt / (u.amp * u.second)),
        'w': bst.nn.Linear(1, 1, w_init=2.0, b_init=0.25),
    }
    net = Graph({'input': 1}, parts, [('input', 'a'), ('a', 'w'), ('w', 'a'), ('a', 'output'), ('a', 'v')], outputs=('output', 'v'))
    assert net.order == ['w', 'a']
    bst.nn.init_all_states(net)
    found = [float(net(jnp.full(1, x))[0][0]) for x in (0.2, 0.1, 0.0, 0.0)]  # V: 0.45, 0.8, 2.25, 2.25
    assert found == [0, 1, 1, 1]
    bst.nn.reset_all_states(net)
    assert net.last['a'].value == 0


@pytest.mark.slow  # two seconds, for compiling
def test_gradients_pass_through_a_graph():
    net = from_nir(FILES / 'recurrent.nir', **SNNTORCH)
    x = jnp.asarray(SPIKES['recurrent_x'][:20], 'float32')

    def loss():
        bst.nn.init_all_states(net, batch_size=2)
        return bst.transform.for_loop(net, x).mean()

    with bst.environ.context(dt=0.1 * u.ms):
        grads = bst.transform.grad(loss, net.states(bst.ParamState))()
    assert all(np.abs(g['weight']).max() > 0 for g in grads.values()) and len(grads) == 3


# ---- What does not fit ---------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Winner(nir.NIRNode):
    """A node of somebody's own."""

    def __post_init__(self):
        self.input_type, self.output_type = {'input': np.array([2])}, {'output': np.array([2])}


def test_one_error_names_all_nodes_that_cannot_be_read():
    nodes = {
        'input': nir.Input(np.array([2])),
        'rest': Winner(),
        'fast': lif(2),
        'below': nir.IF(np.ones(2), np.ones(2), 2 * np.ones(2)),
        'output': nir.Output(np.array([2])),
    }
    names = list(nodes)
    graph = nir.NIRGraph(nodes, list(pairwise(names)), type_check=False)
    with pytest.raises(ParameterError) as caught:
        from_nir(graph, euler=10.0 * u.ms)
    text = str(caught.value)
    assert 'from_nir: 3 of the nodes' in text
    assert 'rest (Winner): there is no module for it' in text
    assert 'fast (LIF): the time constant is 0.005 s, but must be longer than the step euler = 0.01 s' in text
    assert 'below (IF): PerfectIF: V_th = ' in text and 'must lie above V_reset' in text


def test_a_subgraph_with_two_outputs_is_an_error():
    two = {'in': nir.Input(np.array([2])), 'a': nir.Scale(np.ones(2)), 'out': nir.Output(np.array([2])), 'more': nir.Output(np.array([2]))}
    inner = nir.NIRGraph(two, [('in', 'a'), ('a', 'out'), ('a', 'more')])
    nodes = {'input': nir.Input(np.array([2])), 'inner': inner, 'output': nir.Output(np.array([2]))}
    with pytest.raises(
        ParameterError, match='inner .NIRGraph.: a graph within another must have one input and one output, but has 1 and 2'
    ):
        from_nir(nir.NIRGraph(nodes, [('input', 'inner'), ('inner', 'output')], type_check=False))


UNREAD = {
    'a node on no way': ({'a': nir.Scale(np.ones(2))}, [('input', 'output')], "'a' must lie on a way from an input"),
    'an edge to nowhere': ({}, [('input', 'output'), ('input', 'b')], "the edge from 'input' to 'b' must begin at"),
    'an input without a shape': ({'input': nir.Input(None)}, [('input', 'output')], 'a size is a non-negative integer'),
    'another shape': (
        {'a': nir.Scale(np.ones(3))},
        [('input', 'a'), ('a', 'output')],
        'a (Scale): Scale: scale gives shape (3,), expected (2,)',
    ),
}


@pytest.mark.parametrize('case', UNREAD)
def test_a_graph_that_leads_nowhere_is_an_error(case):
    nodes, edges, text = UNREAD[case]
    ends = {'input': nir.Input(np.array([2])), 'output': nir.Output(np.array([2]))}
    with pytest.raises(ParameterError) as caught:
        from_nir(nir.NIRGraph(ends | nodes, edges, type_check=False))
    assert text in str(caught.value)


def test_one_error_names_all_parts_that_cannot_be_written():
    net = bst.nn.Sequential(
        bst.nn.Linear(3, 2), bst.LIFRef(2), bst.nn.Sequential(bst.ALIF(2), bst.nn.ReLU()), bst.Expon(2, g_initializer=1.0)
    )
    with pytest.raises(ParameterError) as caught:
        to_nir(net)
    text = str(caught.value)
    assert 'to_nir: 4 of the parts' in text
    assert "1 (LIFRef): spk_reset is 'soft', but NIR sets V to v_reset, which is spk_reset='hard'; it has a refractory period" in text
    assert all(f'{part}: ' in text for part in ('2.0 (ALIF)', '2.1 (ReLU)', '3 (Expon)'))


def projected():
    neurons = bst.LIF(3, spk_reset='hard')
    bst.DeltaProj(comm=bst.nn.Linear(3, 3, w_init=1.0 * u.mV), post=neurons)
    return neurons


UNWRITTEN = {
    'a projection': (lambda: bst.nn.Sequential(projected()), 'projections lead to it; make a Graph'),
    'a first value': (lambda: bst.LIF(2, spk_reset='hard', V_initializer=0.5 * u.mV), 'V_initializer is given, and NIR has no first values'),
    'a first output': (lambda: bst.nn.LeakyRateReadout(2, 2, r_initializer=1.0), 'r_initializer is given'),
    'a mean with padding': (lambda: bst.nn.AvgPool2d(2, padding=1, in_size=(4, 4, 1)), 'padding is (1, 1), but must be 0'),
    'a padding of one side': (lambda: bst.nn.Conv2d((5, 4, 1), 1, 2, stride=2), 'must be the same at both ends'),
    'weights of an image': (lambda: bst.nn.Linear((4, 3), (4, 2)), 'acts on the last of the axes'),
    'no size': (lambda: bst.nn.Flatten(), 'the in_size of Flatten is not known'),
    'an image in another order': (lambda: bst.nn.Sequential(bst.nn.Flatten(0, 1, in_size=(4, 4, 2)), bst.nn.AvgPool2d(2, in_size=(4, 4, 2))), 'only all axes of an image'),
}  # fmt: skip


@pytest.mark.parametrize('case', UNWRITTEN)
def test_what_cannot_be_written_is_an_error(case):
    make, text = UNWRITTEN[case]
    with pytest.raises(ParameterError, match='.*') as caught:
        to_nir(make())
    assert text in str(caught.value)


WRONG_GRAPHS = {
    'an end that is not there': ({'a': Scale(3)}, [('input', 'b')], ParameterError, "edge from 'input' to 'b'"),
    'an edge twice': ({'a': Scale(3)}, [('input', 'a'), ('input', 'a'), ('a', 'output')], ParameterError, 'more than once'),
    'a part on no way': ({'a': Scale(3), 'b': Scale(3)}, [('input', 'a'), ('a', 'output')], ParameterError, "'b' must lie on a way"),
    'a name twice': ({'input': Scale(3)}, [('input', 'output')], ParameterError, "'input' names several"),
    'no size': ({'a': bst.nn.ReLU()}, [('input', 'a'), ('a', 'output')], ParameterError, 'must tell its out_size'),
    'another shape': ({'a': Scale(4)}, [('input', 'a'), ('a', 'output')], ShapeError, "'input' gives shape (3,), but 'a' takes (4,)"),
}


@pytest.mark.parametrize('case', WRONG_GRAPHS)
def test_a_graph_that_cannot_be_is_an_error(case):
    parts, edges, kind, text = WRONG_GRAPHS[case]
    with pytest.raises(kind) as caught:
        Graph({'input': 3}, parts, edges)
    assert text in str(caught.value)


def test_files_and_options_that_are_wrong_are_errors(tmp_path):
    (tmp_path / 'notes.nir').write_text('not a graph')
    (tmp_path / 'short.nir').write_bytes((FILES / 'norse.nir').read_bytes()[:9000])
    for name in ('notes', 'short'):
        with pytest.raises(ParameterError, match=f'from_nir: .*{name}.nir cannot be read as a file of NIR'):
            from_nir(tmp_path / f'{name}.nir')
    with pytest.raises(FileNotFoundError):
        from_nir(tmp_path / 'none.nir')
    with pytest.raises(TypeError, match='model must be a Sequential, a Graph'):
        to_nir(jnp.tanh)
    with pytest.raises(TypeError, match='source must be a nir.NIRGraph or the path'):
        from_nir(lif(2))
    with pytest.raises(UnitError, match='euler = 0.1 must be a time'):
        from_nir(vector_graph(), euler=0.1)
    with pytest.raises(ParameterError, match='time = 0. ms must be positive'):
        to_nir(Scale(2), time=0.0 * u.ms)


def test_integrators_check_what_they_are_given():
    leak, total = (bst.nn.init_all_states(x) for x in (LeakyIntegrator(3, R=1.0 * u.ohm, V_rest=1.0 * u.mV), Integrator(3)))
    with pytest.raises(UnitError, match='R times the input'):
        leak(jnp.ones(3))
    with pytest.raises(ShapeError, match=r'shape \(2,\), which does not broadcast to \(3,\)'):
        total(jnp.ones(2))
    assert total(jnp.ones(())).tolist() == [1.0, 1.0, 1.0]
    assert Threshold(2, threshold=1.0)(jnp.array([1.0, 1.5])).tolist() == [0.0, 1.0]
    assert SumPool2d(2)(jnp.ones((4, 2, 1))).ravel().tolist() == [4.0, 4.0]
