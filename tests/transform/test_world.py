"""What a program refers to by name: found again if it is the same, noticed if it is not, and never kept alive."""

import dataclasses
import functools
import gc
import operator
import types
import weakref

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import State
from brainpy_state.transform import (
    bounded_while_loop,
    checkpoint,
    checkpointed_for_loop,
    cond,
    for_loop,
    grad,
    ifelse,
    jit,
    map,
    scan,
    switch,
    vmap,
    while_loop,
)


class Scale(bst.nn.Module):
    """Multiplies, and counts how often Python runs it."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.weight = State(jnp.ones(()))
        self.factor = factor
        self.inner = types.SimpleNamespace(factor=factor)
        self.traces = []

    def update(self, x):
        self.traces.append(x)
        return self.weight.value * self.factor * x


@jit
def compiled_by_factor(x):
    return factor * x


def by_factor(x):
    return factor * x


class ByFactor(bst.nn.Module):
    def update(self, x):
        return factor * x


def times(k, x):
    return k * x


def weigh(x, a=1.0, b=1.0):
    return a * x - b


factor = 2.0
by_factor_module = ByFactor()

# name: (what a global name stands for first, then, and a function that uses it)
REBOUND = {
    'number': (2.0, 3.0, lambda x: thing * x),
    'int to float': (2, 3.0, lambda x: thing * x),
    'bool to int': (True, 3, lambda x: (3 if thing is True else 1) * x),
    'quantity': (2.0 * u.ms, 3.0 * u.ms, lambda x: thing.to_decimal(u.ms) * x),
    'unit': (u.ms, u.second, lambda x: (x * u.ms).to_decimal(thing)),
    'array': (jnp.array(2.0), jnp.array(3.0), lambda x: thing * x),
    'numpy array': (np.array(2.0), np.array(3.0), lambda x: jnp.asarray(thing) * x),
    'tuple': ((2.0, 'a'), (3.0, 'a'), lambda x: thing[0] * x),
    'list': ([2.0], [3.0], lambda x: thing[0] * x),
    'state': (State(2.0), State(3.0), lambda x: thing.value * x),
    'model': (Scale(2.0), Scale(3.0), lambda x: thing(x)),
    'list of models': ([Scale(2.0)], [Scale(3.0)], lambda x: thing[0](x)),
    'dict of models': ({'a': Scale(2.0)}, {'a': Scale(3.0)}, lambda x: thing['a'](x)),
    'class': (type('A', (), {'k': 2.0}), type('B', (), {'k': 3.0}), lambda x: thing.k * x),
    'module': (types.SimpleNamespace(k=2.0), types.SimpleNamespace(k=3.0), lambda x: thing.k * x),
    'function': (lambda x: 2.0 * x, lambda x: 3.0 * x, lambda x: thing(x)),
    'builtin': (operator.neg, operator.pos, lambda x: thing(x)),
    'method': (Scale(2.0).update, Scale(3.0).update, lambda x: thing(x)),
    'partial': (functools.partial(times, 2.0), functools.partial(times, 3.0), lambda x: thing(x)),
    'partial by name': (functools.partial(weigh, a=2.0), functools.partial(weigh, b=2.0), lambda x: thing(x)),
    'compiled': (jit(lambda x: 2.0 * x), jit(lambda x: 3.0 * x), lambda x: thing(x)),
    'gradient': (grad(lambda x: x**2), grad(lambda x: x**3), lambda x: thing(x)),
    'mapped': (vmap(lambda x: 2.0 * x), vmap(lambda x: 3.0 * x), lambda x: thing(jnp.stack([x, x]))),
    'made by JAX': (jax.vmap(jnp.sin), jax.vmap(jnp.cos), lambda x: thing(jnp.stack([x, x]))),
}  # fmt: skip
thing = None


@pytest.mark.parametrize('call', [jit, lambda f: lambda x: for_loop(f, x[None])[0]], ids=['jit', 'for_loop'])
@pytest.mark.parametrize(('first', 'then', 'use'), REBOUND.values(), ids=REBOUND)
def test_another_object_under_a_global_name_is_noticed_and_the_first_one_found_again(call, first, then, use):
    global thing
    x, results = jnp.array(3.0), []
    run = call(use)
    for thing in (first, then, first):  # noqa: B007  (a global name)
        results.append(run(x))
    thing = first
    np.testing.assert_allclose(results[0], use(x), rtol=1e-6)
    thing = then
    np.testing.assert_allclose(results[1], use(x), rtol=1e-6)
    np.testing.assert_array_equal(results[0], results[2])
    assert not np.array_equal(results[0], results[1])


@pytest.mark.parametrize(
    'f',
    [by_factor, lambda x: by_factor(x), lambda x: compiled_by_factor(x), compiled_by_factor, by_factor_module.update, checkpoint(by_factor)],
    ids=['direct', 'through a function', 'through a compiled function', 'compiled twice', 'method', 'made by a transform'],
)  # fmt: skip
def test_a_name_is_followed_into_the_functions_that_use_it(f):
    global factor
    step = jit(f)
    for factor in (2.0, 3.0, 2.0):
        assert float(step(1.0)) == factor


def test_a_method_that_is_closed_over_is_followed():
    global factor
    update = by_factor_module.update
    step = jit(lambda x: update(x))
    for factor in (2.0, 3.0):
        assert float(step(1.0)) == factor


def test_a_function_that_is_made_while_tracing_is_followed_from_then_on():
    global factor, thing
    thing = None

    def body(x):
        global thing
        if thing is None:
            thing = lambda x: factor * x  # noqa: E731
        return thing(x)

    step = jit(body)
    for factor in (2.0, 3.0):
        assert float(step(1.0)) == factor


def test_a_name_that_the_function_itself_changes_is_no_reason_to_compile_again():
    global thing
    thing, traces = 0, []

    @jit
    def step(x):
        global thing
        thing += 1
        traces.append(x)
        return x

    for _ in range(3):
        step(1.0)
    assert (thing, len(traces)) == (1, 1)


def test_a_name_that_appears_later_is_noticed():
    def body(x):
        try:
            return x * late
        except NameError:
            return x

    step = jit(body)
    assert float(step(1.0)) == 1.0
    globals()['late'] = 5.0
    assert float(step(1.0)) == 5.0
    del globals()['late']
    assert float(step(1.0)) == 1.0


def test_a_closure_that_is_assigned_anew_is_noticed():
    k = 2.0
    step = jit(lambda x: k * x)
    assert float(step(1.0)) == 2.0
    k = 3.0
    assert float(step(1.0)) == 3.0


def test_defaults_are_told_apart():
    def make(k):
        return lambda x, k=k: k * x

    model = Scale()
    for k in (2.0, 3.0):
        inner = make(k)
        np.testing.assert_array_equal(for_loop(lambda x: model(inner(x)), jnp.ones(1)), [k])  # noqa: B023


def test_keywords_of_partial_functions_are_told_apart():
    model = Scale()

    def f(x, a, b):
        return model(x) * a - b

    for names, expected in ((('a', 'b'), 8.0), (('b', 'a'), -8.0)):
        np.testing.assert_array_equal(for_loop(functools.partial(f, **dict(zip(names, (10.0, 2.0), strict=True))), jnp.ones(1)), [expected])


def test_functions_made_by_one_factory_around_each_other_are_told_apart():
    def scaled(f, k):
        return lambda x: k * f(x)

    model = Scale()
    for k in (2.0, 5.0):
        f = scaled(scaled(by_factor, k), 3.0)
        np.testing.assert_array_equal(for_loop(lambda x: model(x) + f(x), jnp.ones(1)), [1.0 + 3.0 * k * factor])  # noqa: B023


def test_many_functions_that_call_each_other_are_looked_at_once_each():
    names = {'__name__': __name__}
    for level in range(25):  # as a tree of calls, these are 2**25 paths
        called = f'a{level + 1}(x) + b{level + 1}(x)' if level < 24 else 'x'
        for letter in 'ab':
            exec(f'def {letter}{level}(x): return x if x is not None else {called}', names)
    assert float(jit(names['a0'])(1.0)) == 1.0


ATTRIBUTES = {
    'number': lambda m: setattr(m, 'factor', 5.0),
    'array': lambda m: setattr(m, 'factor', jnp.array(5.0)),
    'state': lambda m: setattr(m, 'weight', State(jnp.array(5.0))),
}
USERS = {
    'module': lambda m: jit(m),
    'method': lambda m: jit(m.update),
    'lambda': lambda m: jit(lambda x: m(x)),
    'loop in jit': lambda m: jit(lambda x: for_loop(m, x[None])[0]),
    'for_loop': lambda m: lambda x: for_loop(m.update, x[None])[0],
    'cond': lambda m: lambda x: cond(True, m.update, lambda x: x, x),
    'vmap': lambda m: vmap(m.update, in_axes=None, axis_size=1),
    'grad': lambda m: grad(m.update),
    'while_loop': lambda m: lambda x: while_loop(lambda y: y < 2.0, m.update, x),
}


@pytest.mark.parametrize(
    ('change', 'call'),
    [(change, USERS['loop in jit']) for change in ATTRIBUTES.values()] + [(ATTRIBUTES['number'], call) for call in USERS.values()],
    ids=[*ATTRIBUTES, *USERS],
)
def test_an_attribute_changed_after_compiling_is_seen(call, change):
    model = Scale(3.0)
    run, x = call(model), jnp.array(1.0)
    before = np.asarray(run(x))
    change(model)
    after = np.asarray(run(x))
    fresh = Scale(3.0)
    change(fresh)
    np.testing.assert_allclose(after, call(fresh)(x))
    assert not np.array_equal(before, after)


def test_an_attribute_bound_to_an_equal_number_is_no_reason_to_compile_again():
    model = Scale(3.0)
    step = jit(model)
    step(1.0)
    model.factor = float('3')
    model.unrelated = 'new'
    step(1.0)
    assert len(model.traces) == 1


def test_an_attribute_that_a_call_changes_is_no_reason_to_compile_again():
    class Counter(Scale):
        calls = 0

        def update(self, x):
            self.calls += 1
            return super().update(x)

    model = Counter()
    step = jit(model)
    for _ in range(3):
        step(1.0)
    assert len(model.traces) == 1


CALLS = {
    'for_loop': lambda m: for_loop(lambda x: m(x), jnp.ones(3)),
    'for_loop, reverse': lambda m: for_loop(lambda x: m(x), jnp.ones(3), reverse=True),
    'scan': lambda m: scan(lambda c, x: (c + m(x), c), 0.0, jnp.ones(3)),
    'cond': lambda m: cond(True, lambda x: m(x), lambda x: x, 1.0),
    'switch': lambda m: switch(1, [lambda x: m(x), lambda x: x], 2.0),
    'ifelse': lambda m: ifelse([True, False], [lambda x: m(x), lambda x: x], 2.0),
    'while_loop': lambda m: while_loop(lambda x: x < 3, lambda x: x + m(x), 1.0),
    'bounded_while_loop': lambda m: bounded_while_loop(lambda x: x < 3, lambda x: x + m(x), 1.0, 7),
    'checkpointed_for_loop': lambda m: checkpointed_for_loop(lambda x: m(x), jnp.ones(5)),
    'vmap': lambda m: vmap(lambda x: m(x), in_axes=0, out_axes=0)(jnp.ones(2)),
    'checkpoint': lambda m: checkpoint(lambda x, n: m(x) * n, static_argnums=1)(1.0, 2),
    'grad': lambda m: grad(lambda x: m(x), m.weight)(1.0),
    'map': lambda m: map(lambda x: m(x), jnp.ones(5), batch_size=2),
    'loop of vmap': lambda m: for_loop(vmap(lambda x: m(x)), jnp.ones((3, 2))),
    'loop of checkpoint': lambda m: for_loop(checkpoint(lambda x: m(x)), jnp.ones(3)),
    'loop of jit': lambda m: for_loop(jit(lambda x: m(x)), jnp.ones(3)),
    'loop of grad': lambda m: for_loop(grad(lambda x: m(x)), jnp.ones(3)),
    'vmap of grad': lambda m: vmap(grad(lambda x: m(x)))(jnp.ones(3)),
    'partial': lambda m: for_loop(functools.partial(lambda m, x: m(x), m), jnp.ones(3)),
    'number and quantity': lambda m: with_locals(m, 2.0, 5.0 * u.ms),
    'list of models': lambda m: with_locals([m], 2.0, 5.0 * u.ms),
}


def with_locals(m, k, tau):
    m = m[0] if isinstance(m, list) else m
    return for_loop(lambda x: k * m(x) * tau, jnp.ones(3))


@pytest.mark.parametrize('call', CALLS.values(), ids=CALLS)
def test_a_lambda_written_in_the_call_is_found_again_by_the_model_it_refers_to(call, compilations):
    model = Scale()
    first = call(model)
    with compilations() as found:
        second = call(model)
    assert found == []
    assert jax.tree.map(lambda a, b: np.array_equal(u.get_mantissa(a), u.get_mantissa(b)), first, second)
    assert len(model.traces) <= 2  # map has a loop and a rest


@pytest.mark.parametrize(
    'call',
    [
        lambda: for_loop(lambda x: 2 * x, jnp.ones(3)),
        lambda: cond(True, lambda x: 2 * x, lambda x: x, 1.0),
        lambda: switch(1, [lambda x: 2 * x, lambda x: x], 1.0),
        lambda: while_loop(lambda x: x < 3, lambda x: 2 * x, 1.0),
        lambda: vmap(lambda x: 2 * x)(jnp.ones(3)),
    ],
    ids=['for_loop', 'cond', 'switch', 'while_loop', 'vmap'],
)
def test_a_lambda_that_refers_to_nothing_is_found_again(call, compilations):
    call()
    with compilations() as found:
        call()
    assert found == []


def test_two_models_do_not_share_what_one_lambda_does_with_them():
    a, b = Scale(2.0), Scale(3.0)
    results = [for_loop(lambda x: m(x), jnp.ones(1)) for m in (a, b, a, b)]  # noqa: B023
    np.testing.assert_array_equal(np.concatenate(results), [2.0, 3.0, 2.0, 3.0])
    assert (len(a.traces), len(b.traces)) == (1, 1)


def test_objects_that_are_equal_but_not_the_same_are_told_apart():
    @dataclasses.dataclass
    class Cell:
        h: State = dataclasses.field(compare=False)
        n: int = 0

        def step(self, x):
            traces.append(self)
            self.h.value = self.h.value + x
            return self.h.value

    traces, a, b = [], Cell(State(jnp.zeros(()))), Cell(State(jnp.zeros(())))
    assert a == b
    for _ in range(2):
        for_loop(a.step, jnp.ones(2))
    np.testing.assert_array_equal(for_loop(b.step, jnp.ones(2)), [1.0, 2.0])
    assert float(a.h.value) == 4.0
    assert len(traces) == 2  # also for objects that cannot be hashed


# Each gets a model and uses it in another way; afterwards nothing but the model's owner may keep it.
USES = {
    **{name: CALLS[name] for name in ('for_loop', 'cond', 'vmap', 'checkpoint', 'grad', 'while_loop', 'partial', 'list of models')},
    'jit': lambda m: jit(m)(1.0),
    'two models in a tuple': lambda m: in_a_collection((m, Scale())),
    'two models in a list': lambda m: in_a_collection([m, Scale()]),
    'two models in a dict': lambda m: in_a_collection({0: m, 1: Scale()}),
    'with a global object': lambda m: for_loop(lambda x: m(x) * settings.k, jnp.ones(2)),
    'list with a global object': lambda m: in_a_list_with_settings([m]),
    'static argument of a gradient': lambda m: grad(call_model, argnums=1)(m, 1.0),
    'static argument of vmap': lambda m: vmap(call_model, in_axes=(None, 0))(m, jnp.ones(2)),
    'static argument of jit': lambda m: jitted_call(m, 1.0),
    'argument of a global function that is checkpointed': lambda m: checkpointed_call(m, 1.0),
}
settings = types.SimpleNamespace(k=2.0)


def call_model(model, x):
    return model(x)


jitted_call = jit(call_model, static_argnums=0)
checkpointed_call = checkpoint(call_model)


def in_a_collection(models):
    a = models[0]
    return for_loop(lambda x: a(x) + models[1](x), jnp.ones(2))


def in_a_list_with_settings(models):
    return for_loop(lambda x: models[0](x) * settings.k, jnp.ones(2))


@pytest.mark.parametrize('use', USES.values(), ids=USES)
def test_a_program_does_not_keep_a_model_alive(use):
    model = Scale()
    use(model)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_a_compiled_function_drops_the_programs_of_a_model_that_is_gone():
    global thing
    step, gone = jit(lambda x: thing(x)), []
    for _ in range(3):
        thing = Scale()
        step(1.0)
        gone += [weakref.ref(thing), weakref.ref(thing.weight)]
    gc.collect()
    assert [ref() is None for ref in gone] == [True] * 4 + [False] * 2
    step(1.0)
    assert len(thing.traces) == 1


def test_programs_of_many_models_as_static_arguments_do_not_pile_up():
    gone = []
    for _ in range(3):
        model = Scale()
        jitted_call(model, 1.0)
        gone.append(weakref.ref(model.weight))
        del model
        gc.collect()
    assert [ref() is None for ref in gone[:2]] == [True, True]


def test_only_so_many_programs_are_kept_and_the_oldest_goes_first(monkeypatch):
    monkeypatch.setattr('brainpy_state.transform._program._MOST_PROGRAMS', 4)
    traces = []

    @jit(static_argnums=0)
    def step(n):
        traces.append(n)
        return jnp.array(n)

    for n in (0, 1, 2, 3, 0, 4, 3, 2, 1, 4, 0):
        step(n)
    assert traces == [0, 1, 2, 3, 4, 0]
