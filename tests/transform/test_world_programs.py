"""Programs are found again by what a function refers to, and do not keep it alive."""

import dataclasses
import functools
import gc
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
        self.traces = []

    def update(self, x):
        self.traces.append(x)
        return self.weight.value * self.factor * x


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


@pytest.mark.quick('for_loop|grad|jit|run')
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
    monkeypatch.setattr('brainpy_state.transform._programs._MOST_PROGRAMS', 4)
    monkeypatch.setattr('brainpy_state.transform._program._MOST_SIGNATURES', 1)
    traces = []

    @jit(static_argnums=0)
    def step(n):
        traces.append(n)
        return jnp.array(n)

    for n in (0, 1, 2, 3, 0, 4, 3, 2, 1, 4, 0):
        step(n)
    assert traces == [0, 1, 2, 3, 4, 0]
