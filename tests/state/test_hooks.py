"""What hooks see, change and refuse when Python code touches a state."""

import time

import jax
import jax.numpy as jnp
import pytest

import brainpy_state as bst
from brainpy_state import HookCancellationError, State, StateTraceStack


@pytest.fixture(autouse=True)
def no_hooks_are_left():
    yield
    bst.clear_state_hooks()


@pytest.fixture(params=['own', 'every'])
def register(request):
    """Register a hook on one state, or on every state."""

    def go(state, kind, callback, **kwargs):
        if request.param == 'own' and kind != 'init':
            return state.register_hook(kind, callback, **kwargs)
        return bst.register_state_hook(kind, callback, **kwargs)

    return go


def test_a_read_hook_sees_what_is_read(register):
    state, seen = State(1.0, name='V'), []
    register(state, 'read', seen.append)
    assert state.value == 1.0
    (ctx,) = seen
    assert (type(ctx), ctx.operation, ctx.state, ctx.state_name, ctx.value) == (bst.ReadHookContext, 'read', state, 'V', 1.0)
    assert abs(ctx.timestamp - time.time()) < 60


def test_write_hooks_see_the_old_and_the_new_value_before_and_after(register):
    state, seen = State(1.0), []
    register(state, 'write_before', lambda ctx: seen.append((ctx.operation, ctx.old_value, ctx.value, state._value)))
    register(state, 'write_after', lambda ctx: seen.append((ctx.operation, ctx.old_value, ctx.value, state._value)))
    state.value = 2.0
    assert seen == [('write_before', 1.0, 2.0, 1.0), ('write_after', 1.0, 2.0, 2.0)]


def test_each_operation_calls_its_own_hooks_only(register):
    state, seen = State(1.0), []
    for kind in ('read', 'write_before', 'write_after', 'restore'):
        register(state, kind, lambda ctx: seen.append((type(ctx).__name__, ctx.metadata)))
    state.value
    state.value = 2.0
    state.restore_value(3.0)
    assert seen == [
        ('ReadHookContext', {}),
        ('MutableWriteHookContext', {'compiled': False}),
        ('WriteHookContext', {'compiled': False}),
        ('RestoreHookContext', {}),
    ]
    assert state.value == 3.0


def test_a_restore_hook_sees_both_values(register):
    state, seen = State(1.0), []
    register(state, 'restore', lambda ctx: seen.append((ctx.old_value, ctx.value)))
    state.restore_value(2.0)
    assert seen == [(1.0, 2.0)]


def test_an_init_hook_sees_every_new_state_with_its_name_tags_and_metadata():
    seen = []
    bst.register_state_hook('init', lambda ctx: seen.append((ctx.state, ctx.state_name, ctx.state.tag, ctx.value, ctx.init_metadata)))
    state = bst.ParamState(1.0, name='w', tag='a', unit='mV')
    twin = state.copy()
    assert seen == [(state, 'w', {'a'}, 1.0, {'unit': 'mV'}), (twin, 'w', {'a'}, 1.0, {'unit': 'mV'})]


def test_an_init_hook_that_raises_stops_the_making():
    def refuse(ctx):
        raise KeyError('no more states')

    bst.register_state_hook('init', refuse)
    with pytest.raises(KeyError, match='no more states'):
        State(1.0)


def test_a_hook_may_change_what_is_written_and_the_next_sees_it(register):
    state, seen = State(0.0), []

    def double(ctx):
        ctx.transformed_value = ctx.value * 2

    def add_one(ctx):
        seen.append((ctx.value, ctx.transformed_value))
        ctx.transformed_value = ctx.value + 1

    register(state, 'write_before', double)
    register(state, 'write_before', add_one)
    register(state, 'write_after', lambda ctx: seen.append(ctx.value))
    state.value = 5.0
    assert seen == [(10.0, 10.0), 11.0]
    assert state.value == 11.0


def test_a_hook_may_write_none(register):
    state = State('text')
    register(state, 'write_before', lambda ctx: setattr(ctx, 'transformed_value', None))
    state.value = 'other'
    assert state.value is None


def test_what_a_hook_makes_of_a_value_is_checked_as_any_value(register):
    state = State(1.0)
    register(state, 'write_before', lambda ctx: setattr(ctx, 'transformed_value', state))
    with pytest.raises(ValueError, match='cannot hold a State'):
        state.value = 2.0
    assert state._value == 1.0


def test_a_cancelled_write_does_not_happen(register):
    state, seen = State(1.0, name='V'), []

    def guard(ctx):
        ctx.cancel = ctx.value < 0
        ctx.cancel_reason = 'must not be negative'

    register(state, 'write_before', guard)
    register(state, 'write_before', lambda ctx: seen.append(ctx.value), priority=-1)
    register(state, 'write_after', lambda ctx: seen.append(ctx.value))
    with (
        StateTraceStack() as stack,
        pytest.raises(
            HookCancellationError,
            match=r"State 'V' \(made at .*\) was not written, because the hook .*guard cancelled it: must not be negative\.",
        ),
    ):
        state.value = -1.0
    assert state.value == 1.0
    assert stack.get_write_states() == ()
    assert seen == []
    state.value = 2.0
    assert seen == [2.0, 2.0]


def _fail(ctx):
    raise KeyError('on purpose')


def test_an_exception_before_a_write_reaches_the_caller_and_nothing_is_written(register):
    state = State(1.0)
    register(state, 'write_before', _fail)
    with StateTraceStack() as stack, pytest.raises(KeyError, match='on purpose'):
        state.value = 2.0
    assert state.value == 1.0
    assert stack.get_write_states() == ()


@pytest.mark.parametrize(
    ('kind', 'act', 'after'),
    [
        ('read', lambda s: s.value, 1.0),
        ('write_after', lambda s: setattr(s, 'value', 2.0), 2.0),
        ('restore', lambda s: s.restore_value(2.0), 2.0),
    ],
    ids=['read', 'write_after', 'restore'],
)
def test_an_exception_of_an_observer_reaches_the_caller_and_what_was_done_stays(register, kind, act, after):
    state = State(1.0)
    hook = register(state, kind, _fail)
    with pytest.raises(KeyError, match='on purpose'):
        act(state)
    hook.remove()
    assert state.value == after


def test_a_hook_that_failed_is_called_the_next_time(register):
    state, calls = State(1.0), []

    def fail(ctx):
        calls.append(ctx.value)
        raise KeyError

    register(state, 'read', fail)
    for _ in range(2):
        with pytest.raises(KeyError):
            state.value
    assert calls == [1.0, 1.0]


def test_a_context_can_be_answered_only_where_it_says_so(register):
    state = State(1.0)
    for kind, name in [('read', 'value'), ('write_before', 'value'), ('write_after', 'old_value'), ('write_before', 'state')]:
        hook = register(state, kind, lambda ctx, name=name: setattr(ctx, name, 0.0))
        with pytest.raises(AttributeError, match=f'{name} cannot be set; .* set `transformed_value` or `cancel`'):
            state.value += 1.0
        hook.remove()
    register(state, 'write_before', lambda ctx: setattr(ctx, 'canceled', True))
    with pytest.raises(AttributeError, match='canceled'):
        state.value = 2.0


def test_the_old_value_of_a_state_without_a_value_is_none():
    escaped, seen = [], []
    bst.transform.jit(lambda x: escaped.append(State(x)))(1.0)
    escaped[0].register_hook('write_before', lambda ctx: seen.append(ctx.old_value))
    escaped[0].value = 2.0
    assert seen == [None]
    assert escaped[0].value == 2.0


def test_hooks_are_called_once_within_frames():
    state, seen = State(1.0), []
    for kind in ('read', 'write_before', 'write_after'):
        state.register_hook(kind, lambda ctx: seen.append(ctx.operation))
    with StateTraceStack() as outer, bst.catch_new_states(), StateTraceStack() as inner:
        state.value = state.value + 1.0
    assert seen == ['read', 'write_before', 'write_after']
    assert inner.get_write_states() == outer.get_write_states() == (state,)


def test_every_value_can_be_assigned_or_none():
    states = bst.StateDictManager(a=State(1.0), b=State(2.0), c=State(3.0))
    states['b'].register_hook('write_before', lambda ctx: setattr(ctx, 'cancel', ctx.value < 0))
    with pytest.raises(HookCancellationError):
        states.assign_values({'a': 10.0, 'b': -20.0, 'c': 30.0})
    assert states.to_dict_values() == {'a': 1.0, 'b': 2.0, 'c': 3.0}
    states.assign_values({'a': 10.0, 'b': 20.0})
    assert states.to_dict_values() == {'a': 10.0, 'b': 20.0, 'c': 3.0}


def test_a_concrete_value_is_not_traced():
    state, seen = State({'a': jnp.ones(2)}), []
    state.register_hook('read', lambda ctx: seen.append(ctx.traced))
    state.value
    assert seen == [False]


def test_a_hook_does_not_loosen_the_rule_for_raw_transforms():
    state = State(0.0)
    state.register_hook('write_before', lambda ctx: None)
    with pytest.raises(bst.TraceContextError, match='raw JAX transform'):
        jax.jit(lambda x: setattr(state, 'value', x))(1.0)
    assert state.value == 0.0
