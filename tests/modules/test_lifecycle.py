"""Allocating, resetting and loading the states of a tree."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import HiddenState, ParamState, ShapeError, ShortTermState, State, UnitError, nn
from brainpy_state.transform import for_loop, jit


class Noting(nn.Module):
    """Writes down in which order methods are called."""

    def __init__(self, log, name, **children):
        super().__init__(name)
        self.log = log
        for key, child in children.items():
            setattr(self, key, child)

    def init_state(self, *args, **kwargs):
        self.log.append((self.name, args, kwargs))

    def reset_state(self, *args, **kwargs):
        self.log.append((f'reset {self.name}', args, kwargs))


class Late(Noting):
    @nn.call_order(2)
    def init_state(self):
        super().init_state()


class Later(Noting):
    @nn.call_order(5)
    def init_state(self):
        super().init_state()


class Buffers(nn.Module):
    """Keeps states in containers."""

    def init_state(self, n=2):
        self.many = [HiddenState(jnp.zeros(2)) for _ in range(n)]
        self.pair = {'a': HiddenState(jnp.zeros(1)), 'b': (ShortTermState(jnp.zeros(1)),)}


class Failing(nn.Module):
    """Writes, assigns and draws, then raises."""

    def __init__(self):
        super().__init__()
        self.kept = HiddenState(jnp.zeros(2))
        self.replaced = ShortTermState(jnp.zeros(2))
        self.level = 'before'
        self.fails = True

    def init_state(self):
        self.kept = HiddenState(bst.random.random(2))
        self.kept.value = self.kept.value + 1.0
        self.replaced = HiddenState(jnp.ones(2))
        self.extra = HiddenState(jnp.ones(2))
        self.level = 'after'
        if self.fails:
            raise RuntimeError('on purpose')


def names(log):
    return [entry[0] for entry in log]


def test_decorated_methods_come_last_in_ascending_order():
    log = []
    root = Noting(log, 'root', a=Later(log, 'later', x=Noting(log, 'x')), b=Late(log, 'late'), c=Noting(log, 'c'))
    nn.init_all_states(root)
    assert names(log) == ['x', 'c', 'root', 'late', 'later']


@pytest.mark.parametrize('level', [-1, 10, 1.5, None])
def test_a_level_out_of_range_is_an_error(level):
    with pytest.raises(ValueError, match='call_order: a level is an integer from 0 to 9'):
        nn.call_order(level)


def test_arguments_reach_every_module():
    log = []
    nn.init_all_states(Noting(log, 'root', a=Noting(log, 'a')), 3, batch_size=2)
    assert log == [('a', (3,), {'batch_size': 2}), ('root', (3,), {'batch_size': 2})]


@pytest.mark.parametrize('exclude', [Late, lambda path, node: path == ('a',), [Late, Later]])
def test_excluded_modules_are_left_out_but_not_what_is_below_them(exclude):
    log = []
    nn.init_all_states(Noting(log, 'root', a=Late(log, 'late', x=Noting(log, 'x'))), node_to_exclude=exclude)
    assert names(log) == ['x', 'root']


def test_call_all_fns_calls_any_method():
    log = []
    root = Noting(log, 'root', a=Noting(log, 'a'))
    assert nn.call_all_fns(root, 'reset_state', (1,), {'k': 2}) is root
    assert log == [('reset a', (1,), {'k': 2}), ('reset root', (1,), {'k': 2})]


def test_a_missing_method_raises_or_is_passed_over():
    log = []
    root = Noting(log, 'root', cell=nn.Linear(2, 2))
    with pytest.raises(AttributeError, match="Linear 'cell' has no method 'calm'"):
        nn.call_all_fns(root, 'calm')
    root.calm = lambda: log.append('calmed')
    nn.call_all_fns(root, 'calm', fn_if_not_exist='pass')
    assert log == ['calmed']
    with pytest.raises(ValueError, match="fn_if_not_exist is 'warn', but must be 'raise' or 'pass'"):
        nn.call_all_fns(root, 'calm', fn_if_not_exist='warn')


def test_states_within_containers_keep_their_identity():
    model = nn.init_all_states(Buffers())
    before = model.states()

    traced = []

    @jit
    def step():
        traced.append(0)
        for s in (*model.many, model.pair['a'], *model.pair['b']):
            s.value = s.value + 1.0

    step()
    nn.init_all_states(model)
    assert all(a is b for a, b in zip(before.values(), model.states().values(), strict=True))
    step()
    assert len(traced) == 1
    assert [float(s.value[0]) for s in model.states().values()] == [1.0] * 4


def test_a_list_that_is_filled_after_it_was_assigned_keeps_what_was_filled_in():
    class Appending(nn.Module):
        def init_state(self):
            self.many = many = []
            many.append(HiddenState(jnp.zeros(1)))
            many.append(HiddenState(jnp.zeros(1)))

    model = nn.init_all_states(nn.init_all_states(Appending()))
    assert len(model.states()) == 2


def test_containers_may_grow_and_shrink():
    model = nn.init_all_states(Buffers())
    first = list(model.many)
    nn.init_all_states(model, 3)
    assert len(model.many) == 3
    assert model.many[:2] == first
    nn.init_all_states(model, 1)
    assert model.many == first[:1]


@pytest.mark.parametrize('watched', [False, True])
def test_a_failing_init_state_leaves_no_trace(watched):
    good, bad = nn.LeakyRateReadout(1, 2), Failing()
    root = Noting([], 'root', a=nn.init_all_states(good), b=bad)
    good.r.value = jnp.full(2, 7.0)
    kept, replaced = bad.kept, bad.replaced
    key = np.asarray(bst.random.DEFAULT.value)
    with bst.StateTraceStack() if watched else bst.environ.context(), pytest.raises(RuntimeError, match='on purpose'):
        nn.init_all_states(root)
    np.testing.assert_array_equal(good.r.value, [7.0, 7.0])
    np.testing.assert_array_equal(kept.value, [0.0, 0.0])
    np.testing.assert_array_equal(bst.random.DEFAULT.value, key)
    assert (bad.kept, bad.replaced, bad.level, hasattr(bad, 'extra')) == (kept, replaced, 'before', False)
    bad.fails = False
    nn.init_all_states(root)
    assert (bad.kept, bad.level, type(bad.replaced)) == (kept, 'after', HiddenState)


def test_a_tree_initialised_within_another_init_state_is_undone_too():
    inner = Failing()
    inner.fails = False

    class Outer(nn.Module):
        def init_state(self):
            nn.init_all_states(inner)
            raise RuntimeError('later')

    with pytest.raises(RuntimeError, match='later'):
        nn.init_all_states(Outer())
    assert (inner.level, hasattr(inner, 'extra')) == ('before', False)
    np.testing.assert_array_equal(inner.kept.value, [0.0, 0.0])


def test_initialising_within_a_compiled_function_does_not_read_what_it_writes():
    cell = nn.init_all_states(nn.LeakyRateReadout(1, 2))
    with bst.StateTraceStack() as seen:
        jit(lambda: nn.init_all_states(cell) and None)()
    assert seen.get_read_states() == ()
    assert seen.get_write_states() == (cell.r,)


def test_states_made_while_initialising_are_ordinary_ones():
    def trial(x):
        cell = nn.init_all_states(bst.LIF(1))
        with bst.environ.context(dt=0.1 * u.ms):
            cell(x * u.mA)
        return cell.V.value.mantissa

    assert jax.jit(trial)(1.0).shape == (1,)  # built, initialised and used inside a raw transform


@pytest.mark.slow
@pytest.mark.parametrize('batch', [None, 3])
def test_reset_gives_first_values_and_keeps_batch_and_identity(dt, batch):
    net = nn.init_all_states(nn.Sequential(bst.LIF(4, tau=10.0 * u.ms), nn.LeakyRateReadout.desc(2)), batch_size=batch)
    shape = (4,) if batch is None else (batch, 4)
    start = {path: s.value for path, s in net.states().items()}
    hidden = net.states()
    net(jnp.full(shape, 30.0) * u.mA)
    assert float(net.layers[0].V.value.mantissa.sum()) != 0.0
    assert net.reset_all_states() is net
    for path, s in net.states().items():
        assert s is hidden[path]
        np.testing.assert_array_equal(u.get_mantissa(s.value), u.get_mantissa(start[path]))


def test_reset_to_another_batch_size_and_before_allocation():
    neuron = bst.LIF(4)
    with pytest.raises(AttributeError, match='LIF: .* is not allocated yet'):
        nn.reset_all_states(neuron)
    nn.init_all_states(neuron)
    nn.reset_all_states(neuron, batch_size=5)
    assert neuron.V.value.shape == (5, 4)


def test_a_compiled_step_sees_a_reset(dt):
    neuron = nn.init_all_states(bst.LIF(1, tau=10.0 * u.ms))
    step = jit(lambda: (neuron(0.5 * u.mA), neuron.V.value.mantissa[0])[1])
    first = float(step())
    assert float(step()) > first
    neuron.reset_all_states()
    assert float(step()) == first


def test_initialising_inside_a_loop_starts_every_round_anew(dt):
    neuron = nn.init_all_states(bst.LIF(1, tau=10.0 * u.ms))

    def trial(x):
        nn.init_all_states(neuron)
        neuron(x * u.mA)
        return neuron.V.value.mantissa[0]

    found = for_loop(trial, jnp.array([0.5, 0.5, 0.0]))
    assert float(found[0]) == float(found[1]) > 0.0 == float(found[2])


def net_and_values():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1, b_init=None))
    net.counter = State(jnp.array(3))
    net.rate = State(jnp.array([1.0, 2.0]) * u.mS)
    new = {
        ('layers', 0, 'weight'): {'weight': np.full((2, 3), 2.0), 'bias': np.full(3, 1.0)},
        'layers.1.weight': {'weight': np.full((3, 1), 4.0)},
        'counter': 5,
        ('rate',): np.array([1000.0, 2000.0]) * u.uS,
    }
    return net, new


def test_values_are_loaded_by_path_or_text():
    net, new = net_and_values()
    assert nn.assign_state_values(net, new) == ([], [])
    assert float(net(jnp.ones(2))[0]) == 3 * 4.0 * 5.0
    assert int(net.counter.value) == 5
    assert net.counter.value.dtype == jnp.int32
    np.testing.assert_allclose(net.rate.value.to_decimal(u.mS), [1.0, 2.0], rtol=1e-6)
    assert u.get_unit(net.rate.value) == u.mS


def test_unexpected_and_missing_are_told_and_later_dicts_win():
    net, _ = net_and_values()
    found = nn.assign_state_values(net, {'counter': 1, 'nobody': 2}, {('counter',): 9, ('no', 1): 2})
    assert found == (['nobody', ('no', 1)], [('layers', 0, 'weight'), ('layers', 1, 'weight'), ('rate',)])
    assert int(net.counter.value) == 9


BAD_VALUES = [
    ('shape', {'weight': np.zeros((3, 2))}, ShapeError, r"'layers.1.weight' has shape \(3, 2\), expected \(3, 1\)"),
    ('structure', np.zeros((3, 1)), ShapeError, "'layers.1.weight' has the structure"),
    ('unit', {'weight': np.zeros((3, 1)) * u.mV}, UnitError, "'layers.1.weight' has the unit mV"),
    ('kind', {'weight': np.zeros((3, 1), complex)}, TypeError, "'layers.1.weight' has the type complex64, expected float32"),
]


@pytest.mark.parametrize(('value', 'kind', 'message'), [c[1:] for c in BAD_VALUES], ids=[c[0] for c in BAD_VALUES])
def test_a_value_that_does_not_fit_changes_nothing(value, kind, message):
    net, new = net_and_values()
    before = {path: s.value for path, s in net.states().items()}
    with pytest.raises(kind, match=f'^assign_state_values: the value of {message}'):
        nn.assign_state_values(net, new | {'layers.1.weight': value})
    assert all(s.value is before[path] for path, s in net.states().items())


def test_parameters_are_untouched_by_the_life_cycle():
    net = nn.Sequential(nn.Linear(2, 3))
    before = [s.value for s in net.states(ParamState).values()]
    nn.init_all_states(net)
    nn.reset_all_states(net)
    assert all(s.value is v for s, v in zip(net.states(ParamState).values(), before, strict=True))


def test_first_values_that_take_the_type_of_others_get_one_of_their_own():
    class Weak(bst.nn.Module):
        def init_state(self):
            self.x = bst.State(jnp.full(3, 1.0))

        def update(self):
            self.x.value = self.x.value * jnp.float32(2.0)
            traced.append(None)

    traced, model = [], Weak()
    model.init_state()
    assert model.x.value.weak_type
    bst.nn.init_all_states(model)
    assert not model.x.value.weak_type
    for _ in range(3):
        bst.transform.for_loop(model.update, length=2)
    assert len(traced) == 1
