"""Networks whose populations are divided between devices, of one process and of two, against the same on one device."""

import os
import sys

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.event._parts import Axis
from brainpy_state.transform import _divided_loop
from brainpy_state.transform._divided_values import Form, encoded
from tests.run.divided.networks import EXCITATORY, NETWORKS, Late, Network, Plastic, cells

DIGESTS, FILES = 'tests.run.divided.digests', 'tests.run.divided.files'


ALIKE = {'triplet', 'nearest', 'power', 'inhibitory'}  # what processes tell each other is that of 'pair'
MORE = {'delayed': ['1', '2', '8'], 'dopamine': ['8']}


@pytest.mark.slow
@pytest.mark.parametrize('name', [name for name in NETWORKS if name not in ALIKE or name == 'triplet'])
def test_results_do_not_depend_on_the_number_of_devices_and_processes(together, name):
    (found,) = together(DIGESTS, [name, '0', '4', *MORE.get(name, [])], devices=8)
    assert found['0']['spikes in all'] > 30
    if name not in ALIKE:
        found['first'], found['second'] = (each['all'] for each in together(DIGESTS, *[[name, 'all']] * 2))
    assert all(each == found['0'] for each in found.values())


@pytest.mark.slow
@pytest.mark.parametrize('name', ['triplet'])
def test_results_are_the_same_where_all_is_xla(together, name):
    (found,) = together(DIGESTS, [name, 'xla0', 'xla3'], devices=8)
    assert found['xla0'] == found['xla3']
    assert found['xla0']['spikes in all'] > 30


@pytest.mark.slow
@pytest.mark.parametrize('name', ['delayed', 'dopamine'])
def test_a_file_goes_on_with_another_number_of_devices(together, tmp_path, name):
    ((matches, spikes),) = together(FILES, ['goes on', name, str(tmp_path)], devices=8)
    assert matches == [[True] * 4] * 2
    assert spikes > 100


@pytest.mark.slow
def test_connections_tell_the_same_as_on_one_device(together):
    (matches,) = together(FILES, ['listed'], devices=8)
    assert len(matches) > 40
    assert all(matches)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('what', 'told'),
    [('seed', 'process 1 connects other neurons than process 0'), ('current', 'another function'), ('later', 'another function')],
)
def test_processes_that_disagree_are_told_in_both(together, what, told):
    found = together(FILES, [what], [what])
    assert all(told in error for error in found)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='other systems have no such policy')
@pytest.mark.parametrize('processes', [1, 2])
def test_threads_of_processes_that_share_a_mesh_take_turns(together, processes):
    for before, after in together(FILES, *[['policies']] * processes, devices=2):
        assert before == [os.SCHED_OTHER]
        assert after == [os.SCHED_OTHER if processes == 1 else os.SCHED_BATCH]


def mesh_of_one():
    return jax.make_mesh((1,), ('i',))


class Twice(Network):
    """A delay of two steps that is called twice in each step is one of one step."""

    def connect(self):
        comm = bst.pairwise_bernoulli(101, 101, 0.1, weight=2.0 * u.nS, seed=1)
        self.ee = bst.AlignPostProj(comm=comm, post=self.E, delay=0.2 * u.ms, **EXCITATORY)

    def update(self):
        spikes = self.E.get_spike()
        self.ee(spikes)
        self.ee(0.0 * spikes)
        self.E(self.current)


class Soon(Network):
    """Delays of two steps and more, of one way and the other."""

    def connect(self):
        comm = bst.pairwise_bernoulli(101, 101, 0.1, weight=2.0 * u.nS, delay=bst.drawn.uniform(0.2 * u.ms, 0.6 * u.ms), seed=1)
        self.ee = bst.AlignPostProj(comm=comm, post=self.E, **EXCITATORY)
        comm = bst.fixed_indegree(101, 101, 5, weight=-0.5 * u.mV, seed=2)
        self.inhibition = bst.DeltaProj(comm=comm, post=self.E, delay=0.2 * u.ms)

    def update(self):
        self.inhibition(self.E.get_spike())
        super().update()


@pytest.mark.quick('Soon')
@pytest.mark.parametrize(('make', 'steps'), [(Network, None), (Late, 8), (Plastic, 8), (Soon, 2), (Twice, None)])
def test_devices_exchange_once_for_the_shortest_delay(monkeypatch, make, steps):
    found = []

    def noting(step):
        found.append(plan(step))
        return found[-1]

    plan = _divided_loop.plan
    monkeypatch.setattr(_divided_loop, 'plan', noting)
    spikes = []
    for mesh in ({}, {'mesh': mesh_of_one()}):
        with bst.environ.context(dt=0.1 * u.ms, **mesh):
            network = make()
            simulation = bst.Simulation(network, record=network.record())
            simulation.run(20.0 * u.ms)
            simulation.run(7.3 * u.ms)
        spikes.append([simulation['spikes'].step.tolist(), simulation['spikes'].i.tolist(), simulation['V'].values.mantissa.tolist()])
    assert [None if x is None else x.steps for x in found] == [steps]
    assert spikes[0] == spikes[1]
    told = bst.forecast(simulation.run, 1.0 * u.ms)
    assert (told.messages.number, told.messages.steps) == (1, steps or 1)
    assert f'in 1 message to each other device, {"each step" if steps is None else f"every {steps} steps"}' in str(told)


def test_a_burst_of_all_neurons_is_recorded_whole():
    with bst.environ.context(dt=0.1 * u.ms, mesh=mesh_of_one()):
        neurons = cells(500, bst.LIF, spk_reset='hard')
        monitor = bst.record.SpikeMonitor(neurons, capacity=600)
        projection = bst.DeltaProj(comm=bst.one_to_one(500, 500, weight=0.0 * u.mV), post=neurons, delay=2.0 * u.ms)

        def step():
            projection(neurons.get_spike())
            neurons(40.0 * u.nA)

        simulation = bst.Simulation(step, record={'spikes': monitor})
        simulation.run(10.0 * u.ms)
    assert len(simulation['spikes']) == 500 * 100


def test_a_derivative_and_a_symmetric_gap_junction_are_errors():
    with bst.environ.context(dt=0.1 * u.ms, mesh=mesh_of_one()):
        neurons = bst.nn.init_all_states(cells(30))
        comm = bst.pairwise_bernoulli(30, 30, 0.3, weight=lambda shape: np.ones(shape) * u.nS, seed=1)
        with pytest.raises(NotImplementedError, match='divided between devices: derivatives and symmetric gap junctions'):
            bst.transform.grad(lambda: comm(jnp.ones(30)).sum().mantissa, comm.states(bst.ParamState))()
        gap = bst.nn.init_all_states(bst.GapJunction(neurons, neurons, comm))
        with pytest.raises(NotImplementedError, match='symmetric gap junctions'):
            gap()


def test_unused_places_of_a_ring_lie_outside_of_it():
    with bst.environ.context(dt=0.1 * u.ms, mesh=mesh_of_one()):
        comm = bst.fixed_indegree(10, 6, 2, weight=1.0, delay=bst.drawn.uniform(0.1 * u.ms, 0.5 * u.ms), seed=1)
    whole = comm.structure
    padded = bst.event.Parts(
        whole.indptr, jnp.pad(whole.indices, (0, 3), constant_values=6), whole.shape, 1, False, whole.total, whole.firsts
    )
    places = np.asarray(padded.later(np.int32(2), 8).indices)
    assert (places[:12] < 8 * 6).all()
    assert places[12:].tolist() == [8 * 6] * 3


def test_a_trained_weight_for_each_synapse_is_an_error_on_a_mesh():
    with (
        bst.environ.context(dt=0.1 * u.ms, mesh=mesh_of_one()),
        pytest.raises(bst.ParameterError, match='on a mesh, a State or Param is one'),
    ):
        bst.fixed_indegree(30, 30, 2, weight=bst.ParamState(np.ones(60) * u.nS), seed=1)


def by_distance():
    where = bst.spatial.grid((8, 8), 1.0 * u.mm)
    return bst.distance_dependent(
        where, where, bst.spatial.gaussian(200.0 * u.um, p=0.7), weight_of_distance=lambda d: d / (1.0 * u.mm) * u.nS,
        delay=bst.drawn.uniform(0.1 * u.ms, 1.5 * u.ms), seed=1,
    )  # fmt: skip


def by_number():
    return bst.fixed_indegree(
        30, 20, 3, weight=lambda shape: np.arange(*shape) * u.nS, delay=bst.drawn.uniform(0.1 * u.ms, 1.5 * u.ms), seed=1
    )


@pytest.mark.parametrize('make', [by_distance, by_number])
def test_weights_of_a_function_belong_to_the_same_synapses(make):
    with bst.environ.context(dt=0.1 * u.ms):
        whole = make()
        with bst.environ.context(mesh=mesh_of_one()):
            parts = make()
    assert (whole.targets == parts.targets).all() and (whole.delays == parts.delays).all()
    assert (whole.weights == parts.weights).all()


def test_weights_of_a_function_are_one_or_one_for_each():
    with bst.environ.context(mesh=mesh_of_one()):
        assert bst.fixed_indegree(30, 20, 3, weight=lambda shape: 2.0 * u.nS, seed=1).weight.value == 2.0 * u.nS
        with pytest.raises(bst.ShapeError, match=r'shape \(59,\), expected one number or one for each of the 60 synapses'):
            bst.fixed_indegree(30, 20, 3, weight=np.ones(59) * u.nS, seed=1)


@pytest.mark.quick('True-(bool|float32)|False-(bool|int32|float16)')
@pytest.mark.parametrize('dtype', ['bool', 'uint8', 'int32', 'float16', 'float32', 'float64'])
@pytest.mark.parametrize('is_bit', [False, True])
def test_what_is_sent_arrives(dtype, is_bit):
    with jax.enable_x64(True):
        rng = np.random.default_rng(1)
        parts = rng.integers(0, 2, (3, 2, 37)) if is_bit or dtype == 'bool' else rng.normal(0.0, 50.0, (3, 2, 37))
        parts = jnp.asarray(parts).astype(dtype)
        form = Form(parts.shape[1:], parts.dtype, is_bit, Axis(1, 110))
        words = jnp.stack([encoded(x, is_bit) for x in parts])
        assert form.words == words.shape[1]
        np.testing.assert_array_equal(form.read(words), np.concatenate(list(parts), axis=1)[:, :110])
