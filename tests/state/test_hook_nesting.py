"""Hooks that touch states themselves."""

import threading

import pytest

import brainpy_state as bst
from brainpy_state import State


@pytest.fixture(autouse=True)
def no_hooks_are_left():
    yield
    bst.clear_state_hooks()


@pytest.mark.parametrize('every', [False, True], ids=['own', 'every'])
@pytest.mark.parametrize('kind', ['read', 'write_before', 'write_after', 'restore'])
def test_a_hook_may_touch_its_own_state(every, kind):
    state, calls = State(1.0), []

    def touch(ctx):
        calls.append(kind)
        state.value = state.value + 10.0
        state.restore_value(state.value)

    (bst.register_state_hook if every else state.register_hook)(kind, touch)
    state.value += 1.0
    state.restore_value(3.0)
    assert calls == [kind]


def test_two_hooks_that_touch_each_others_states_come_to_an_end():
    a, b, calls = State(1.0), State(2.0), []
    a.register_hook('read', lambda ctx: calls.append(('a', b.value)))
    b.register_hook('read', lambda ctx: calls.append(('b', a.value)))
    assert a.value == 1.0
    assert calls == [('b', 1.0), ('a', 2.0)]


def test_a_hook_of_every_state_may_make_and_write_states():
    log, made = State(()), []

    def record(ctx):
        made.append(State(ctx.value))
        log.value = (*log.value, ctx.value)

    for kind in ('init', 'write_after', 'read'):
        bst.register_state_hook(kind, record)
    state = State(1.0)
    state.value = 2.0
    bst.clear_state_hooks()
    assert log.value.count(2.0) >= 1
    assert made


def test_hooks_are_called_in_every_thread():
    state, seen = State(1.0), []

    def touch(ctx):
        seen.append(threading.current_thread())
        if len(seen) == 1:  # while the hook runs here, it runs there as well
            thread.start()
            thread.join()

    state.register_hook('read', touch)
    thread = threading.Thread(target=lambda: state.value)
    state.value
    assert len(seen) == 2
    assert seen[1] is thread
