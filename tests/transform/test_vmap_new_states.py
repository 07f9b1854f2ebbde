"""`vmap_new_states` and `map`: states made for each lane, and elements done one after the other or in chunks."""

import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BatchAxisError, BrainStateError, ParamState, ShapeError, State, TraceContextError
from brainpy_state.transform import for_loop, grad, jit, map, vmap, vmap_new_states

pytestmark = pytest.mark.slow


class Cell(bst.nn.Module):
    def __init__(self, size=2):
        super().__init__()
        self.size = size

    def init_state(self):
        self.w = ParamState(bst.random.normal(size=(self.size,)))
        self.h = State(jnp.zeros(self.size))

    def update(self, x):
        self.h.value = self.h.value + self.w.value * x
        return self.h.value


def test_created_states_get_a_leading_lane_axis():
    made = []

    def make(x):
        made.append(State(x * jnp.ones(3)))
        return x + 1

    np.testing.assert_array_equal(vmap_new_states(make)(jnp.array([1.0, 2.0])), [2.0, 3.0])
    np.testing.assert_array_equal(made[0].value, [[1.0] * 3, [2.0] * 3])
    assert len(made) == 1


def test_a_state_that_does_not_depend_on_the_lane_gets_the_axis_too():
    made = []
    vmap_new_states(lambda: made.append(State(jnp.arange(3.0))), axis_size=2)()
    np.testing.assert_array_equal(made[0].value, [[0.0, 1.0, 2.0]] * 2)


def test_lanes_draw_different_numbers_and_the_generator_goes_on():
    made, before = [], np.asarray(bst.random.get_key())
    make = vmap_new_states(lambda: made.append(State(bst.random.rand(4))), axis_size=3)
    make(), make()
    assert len(np.unique([s.value for s in made])) == 24
    assert not np.array_equal(before, bst.random.get_key())
    bst.random.seed(0)
    make()
    np.testing.assert_array_equal(made[0].value, made[2].value)


def test_a_model_made_for_lanes_is_run_by_vmap():
    cell = Cell()
    vmap_new_states(cell.init_state, axis_size=3)()
    w, x = np.asarray(cell.w.value), jnp.array([1.0, 2.0, 3.0])
    assert w.shape == (3, 2)
    np.testing.assert_array_equal(vmap(cell, in_states=cell.states())(x), w * x[:, None])
    np.testing.assert_array_equal(cell.h.value, w * x[:, None])


def test_values_that_were_written_after_the_making_are_kept():
    made = []

    def make(x):
        s = State(jnp.zeros(()))
        s.value = s.value + x
        made.append(s)

    vmap_new_states(make)(jnp.arange(3.0))
    np.testing.assert_array_equal(made[0].value, [0.0, 1.0, 2.0])


def test_each_call_makes_states_of_its_own():
    made = []
    make = vmap_new_states(lambda x: made.append(State(x)))
    make(jnp.arange(2.0)), make(jnp.arange(3.0))
    assert [s.value.shape for s in made] == [(2,), (3,)]


def test_tags_are_given_to_the_created_states():
    made, old = [], State(0.0)

    def make():
        made.append(State(old.value + jnp.ones(2), tag='mine'))

    vmap_new_states(make, axis_size=2, state_tag='new')()
    assert made[0].tag == {'mine', 'new'}
    assert old.tag == set()


@pytest.mark.parametrize('exclude', [ParamState, 'fixed', lambda path, s: isinstance(s, ParamState)], ids=['class', 'tag', 'function'])
def test_excluded_states_stay_without_a_lane_axis(exclude):
    made = []

    def make(x):
        made.extend([ParamState(jnp.ones(2), tag='fixed'), State(x)])

    vmap_new_states(make, state_to_exclude=exclude)(jnp.arange(3.0))
    assert made[0].value.shape == (2,)
    assert made[1].value.shape == (3,)


def test_an_excluded_state_that_differs_between_lanes_is_named():
    made = []

    def make(x):
        made.append(ParamState(x, name='w'))

    with pytest.raises(BatchAxisError, match="ParamState 'w' is shared by all lanes"):
        vmap_new_states(make, state_to_exclude=ParamState)(jnp.arange(3.0))
    with pytest.raises(TraceContextError):
        made[0].value


def test_states_from_outside_are_declared_as_for_vmap():
    old, total, made = State(jnp.arange(2.0)), State(jnp.zeros(())), []

    def make(x):
        made.append(State(old.value + x))
        old.value = old.value * 2
        total.value = total.value + 1

    vmap_new_states(make, in_states=old)(jnp.array([10.0, 20.0]))
    np.testing.assert_array_equal(made[0].value, [10.0, 21.0])
    np.testing.assert_array_equal(old.value, [0.0, 2.0])
    assert float(total.value) == 1.0


def test_axes_names_and_keywords_are_those_of_vmap():
    made = []

    def make(x, *, k):
        made.append(State(x - x.mean()))
        return x * k

    out = vmap_new_states(make, in_axes=1, out_axes=1, axis_name='lanes')(jnp.ones((2, 3)), k=jnp.arange(3.0))
    np.testing.assert_array_equal(out, [[0.0, 1.0, 2.0]] * 2)
    assert made[0].value.shape == (3, 2)


def test_nested_it_gives_an_axis_for_each_level():
    made = []

    def make():
        made.append(State(bst.random.rand()))

    vmap_new_states(lambda: vmap_new_states(make, axis_size=3)(), axis_size=2)()
    assert made[0].value.shape == (2, 3)
    assert len(np.unique(made[0].value)) == 6


def test_inside_a_compiled_function_the_states_are_locals_of_it():
    made = []

    @jit
    def f(x):
        vmap_new_states(lambda x: made.append(State(x)))(x)
        made[-1].value = made[-1].value * 2
        return made[-1].value

    np.testing.assert_array_equal(f(jnp.arange(3.0)), [0.0, 2.0, 4.0])
    with pytest.raises(TraceContextError, match='made inside|created inside'):
        made[0].value


def test_a_failure_leaves_no_half_made_state():
    made = []

    def make(x):
        made.append(State(x))
        raise KeyError('on purpose')

    with pytest.raises(KeyError, match='on purpose'):
        vmap_new_states(make)(jnp.ones(2))
    with pytest.raises(TraceContextError):
        made[0].value


# --- map ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('batch_size', [None, 1, 2, 5, 6, 7, 100])
def test_map_applies_to_each_element(batch_size):
    x = jnp.arange(12.0).reshape(6, 2)
    np.testing.assert_array_equal(map(lambda x: x.sum() + 1, x, batch_size=batch_size), np.arange(12).reshape(6, 2).sum(1) + 1)


def test_map_takes_several_trees_and_gives_trees():
    out = map(lambda a, b: {'s': a + b['x'], 'n': None}, jnp.arange(5.0), {'x': jnp.ones((5, 2))}, batch_size=2)
    np.testing.assert_array_equal(out['s'], np.arange(5.0)[:, None] + np.ones(2))
    assert out['n'] is None


def test_map_one_after_the_other_carries_states():
    total = State(0.0)

    def add(x):
        total.value = total.value + x
        return total.value

    np.testing.assert_array_equal(map(add, jnp.arange(4.0)), [0.0, 1.0, 3.0, 6.0])


def test_map_in_chunks_writes_states_once_for_each_chunk():
    chunks = State(0)

    def count(x):
        chunks.value = chunks.value + 1
        return x

    map(count, jnp.arange(7.0), batch_size=3)
    assert int(chunks.value) == 3


def test_map_in_chunks_refuses_states_that_depend_on_the_element():
    total = State(0.0, name='total')

    def add(x):
        total.value = total.value + x

    with pytest.raises(BatchAxisError, match='total'):
        map(add, jnp.arange(4.0), batch_size=2)


def test_map_draws_different_numbers_for_each_element():
    assert len(np.unique(map(lambda x: bst.random.rand() + 0 * x, jnp.arange(7.0), batch_size=3))) == 7


@pytest.mark.parametrize('shape', [(0,), (0, 3), (4, 0)])
def test_map_of_no_elements_gives_no_elements(shape):
    assert map(lambda x: x * 2, jnp.zeros(shape), batch_size=2).shape == shape


def test_gradient_through_map_in_chunks():
    w = ParamState(jnp.array(3.0))
    x = jnp.arange(5.0)
    assert float(grad(lambda: jnp.sum(map(lambda x: w.value**2 * x, x, batch_size=2)), w)()) == 60.0


def test_map_as_part_of_a_loop():
    np.testing.assert_array_equal(for_loop(lambda xs: map(lambda x: 2 * x, xs, batch_size=2), jnp.ones((2, 3))), np.full((2, 3), 2.0))


@pytest.mark.parametrize('batch_size', [0, -1, 2.0, 'two'])
def test_a_bad_batch_size_is_an_error(batch_size):
    with pytest.raises(ShapeError, match='batch_size is'):
        map(lambda x: x, jnp.ones(3), batch_size=batch_size)


@pytest.mark.parametrize(
    'xs', [(jnp.ones(3), jnp.ones(4)), (jnp.ones(3), 1.0), (1.0,), ()], ids=['unequal', 'scalar', 'only a scalar', 'none']
)
@pytest.mark.parametrize('batch_size', [None, 2])
def test_arrays_that_cannot_be_mapped_over_are_an_error(xs, batch_size):
    with pytest.raises((ShapeError, BrainStateError)):
        map(lambda *x: 0, *xs, batch_size=batch_size)
