"""`save_states` and `load_states`: weights by path, with units."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainpy_state as bst


class Net(bst.nn.Module):
    """Cells with a trained time constant, weights with a unit, a shared layer."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.cells = bst.LIF(3, R=1.0 * u.ohm, tau=bst.nn.Param(scale * 10.0 * u.ms, t=bst.nn.SoftplusT(1.0 * u.ms)))
        self.layers = [bst.nn.Linear(2, 3, w_init=lambda shape: scale * bst.random.normal(size=shape) * u.mA, b_init=None)]
        self.again = {'first': self.layers[0]}
        self.mean = bst.LongTermState(scale * jnp.ones(3))


@pytest.fixture
def net():
    return Net()


@pytest.fixture
def path(net, tmp_path):
    bst.save_states(tmp_path / 'net.npz', net)
    return tmp_path / 'net.npz'


def same(a, b):
    leaves, tree = jax.tree.flatten(a)
    others, other = jax.tree.flatten(b)
    return tree == other and all(x.dtype == y.dtype and np.array_equal(numbers(x), numbers(y)) for x, y in zip(leaves, others, strict=True))


def numbers(x):
    return jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x


def held(model, *filters):
    return model.states(*filters).to_dict_values()


def test_states_come_back_into_the_same_objects_with_their_units(net, path):
    other = Net(2.0)
    objects = other.states()
    bst.load_states(path, other)
    assert all(other.states()[key] is state for key, state in objects.items())
    assert same(held(other), held(net))
    assert u.get_unit(other.layers[0].weight.value['weight']) == u.mA
    assert other.cells.tau == net.cells.tau


def test_a_compiled_function_goes_on_with_what_was_loaded(net, path, compilations):
    other = Net(2.0)
    x = jnp.ones(2)
    call = bst.transform.jit(lambda: other.layers[0](x))
    before = call()
    bst.load_states(path, other)
    with compilations() as compiled:
        after = call()
    assert compiled == []
    assert same(after, net.layers[0](x)) and not same(after, before)


def test_a_shared_state_is_in_the_file_once(path):
    with np.load(path) as file:
        assert sorted(set(file) - {'about.json'}) == ["again.first.weight['weight']", 'cells.tau.val', 'mean']


def test_a_filter_selects_what_is_saved_and_what_is_loaded(net, path, tmp_path):
    bst.save_states(tmp_path / 'weights.npz', net, bst.ParamState)
    for file, filters in ((tmp_path / 'weights.npz', bst.ParamState), (path, bst.ParamState)):
        other = Net(2.0)
        bst.load_states(file, other, filters)
        assert same(held(other, bst.ParamState), held(net, bst.ParamState))
        assert other.mean.value.tolist() == [2.0, 2.0, 2.0]
    both = Net(2.0)
    bst.load_states(path, both, bst.filter.PathContains('cells'), bst.filter.PathContains('mean'))
    assert same(held(both, bst.LongTermState), {key: (net if key[0] != 'again' else both).states()[key].value for key in both.states()})


def test_a_part_of_a_file_for_another_model(net, path):
    other = {'again': {'first': bst.nn.Linear(2, 3, w_init=lambda shape: jnp.zeros(shape) * u.mA, b_init=None)}}
    with pytest.raises(bst.StateTreeError, match=r'cells\.tau\.val: not here, but in the file'):
        bst.load_states(path, other)
    bst.load_states(path, other, partial=True)
    assert same(other['again']['first'].weight.value, net.layers[0].weight.value)


def test_a_selection_of_states_has_the_paths_of_the_model(net, path):
    other = Net(2.0)
    bst.load_states(path, other.states())
    assert same(held(other), held(net))
    bst.save_states(path, net.states(bst.ParamState))
    bst.load_states(path, Net(2.0), bst.ParamState)


OBJECTS = {
    'generator': lambda: bst.random.RandomState(1),
    'stream': lambda: bst.random.Stream('noise'),
    'list': lambda: [bst.State(jnp.ones(2)), bst.random.RandomState(2)],
    'state': lambda: bst.ParamState(jnp.ones(2) * u.mV),
}


@pytest.mark.parametrize('make', OBJECTS.values(), ids=OBJECTS)
def test_other_objects_than_modules(make, tmp_path):
    thing = make()
    if isinstance(thing, (bst.random.RandomState, bst.random.Stream)):
        thing.bernoulli(0.5, 3)
    bst.save_states(tmp_path / 'x', thing)
    states = thing if isinstance(thing, list) else [thing]
    before = [jax.tree.map(np.asarray, state.value) for state in states]
    for state in states:
        state.value = jax.tree.map(lambda x: x + x, state.value)
    bst.load_states(tmp_path / 'x', thing)
    assert same([jax.tree.map(np.asarray, state.value) for state in states], before)


def test_an_optimiser_goes_on_bit_for_bit(net, tmp_path):
    def trained(net, optimizer, steps):
        def loss():
            return ((net.layers[0](jnp.ones(2)) * net.cells.tau) ** 2).sum().to_decimal((u.mA * u.ms) ** 2)

        gradient = bst.transform.grad(loss, optimizer.params)
        for _ in range(steps):
            optimizer.update(gradient())

    def both(net):
        transformation = optax.chain(
            optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(0.1, 20)), optax.add_noise(0.1, 0.5, 3)
        )
        return net, bst.optim.Optimizer(transformation, net.states(bst.ParamState))

    net, optimizer = both(net)
    trained(net, optimizer, 3)
    bst.save_states(tmp_path / 'x', {'net': net, 'optimizer': optimizer})
    other, of_other = both(Net(2.0))
    bst.load_states(tmp_path / 'x', {'net': other, 'optimizer': of_other})
    trained(net, optimizer, 3)
    trained(other, of_other, 3)
    assert same(held(other), held(net)) and same(of_other.state.value, optimizer.state.value)


def test_hooks_are_called_as_on_assignment(net, path):
    told = []
    net.mean.register_hook('write_before', lambda context: setattr(context, 'transformed_value', context.value * 0))
    net.mean.register_hook('write_after', lambda context: told.append(context.state))
    bst.load_states(path, net)
    assert told == [net.mean] and net.mean.value.tolist() == [0.0, 0.0, 0.0]


def test_a_hook_that_refuses_leaves_every_state_as_it_was(net, path):
    other = Net(2.0)
    before = held(other)

    def refuse(context):
        raise ValueError('not this one')

    other.mean.register_hook('write_after', refuse)
    with pytest.raises(ValueError, match='not this one'):
        bst.load_states(path, other)
    assert all(state.value is before[key] for key, state in other.states().items())


def test_states_that_do_not_exist_yet(tmp_path):
    cells = bst.LIF(3, tau=10.0 * u.ms)
    with pytest.raises(
        bst.ParameterError,
        match=r'save_states\(.*\): there are no states to take\. States of neurons .* after `brainpy_state.nn.init_all_states',
    ):
        bst.save_states(tmp_path / 'x', cells)
    bst.nn.init_all_states(cells)
    with pytest.raises(bst.ParameterError, match='there are no states to take that the filters select'):
        bst.save_states(tmp_path / 'x', cells, bst.ParamState)
    with pytest.raises(TypeError, match='A graph starts from a Node'):
        bst.save_states(tmp_path / 'x', 3)
    assert list(tmp_path.iterdir()) == []


def test_a_compiled_function_can_neither_save_nor_load(net, path):
    for call in (bst.save_states, bst.load_states):
        with pytest.raises(bst.TraceContextError, match=r'was called inside of a compiled function[\s\S]*Call it outside'):
            bst.transform.jit(lambda call=call: call(path, net))()
    bst.load_states(path, net)


def test_sharded_arrays_are_saved_and_loaded_onto_their_devices(tmp_path):
    devices = jax.devices()
    sharding = jax.sharding.NamedSharding(jax.sharding.Mesh(np.array(devices), ('x',)), jax.sharding.PartitionSpec('x'))
    state = bst.State(jax.device_put(jnp.arange(4.0 * len(devices)), sharding))
    bst.save_states(tmp_path / 'x', state)
    state.value = jax.device_put(jnp.zeros(4 * len(devices)), sharding)
    bst.load_states(tmp_path / 'x', state)
    assert state.value.sharding == sharding and state.value.tolist() == list(range(4 * len(devices)))
    plain = bst.State(jnp.zeros(4 * len(devices)))
    bst.load_states(tmp_path / 'x', plain)
    assert not plain.value.committed
