"""`vmap`: every lane computes what a single call would, and states are shared or have a lane axis."""

import functools

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BatchAxisError, ParamState, ShapeError, State
from brainpy_state.transform import cond, for_loop, grad, jit, vmap, while_loop

A = np.arange(6.0, dtype=np.float32).reshape(2, 3)
B = np.arange(6.0, dtype=np.float32).reshape(3, 2) * 10


# --- axes of arguments and results: JAX is the twin -----------------------------------------------------

AXES = {
    'leading axis of all': (lambda a, b: a.sum() * b, (A, A), {}),
    'one number for all': (lambda a, b: a + b, (B, B), {'in_axes': 1}),
    'negative': (lambda a, b: a + b, (A, B), {'in_axes': (-2, -1)}),
    'different axes': (lambda a, b: a + b, (A, B), {'in_axes': (0, 1)}),
    'list': (lambda a, b: a + b, (A, B), {'in_axes': [0, 1]}),
    'not mapped': (lambda a, b: a * b, (A, 2.0), {'in_axes': (0, None)}),
    'no value': (lambda a, b: a, (A, None), {}),
    'no value, not mapped': (lambda a, b: a, (A, None), {'in_axes': (0, None)}),
    'tree': (lambda d: d['a'] * d['b'][0], ({'a': A, 'b': (A,)},), {}),
    'axes for a tree': (lambda d: d['a'] * d['b'][0], ({'a': A, 'b': (B,)},), {'in_axes': ({'a': 0, 'b': 1},)}),
    'axes for every leaf': (lambda d: d['a'] * d['b'][0], ({'a': A, 'b': (2.0,)},), {'in_axes': ({'a': 0, 'b': (None,)},)}),
    'results on another axis': (lambda a: (a, 2 * a), (A,), {'out_axes': (1, 0)}),
    'results on the last axis': (lambda a: {'x': a}, (A,), {'out_axes': -1}),
    'result of no lane': (lambda a: (a, 3.0), (A,), {'out_axes': (0, None)}),
    'nothing mapped': (lambda a: a * 2, (A,), {'in_axes': None, 'axis_size': 4}),
    'mean over lanes': (lambda a: a - jax.lax.pmean(a, 'lanes'), (A,), {'axis_name': 'lanes'}),
    'number of the lane': (lambda a: a + jax.lax.axis_index('lanes'), (A,), {'axis_name': 'lanes'}),
    'sum over lanes': (lambda a: jax.lax.psum(a, 'lanes'), (A,), {'axis_name': 'lanes', 'out_axes': None}),
}


@pytest.mark.parametrize(('f', 'args', 'options'), AXES.values(), ids=AXES)
def test_axes_are_those_of_jax(f, args, options):
    twin = jax.vmap(f, **{**options, 'in_axes': tuple(options['in_axes'])} if isinstance(options.get('in_axes'), list) else options)
    ours, theirs = vmap(f, **options)(*args), twin(*args)
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_keyword_arguments_are_mapped_over_their_leading_axis():
    np.testing.assert_array_equal(vmap(lambda a, *, k: a * k)(A, k=jnp.array([1.0, 2.0])), A * [[1.0], [2.0]])


def test_quantities_keep_their_unit():
    out = vmap(lambda v, g: v * g, in_axes=(0, None))(A * u.mV, 2.0 * u.nS)
    assert u.get_unit(out).dim == (u.mV * u.nS).dim
    np.testing.assert_allclose(out.to_decimal(u.mV * u.nS), 2 * A)


def test_it_works_as_a_decorator_with_options():
    @vmap(in_axes=1)
    def total(x):
        return x.sum()

    np.testing.assert_array_equal(total(A), A.sum(0))


@pytest.mark.parametrize(
    ('value', 'expected'), [(True, 2 * A), (False, A), ('double', 2 * A), ('', A)], ids=['True', 'False', 'text', 'no text']
)
def test_switches_and_strings_are_static(value, expected):
    @functools.partial(vmap, in_axes=(0, None))
    def scale(x, double):
        return 2 * x if double else x

    np.testing.assert_array_equal(scale(A, value), expected)
    np.testing.assert_array_equal(vmap(lambda x, double=False: 2 * x if double else x)(A, double=value), expected)


def test_the_body_runs_once_for_each_signature(compilations):
    traces = []

    def body(x):
        traces.append(x.shape)
        return x + 1

    inputs = [jnp.ones((2, 3)), jnp.ones((4, 3))]
    for x in inputs:
        vmap(body)(x)
    with compilations() as found:
        for x in inputs * 3:
            vmap(body)(x)
    assert traces == [(3,), (3,)]
    assert found == []


def test_options_of_one_function_do_not_mix():
    def f(x):
        return x.sum()

    np.testing.assert_array_equal(vmap(f)(A), A.sum(1))
    np.testing.assert_array_equal(vmap(f, in_axes=1)(A), A.sum(0))


# --- sizes ----------------------------------------------------------------------------------------------

SIZES = {
    'two arguments': (lambda: vmap(lambda a, b: a)(A, B), r'argument 0 has 2, argument 1 has 3'),
    'by name': (lambda: vmap(lambda a, b: a)(A, b=B), r"argument 0 has 2, argument 'b' has 3"),
    'inside a tree': (lambda: vmap(lambda d: 0)({'x': A, 'y': B}), r"argument 0 at \['x'\] has 2, argument 0 at \['y'\] has 3"),
    'axis_size': (lambda: vmap(lambda a: a, axis_size=5)(A), r'axis_size has 5, argument 0 has 2'),
    'a state': (lambda: vmap(lambda a: V.value, in_states=V)(B), r"argument 0 has 3, State 'V' has 2"),
    'two states': (lambda: vmap(lambda: V.value, in_states=[V, W])(), r"State 'V' has 2, State 'W' has 3"),
    'nothing': (lambda: vmap(lambda: 1.0)(), r'nothing says how many lanes there are'),
    'nothing mapped': (lambda: vmap(lambda x: x, in_axes=None)(A), r'nothing says how many lanes there are'),
    'no axis': (lambda: vmap(lambda x: x)(1.0), r'argument 0 has shape \(\), so it has no axis 0'),
    'axis too high': (lambda: vmap(lambda x: x, in_axes=2)(A), r'argument 0 has shape \(2, 3\), so it has no axis 2'),
    'axis too low': (lambda: vmap(lambda x: x, in_axes=-3)(A), r'has no axis -3'),
    'state without axis': (lambda: vmap(lambda: V.value, in_states={2: V})(), r"State 'V' has shape \(2,\), so it has no axis 2"),
    'no lanes': (lambda: vmap(lambda x: x)(jnp.zeros((0, 3))), r'the number of lanes is 0'),
    'other tree': (lambda: vmap(lambda x: x, in_axes=({'a': 0},))(A), r'does not match the structure of the arguments'),
    'other number': (lambda: vmap(lambda x: x, in_axes=(0, 0))(A), r'does not match the structure of the arguments'),
}  # fmt: skip
V, W = State(jnp.zeros(2), name='V'), State(jnp.zeros(3), name='W')


@pytest.mark.parametrize(('call', 'message'), SIZES.values(), ids=SIZES)
def test_sizes_that_do_not_fit_are_named(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


# --- states ---------------------------------------------------------------------------------------------


def collected(form, a, b):
    return {
        'list': [a, b],
        'tuple': (a, b),
        'dict of paths': {('x', 'a'): a, ('x', 'b'): b},
        'by axis': {0: [a, b]},
        'by axis, of paths': {0: {('a',): a, ('b',): b}},
        'nested': [[a], {'b': b}],
    }[form]


@pytest.mark.parametrize('form', ['list', 'tuple', 'dict of paths', 'by axis', 'by axis, of paths', 'nested'])
def test_declared_states_are_read_and_written_lane_by_lane(form):
    a, b = State(jnp.zeros(2)), State(jnp.ones((2, 3)))

    def step(x):
        a.value = a.value + x.sum()
        b.value = b.value * x
        return a.value

    mapped = vmap(step, in_states=collected(form, a, b))
    np.testing.assert_array_equal(mapped(A), A.sum(1))
    np.testing.assert_array_equal(mapped(A), 2 * A.sum(1))
    np.testing.assert_array_equal(a.value, 2 * A.sum(1))
    np.testing.assert_array_equal(b.value, A**2)


@pytest.mark.parametrize('axis', [0, 1, -1, -2])
def test_a_state_may_have_its_lanes_on_any_axis(axis):
    state = State(jnp.asarray(A))

    def step(x):
        state.value = state.value + x
        return state.value

    x = jnp.arange(A.shape[axis], dtype=jnp.float32)
    out = vmap(step, in_states={axis: state}, out_axes=axis)(x)
    np.testing.assert_array_equal(state.value, A + np.expand_dims(x, 1 - axis % 2))
    np.testing.assert_array_equal(out, state.value)


def test_states_on_different_axes_are_declared_together():
    a, b = State(jnp.asarray(A)), State(jnp.asarray(B))

    def step():
        a.value, b.value = b.value, a.value  # each of shape (3,)

    vmap(step, in_states={0: a, 1: {('b',): b}})()
    np.testing.assert_array_equal(a.value, B.T)
    np.testing.assert_array_equal(b.value, A.T)


def test_states_of_a_model_are_declared_by_its_paths():
    class Cells(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.v, self.w = bst.HiddenState(jnp.zeros(3)), ParamState(jnp.array(2.0))

        def update(self, x):
            self.v.value = self.v.value + self.w.value * x

    cells = Cells()
    vmap(cells, in_states=cells.states(bst.HiddenState))(jnp.arange(3.0))
    np.testing.assert_array_equal(cells.v.value, [0.0, 2.0, 4.0])


def test_a_state_with_a_tree_and_units_has_its_lanes_in_every_leaf():
    state = State({'v': jnp.zeros(2) * u.mV, 'n': jnp.zeros((2, 3))})

    def step(x):
        state.value = {'v': state.value['v'] + x[0] * u.mV, 'n': state.value['n'] + x}

    vmap(step, in_states=state)(A)
    np.testing.assert_array_equal(state.value['v'].to_decimal(u.mV), A[:, 0])
    np.testing.assert_array_equal(state.value['n'], A)


def test_shared_states_are_read_by_all_lanes():
    gain = State(jnp.array(3.0))
    np.testing.assert_array_equal(vmap(lambda x: gain.value * x)(A), 3 * A)
    gain.value = jnp.array(4.0)
    np.testing.assert_array_equal(vmap(lambda x: gain.value * x)(A), 4 * A)


def test_a_shared_state_may_be_written_with_what_is_the_same_on_all_lanes():
    calls, traces = State(jnp.array(0)), []

    def step(x):
        traces.append(x)
        calls.value = calls.value + 1
        return x

    mapped = vmap(step)
    mapped(A), mapped(A)
    assert int(calls.value) == 2
    assert len(traces) == 1


def test_a_reduced_value_is_the_same_on_all_lanes():
    total = State(jnp.zeros(3))

    def step(x):
        total.value = total.value + jax.lax.psum(x, 'lanes')

    vmap(step, axis_name='lanes')(A)
    np.testing.assert_array_equal(total.value, A.sum(0))


@pytest.mark.parametrize('inside', ['plain', 'for_loop', 'jit', 'cond', 'vmap', 'grad'])
def test_a_shared_state_written_with_what_differs_between_lanes_is_named(inside):
    state = State(jnp.zeros(()), name='count')

    def write(x):
        state.value = state.value + x
        return x

    body = {
        'plain': write,
        'for_loop': lambda x: for_loop(write, x[None]),
        'jit': jit(write),
        'cond': lambda x: cond(x > 0, write, lambda x: x, x),
        'vmap': lambda x: vmap(lambda y: write(x), axis_size=2, in_axes=None)(1.0),
        'grad': grad(write),
    }[inside]
    with pytest.raises(BatchAxisError, match=r"State 'count' is shared by all lanes, but the value written to it differs"):
        vmap(body)(jnp.ones(2))
    assert float(state.value) == 0.0


def test_a_predicate_of_the_lane_makes_what_is_written_under_it_differ():
    state = State(jnp.zeros(()), name='count')

    def write():
        state.value = state.value + 1.0

    with pytest.raises(BatchAxisError, match='count'):
        vmap(lambda x: cond(x > 0, write, lambda: None))(jnp.ones(2))


def test_a_failed_call_does_not_stay_in_the_way():
    state = State(jnp.zeros(()), name='count')

    def write(x):
        state.value = state.value + x

    for _ in range(2):
        with pytest.raises(BatchAxisError):
            vmap(write)(jnp.ones(2))
    vmap(lambda x: write(1.0))(jnp.ones(2))
    assert float(state.value) == 1.0


@pytest.mark.parametrize('axis', [0, 1, -1])
def test_out_states_get_a_lane_axis_by_being_written(axis):
    state = State(jnp.zeros(3))

    def step(x):
        state.value = state.value + x

    vmap(step, out_states={axis: state})(A)
    np.testing.assert_array_equal(state.value, np.moveaxis(A, 0, axis))


CONFLICTS = {
    'in and out': (lambda s: vmap(lambda: 0, in_states={0: s}, out_states={1: s}), r"State 'V' has axis 0 in in_states, but 1 in out_states"),
    'twice': (lambda s: vmap(lambda: 0, in_states=[s, s]), r"State 'V' stands twice in in_states"),
    'on two axes': (lambda s: vmap(lambda: 0, in_states={0: s, 1: [s]}), r"State 'V' stands twice in in_states"),
    'twice out': (lambda s: vmap(lambda: 0, out_states=(s, s)), r"State 'V' stands twice in out_states"),
}  # fmt: skip


@pytest.mark.parametrize(('make', 'message'), CONFLICTS.values(), ids=CONFLICTS)
def test_a_state_has_one_axis_only(make, message):
    with pytest.raises(BatchAxisError, match=message):
        make(State(jnp.zeros(2), name='V'))


@pytest.mark.parametrize('bad', [1.0, 'V', object()])
def test_something_else_than_states_is_an_error(bad):
    with pytest.raises(TypeError, match='in_states holds states'):
        vmap(lambda: 0, in_states=bad)


def test_the_same_axis_in_both_is_no_conflict():
    state = State(jnp.zeros(2))

    def step(x):
        state.value = state.value + x

    vmap(step, in_states=state, out_states={0: state})(jnp.ones(2))
    np.testing.assert_array_equal(state.value, [1.0, 1.0])


def test_a_failing_body_leaves_states_as_they_were():
    state = State(jnp.zeros(2))

    def fail(x):
        state.value = x
        raise KeyError('on purpose')

    with pytest.raises(KeyError, match='on purpose'):
        vmap(fail, in_states=state)(jnp.ones(2))
    np.testing.assert_array_equal(state.value, [0.0, 0.0])


# --- random numbers -------------------------------------------------------------------------------------


def test_lanes_draw_different_numbers_that_a_seed_brings_back():
    draw = vmap(lambda: bst.random.normal(size=100), axis_size=3)
    bst.random.seed(1)
    first, second = draw(), draw()
    bst.random.seed(1)
    np.testing.assert_array_equal(first, draw())
    lanes = np.concatenate([first, second])
    assert len(np.unique(lanes)) == 600
    # 15 correlations of 100 independent pairs each have a standard deviation of 0.1
    assert np.abs(np.corrcoef(lanes)[np.triu_indices(6, 1)]).max() < 0.4


def test_the_generator_goes_on_by_one_step_however_many_lanes_and_draws():
    keys = []
    for lanes, draws in ((2, 1), (7, 1), (7, 3)):
        bst.random.seed(1)
        vmap(lambda: [bst.random.rand() for _ in range(draws)], axis_size=lanes)()  # noqa: B023
        keys.append(np.asarray(bst.random.get_key()))
        assert keys[-1].shape == (2,)
    np.testing.assert_array_equal(keys[0], keys[2])
    bst.random.seed(1)
    assert not np.array_equal(bst.random.get_key(), keys[0])


def test_lanes_of_nested_maps_and_loops_all_draw_different_numbers():
    draws = vmap(lambda: vmap(lambda: for_loop(bst.random.rand, length=4), axis_size=3)(), axis_size=2)()
    assert draws.shape == (2, 3, 4)
    assert len(np.unique(draws)) == 24
    again = for_loop(vmap(lambda: bst.random.rand(), axis_size=3), length=4)
    assert len(np.unique(np.concatenate([draws.ravel(), again.ravel()]))) == 36


def test_compiled_maps_draw_the_same_numbers():
    draw = vmap(lambda: bst.random.rand(), axis_size=3)
    bst.random.seed(5)
    plain = [draw(), draw()]
    bst.random.seed(5)
    compiled = jit(draw)
    np.testing.assert_array_equal(plain, [compiled(), compiled()])


def test_a_generator_of_ones_own_with_a_lane_axis_is_left_to_the_lanes():
    rng = bst.RandomState(0)
    keys = jax.random.key_data(jax.random.split(jax.random.key(0), 3))
    rng.value = keys
    out = vmap(lambda: rng.rand(), in_states=rng)()
    single = []
    for key in keys:
        rng.value = key
        single.append(rng.rand())
    np.testing.assert_array_equal(out, single)


def test_any_state_may_say_how_lanes_differ():
    class Ticket(State):
        @staticmethod
        def lanes(value, n):
            return value + n, value + jnp.arange(n)

    ticket = Ticket(jnp.array(10))

    def take():
        number = ticket.value
        ticket.value = number + 1000
        return number

    np.testing.assert_array_equal(vmap(take, axis_size=3)(), [10, 11, 12])
    assert int(ticket.value) == 13


# --- together with other transforms ---------------------------------------------------------------------


def test_nested_maps_slice_a_state_twice():
    state, gain = State(jnp.asarray(A)), State(2.0)

    def step(x):
        state.value = state.value + gain.value * x

    def row(x):
        vmap(step, in_states=state)(x)

    vmap(row, in_states=state)(A)
    np.testing.assert_array_equal(state.value, 3 * A)


def test_a_map_inside_another_names_the_state_that_only_the_inner_one_shares():
    state = State(jnp.zeros(2), name='row')

    def step(x):
        state.value = state.value + x

    def row(x):
        vmap(step)(x)

    with pytest.raises(BatchAxisError, match="State 'row' is shared"):
        vmap(row, in_states=state)(A)


def test_gradient_of_a_map_and_map_of_a_gradient():
    w = ParamState(jnp.array([1.0, 2.0, 3.0]))

    def loss(x):
        return jnp.sum(jnp.sin(w.value * x))

    per_lane = np.cos(np.asarray(w.value) * A) * A
    np.testing.assert_allclose(vmap(grad(loss, w))(A), per_lane, rtol=1e-6)
    # the sum of two lanes may be rounded once differently
    np.testing.assert_allclose(grad(lambda x: vmap(loss)(x).sum(), w)(A), per_lane.sum(0), rtol=1e-5)
    np.testing.assert_allclose(vmap(grad(loss))(A), np.cos(np.asarray(w.value) * A) * np.asarray(w.value), rtol=1e-6)


def test_gradient_with_respect_to_a_state_with_lanes():
    w = ParamState(jnp.asarray(A))
    g = grad(lambda x: vmap(lambda x: jnp.sum(w.value**2 * x), in_states=w)(x).sum(), w)(jnp.array([1.0, 10.0]))
    np.testing.assert_allclose(g, 2 * A * [[1.0], [10.0]])


@pytest.mark.parametrize('compiled', [False, True], ids=['eager', 'jit'])
def test_map_of_a_loop_equals_the_loop_of_a_map(compiled):
    def make():
        h = State(jnp.zeros((2, 3)))

        def step(x):
            h.value = jnp.tanh(h.value + x)
            return h.value

        return h, step

    xs = jnp.asarray(np.random.default_rng(0).normal(size=(5, 2, 3)), jnp.float32)
    a, step = make()
    inner = vmap(lambda xs: for_loop(step, xs), in_axes=1, out_axes=1, in_states=a)
    first = (jit(inner) if compiled else inner)(xs)
    b, step = make()
    outer = lambda xs: for_loop(vmap(step, in_states=b), xs)  # noqa: E731
    second = (jit(outer) if compiled else outer)(xs)
    expected, h = [], np.zeros((2, 3), np.float32)
    for x in np.asarray(xs):
        h = np.tanh(h + x)
        expected.append(h)
    # float32, where XLA's tanh differs from NumPy's by some units in the last place
    np.testing.assert_allclose(first, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(second, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(a.value, b.value, rtol=1e-6)


def test_a_predicate_for_each_lane_runs_each_lane_s_branch():
    up, down = State(jnp.zeros(4)), State(jnp.zeros(4))

    def rise(x):
        up.value = up.value + x
        return x

    def fall(x):
        down.value = down.value - x
        return 10 * x

    x = jnp.array([1.0, -1.0, 2.0, -2.0])
    out = vmap(lambda x: cond(x > 0, rise, fall, x), in_states=[up, down])(x)
    np.testing.assert_array_equal(out, [1.0, -10.0, 2.0, -20.0])
    np.testing.assert_array_equal(up.value, [1.0, 0.0, 2.0, 0.0])
    np.testing.assert_array_equal(down.value, [0.0, 1.0, 0.0, 2.0])


def test_each_lane_leaves_a_while_loop_by_itself():
    steps = State(jnp.zeros(3, int))

    def halve(x):
        steps.value = steps.value + 1
        return x / 2

    out = vmap(lambda x: while_loop(lambda x: x > 1, halve, x), in_states=steps)(jnp.array([1.0, 5.0, 100.0]))
    np.testing.assert_array_equal(out, [1.0, 0.625, 0.78125])
    np.testing.assert_array_equal(steps.value, [0, 3, 7])


def test_a_map_of_a_neuron_equals_separate_neurons(dt):
    neuron = bst.nn.init_all_states(bst.LIF(1, tau=10.0 * u.ms), 4)
    current = jnp.asarray(np.random.default_rng(1).uniform(0, 40, (4, 50)), jnp.float32)
    for_loop(lambda x: neuron(x[:, None] * u.mA), current.T)
    batched = np.asarray(neuron.V.value.mantissa)
    bst.nn.init_all_states(neuron, 4)
    lanes = neuron.states()
    vmap(lambda xs: for_loop(lambda x: neuron(x[None] * u.mA), xs), in_states=lanes)(current)
    # the same operations in another order of vectorisation
    np.testing.assert_allclose(neuron.V.value.mantissa, batched, rtol=1e-5)


def test_a_state_made_inside_is_a_local_of_the_lane():
    def body(x):
        local = State(x)
        local.value = local.value * 2
        return local.value

    np.testing.assert_array_equal(vmap(body)(A), 2 * A)


def test_a_value_of_an_enclosing_trace_may_be_closed_over():
    @jit
    def f(k):
        return vmap(lambda x: k * x)(jnp.asarray(A))

    np.testing.assert_array_equal(f(2.0), 2 * A)
    np.testing.assert_array_equal(f(3.0), 3 * A)
