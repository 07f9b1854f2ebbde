"""`cond`, `switch` and `ifelse`: one of several functions runs, and the states of all are known."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import BrainStateError, ParameterError, ParamState, State
from brainpy_state.transform import cond, for_loop, grad, ifelse, jit, switch, vmap

TRUE = [True, np.True_, 1, -1, 0.5, np.array(True), jnp.array(True), jnp.array(-3), np.float32(0.1)]
FALSE = [False, np.False_, 0, 0.0, jnp.array(False), jnp.array(0)]


@pytest.mark.parametrize('pred', [*TRUE, *FALSE], ids=repr)
def test_it_chooses_as_python_would(pred):
    assert int(cond(pred, lambda: 1, lambda: 0)) == bool(pred)
    assert int(jit(lambda p: cond(p, lambda: 1, lambda: 0))(pred)) == bool(pred)


@pytest.mark.parametrize(
    'pred',
    [jnp.ones(2, bool), np.ones((1,)), [True], (), 'yes', None, object(), 1j],
    ids=['array', 'one', 'list', 'tuple', 'str', 'None', 'object', 'complex'],
)
def test_a_predicate_that_is_no_scalar_is_an_error(pred):
    with pytest.raises(TypeError, match='cond: the predicate must be one real number or boolean'):
        cond(pred, lambda: 1, lambda: 0)
    with pytest.raises(TypeError, match='ifelse: a condition must be one real number or boolean'):
        ifelse([pred, True], [lambda: 1, lambda: 0])


@pytest.mark.parametrize('index', [-5, 0, 1, 2, 7])
@pytest.mark.parametrize('compiled', [False, True], ids=['eager', 'jit'])
def test_an_index_is_clamped(index, compiled):
    f = lambda i, x: switch(i, [lambda x: x, lambda x: 10 * x, lambda x: 100 * x], x)  # noqa: E731
    assert float((jit(f) if compiled else f)(index, 2.0)) == [2.0, 20.0, 200.0][max(0, min(index, 2))]


@pytest.mark.parametrize('index', [1, np.int8(1), np.uint32(1), jnp.int16(1)], ids=lambda i: type(i).__name__)
def test_any_integer_is_an_index(index):
    assert int(switch(index, [lambda: 0, lambda: 1])) == 1


@pytest.mark.parametrize('index', [1.0, True, jnp.ones(2, int), 'b'], ids=['float', 'bool', 'array', 'str'])
def test_an_index_that_is_no_integer_is_an_error(index):
    with pytest.raises(TypeError, match='switch: the index must be'):
        switch(index, [lambda: 0, lambda: 1])


def test_one_branch_is_always_taken():
    assert float(switch(3, [lambda x: 2 * x], 2.0)) == 4.0


@pytest.mark.parametrize('branches', [[], [1.0, 2.0], [None]], ids=['none', 'numbers', 'None'])
def test_branches_must_be_functions(branches):
    with pytest.raises(TypeError, match='branches must be one or more functions'):
        switch(0, branches)


# --- ifelse ---------------------------------------------------------------------------------------------


def sign(x, **options):
    return ifelse([x < 0, x == 0, x > 0], [lambda: -1, lambda: 0, lambda: 1], **options)


@pytest.mark.parametrize('compiled', [False, True], ids=['eager', 'jit'])
def test_ifelse_runs_the_branch_of_the_true_condition(compiled):
    f = jit(sign) if compiled else sign
    assert [int(f(x)) for x in (-2.0, 0.0, 5.0)] == [-1, 0, 1]


@pytest.mark.parametrize('compiled', [False, True], ids=['eager', 'jit'])
@pytest.mark.parametrize('told', [(False, False), (True, True)], ids=['none', 'both'])
def test_ifelse_needs_exactly_one_true_condition(told, compiled):
    f = lambda a, b: ifelse([a, b], [lambda: 1, lambda: 2])  # noqa: E731
    with pytest.raises(ValueError, match=r'exactly one condition must be true, but the conditions are \[.*\]'):
        (jit(f) if compiled else f)(*map(jnp.array, told))


@pytest.mark.parametrize(('told', 'expected'), [((False, False), 1), ((True, True), 1), ((False, True), 2)])
def test_without_the_check_the_first_true_condition_counts(told, expected):
    assert int(ifelse(list(told), [lambda: 1, lambda: 2], check_cond=False)) == expected


def test_ifelse_passes_operands_on():
    assert float(ifelse([False, True], [lambda a, b: a, lambda a, b: a * b], 2.0, 3.0)) == 6.0


def test_ifelse_under_vmap_reports_a_lane_that_fails():
    f = vmap(lambda x: ifelse([x < 0, x > 0], [lambda: -1, lambda: 1]))
    np.testing.assert_array_equal(f(jnp.array([-3.0, 2.0])), [-1, 1])
    with pytest.raises(ValueError, match=r'\[False False\]'):
        f(jnp.array([-3.0, 0.0]))


def test_ifelse_needs_a_branch_for_each_condition():
    with pytest.raises(ParameterError, match='there are 2 conditions for 1 branches'):
        ifelse([True, False], [lambda: 1])


# --- states ---------------------------------------------------------------------------------------------

CHOICES = {
    'cond': lambda k, f, g, *x: cond(k == 0, f, g, *x),
    'switch': lambda k, f, g, *x: switch(k, [f, g], *x),
    'ifelse': lambda k, f, g, *x: ifelse([k == 0, k == 1], [f, g], *x),
}
choices = pytest.mark.parametrize('choose', CHOICES.values(), ids=CHOICES)
modes = pytest.mark.parametrize('compiled', [False, True], ids=['eager', 'jit'])


@choices
@modes
def test_a_state_that_only_one_branch_writes_keeps_its_value_in_the_other(choose, compiled):
    a, b, gain = State(jnp.zeros(2)), State(jnp.ones(())), State(3.0)
    traces = []

    def first(x):
        traces.append('first')
        a.value = a.value + gain.value * x
        return jnp.sum(a.value)

    def second(x):
        traces.append('second')
        b.value = -b.value
        return b.value * x

    f = lambda k, x: choose(k, first, second, x)  # noqa: E731
    f = jit(f) if compiled else f
    assert float(f(0, 2.0)) == 12.0
    np.testing.assert_array_equal(a.value, [6.0, 6.0])
    assert float(b.value) == 1.0
    assert float(f(1, 2.0)) == -2.0
    np.testing.assert_array_equal(a.value, [6.0, 6.0])
    assert float(b.value) == -1.0
    assert sorted(traces) == ['first', 'second']


@choices
def test_both_branches_may_write_one_state(choose):
    s = State(jnp.array(1.0))

    def add():
        s.value = s.value + 1

    def double():
        s.value = s.value * 2

    for k in (0, 1, 1, 0):
        choose(k, add, double)
    assert float(s.value) == 9.0


@choices
def test_the_body_is_not_run_again_by_a_second_call(choose, compilations):
    s, traces = State(jnp.array(1.0)), []

    def add(x):
        traces.append(x)
        s.value = s.value + x

    def stay(x):
        traces.append(x)

    choose(0, add, stay, 1.0)
    with compilations() as found:
        choose(1, add, stay, 1.0)
        choose(0, add, stay, 2.0)
    assert found == []
    assert len(traces) == 2
    assert float(s.value) == 4.0


@pytest.mark.parametrize('value', [0.0, 1], ids=['weak float', 'weak int'])
def test_results_and_states_of_weak_type_fit_those_that_are_not(value):
    s = State(jnp.zeros((), jnp.result_type(value)))

    def write():
        s.value = value
        return value

    assert float(cond(True, write, lambda: s.value)) == value


MISMATCHES = {
    'shape': (lambda s: jnp.ones(2), lambda s: jnp.ones(3), r'The results of .*first.* and .*second.* differ: float32\[2\] and float32\[3\]'),
    'type': (lambda s: jnp.ones(2), lambda s: jnp.ones(2, int), r'float32\[2\] and int32\[2\]'),
    'tree': (lambda s: (1.0, 2.0), lambda s: 1.0, r'\(~float32\[\], ~float32\[\]\) and ~float32\[\]'),
    'none': (lambda s: None, lambda s: 1.0, r'None and'),
    'unit': (lambda s: 1.0 * u.mV, lambda s: 1.0 * u.mA, r'mV.* and .*mA'),
    'no unit': (lambda s: 1.0 * u.mV, lambda s: 1.0, r'mV.* and'),
    'state': (lambda s: setattr(s, 'value', jnp.ones(2)), lambda s: None, r"values of State 'V' of .*second.* \(which leaves it\) and .*first.* differ: float32\[\] and float32\[2\]"),
    'state written twice': (lambda s: setattr(s, 'value', jnp.ones(2)), lambda s: setattr(s, 'value', jnp.ones(3)), r"values of State 'V'"),
}  # fmt: skip


@choices
@pytest.mark.parametrize(('f', 'g', 'message'), MISMATCHES.values(), ids=MISMATCHES)
def test_branches_that_do_not_fit_are_named(choose, f, g, message):
    s = State(jnp.zeros(()), name='V')

    def first():
        return f(s)

    def second():
        return g(s)

    if choose is CHOICES['cond']:  # whose branches are numbered the other way round
        with pytest.raises(BrainStateError, match='differ'):
            choose(0, first, second)
    else:
        with pytest.raises(BrainStateError, match=message):
            choose(0, first, second)
    assert float(s.value) == 0.0


def test_branches_that_agree_on_another_shape_change_the_state():
    s = State(jnp.zeros(()))

    def write(x):
        s.value = jnp.full(3, x)

    cond(True, write, lambda x: write(-x), 2.0)
    np.testing.assert_array_equal(s.value, [2.0, 2.0, 2.0])


def test_a_failing_branch_leaves_states_as_they_were():
    s = State(jnp.zeros(()))

    def write():
        s.value = s.value + 1

    def fail():
        raise KeyError('on purpose')

    with pytest.raises(KeyError, match='on purpose'):
        cond(True, write, fail)
    assert float(s.value) == 0.0


# --- together with other transforms ---------------------------------------------------------------------


def test_a_predicate_of_each_lane_chooses_for_the_lane():
    s = State(jnp.zeros(3))

    def write(x):
        s.value = s.value + x
        return x

    out = vmap(lambda k, x: switch(k, [lambda x: -x, write, lambda x: 0 * x], x), in_states=s)(jnp.arange(3), jnp.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(out, [-1.0, 2.0, 0.0])
    np.testing.assert_array_equal(s.value, [0.0, 2.0, 0.0])


def test_gradients_are_those_of_the_chosen_branch():
    w = ParamState(jnp.array(2.0))
    f = lambda x, k: switch(k, [lambda x: w.value * x, lambda x: w.value**2 * x, lambda x: x], x)  # noqa: E731
    assert [float(grad(f, w)(3.0, k)) for k in range(3)] == [3.0, 12.0, 0.0]
    assert [float(grad(f)(3.0, k)) for k in range(3)] == [2.0, 4.0, 1.0]


def test_gradient_through_what_a_branch_writes():
    w, s = ParamState(jnp.array(2.0)), State(jnp.array(1.0))

    def loss(x):
        def write():
            s.value = s.value * w.value

        cond(x > 0, write, lambda: None)
        return s.value**2

    assert float(grad(loss, w)(1.0)) == 4.0  # (1 * w)**2
    assert float(s.value) == 2.0
    assert float(grad(loss, w)(-1.0)) == 0.0


def test_quantities_may_be_operands_results_and_states():
    v = State(-60.0 * u.mV)

    def reset(dv):
        v.value = -70.0 * u.mV
        return dv

    out = cond(v.value > -65.0 * u.mV, reset, lambda dv: 2 * dv, 1.0 * u.mV)
    assert out == 1.0 * u.mV
    assert v.value == -70.0 * u.mV


def test_inside_a_loop_each_step_chooses_anew():
    s = State(jnp.array(0))

    def step(i):
        def count():
            s.value = s.value + 1

        cond(i % 3 == 0, count, lambda: None)
        return s.value

    np.testing.assert_array_equal(for_loop(step, jnp.arange(7)), [1, 1, 1, 2, 2, 2, 3])


def test_random_draws_are_made_by_the_chosen_branch_only():
    draw = lambda p: cond(p, lambda: bst.random.rand(), lambda: 0.5)  # noqa: E731
    key = np.asarray(bst.random.get_key())
    assert float(draw(False)) == 0.5
    np.testing.assert_array_equal(key, bst.random.get_key())
    drawn = float(draw(True))
    bst.random.seed(0)
    assert drawn == float(bst.random.rand())


def test_branches_may_close_over_values_of_an_enclosing_trace():
    @jit
    def f(x):
        return cond(x > 0, lambda: x * 2, lambda: -x)

    assert [float(f(x)) for x in (3.0, -3.0)] == [6.0, 3.0]
    np.testing.assert_array_equal(jax.vmap(f)(jnp.array([3.0, -3.0])), [6.0, 3.0])


def test_choices_nest():
    s = State(jnp.array(0))

    def add(n):
        def write():
            s.value = s.value + n

        return write

    f = lambda a, b: cond(a, lambda: cond(b, add(1), add(2)), lambda: cond(b, add(10), add(20)))  # noqa: E731
    for a in (True, False):
        for b in (True, False):
            f(a, b)
    assert int(s.value) == 33


def test_switches_and_strings_among_the_operands_are_static():
    assert float(cond(True, lambda x, double: 2 * x if double else x, lambda x, double: x, 3.0, True)) == 6.0
    assert float(cond(True, lambda x, kind: 2 * x if kind == 'a' else x, lambda x, kind: x, 3.0, 'b')) == 3.0
