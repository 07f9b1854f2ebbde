"""Frequent mistakes: one message each, which names the thing by its path and says what to do."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import transform

MS = 1.0 * u.ms


class Net(bst.nn.Module):
    """A population and a readout, two levels deep."""

    def __init__(self):
        self.cells = bst.nn.Sequential(bst.LIF(3, tau=10 * MS))
        self.gain = bst.ParamState(jnp.ones(3))
        self.idle = bst.ParamState(jnp.ones(3))
        self.sum = bst.HiddenState(jnp.zeros(3))

    def update(self, x):
        self.sum.value = self.sum.value + x * self.gain.value
        return self.sum.value


@pytest.fixture
def net():
    return Net()


@pytest.fixture
def unchanged(net):
    """The mistake must leave every state as it was."""
    before = {path: state.value for path, state in net.states().items()}
    yield
    assert all(state.value is before[path] for path, state in net.states().items())


def grown(net):
    net.sum.value = jnp.concatenate([net.sum.value, net.sum.value])


def step_cells(net):
    with bst.environ.context(dt=MS):
        net.cells(1.0 * u.mA)


MISTAKES = {
    'a state as an argument': (
        lambda net: transform.jit(lambda s: s.value)(net.gain),
        TypeError,
        ["argument 0 is a state (ParamState 'gain')", 'right:  f(state.value)'],
    ),
    'a module as an argument': (
        lambda net: transform.jit(lambda m, x: m(x))(net, 1.0),
        TypeError,
        ['argument 0 is a Net', 'Use the object inside the function without passing it', 'static_argnums'],
    ),
    'a module within an argument': (
        lambda net: transform.jit(lambda models: 0)(models={'a': net}),
        TypeError,
        ["argument 'models' at ['a'] is a Net"],
    ),
    'a wrong filter': (lambda net: net.states(3), TypeError, ['A filter is a class, a tag', 'int was given: 3']),
    'a state that grows in a loop': (
        lambda net: transform.for_loop(lambda x: grown(net), jnp.ones(3)),
        bst.BrainStateError,
        ["HiddenState 'sum' changes inside the loop from float32[3] to float32[6]", 'one shape and type'],
    ),
    'an argument and a state with different numbers of lanes': (
        lambda net: transform.vmap(net, in_states=net.sum)(jnp.ones(4)),
        ValueError,
        ["argument 0 has 4, HiddenState 'sum' has 3"],
    ),
    'arguments with different numbers of lanes': (
        lambda net: transform.vmap(lambda a, b: a)(jnp.ones(3), {'k': jnp.ones(4)}),
        ValueError,
        ["argument 0 has 3, argument 1 at ['k'] has 4"],
    ),
    'a state read before it is allocated': (
        lambda net: net.cells[0].V,
        AttributeError,
        ['V is not allocated yet', 'init_all_states(model)'],
    ),
    'a model stepped before it is initialised': (
        lambda net: transform.jit(lambda: step_cells(net))(),
        AttributeError,
        ['V is not allocated yet', 'init_all_states(model)'],
    ),
    'values that differ between lanes, for a shared state': (
        lambda net: transform.vmap(net)(jnp.ones(4)),
        bst.BatchAxisError,
        ["HiddenState 'sum' is shared by all lanes", '`in_states`', '`out_states`'],
    ),
    'a state without a gradient': (
        lambda net: transform.grad(lambda: net(1.0).sum(), net.states(bst.ParamState))(),
        ValueError,
        ["never reads ParamState 'idle'", 'Leave it out', 'check_states=False'],
    ),
    'a loss that is no scalar': (
        lambda net: transform.grad(lambda: net(1.0), net.gain)(),
        TypeError,
        ['must return one scalar loss', '(3,)', 'take a sum or a mean'],
    ),
    'a Python condition on a traced value': (
        lambda net: transform.jit(lambda x: x if x > 0 else -x)(1.0),
        Exception,
        ['is being compiled', 'transform.cond', 'static_argnames'],
    ),
    'an array of NumPy at a traced index': (
        lambda net: transform.jit(lambda i: np.arange(3.0)[i])(1),
        Exception,
        ['is being compiled', 'jnp.asarray(x)[i]'],
    ),
}


@pytest.mark.usefixtures('unchanged')
@pytest.mark.parametrize('mistake', MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_remedy_and_changes_nothing(net, mistake):
    make, kind, said = mistake
    with pytest.raises(kind) as caught:
        make(net)
    message = '\n'.join([str(caught.value), *getattr(caught.value, '__notes__', [])])
    assert not [part for part in said if part not in message], message


def test_states_are_named_by_their_whole_path_once_the_tree_was_walked(net):
    outer = bst.nn.Sequential(net)
    outer.states()
    with pytest.raises(bst.BrainStateError, match=r"HiddenState 'layers\.0\.sum' changes"):
        transform.for_loop(lambda x: grown(net), jnp.ones(3))


def test_a_state_without_a_place_is_named_by_where_it_was_made():
    lonely = bst.State(jnp.zeros(3))
    with pytest.raises(bst.BrainStateError, match=r'State \(made at .*test_errors\.py:\d+, in test_a_state_without'):
        transform.for_loop(lambda x: setattr(lonely, 'value', jnp.concatenate([lonely.value, lonely.value])), jnp.ones(3))
