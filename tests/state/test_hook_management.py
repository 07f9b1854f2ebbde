"""Registering hooks, their order, and taking them away."""

import gc
import weakref

import pytest

import brainpy_state as bst
from brainpy_state import HookError, HookRegistrationError, State
from brainpy_state.state import any_hooks, fingerprint
from brainpy_state.state._hooks import in_use


@pytest.fixture(autouse=True)
def no_hooks_are_left():
    yield
    bst.clear_state_hooks()


class OfOne:
    """The functions for the hooks of one state."""

    def __init__(self):
        self.state = State(1.0)
        self.register = self.state.register_hook
        self.unregister = self.state.unregister_hook
        self.list = self.state.list_hooks
        self.clear = self.state.clear_hooks
        self.has = self.state.has_hooks


class OfEvery:
    """The functions for the hooks of every state."""

    def __init__(self):
        self.state = State(1.0)
        self.register = bst.register_state_hook
        self.unregister = bst.unregister_state_hook
        self.list = bst.list_state_hooks
        self.clear = bst.clear_state_hooks
        self.has = bst.has_state_hooks


@pytest.fixture(params=[OfOne, OfEvery])
def hooks(request):
    return request.param()


def _ignore(ctx):
    pass


@pytest.mark.parametrize('kind', ['write', '', None, 'READ'])
def test_an_unknown_kind_is_an_error_that_lists_the_kinds(hooks, kind):
    with pytest.raises(HookRegistrationError, match=f"one of 'init', 'read', 'write_before', 'write_after', 'restore', but {kind!r}"):
        hooks.register(kind, _ignore)
    if kind is not None:
        with pytest.raises(ValueError, match='A kind of hook is'):
            hooks.list(kind)


def test_a_hook_must_be_callable(hooks):
    with pytest.raises(HookRegistrationError, match="A hook is a function of one context object, but 'clip' was given for 'read'"):
        hooks.register('read', 'clip')


def test_an_init_hook_of_a_state_that_exists_is_an_error_that_names_the_way():
    with pytest.raises(HookRegistrationError, match=r"register_state_hook\('init'"):
        State(1.0).register_hook('init', _ignore)


def test_hooks_are_called_by_priority_and_then_in_the_order_of_registration(hooks):
    calls = []
    for name, priority in [('a', 0), ('b', 5), ('c', 0), ('d', -1), ('e', 5)]:
        hooks.register('read', lambda ctx, name=name: calls.append(name), priority=priority, name=name)
    hooks.state.value
    assert calls == ['b', 'e', 'a', 'c', 'd']
    assert [h.name for h in hooks.list('read')] == calls


def test_hooks_of_every_state_come_before_those_of_one():
    state, calls = State(1.0), []
    state.register_hook('read', lambda ctx: calls.append('own'), priority=100)
    bst.register_state_hook('read', lambda ctx: calls.append('every'), priority=-100)
    state.value
    assert calls == ['every', 'own']


def test_a_disabled_hook_is_not_called_until_it_is_enabled(hooks):
    calls = []
    hook = hooks.register('read', lambda ctx: calls.append(1), enabled=False)
    hooks.state.value
    assert (calls, hook.is_enabled(), hook.is_removed()) == ([], False, False)
    hook.enable()
    hooks.state.value
    hook.disable()
    hooks.state.value
    assert calls == [1]


def test_a_removed_hook_is_gone_for_good(hooks):
    calls = []
    hook = hooks.register('read', lambda ctx: calls.append(1))
    hook.remove()
    hook.remove()
    hooks.state.value
    assert (calls, hook.is_enabled(), hook.is_removed(), hooks.has()) == ([], False, True, False)


def test_unregister_takes_a_handle_once(hooks):
    hook = hooks.register('read', _ignore)
    hooks.unregister(hook)
    assert hook.is_removed()
    with pytest.raises(HookRegistrationError, match='_ignore, priority=0, removed.* is not registered here'):
        hooks.unregister(hook)


def test_a_handle_of_another_place_is_refused(hooks):
    hook = State(2.0).register_hook('read', _ignore)
    with pytest.raises(HookRegistrationError, match='is not registered here'):
        hooks.unregister(hook)
    assert not hook.is_removed()


def test_listing_and_clearing_by_kind(hooks):
    read, before = hooks.register('read', _ignore), hooks.register('write_before', _ignore)
    assert hooks.list() == (read, before)
    assert hooks.list('write_before') == (before,)
    assert (hooks.has(), hooks.has('read'), hooks.has('restore')) == (True, True, False)
    hooks.clear('read')
    assert hooks.list() == (before,)
    hooks.clear()
    assert hooks.list() == ()
    assert read.is_removed()


def test_init_hooks_are_listed():
    hook = bst.register_state_hook('init', _ignore)
    assert bst.list_state_hooks() == bst.list_state_hooks('init') == (hook,)


def test_clearing_one_state_leaves_the_hooks_of_every_state_and_the_other_way_round():
    state, calls = State(1.0), []
    own = state.register_hook('read', lambda ctx: calls.append('own'))
    bst.register_state_hook('read', lambda ctx: calls.append('every'))
    state.clear_hooks()
    state.value
    assert calls == ['every']
    own = state.register_hook('read', lambda ctx: calls.append('own'))
    bst.clear_state_hooks()
    state.value
    assert calls == ['every', 'own']
    assert not own.is_removed()


def test_a_temporary_hook_lasts_for_a_block():
    state, calls = State(1.0), []
    with pytest.raises(KeyError), state.temporary_hook('read', lambda ctx: calls.append(1), name='t') as hook:
        state.value
        raise KeyError
    state.value
    assert (calls, hook.name, hook.is_removed()) == ([1], 't', True)


def test_hooks_may_be_registered_and_removed_while_hooks_are_called(hooks):
    calls = []

    def once(ctx):
        calls.append('once')
        first.remove()
        second.remove()
        hooks.register('read', lambda ctx: calls.append('new'))

    first = hooks.register('read', once)
    second = hooks.register('read', lambda ctx: calls.append('second'))
    hooks.state.value
    assert calls == ['once']
    hooks.state.value
    assert calls == ['once', 'new']


def test_a_handle_shows_what_it_is_about():
    hook = State(1.0).register_hook('read', _ignore, priority=2)
    assert repr(hook) == "HookHandle('read', _ignore, priority=2, enabled)"
    hook.disable()
    assert repr(hook).endswith('disabled)')
    hook.remove()
    assert repr(hook).endswith('removed)')


def _hooked_in_a_cycle():
    state = State(1.0)
    state.register_hook('read', lambda ctx: state.value)
    return weakref.ref(state)


def test_a_state_with_hooks_is_freed(hooks):
    hooks.register('read', _ignore)
    ref = _hooked_in_a_cycle()
    gc.collect()
    assert ref() is None


def test_whether_there_are_hooks_follows_registration_and_the_life_of_states():
    gc.collect()
    before = len(in_use)
    state = State(1.0)
    state.register_hook('read', _ignore).remove()
    assert len(in_use) == before
    state.register_hook('read', _ignore)
    assert len(in_use) == before + 1
    assert any_hooks()
    del state
    gc.collect()
    assert len(in_use) == before


def test_the_fingerprint_changes_with_the_write_before_hooks_in_force():
    a, b = State(1.0), State(2.0)
    plain = fingerprint((a, b))
    assert plain == fingerprint(())
    with a.temporary_hook('write_before', _ignore) as hook:
        hooked = fingerprint((a, b))
        assert hooked != plain
        assert fingerprint((b,)) == plain
        assert fingerprint((b, a)) != hooked
        hook.disable()
        assert fingerprint((a, b)) == plain
    assert fingerprint((a, b)) == plain
    with a.temporary_hook('write_before', _ignore):
        assert fingerprint((a, b)) == hooked
    with a.temporary_hook('read', _ignore), a.temporary_hook('write_after', _ignore):
        assert fingerprint((a, b)) == plain
    bst.register_state_hook('write_before', _ignore)
    assert fingerprint((a, b)) not in (plain, hooked)


def test_the_fingerprint_changes_with_the_checks_in_force():
    with bst.check_state_value_tree():
        checked = fingerprint(())
    with bst.check_state_value_tree(signature=True):
        assert len({checked, fingerprint(()), ()}) == 3
    assert fingerprint(()) != checked


def test_a_hook_that_was_removed_stays_so():
    hook = State(1.0).register_hook('read', print)
    assert hook.remove() is True and hook.remove() is False
    for switch in (hook.enable, hook.disable):
        with pytest.raises(HookError, match='removed.*register it again'):
            switch()
