"""The derivative of every synapse and output by everything that can be trained equals central differences."""

import itertools

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import GatedSynapse, ShortTermPlasticity, Synapse, SynOut

from .smoothed import Program, Spike, agree, derivatives, public, trained_values

pytestmark = pytest.mark.usefixtures('x64')

SIZE, STEPS = 3, 40
RNG = np.random.default_rng(1)
SPIKES = RNG.integers(0, 3, (STEPS, SIZE)) * (RNG.random((STEPS, SIZE)) < 0.4)


def forms(cls):
    """All combinations of a class's options."""
    return [dict(zip(cls.options, each, strict=True)) for each in itertools.product(*(option.allowed for option in cls.options.values()))]


CASES = [(name, form) for base in (Synapse, GatedSynapse, ShortTermPlasticity) for name, cls in public(base).items() for form in forms(cls)]


def named(case):
    return '-'.join(map(str, [case[0], *case[1].values()]))


@pytest.mark.slow
@pytest.mark.parametrize('case', CASES, ids=named)
def test_every_synapse(case, dt, monkeypatch):
    name, options = case
    cls = getattr(bst, name)
    states = {key: bst.ParamState(value) for key, value in trained_values(cls, SIZE).items()}
    synapse, given = cls(SIZE, **states, **options), dict(states)
    variables = [key.removesuffix('_initializer') for key in states if key.endswith('_initializer')]
    unit = u.mS if issubclass(cls, Synapse) else u.UNITLESS
    if not issubclass(cls, ShortTermPlasticity):  # what is no number of spikes is an error there
        given['size'] = bst.ParamState(jnp.array([0.2, 0.3, 0.4]))

    def step(x):
        return [synapse((x * given['size'].value if 'size' in given else x) * unit), *(getattr(synapse, name).value for name in variables)]

    program = Program(synapse, step, jnp.asarray(SPIKES, float), Spike())
    agree(derivatives(program, program, given, monkeypatch)[0])


@pytest.mark.slow
@pytest.mark.parametrize('name', public(SynOut))
def test_every_output(name, dt, monkeypatch):
    cls = getattr(bst, name)
    states = {key: bst.ParamState(value) for key, value in trained_values(cls, 1).items()}
    out, states['g'], states['V'] = (
        cls(**states),
        bst.ParamState(jnp.array([0.1, 2.0]) * u.nS),
        bst.ParamState(jnp.array([-70.0, -20.0]) * u.mV),
    )
    program = Program(out, lambda x: [out.current(states['g'].value * x, states['V'].value * x)], jnp.linspace(0.5, 1.5, 3), Spike())
    agree(derivatives(program, program, states, monkeypatch)[0], but={'V'} if name == 'CUBA' else ())


def test_derivatives_of_blocked_receptors_are_finite_far_below_rest():
    V = jnp.array([-3000.0, -1400.0, -65.0], jnp.float32)
    out = bst.MgBlock(cc_Mg=bst.ParamState(1.2))
    slopes = bst.transform.grad(
        lambda V: jnp.sum(out.current(1.0 * u.nS, V * u.mV).to_decimal(u.pA)), out.states(bst.ParamState), argnums=0
    )(V)
    assert all(np.all(np.isfinite(x)) for x in (slopes[1], *slopes[0].values()))


def test_the_duration_of_a_pulse_is_refused_by_name(dt):
    synapse = bst.AMPA(2, T_dur=bst.ParamState(1.0 * u.ms))

    def loss():
        bst.nn.init_all_states(synapse)
        return synapse(jnp.ones(2)).sum() / u.mS

    with pytest.raises(bst.ParameterError, match='AMPA: T_dur acts in whole steps, so there is no derivative'):
        bst.transform.grad(loss, synapse.states(bst.ParamState))()
