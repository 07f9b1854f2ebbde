"""`jit`: the Python body runs once for each signature, and everything it reads is an input."""

import functools
import gc
import weakref

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParamState, State
from brainpy_state.transform import for_loop, grad, jit
from brainpy_state.transform._lift import lift


def counted(f):
    """The function, compiled, and a list that grows each time its Python body runs."""
    traces = []

    @functools.wraps(f)
    def body(*args, **kwargs):
        traces.append(args)
        return f(*args, **kwargs)

    return jit(body), traces


def test_states_are_threaded_through_the_program():
    hidden, weight = State(jnp.array([0.0, 1.0, 2.0])), ParamState(jnp.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))

    def forward(x):
        hidden.value = hidden.value + x
        return hidden.value @ weight.value

    step, traces = counted(forward)
    np.testing.assert_allclose(step(1.0), [22.0, 28.0])
    np.testing.assert_allclose(step(0.2), [23.8, 30.4], rtol=1e-6)
    np.testing.assert_allclose(hidden.value, [1.2, 2.2, 3.2], rtol=1e-6)
    assert len(traces) == 1


def test_the_body_runs_once_for_each_signature():
    step, traces = counted(lambda x: x * 2)
    for _ in range(3):
        step(jnp.ones(3))
        step(jnp.ones(4))
        step(jnp.ones(4, jnp.int32))
        step({'a': jnp.ones(3)}['a'])
    assert len(traces) == 3


def test_alternating_shapes_of_arguments_compile_twice_in_all(compilations):
    step, traces = counted(lambda x: jnp.sin(x))
    inputs = [jnp.ones(3), jnp.ones(4)]
    for x in inputs:
        step(x)
    with compilations() as found:
        for _ in range(3):
            for x in inputs:
                step(x)
    assert len(traces) == 2
    assert found == []


def test_alternating_shapes_of_a_state_compile_twice_in_all(compilations):
    state = State(jnp.zeros(2))

    def body():
        state.value = state.value + 1.0
        return state.value

    step, traces = counted(body)
    values = [jnp.zeros(2), jnp.zeros((8, 2))]
    for value in values * 3:
        state.value = value
        assert step().shape == value.shape
    assert len(traces) == 2


def test_python_numbers_and_arrays_are_two_signatures_because_of_weak_types():
    step, traces = counted(lambda x: x + jnp.ones(2, jnp.bfloat16))
    assert step(1.0).dtype == jnp.bfloat16
    assert step(2.0).dtype == jnp.bfloat16
    assert step(np.float32(1.0)).dtype == jnp.float32
    assert step(jnp.float32(1.0)).dtype == jnp.float32
    assert step(1.0).dtype == jnp.bfloat16
    assert len(traces) == 2


def test_weak_type_of_a_state_is_part_of_the_signature():
    state = State(1.0)
    step, traces = counted(lambda: state.value + jnp.ones(2, jnp.bfloat16))
    assert step().dtype == jnp.bfloat16
    state.value = jnp.float32(1.0)
    assert step().dtype == jnp.float32
    assert len(traces) == 2


def test_units_are_part_of_the_signature():
    step, traces = counted(lambda x: x * 2)
    assert step(1.0 * u.mV) == 2.0 * u.mV
    assert step(3.0 * u.mV) == 6.0 * u.mV
    assert step(1.0 * u.mA) == 2.0 * u.mA
    assert len(traces) == 2


def test_keyword_arguments_in_any_order_are_one_signature():
    step, traces = counted(lambda a, b: a - b)
    assert float(step(a=3.0, b=1.0)) == 2.0
    assert float(step(b=1.0, a=3.0)) == 2.0
    assert len(traces) == 1


def test_a_state_that_holds_another_tree_compiles_again():
    state = State({'a': jnp.ones(2)})
    step, traces = counted(lambda: sum(jnp.sum(x) for x in jax.tree.leaves(state.value)))
    assert float(step()) == 2.0
    state.value = {'a': jnp.ones(2), 'b': jnp.ones(3)}
    assert float(step()) == 5.0
    state.value = None
    assert step() == 0
    assert len(traces) == 3


def test_a_state_that_holds_no_array_decides_what_is_compiled():
    mode = State('add')
    step, traces = counted(lambda x: x + 1.0 if mode.value == 'add' else x - 1.0)
    assert float(step(1.0)) == 2.0
    mode.value = 'subtract'
    assert float(step(1.0)) == 0.0
    mode.value = 'add'
    assert float(step(1.0)) == 2.0
    assert len(traces) == 2


def test_closed_over_arrays_are_operands_and_not_constants():
    big = jnp.arange(100_000.0)
    lifted = lift(lambda x: jnp.sum(big * x), (1.0,))
    assert [c.shape for c in lifted.captured] == [(100_000,)]
    assert lifted.captured[0] is big
    program = jax.jit(lifted.pure).lower([], [], lifted.captured, (1.0,)).as_text()
    assert len(program) < 4000  # written out as a constant, the array alone is longer


def test_closed_over_numpy_arrays_are_operands_too():
    big = np.arange(100_000, dtype=np.float32)
    lifted = lift(lambda x: jnp.sum(x + big), (1.0,))
    program = jax.jit(lifted.pure).lower([], [], lifted.captured, (1.0,)).as_text()
    assert len(program) < 4000


def test_arrays_closed_over_by_a_loop_body_are_operands_too():
    big = jnp.arange(100_000.0)
    state = State(jnp.zeros(()))

    def body(i):
        state.value = state.value + big[i]

    lifted = lift(lambda: for_loop(body, jnp.arange(3)), ())
    program = jax.jit(lifted.pure).lower([state.value], [], lifted.captured, ()).as_text()
    assert any(c is big for c in lifted.captured)
    assert len(program) < 20_000


def test_functions_of_a_compiled_function_run_once():
    state, inner_traces, outer_traces = State(jnp.zeros(())), [], []

    @jit
    def inner(x):
        inner_traces.append(x)
        state.value = state.value + x

    @jit
    def outer(x):
        outer_traces.append(x)
        inner(x)
        inner(2 * x)
        return state.value

    assert float(outer(1.0)) == 3.0
    assert float(outer(1.0)) == 6.0
    assert len(outer_traces) == 1
    assert len(inner_traces) == 1
    inner(1.0)
    assert float(state.value) == 7.0


def test_jit_of_grad_of_loop_with_a_raw_vmap_inside_runs_each_body_once():
    w, h = ParamState(jnp.array([1.0, 2.0])), State(jnp.zeros(2))
    traces = {'loop': 0, 'loss': 0, 'step': 0}

    def body(x):
        traces['loop'] += 1
        h.value = jax.vmap(lambda a, b: a * 0.5 + b * x)(h.value, w.value)
        return jnp.sum(h.value)

    def loss(xs):
        traces['loss'] += 1
        return jnp.sum(for_loop(body, xs))

    @jit
    def step(xs):
        traces['step'] += 1
        return grad(loss, w)(xs)

    # h after the steps: w, 1.5 w, 1.75 w
    np.testing.assert_allclose(step(jnp.ones(3)), [4.25, 4.25], rtol=1e-6)
    np.testing.assert_allclose(h.value, 1.75 * np.array([1.0, 2.0]), rtol=1e-6)
    assert traces == {'loop': 1, 'loss': 1, 'step': 1}


def test_compiled_steps_see_states_that_are_initialised_again():
    class Counter(bst.nn.Module):
        def init_state(self, batch_size=1):
            self.n = bst.HiddenState(jnp.zeros(batch_size))

        def update(self):
            self.n.value = self.n.value + 1.0
            return self.n.value

    counter = bst.nn.init_all_states(Counter())
    step, traces = counted(counter)
    step(), step()
    bst.nn.init_all_states(counter)
    np.testing.assert_array_equal(step(), [1.0])
    np.testing.assert_array_equal(counter.n.value, [1.0])
    assert len(traces) == 1
    bst.nn.init_all_states(counter, batch_size=3)
    np.testing.assert_array_equal(step(), [1.0, 1.0, 1.0])
    assert len(traces) == 2


def test_random_draws_of_compiled_and_plain_calls_are_the_same_sequence():
    def draw():
        return bst.random.rand(3)

    bst.random.seed(7)
    plain = [draw() for _ in range(4)]
    bst.random.seed(7)
    step, traces = counted(draw)
    compiled = [step(), step(), draw(), step()]
    np.testing.assert_array_equal(np.array(plain), np.array(compiled))
    assert len(np.unique(plain)) == 12
    assert len(traces) == 1


def test_a_module_can_be_compiled_itself():
    class Double(bst.nn.Module):
        def update(self, x):
            return 2 * x

    assert float(jit(Double())(3.0)) == 6.0


def test_a_compiled_method_can_be_called():
    class Counter:
        def __init__(self):
            self.n = State(jnp.zeros(()))
            self.step = jit(self.advance)

        def advance(self, by):
            self.n.value = self.n.value + by
            return self.n.value

    a, b = Counter(), Counter()
    assert float(a.step(1.0)) == 1.0
    assert float(b.step(5.0)) == 5.0
    assert float(a.step(1.0)) == 2.0


def test_it_works_as_a_decorator_and_keeps_name_and_docstring():
    @jit
    def step(x):
        """One step."""
        return x

    assert step.__name__ == 'step'
    assert step.__doc__ == 'One step.'


def test_clear_cache_forgets_the_programs():
    step, traces = counted(lambda x: x)
    step(1.0)
    step.clear_cache()
    step(1.0)
    assert len(traces) == 2


@pytest.mark.parametrize('result', ['text', object(), State(1.0)], ids=['str', 'object', 'State'])
def test_a_result_that_is_no_array_is_an_error_that_shows_it(result):
    with pytest.raises(TypeError, match='can pass on arrays, numbers and quantities only'):
        jit(lambda: result)()


def test_a_state_as_argument_is_an_error():
    with pytest.raises(TypeError):
        jit(lambda s: s.value)(State(1.0))


def test_a_string_written_into_a_state_is_an_error_that_names_the_state():
    state = State(1.0, name='mode')

    def write():
        state.value = 'text'

    with pytest.raises(TypeError, match="'mode'"):
        jit(write)()
    assert state.value == 1.0


def test_a_state_that_mixes_arrays_and_text_is_an_error_that_names_the_state():
    state = State({'a': jnp.ones(2), 'kind': 'x'}, name='mixed')
    with pytest.raises(TypeError, match="'mixed' mixes arrays with other Python objects"):
        jit(lambda: state.value['a'] * 2)()


def test_an_error_at_run_time_leaves_states_as_they_were():
    state = State(jnp.zeros(()))

    def fail(x):
        raise ArithmeticError('in a callback')

    def step(x):
        state.value = state.value + x
        return jax.pure_callback(fail, jax.ShapeDtypeStruct((), jnp.float32), x)

    with pytest.raises(Exception, match='in a callback'):
        jax.block_until_ready(jit(step)(1.0))
    assert float(state.value) == 0.0


def test_raw_vmap_and_grad_over_a_compiled_function_that_only_reads():
    weight = State(jnp.array(3.0))
    f = jit(lambda x: weight.value * x**2)
    np.testing.assert_allclose(jax.vmap(f)(jnp.array([1.0, 2.0])), [3.0, 12.0])
    assert float(jax.grad(f)(2.0)) == 12.0
    assert float(f(1.0)) == 3.0


def test_states_swapped_by_a_compiled_function_keep_their_values_apart():
    a, b = State(jnp.array(1.0)), State(jnp.array(2.0))

    @jit
    def swap():
        a.value, b.value = b.value, a.value

    swap()
    assert (float(a.value), float(b.value)) == (2.0, 1.0)
    swap()
    assert (float(a.value), float(b.value)) == (1.0, 2.0)


def test_a_function_and_what_it_closes_over_are_freed_with_the_compiled_one():
    class Big:
        array = jnp.ones(10)

    big = Big()
    step = jit(lambda x: x * big.array)  # noqa: F821  (deleted below)
    step(2.0)
    gone = weakref.ref(big)
    del big, step
    gc.collect()
    assert gone() is None
