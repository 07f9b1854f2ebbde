"""Synapses that users write: what does not fit is one clear line, when the class is made or at its first step."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ModelError, ShapeError, UnitError
from brainpy_state.nn import Parameter


def nothing(self, *args):
    """Change nothing."""


# the base, what the class adds, and what the message must contain
CONTRADICTIONS = {
    'too few arguments': (bst.GatedSynapse, {'gating': lambda self, T: None}, ('gating(self, T)', 'gating(self, T, dt)')),
    'too many arguments': (bst.ShortTermPlasticity, {'recover': lambda self, dt, x: None}, ('recover(self, dt, x)', 'recover(self, dt)')),
    'arguments that have changed places': (bst.GatedSynapse, {'gating': lambda self, dt, T: None}, ('gating(self, T, dt)',)),
    'an output without the potential': (bst.COBA, {'current': lambda self, g: g}, ('current(self, g)', 'current(self, g, V)')),
    'a parameter in the place of a method': (bst.GatedSynapse, {'gating': Parameter(1.0)}, ('gating', 'method of GatedSynapse')),
    'a number in the place of a method': (bst.ShortTermPlasticity, {'release': 0.5}, ('release must be a method', '0.5')),
    'a receiver without input': (bst.Expon, {'receive': lambda self: None}, ('receive(self)', 'receive(self, x)')),
}


@pytest.mark.parametrize(('base', 'body', 'parts'), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_method_that_cannot_be_called_is_an_error_when_the_class_is_made(base, body, parts):
    with pytest.raises(ModelError) as error:
        type('Mine', (base,), body)
    message = str(error.value)
    assert message.startswith('Mine: ')
    assert [part for part in parts if part not in message] == []


def writes(value):
    def method(self, *args):
        state = getattr(self, 's', None) or self.x
        state.value = value

    return method


# the base, what the class adds, the error, and what the message must contain
FAULTS = {
    'gates with a unit': (bst.GatedSynapse, {'gating': writes(jnp.ones(3) * u.mM)}, UnitError, ('mM', 'no unit')),
    'gates of another shape': (bst.GatedSynapse, {'gating': writes(jnp.ones(5))}, ShapeError, ('(5,)', '(3,)')),
    'resources with a unit': (
        bst.ShortTermPlasticity, {'release': lambda self, s: s, 'recover': writes(jnp.ones(3) * u.ms)}, UnitError, ('x', 'ms'),
    ),
    'a release with a unit': (
        bst.ShortTermPlasticity, {'release': lambda self, s: s * u.mV, 'recover': nothing}, UnitError, ('released', 'mV'),
    ),
    'a release of another shape': (
        bst.ShortTermPlasticity, {'release': lambda self, s: jnp.ones(5), 'recover': nothing}, ShapeError, ('released', '(5,)', '(3,)'),
    ),
    'a release that is not returned': (bst.ShortTermPlasticity, {'release': nothing, 'recover': nothing}, ModelError, ('release gives None',)),
}  # fmt: skip


@pytest.mark.parametrize(('base', 'body', 'kind', 'parts'), FAULTS.values(), ids=FAULTS)
def test_a_method_that_spoils_a_state_is_an_error_that_leaves_it_as_it_was(base, body, kind, parts, dt):
    synapse = bst.nn.init_all_states(type('Mine', (base,), body)(3, name='syn'))
    before = {path: np.array(state.value) for path, state in synapse.states(bst.HiddenState).items()}
    for step in (lambda: synapse(1.0), lambda: bst.transform.for_loop(lambda: synapse(1.0), length=2)):
        with pytest.raises(kind) as error:
            step()
        message = str(error.value)
        assert message.startswith("Mine 'syn': ")
        assert [part for part in parts if part not in message] == []
        assert 'Trace' not in message
    for path, state in synapse.states(bst.HiddenState).items():
        np.testing.assert_array_equal(np.array(state.value), before[path])


def test_methods_may_name_their_arguments_as_they_like(dt):
    class Constant(bst.ShortTermPlasticity):
        def release(self, arriving, share=0.5):
            return share * arriving

        def recover(self, *times):
            """Change nothing."""

    np.testing.assert_array_equal(bst.nn.init_all_states(Constant(2))(np.array([1.0, 0.0])), [0.5, 0.0])


@pytest.mark.slow
@pytest.mark.parametrize('n', [0, 1, 2, 5])
def test_several_spikes_of_an_own_rule_act_one_after_the_other(n, dt):
    class Halving(bst.ShortTermPlasticity):
        def release(self, spikes):
            released = 0.5 * spikes * self.x.value
            self.x.value = self.x.value - released
            return released

        def recover(self, dt):
            pass

    synapse = bst.nn.init_all_states(Halving(2))
    released = bst.transform.for_loop(lambda x: synapse(x), jnp.array([[float(n), 1.0]]))
    np.testing.assert_allclose(released, [[1 - 0.5**n, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(synapse.x.value, [0.5**n, 0.5], rtol=1e-6)
