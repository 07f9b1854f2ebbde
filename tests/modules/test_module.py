"""`Module` and its life cycle."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import HiddenState, ParamState, nn
from brainpy_state.transform import jit


class Cell(nn.Module):
    def __init__(self, size, name=None):
        super().__init__(name)
        self.size = size
        self.w = ParamState(jnp.ones(size))

    def init_state(self, batch_size=None):
        shape = (self.size,) if batch_size is None else (batch_size, self.size)
        self.h = HiddenState(jnp.zeros(shape))

    def update(self, x):
        self.h.value = self.h.value + self.w.value * x
        return self.h.value


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = [Cell(2), Cell(3)]
        self.first = self.cells[0]


def test_calling_a_module_calls_update():
    cell = nn.init_all_states(Cell(2))
    np.testing.assert_array_equal(cell(2.0), [2.0, 2.0])


def test_a_module_without_update_says_which():
    with pytest.raises(NotImplementedError, match="Module 'reader' does not define `update`"):
        nn.Module('reader')()


def test_states_and_nodes_are_found_by_path():
    net = nn.init_all_states(Net())
    assert list(net.states(ParamState)) == [('cells', 0, 'w'), ('cells', 1, 'w')]
    assert list(net.states(HiddenState)) == [('cells', 0, 'h'), ('cells', 1, 'h')]
    assert list(net.nodes()) == [('cells', 0), ('cells', 1), ()]


def test_init_all_states_returns_its_target_and_allocates_the_whole_tree():
    net = Net()
    assert nn.init_all_states(net) is net
    assert [s.value.shape for s in net.states(HiddenState).values()] == [(2,), (3,)]


def test_children_are_initialised_before_their_parents_and_shared_ones_once():
    order = []

    class Noting(nn.Module):
        def __init__(self, label, *children):
            super().__init__(label)
            self.children = children

        def init_state(self):
            order.append(self.name)

    shared = Noting('shared')
    nn.init_all_states(Noting('root', Noting('a', shared), Noting('b', shared)))
    assert order == ['shared', 'a', 'b', 'root']


def test_initialising_again_resets_in_place():
    cell = nn.init_all_states(Cell(2))
    before = cell.h
    cell(1.0)
    nn.init_all_states(cell)
    assert cell.h is before
    np.testing.assert_array_equal(cell.h.value, [0.0, 0.0])


def test_another_batch_size_changes_the_value_and_not_the_state():
    cell = nn.init_all_states(Cell(2))
    before = cell.h
    nn.init_all_states(cell, batch_size=4)
    assert cell.h is before
    assert cell.h.value.shape == (4, 2)
    nn.init_all_states(cell)
    assert cell.h.value.shape == (2,)


def test_parameters_survive_initialising_again():
    cell = nn.init_all_states(Cell(2))
    cell.w.value = cell.w.value * 5.0
    nn.init_all_states(cell)
    np.testing.assert_array_equal(cell.w.value, [5.0, 5.0])


def test_outside_of_initialising_an_assigned_state_replaces_the_old_one():
    cell = nn.init_all_states(Cell(2))
    new = HiddenState(jnp.ones(2))
    cell.h = new
    assert cell.h is new


def test_initialising_with_another_kind_of_state_replaces_it():
    cell = nn.init_all_states(Cell(2))
    cell.h = bst.ShortTermState(jnp.ones(2))
    nn.init_all_states(cell)
    assert type(cell.h) is HiddenState


def test_a_failing_init_state_leaves_initialising_mode():
    class Failing(nn.Module):
        def init_state(self):
            raise KeyError('on purpose')

    with pytest.raises(KeyError, match='on purpose'):
        nn.init_all_states(Failing())
    cell = nn.init_all_states(Cell(2))
    new = HiddenState(jnp.ones(2))
    cell.h = new
    assert cell.h is new


def test_initialising_inside_a_compiled_function_resets_the_states():
    cell = nn.init_all_states(Cell(2))

    @jit
    def trial(x):
        nn.init_all_states(cell)
        return cell(x)

    cell(100.0)
    np.testing.assert_array_equal(trial(1.0), [1.0, 1.0])
    np.testing.assert_array_equal(trial(2.0), [2.0, 2.0])
    np.testing.assert_array_equal(cell.h.value, [2.0, 2.0])


def test_a_label_is_the_name_or_the_place_in_the_tree():
    net = Net()
    assert net.cells[1].label == "Cell 'cells.1'"
    nn.init_all_states(net)
    assert net.cells[1].label == "Cell 'cells.1'"
    assert Cell(2, name='E').label == "Cell 'E'"
    assert net.label == 'Net'


def test_the_name_cannot_be_changed():
    with pytest.raises(AttributeError):
        Cell(2, name='E').name = 'I'


def test_a_module_that_never_called_its_base_constructor_works():
    class Bare(nn.Module):
        def __init__(self):
            self.w = ParamState(jnp.ones(2))

    bare = nn.init_all_states(Bare())
    assert list(bare.states()) == [('w',)]
    assert bare.name is None


def test_representation_shows_attributes_and_leaves_out_private_ones():
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.size = 3
            self.nothing = None

    assert repr(Small()) == 'Small(size=3)'
    assert repr(nn.Module()) == 'Module()'


class Tree(nn.Module):
    """Neurons at several depths, one of them in two places."""

    def __init__(self):
        super().__init__()
        self.E = bst.LIF(10**6)
        self.layers = [{'neurons': bst.LIF(2)}, nn.Sequential(bst.LIF(3))]
        self.same = self.E
        self.project = bst.AlignPostProj(
            comm=bst.one_to_one(10**6, 10**6, weight=np.ones(10**6, np.float32)), syn=bst.Expon.desc(), out=bst.CUBA.desc(), post=self.E
        )


def test_a_place_is_known_before_and_after_a_part_of_the_tree_is_initialised():
    tree = Tree()
    places = {
        "LIF 'E'": tree.E,
        "LIF 'layers.0.neurons'": tree.layers[0]['neurons'],
        "LIF 'layers.1.layers.0'": tree.layers[1][0],
        "Expon 'E.receptors.0.syn'": tree.E.receptors[0].syn,
    }
    for initialise in (lambda: None, lambda: nn.init_all_states(tree.E), lambda: nn.init_all_states(tree.layers[1])):
        initialise()
        assert [x.label for x in places.values()] == list(places)
    with pytest.raises(AttributeError, match=r"^LIF 'layers\.0\.neurons': V is not allocated yet"):
        tree.layers[0]['neurons'](1.0)
    outer = nn.Module()
    outer.tree = tree
    assert tree.E.label == "LIF 'tree.E'"
    assert nn.init_all_states(outer).tree.E.V.label == "HiddenState 'tree.E.V'"


def test_the_representation_of_a_tree_shows_each_object_once_and_no_large_array():
    tree = Tree()
    before = repr(tree)
    nn.init_all_states(tree)
    with jax.transfer_guard_device_to_host('disallow'):
        shown = repr(tree)
    assert before.count('V=<not allocated>') == 3
    assert shown.count('LIF(') == 3
    assert len(shown) < 2500
    for text in (
        "same=<shared: LIF 'E'>", "post=<LIF 'E'>", 'V=HiddenState(float32[1000000] mV)', 'tau=5. ms', 'weight=float32[1000000]',
        "receptor=<Receptor 'E.receptors.0'>",
    ):  # fmt: skip
        assert text in shown
    assert '_path' not in shown
