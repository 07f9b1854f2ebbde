"""What a program refers to by name, in its closure or in a model: another object there is noticed."""

import functools
import operator
import sys
import types

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import State
from brainpy_state.transform import (
    checkpoint,
    cond,
    for_loop,
    grad,
    jit,
    vmap,
    while_loop,
)


class Scale(bst.nn.Module):
    """Multiplies, and counts how often Python runs it."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.weight = State(jnp.ones(()))
        self.factor = factor
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


@pytest.mark.quick('-jit$')
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


def test_a_tuple_of_numbers_that_becomes_one_of_arrays_is_noticed():
    global now
    values = [(1.0, 2.0), (jnp.ones(2), 2.0), ((jnp.zeros(2), 1.0), 2.0), (1.0, 2.0)]

    def total():
        return sum(jnp.sum(x) for x in jax.tree.leaves(now))

    compiled = jit(total)
    for now in values:  # noqa: B007
        assert compiled() == total()


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


class Anything:
    """Makes another one of any attribute that it is asked for."""

    def __init__(self, name):
        self.name = name

    def __getattr__(self, name):
        return Anything(name)

    def __call__(self, x):
        return x


anything = Anything('root')


def test_code_of_attributes_that_are_made_when_asked_for_is_not_run():
    run = jit(lambda x: anything(x) + 1.0)
    assert run(1.0) == 2.0 and run(2.0) == 3.0
    assert vars(anything) == {'name': 'root'}


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


def test_a_large_array_is_looked_at_everywhere():
    table = np.zeros((600, 700), np.float32)  # more than a megabyte
    total = jit(lambda: jnp.asarray(table).sum() * 1.0)
    assert total() == 0
    for place in ((0, 0), (300, 17), (-1, -1)):
        table[place] = 1
        assert total() == table.sum()
    weighted = jit(lambda: jnp.asarray(table)[0, 0] * 1.0)
    assert weighted() == 1
    table[0, 0], table[1, 0] = 0, 1  # the same numbers elsewhere
    assert weighted() == 0


def test_what_a_function_holds_that_did_not_run_does_not_matter():
    held = np.zeros(4)

    class Model:
        def __init__(self):
            self.start = held.sum()

        def __call__(self):
            traced.append(1)
            return jnp.asarray(self.start + 1.0)

    traced: list[int] = []
    model = Model()
    f = jit(lambda: (model(), type(model).__init__)[0])
    f()
    held[:] = 5
    f()
    assert len(traced) == 1
    model.__init__()
    assert f() == 21


def test_what_runs_for_an_import_inside_a_function_is_no_part_of_it(monkeypatch, tmp_path):
    class Hook:
        """Knows all modules, as those of test runners and tracers do, and has code that mentions names of everything."""

        def __init__(self):
            self.known, self.asked = dict(sys.modules), []

        def find_spec(self, name, path=None, target=None):
            self.asked.append(name)
            return getattr(self.known.get(name), 'none', None)

    (tmp_path / 'imported_within.py').write_text('gain = 1.0\ndef scaled(x): return gain * x\nhalf = scaled(0.5)')
    hook, traces = Hook(), []
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, 'meta_path', [hook, *sys.meta_path])

    @jit
    def f(x):
        traces.append(x)
        import imported_within

        return imported_within.scaled(x) + imported_within.half

    assert float(f(2.0)) == 2.5
    assert 'imported_within' in hook.asked
    module = sys.modules['imported_within']
    try:
        hook.known.clear()
        hook.known['more'] = 1.0
        assert float(f(2.0)) == 2.5
        assert len(traces) == 1
        module.gain = 3.0  # what ran for the import is seen when the function calls it
        assert float(f(2.0)) == 6.5
        module.half = 1.0
        assert float(f(2.0)) == 7.0
    finally:
        del sys.modules['imported_within']


@pytest.mark.parametrize('kind', [list, tuple, dict])
def test_a_container_in_many_places_is_compared_once(kind):
    deepest = [1.0]
    inside = deepest
    for _ in range(40):  # 2 ** 40 ways lead to it
        inside = {'a': inside, 'b': inside} if kind is dict else kind((inside, inside))

    @jit
    def f(x):
        place = inside
        for _ in range(40):
            place = place['b'] if kind is dict else place[1]
        return place[0] * x

    assert float(f(2.0)) == 2.0
    assert float(f(2.0)) == 2.0
    for value in 2.0, 3.0, 4.0, 5.0, 6.0, 7.0:  # in the quick way of comparing, and when that is given up
        deepest[0] = value
        assert float(f(2.0)) == float(f(2.0)) == 2.0 * value
    box = {'deep': [1.0], 'again': None}
    box['again'] = box['deep']
    g = jit(lambda x: (box['deep'][0] + box['again'][0]) * x)
    assert float(g(1.0)) == float(g(1.0)) == 2.0
    box['again'] = [1.0]  # equal, and another one now
    assert float(g(1.0)) == float(g(1.0)) == 2.0
    box['again'][0] = 5.0
    assert float(g(1.0)) == float(g(1.0)) == 6.0
    box['deep'][0] = 2.0
    assert float(g(1.0)) == 7.0
