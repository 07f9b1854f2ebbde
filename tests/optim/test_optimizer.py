"""`optim.Optimizer`: what optax does, on states."""

import copy
import pickle

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainpy_state as bst
from brainpy_state import ParamState, transform
from brainpy_state.optim import Optimizer

TRANSFORMATIONS = {
    'sgd': lambda: optax.sgd(0.1),
    'momentum': lambda: optax.sgd(0.1, momentum=0.9, nesterov=True),
    'adam': lambda: optax.adam(1e-2),
    'adamw': lambda: optax.adamw(1e-2, weight_decay=0.1),
    'lion': lambda: optax.lion(1e-3),
    'clipped': lambda: optax.chain(optax.clip_by_global_norm(0.5), optax.adam(optax.cosine_decay_schedule(0.1, 4))),
    'accumulating': lambda: optax.MultiSteps(optax.adam(1e-2), 2).gradient_transformation(),
    'injected': lambda: optax.inject_hyperparams(optax.adam)(learning_rate=optax.linear_schedule(0.1, 0.0, 5)),
    'plateau': lambda: optax.chain(optax.adam(1e-2), optax.contrib.reduce_on_plateau(patience=1)),
}


class Net(bst.nn.Module):
    """Weights with a unit, a dictionary of two, and something that is not trained."""

    def __init__(self):
        super().__init__()
        self.current = ParamState(jnp.linspace(0.5, 1.5, 3) * u.mA)
        self.dense = ParamState({'weight': jnp.full((3, 2), 0.3), 'bias': jnp.zeros(2) * u.mV})
        self.trace = bst.HiddenState(jnp.zeros(3))

    def loss(self):
        current, dense = self.current.value, self.dense.value
        self.trace.value = self.trace.value + 1.0
        out = (current.to_decimal(u.mA) @ dense['weight']) + dense['bias'].to_decimal(u.mV)
        return jnp.sum((out - jnp.array([1.0, -1.0])) ** 2)


@pytest.fixture
def net():
    return Net()


@pytest.fixture
def optimizer(net):
    return Optimizer(optax.adam(1e-2), net.states(ParamState))


def plain(states):
    """Numbers of the states, as optax takes them."""
    return {key: jax.tree.map(lambda x: x, numbers(state.value)) for key, state in states.items()}


def numbers(value):
    return jax.tree.map(u.get_mantissa, value, is_leaf=lambda x: isinstance(x, u.Quantity))


def trained(optimizer, loss, **options):
    """A compiled step of training."""

    @transform.jit
    def step():
        grads, value = transform.grad(loss, optimizer.params, return_value=True, **options)()
        optimizer.update(grads)
        return value

    return step


def equal(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.quick('^(adam|clipped|momentum)$')
@pytest.mark.parametrize('make', TRANSFORMATIONS.values(), ids=TRANSFORMATIONS)
def test_it_does_exactly_what_optax_does(net, make):
    optimizer, rng = Optimizer(make(), net.states(ParamState)), np.random.default_rng(0)
    reference, at = make(), plain(optimizer.params)
    memory = reference.init(at)
    extra = {'value': jnp.float32(1.0)} if isinstance(reference, optax.GradientTransformationExtraArgs) else {}
    for _ in range(4):
        grads = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), jnp.float32), at)
        updates, memory = reference.update(grads, memory, at, **extra)
        at = optax.apply_updates(at, updates)
        optimizer.update(grads, **extra)
    equal(plain(optimizer.params), at)
    equal(optimizer.state.value, memory)
    assert u.get_unit(net.current.value) == u.mA


def test_states_move_in_their_own_unit(net):
    optimizer = Optimizer(optax.sgd(0.5), net.current)
    optimizer.update(jnp.ones(3) * u.mA)
    np.testing.assert_allclose(net.current.value.to_decimal(u.mA), np.linspace(0.0, 1.0, 3), atol=1e-7)
    assert u.get_unit(net.current.value) == u.mA


def test_a_loss_with_a_unit_may_have_states_of_several_scales():
    small, large = ParamState(jnp.array([1.0, 2.0]) * u.uA), ParamState(jnp.array([1.0]) * u.mA)
    optimizer = Optimizer(optax.sgd(1.0), [small, large])
    grads = transform.grad(lambda: u.math.sum(small.value**2) + u.math.sum(large.value**2), optimizer.params, unit_aware=True)()
    assert u.get_dim(grads[0]) == u.get_dim(grads[1]) == u.get_dim(u.mA)
    optimizer.update(grads)  # by numbers of the loss, which is in a square of one unit, for each number of a state
    step_small = np.array([1.0, 2.0]) - small.value.to_decimal(u.uA)
    step_large = 1.0 - large.value.to_decimal(u.mA)
    np.testing.assert_allclose(step_large / step_small[0], 1e6, rtol=1e-5)
    np.testing.assert_allclose(step_small[1] / step_small[0], 2.0, rtol=1e-5)


LOSSES = {
    'a number': lambda net: net.loss(),
    'a square of a voltage': lambda net: net.loss() * u.mV**2,
    'a current': lambda net: net.loss() * u.mA,
}


@pytest.mark.parametrize('loss', LOSSES.values(), ids=LOSSES)
def test_gradients_with_units_move_states_as_those_without(loss):
    results = []
    for aware in (False, True):
        net = Net()
        optimizer = Optimizer(optax.adam(1e-2), net.states(ParamState))
        optimizer.update(transform.grad(lambda net=net: loss(net), optimizer.params, unit_aware=aware)())
        results.append(plain(optimizer.params))
    equal(*results)


CONTAINERS = {
    'a state': lambda net: net.current,
    'a list': lambda net: [net.current, net.dense],
    'a dict': lambda net: {'a': net.current, 'b': net.dense},
    'nested': lambda net: {'a': [net.current], 'b': (net.dense,)},
    'by path': lambda net: net.states(ParamState),
    'some of those': lambda net: net.states().filter(ParamState),
}


@pytest.mark.parametrize('choose', CONTAINERS.values(), ids=CONTAINERS)
def test_gradients_come_in_the_container_of_the_states(net, choose):
    optimizer = Optimizer(optax.sgd(0.1), choose(net))
    before = net.current.value
    optimizer.update(transform.grad(net.loss, optimizer.params)())
    assert not u.math.allclose(net.current.value, before)


def test_what_it_remembers_is_a_state_that_transforms_know(net, optimizer):
    assert list(optimizer.states()) == [('state',)]
    step = trained(optimizer, net.loss)
    losses = transform.for_loop(step, length=5)
    assert optimizer.state.value[0].count == 5
    other = Net()
    by_hand = trained(Optimizer(optax.adam(1e-2), other.states(ParamState)), other.loss)
    np.testing.assert_allclose(losses, [by_hand() for _ in range(5)], rtol=1e-6)  # another order of rounding within one program


def test_a_second_step_does_not_compile(net, optimizer, compilations):
    step = trained(optimizer, net.loss)
    step()
    with compilations() as found:
        step(), step()
    assert not found


def test_lanes_are_trained_apart():
    target = jnp.array([0.0, 1.0, 5.0])

    def lane(goal):
        w = ParamState(jnp.zeros(2))
        optimizer = Optimizer(optax.adam(0.1), w)
        for _ in range(3):
            optimizer.update(transform.grad(lambda: jnp.sum((w.value - goal) ** 2), w)())
        return w.value

    out = transform.vmap_new_states(lane)(target)
    np.testing.assert_array_equal(out[0], 0.0)
    np.testing.assert_allclose(out[1:], 0.3, atol=0.01)  # three steps of Adam, each of the rate


def test_states_with_lanes_are_trained_in_lanes():
    target, w = jnp.array([0.0, 1.0, 5.0]), ParamState(jnp.zeros((3, 2)))
    optimizer = Optimizer(optax.sgd(0.1, momentum=0.9), w)

    def lane(goal):
        optimizer.update(transform.grad(lambda: jnp.sum((w.value - goal) ** 2), w)())

    transform.vmap(lane, in_states=[w, optimizer.state])(target)
    np.testing.assert_allclose(w.value, jnp.repeat(0.2 * target[:, None], 2, 1), rtol=1e-6)


WAYS = {
    'pickle': lambda x: pickle.loads(pickle.dumps(x)),
    'deepcopy': copy.deepcopy,
}


@pytest.mark.parametrize('way', WAYS.values(), ids=WAYS)
def test_a_copy_goes_on_bit_for_bit_and_leaves_the_original_alone(net, optimizer, way):
    step = trained(optimizer, net.loss)
    step()
    twin, of_twin = way((net, optimizer))
    assert of_twin.params[('current',)] is twin.current
    assert of_twin.model is twin
    of_twin.transformation = optax.adam(1e-2)
    trained(of_twin, twin.loss)()
    assert optimizer.state.value[0].count == 1
    step()
    equal(plain(optimizer.params), plain(of_twin.params))
    equal(optimizer.state.value, of_twin.state.value)


def test_values_of_its_states_are_a_checkpoint(net, optimizer):
    step = trained(optimizer, net.loss)
    step()
    saved = pickle.dumps([net.states().to_dict_values(), optimizer.states().to_dict_values()])
    step()
    new = Net()
    of_new = Optimizer(optax.adam(1e-2), new.states(ParamState))
    for states, values in zip((new.states(), of_new.states()), pickle.loads(saved), strict=True):
        states.assign_values(values)
    trained(of_new, new.loss)()
    equal(plain(optimizer.params), plain(of_new.params))


def test_it_may_be_a_part_of_a_model(net):
    class Trainer(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net
            self.optimizer = Optimizer(optax.adam(1e-2), net.states(ParamState))

    trainer = Trainer()
    assert ('optimizer', 'state') in trainer.states()
    assert list(trainer.states(ParamState)) == [('net', 'current'), ('net', 'dense')]
    bst.nn.init_all_states(trainer)
    trained(trainer.optimizer, net.loss)()
    bst.nn.init_all_states(trainer)
    assert trainer.optimizer.state.value[0].count == 1  # initialising the model does not forget what was learnt


def test_another_rate_is_seen_by_compiled_functions(net):
    optimizer = Optimizer(optax.sgd(0.0), net.current)
    step, before = trained(optimizer, net.loss), net.current.value
    step()
    assert (net.current.value == before).all()
    optimizer.transformation = optax.sgd(0.1)
    step()
    assert (net.current.value != before).any()


def test_a_parameter_with_a_range_is_trained_inside_of_it():
    neuron = bst.LIF(2, tau=bst.nn.Param(10.0 * u.ms, t=bst.nn.SoftplusT(1.0 * u.ms)))
    optimizer = Optimizer(optax.adam(5.0), neuron.states(ParamState))
    for _ in range(3):
        optimizer.update(transform.grad(lambda: neuron.tau.to_decimal(u.ms), optimizer.params)())
    assert 1.0 < neuron.tau.to_decimal(u.ms) < 2.0


# ---- refusals


def gradient(net, **changes):
    grads = {('current',): jnp.ones(3) * u.mA, ('dense',): {'weight': jnp.ones((3, 2)), 'bias': jnp.ones(2) * u.mV}}
    return {**grads, **changes}


def with_current(g):
    return lambda net: {**gradient(net), ('current',): g}


BAD_GRADIENTS = {
    'one missing': (lambda net: {('current',): jnp.ones(3)}, KeyError, r"no gradient for \('dense',\)"),
    'a frozen state': (lambda net: {**gradient(net), ('frozen',): jnp.ones(3)}, KeyError, r"\('frozen',\), which is none of the states"),
    'no dict': (lambda net: [jnp.ones(3), jnp.ones(2)], ValueError, 'must be a dict with the keys of the states, but a list of 2'),
    'an array': (lambda net: jnp.ones(3), ValueError, r'must be a dict .*\[1. 1. 1.\]'),
    'another tree': (with_current({'a': jnp.ones(3)}), ValueError, "gradient of ParamState 'current' has the structure"),
    'another shape': (with_current(jnp.ones(4)), ValueError, r"'current' has shape \(4,\), but the state \(3,\)"),
    'a shape that broadcasts': (with_current(jnp.ones(())), ValueError, r"'current' has shape \(\), but the state \(3,\)"),
    'another unit': (with_current(jnp.ones(3) * u.mV), TypeError, "'current' has the unit mV, but the state has mA|'dense' has the unit"),
    'integers': (with_current(jnp.ones(3, int)), TypeError, "'current' is int.*must be floating-point"),
    'None': (with_current(None), Exception, "'current'"),
}


@pytest.mark.parametrize(('make', 'error', 'text'), BAD_GRADIENTS.values(), ids=BAD_GRADIENTS)
def test_a_gradient_that_does_not_fit_is_one_clear_error_and_changes_nothing(net, optimizer, make, error, text):
    before = [state.value for state in (*net.states().values(), optimizer.state)]
    with pytest.raises(error, match=text) as caught:
        optimizer.update(make(net))
    assert isinstance(caught.value, (bst.BrainStateError, TypeError))
    assert all(state.value is value for state, value in zip((*net.states().values(), optimizer.state), before, strict=True))


def test_a_state_that_was_replaced_in_the_model_is_named(net, optimizer):
    grads = transform.grad(net.loss, net.states(ParamState))()
    net.current = ParamState(net.current.value)
    with pytest.raises(bst.AssignmentError, match=r"ParamState 'current' \(made at .*\) no longer belongs to Net"):
        optimizer.update(grads)
    with pytest.raises(ValueError, match="never reads ParamState 'current'"):
        trained(optimizer, net.loss)()


@pytest.mark.parametrize('number', [jnp.nan, jnp.inf, -jnp.inf])
@pytest.mark.parametrize('wrap', [lambda f: f, transform.jit], ids=['eager', 'jit'])
def test_a_gradient_that_is_not_finite_names_its_state_and_changes_nothing(net, number, wrap):
    optimizer = Optimizer(optax.adam(1e-2), net.states(ParamState), check_finite=True)
    update = wrap(lambda g: optimizer.update({**gradient(net), ('current',): g}))
    update(jnp.ones(3))
    before = [state.value for state in (*net.states().values(), optimizer.state)]
    with pytest.raises(FloatingPointError, match="the gradient of ParamState 'current' is not finite"):
        update(jnp.array([1.0, number, 1.0]))
    for state, value in zip((*net.states().values(), optimizer.state), before, strict=True):
        equal(numbers(state.value), numbers(value))


BAD_OPTIMIZERS = {
    'a function of optax': (lambda net: Optimizer(optax.adam, net.states()), TypeError, 'a transformation of optax, but is a function'),
    'a rate': (lambda net: Optimizer(1e-3, net.states()), TypeError, 'but is a float'),
    'the wrong order': (lambda net: Optimizer(net.states(), optax.adam(1e-3)), TypeError, 'but is a StateDictManager'),
    'a model': (lambda net: Optimizer(optax.adam(1e-3), net), TypeError, 'holds states, but'),
    'no states': (lambda net: Optimizer(optax.adam(1e-3), net.states(bst.DelayState)), ValueError, 'there are no states to train'),
    'a state twice': (lambda net: Optimizer(optax.adam(1e-3), [net.current, net.current]), TypeError, 'stands twice'),
    'integers': (lambda net: Optimizer(optax.adam(1e-3), bst.State(jnp.arange(3))), TypeError, 'holds int32, which has no derivative'),
    'a text': (lambda net: Optimizer(optax.adam(1e-3), bst.State('a')), TypeError, 'holds a str'),
    'nothing': (lambda net: Optimizer(optax.adam(1e-3), bst.State({})), TypeError, 'holds no numbers'),
}


@pytest.mark.parametrize(('make', 'error', 'text'), BAD_OPTIMIZERS.values(), ids=BAD_OPTIMIZERS)
def test_an_optimizer_that_cannot_work_is_refused(net, make, error, text):
    with pytest.raises(error, match=text):
        make(net)


def test_more_than_a_transformation_takes_is_refused(net):
    optimizer = Optimizer(optax.scale(-1.0), net.current)
    with pytest.raises(TypeError, match='takes gradients only, but value was given'):
        optimizer.update(jnp.ones(3), value=1.0)


def test_one_from_a_pickle_asks_for_the_functions_of_optax(optimizer):
    twin = pickle.loads(pickle.dumps(optimizer))
    with pytest.raises(bst.AssignmentError, match='comes from a pickle'):
        twin.update({})
    with pytest.raises(ValueError, match='the new transformation remembers'):
        twin.transformation = optax.sgd(0.1)
