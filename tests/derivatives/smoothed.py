"""The program whose derivative is that of a spiking program.

A spike is a step of the margin to the threshold, with a surrogate in the place of its derivative. So the derivative of a run is that of a
program in which each spike is what it was in the run, and changes as the integral of the surrogate does. That program is smooth.
"""

import inspect

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.numerics import with_unit
from brainpy_state.transform import for_loop, grad, jit

TOLERANCE = 1e-5  # relative
STEPS = 1e-4, 1e-6  # of central differences, relative: the first rounds less, the second sees less of the curvature


def integral(margin):
    """Of the surrogate."""
    return jax.nn.sigmoid(4.0 * margin)


@jax.custom_jvp
def step_of(margin):
    return (margin >= 0).astype(margin.dtype)


@step_of.defjvp
def _(primals, tangents):
    return step_of(*primals), jax.jvp(integral, primals, tangents)[1]


class Spike:
    """The spike function of a model: of the program itself, or, with the margins of a run, of the smoothed one."""

    def __init__(self):
        self.begin(None)

    def begin(self, run):
        self.run, self.seen = run, []

    def __call__(self, margin):
        self.seen.append(margin)
        if self.run is None:
            return step_of(margin)
        there = self.run[len(self.seen) - 1]
        return step_of(there) + integral(margin) - integral(there)


def smooth_reset(value, spike, old):
    """What the derivative of `reset_to` is that of."""
    return old + spike * (value - old)


def weighted(results, sizes):
    """One number in which all results count about alike."""
    rng = np.random.default_rng(5)
    return sum(jnp.sum(rng.normal(size=x.shape) * x) / size for x, size in zip(results, sizes, strict=True))


def numbers(results):
    return [jnp.asarray(u.get_mantissa(x), float) for x in jax.tree.leaves(results, is_leaf=lambda x: isinstance(x, u.Quantity))]


def public(base):
    """All public classes of a base that can be used, by name; another name of the same class counts once."""
    found = {name: x for name, x in vars(bst).items() if inspect.isclass(x) and issubclass(x, base) and x is not base}
    return {name: cls for name, cls in found.items() if name == cls.__name__}


def trained_values(cls, size, untrained=('tau_ref', 'T_dur')):
    """A value for each parameter, zero ones moved a little, and first values of the variables."""
    plain = bst.nn.init_all_states(cls(size))
    given = {}
    for name in cls.parameters:
        value = getattr(plain, name)
        if value is not None and name not in untrained:
            number, unit = np.asarray(u.get_mantissa(value), float), u.get_unit(value)
            given[name] = with_unit(jnp.asarray(np.where(number == 0, 0.01, number)), unit)
    rng = np.random.default_rng(2)
    for path, state in plain.states(bst.HiddenState).items():
        number, unit = np.asarray(u.get_mantissa(state.value), float), u.get_unit(state.value)
        given[f'{path[-1]}_initializer'] = with_unit(jnp.asarray(number + 0.01 * rng.random(number.shape)), unit)
    return given


class Program:
    """A model and its step.

    Parameters
    ----------
    model : Module
        What is initialised before a run.
    step : callable
        ``step(x)`` gives what counts.
    xs : array
        The input of each step.
    spike : Spike
        The spike function of the model.
    """

    def __init__(self, model, step, xs, spike):
        self.model, self.step, self.xs, self.spike = model, step, xs, spike

    def run(self, run=None, sizes=None):
        """The loss, and the margins and sizes of the run."""
        bst.nn.init_all_states(self.model)

        def one(x, run):
            self.spike.begin(run)
            return numbers(self.step(x)), self.spike.seen

        if run is None:
            results, seen = for_loop(lambda x: one(x, None), self.xs)
        else:
            results, seen = for_loop(one, self.xs, run)
        if sizes is None:
            sizes = [jax.lax.stop_gradient(jnp.max(jnp.abs(x)) + 1e-12) for x in results]
        return weighted(results, sizes), (seen, sizes, results)


def derivatives(program, twin, states, monkeypatch, copies=None):
    """Of each state: the derivative of the program in a direction, and central differences of the smoothed twin.

    Parameters
    ----------
    program, twin : Program
        Of two models.
    states, copies : dict of State
        By which, of the program and of its twin; by default both have the same.
    """
    for state in [*states.values(), *(copies or {}).values()]:  # Python's numbers would each make the programs again once they are arrays
        state.value = with_unit(jnp.asarray(np.asarray(u.get_mantissa(state.value))), u.get_unit(state.value))
    slopes, loss, (margins, sizes, results) = jit(grad(program.run, states, has_aux=True, return_value=True))()
    with monkeypatch.context() as patch:
        patch.setattr('brainpy_state.neurons._neuron.reset_to', smooth_reset)
        smooth = jit(lambda: twin.run(margins, sizes)[0])
        assert float(smooth()) == pytest.approx(float(loss), rel=1e-9, abs=1e-9)
        found = {}
        for k, (key, state) in enumerate((copies or states).items()):
            start, unit = np.asarray(u.get_mantissa(state.value)), u.get_unit(state.value)
            slope = np.asarray(u.get_mantissa(slopes[key]))
            assert np.all(np.isfinite(slope)), f'{key}: {slope}'
            direction = np.random.default_rng(k).normal(size=start.shape) * np.maximum(np.abs(start), 1e-3) if start.ndim else start
            values = {}
            for n in (-2, -1, 1, 2):
                for h in STEPS:
                    state.value = with_unit(jnp.asarray(start + n * h * direction), unit)
                    values[n, h] = float(smooth())
            state.value = with_unit(jnp.asarray(start), unit)
            differences = [(8 * (values[1, h] - values[-1, h]) - (values[2, h] - values[-2, h])) / (12 * h) for h in STEPS]
            wanted = float(np.sum(slope * direction))
            nearest = min(differences, key=lambda x: abs(x - wanted))
            found[key] = wanted, nearest, float(np.sum(np.abs(slope * direction)))
    return found, results


def agree(found, but=()):
    """Check derivatives, and that none is zero but those that are named."""
    wrong = {key: (a, b) for key, (a, b, size) in found.items() if abs(a - b) > TOLERANCE * max(abs(b), 0.1 * size) + 1e-9}
    assert not wrong, f'derivatives, and central differences: {wrong}'
    silent = {key for key, (_, _, size) in found.items() if size == 0}
    assert silent == set(but), f'no derivative by {sorted(map(str, silent))}'
