"""Models that users write: what does not fit is one clear line, when the class is made or at its first step."""

# ruff: noqa: E741  (I is the current)

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ModelError, ShapeError, UnitError
from brainpy_state.neurons import Channel, ConductanceNeuron, Gate
from brainpy_state.nn import Parameter, Variable

from .models import number


def decays(self, w):
    return -w / self.tau


W = Variable(1.0 * u.mV)

# the base, what the class adds, and what the message must contain
CONTRADICTIONS = {
    'an equation without an order': (bst.LIF, {'w': W, 'dw': decays}, ('w has an equation', 'no order', "(('V', 'w'),)", "(('V',), ('w',))")),
    'an order that is one group': (bst.LIF, {'w': W, 'dw': decays, 'order': ('V', 'w')}, ("order = ('V', 'w')", "(('V', 'w'),)")),
    'an order of no names': (bst.LIF, {'order': 3}, ('order = 3', 'groups of names')),
    'an order of a name that there is not': (bst.LIF, {'order': (('V', 'w'),)}, ("order names 'w'", 'no variable', 'V')),
    'an order of a name that is misspelt': (
        bst.LIF, {'wext': W, 'dwext': decays, 'order': (('V', 'wxet'),)}, ("order names 'wxet'", "did you mean 'wext'?"),
    ),
    'an order that names one twice': (bst.LIF, {'order': (('V',), ('V',))}, ("'V' twice",)),
    'an order without V': (bst.ALIF, {'order': (('a',),)}, ('V has an equation', "(('a', 'V'),)")),
    'an order of a state of every neuron': (bst.LIF, {'order': (('V', 'spike'),)}, ("order names 'spike'",)),
    'a variable that was replaced': (bst.ALIF, {'a': 3.0}, ("order names 'a'", 'no variable')),
    'a variable without an equation': (bst.LIF, {'w': W, 'order': (('V', 'w'),)}, ('w stands in order', 'no equation', 'dw(self, w)')),
    'a parameter in the place of an equation': (
        bst.LIF, {'w': W, 'dw': Parameter(1.0 * u.mV), 'order': (('V', 'w'),)}, ('w stands in order', 'no equation'),
    ),
    'an equation without a variable': (bst.LIF, {'dw': decays}, ("dw is the equation of 'w'", 'no variable', 'w = Variable(...)')),
    'an equation in small letters': (bst.LIF, {'dv': lambda self, V: V}, ('dv', "'v'", 'did you mean dV?')),
    'an argument that is misspelt': (bst.LIF, {'dV': lambda self, V, J: V}, ('dV', "argument 'J'", 'I, V')),
    'a parameter as an argument': (bst.LIF, {'dV': lambda self, V, I, tau: V}, ('dV', "'tau'", 'self.tau')),
    'arguments without names': (bst.LIF, {'dV': lambda self, *V: V}, ('dV', '*V', 'by name')),
    'an argument of the threshold': (bst.LIF, {'threshold': lambda self, a: self.V_th}, ('threshold', "'a'", 'only V')),
    'the current as an argument of the threshold': (bst.LIF, {'threshold': lambda self, I: self.V_th}, ('threshold', "'I'")),
    'an argument of the jump': (bst.ALIF, {'jump': lambda self, b: {}}, ('jump', "argument 'b'", 'V, a')),
    'an argument of what follows at once': (bst.LIF, {'instantaneous': lambda self, m: {}}, ('instantaneous', "'m'", 'only V')),
    'a threshold that is a parameter': (bst.LIF, {'threshold': Parameter(1.0 * u.mV)}, ('threshold', 'method', 'V_th')),
    'a threshold that is a number': (bst.LIF, {'threshold': 1.0 * u.mV}, ('threshold', 'method', 'V_th')),
    'a variable that is named like the current': (bst.LIF, {'I': Variable(0.0 * u.mA)}, ('I names the current',)),
    'a parameter that is named like a state': (bst.LIF, {'delta': Parameter(0.0 * u.mV)}, ('delta', 'another name')),
    'a parameter that is named like a method': (bst.LIF, {'update': Parameter(0.0 * u.mV)}, ('update', 'method of Neuron')),
    'a threshold that is a variable': (bst.LIF, {'V_th': Variable(1.0 * u.mV)}, ('V_th', 'variable', 'threshold of its own')),
    'no threshold': (bst.Neuron, {'V': Variable(0.0 * u.mV), 'dV': lambda self, V: V}, ('no V_th', 'V_th = Parameter(...)')),
    'no reset': (
        bst.Neuron, {'V': W, 'dV': lambda self, V: V, 'V_th': Parameter(1.0 * u.mV)}, ('no V_reset', 'V_reset = Parameter(...)'),
    ),
    'delta inputs to nothing': (bst.LIF, {'delta_to': 'g'}, ("delta_to = 'g'", 'V')),
    'a first value of nothing': (
        bst.LIF, {'w': Variable('V_rset'), 'dw': decays, 'order': (('V', 'w'),)}, ('w is declared by', "'V_rset'", "'V_reset'"),
    ),
    'a channel with a gate that there is not': (bst.HH, {'channels': (Channel('gNa', 'ENa', mm=3),)}, ("'gNa'", "'mm'", 'no gate', 'm')),
    'a channel with a parameter that there is not': (bst.HH, {'channels': (Channel('gCa', 'ENa', m=3),)}, ("'gCa'", 'no parameter')),
    'channels that are one': (bst.HH, {'channels': Channel('gNa', 'ENa', m=3)}, ('channels', 'tuple of Channel')),
    'a gate with a speed that there is not': (
        bst.HH, {'k': Gate('k', lambda V: V, lambda V: V, speed='phi')}, ('the gate k', "'phi'", 'no parameter'),
    ),
    'a gate that is not integrated': (bst.HH, {'order': (('V', 'm', 'h'),)}, ('n has an equation', "'n'")),
    'an instantaneous gate that is integrated': (bst.WangBuzsakiHH, {'order': (('V', 'm', 'h', 'n'),)}, ("order names 'm'", 'steady state')),
    'a gate of a neuron without channels': (bst.LIF, {'k': Gate('k', lambda V: V, lambda V: V)}, ('k has an equation', "'k'")),
}  # fmt: skip


@pytest.mark.parametrize(('base', 'body', 'parts'), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_class_that_contradicts_itself_is_an_error_when_it_is_made(base, body, parts):
    with pytest.raises(ModelError) as error:
        type('Mine', (base,), body)
    message = str(error.value)
    assert isinstance(error.value, TypeError)
    assert message.startswith('Mine: ')
    assert [part for part in parts if part not in message] == []
    assert '\n' not in message


# the base, a class that is made and fails at its first step, the error, and what the message must contain
FAULTS = {
    'a derivative without a unit': (bst.LIF, {'dV': lambda self, V: 3.0}, UnitError, ('dV gives a plain number', 'mV / ms')),
    'a derivative that was not divided by a time': (bst.LIF, {'dV': lambda self, V: -V}, UnitError, ('dV gives the unit mV,', 'divide it by a time')),
    'a derivative of a plain number in mV': (
        bst.ALIF, {'da': lambda self, a: -1.0 * u.mV / u.ms}, UnitError, ('da', 'mV / ms', 'must give the unit 1 / ms', 'of a per time'),
    ),
    'units within an equation': (
        bst.LIF, {'dV': lambda self, V, I: (I - V) / self.tau}, UnitError,
        ('the units in dV', 'mV', 'mA', 'lambda self, V, I: (I - V) / self.tau', 'I: mA, V: mV'),
    ),
    'a function of a unit': (bst.LIF, {'dV': lambda self, V: u.math.exp(V) * V / self.tau}, UnitError, ('the units in dV', 'exp')),
    'a power of a unit': (bst.LIF, {'dV': lambda self, V: V**V / self.tau}, UnitError, ('the units in dV', 'V: mV')),
    'units within a jump': (bst.ALIF, {'jump': lambda self, V: {'a': V + 1.0 * u.mA}}, UnitError, ('the units in jump',)),
    'a derivative of another shape': (bst.LIF, {'dV': lambda self, V: jnp.ones(2) * u.mV / u.ms}, ShapeError, ('dV', '(2,)', '(3,)')),
    'a derivative of a larger shape': (bst.LIF, {'dV': lambda self, V: jnp.ones((4, 3)) * u.mV / u.ms}, ShapeError, ('dV', '(4, 3)')),
    'a derivative that is not returned': (bst.LIF, {'dV': lambda self, V: None}, ModelError, ('dV gives None', 'mV / ms')),
    'complex numbers': (bst.LIF, {'dV': lambda self, V: V * 1j / self.tau}, ModelError, ('dV gives complex numbers',)),
    'a threshold without a unit': (bst.LIF, {'threshold': lambda self: 1.0}, UnitError, ('threshold gives a plain number', 'mV')),
    'a threshold of another shape': (bst.LIF, {'threshold': lambda self: np.ones(2) * u.mV}, ShapeError, ('threshold', '(2,)')),
    'a width in mA': (bst.LIF, {'spk_width': Parameter(1.0 * u.mA)}, UnitError, ('spk_width', 'mA', 'mV')),
    'a jump of V': (bst.LIF, {'jump': lambda self, V: {'V': V}}, ModelError, ('jump must not give V', 'V_reset')),
    'a jump of V without a reset': (bst.HH, {'jump': lambda self, V: {'V': V}}, ModelError, ('jump must not give V', 'no reset')),
    'a jump of nothing': (bst.ALIF, {'jump': lambda self, a: {'aa': a}}, ModelError, ("jump gives 'aa'", 'only a', "did you mean 'a'?")),
    'a jump in another unit': (bst.ALIF, {'jump': lambda self, a: {'a': 1.0 * u.mV}}, UnitError, ('jump of a', 'mV', 'a plain number')),
    'a jump of another shape': (bst.ALIF, {'jump': lambda self, a: {'a': np.ones(2)}}, ShapeError, ('jump of a', '(2,)', '(3,)')),
    'a jump without a name': (bst.ALIF, {'jump': lambda self, a: a + 1.0}, ModelError, ('jump gives', 'dict')),
    'a jump that is not returned': (bst.ALIF, {'jump': lambda self, a: None}, ModelError, ('jump gives None', 'dict')),
    'what follows at once under the name of a variable': (
        bst.LIF, {'instantaneous': lambda self, V: {'V': V}}, ModelError, ("instantaneous gives 'V'", 'another name'),
    ),
    'an argument that nothing gives': (
        bst.MorrisLecar, {'dV': lambda self, V, N: V}, ModelError, ('dV', "argument 'N'", 'I, M, V, W'),
    ),
    'a rate with a unit': (
        bst.HH, {'m': Gate('m', lambda V: 1.0 / u.ms, lambda V: 1.0 / u.ms)}, UnitError, ('dm', 'must give the unit 1 / ms'),
    ),
    'a spike that is no number': (bst.LIF, {'spk_fun': staticmethod(lambda x: x >= 0)}, bst.ParameterError, ('spk_fun gives bool',)),
}  # fmt: skip


@pytest.mark.quick('unit|shape|jump')
@pytest.mark.parametrize('method', ['exp_euler', 'rk4'])
@pytest.mark.parametrize(('base', 'body', 'kind', 'parts'), FAULTS.values(), ids=FAULTS)
def test_an_equation_that_gives_what_it_must_not_is_an_error_at_the_first_step(base, body, kind, parts, method, dt):
    mine = type('Mine', (base,), body)
    neuron = bst.nn.init_all_states(mine(3, name='E', tau_ref=1.0 * u.ms, method=method))
    before = {path: number(state.value).copy() for path, state in neuron.states().items()}
    for step in (neuron, lambda: bst.transform.for_loop(neuron, length=2)):
        with pytest.raises(kind) as error:
            step()
        message = str(error.value)
        assert type(error.value) is kind
        assert message.startswith("Mine 'E': ")
        assert [part for part in parts if part not in message] == []
        assert 'Trace' not in message
        assert '\n' not in message
    for path, state in neuron.states().items():
        np.testing.assert_array_equal(number(state.value), before[path])


def test_the_current_of_a_receptor_and_the_unit_of_jumps_are_checked_too(dt):
    class Wrong(bst.SynOut):
        def current(self, g, V):
            return g

    post = bst.LIF(3, name='E')
    bst.AlignPostProj(comm=bst.one_to_one(3, 3, weight=1.0 * u.mS), post=post, syn=bst.Expon.desc(), out=Wrong.desc())
    with pytest.raises(UnitError, match=r"LIF 'E': the current of Receptor .* gives the unit mS, but must give the unit mA"):
        bst.nn.init_all_states(post)()

    class Jumps(bst.LIF):
        delta_like = 1.0 * u.mA

    post = Jumps(3)
    bst.DeltaProj(comm=lambda x: x, post=post)
    with pytest.raises(UnitError, match='Jumps: delta_like gives the unit mA, but must give the unit mV, as V has'):
        bst.nn.init_all_states(post)()


def test_bases_may_leave_anything_to_the_models_made_of_them(dt):
    class Slow(bst.Neuron):
        """A variable of its own, for any model."""

        order = (('V', 'w'),)
        tau_w = Parameter(100.0 * u.ms)
        w = Variable(0.0 * u.mV)

        def dw(self, V, w):
            return (V - w) / self.tau_w

    class Threshold(bst.Neuron):
        """V without its equation."""

        V_th, V_reset = Parameter(1.0 * u.mV), Parameter(0.0 * u.mV)
        V = Variable('V_reset')

    class Table(ConductanceNeuron):
        """Gates without channels."""

        V = Variable(0.0 * u.mV)
        m = Gate('m', lambda V: 1.0, lambda V: 1.0)

    for base, missing in ((Slow, 'no variable V'), (Threshold, 'V has no equation'), (Table, 'no channels'), (bst.Neuron, 'no variable V')):
        with pytest.raises(ModelError, match=f'{base.__name__}: .*{missing}'):
            base(1)

    class Both(Slow, Threshold):
        def dV(self, V, w, I):
            return (-V - w + 1.0 * u.ohm * I) / (10.0 * u.ms)

    class Cell(Table):
        g, E = Parameter(1.0 * u.mS), Parameter(10.0 * u.mV)
        channels = (Channel('g', 'E', m=1),)

    neurons = bst.nn.init_all_states([Both(1), Cell(1)])
    bst.transform.for_loop(lambda: (neurons[0](5.0 * u.mA), neurons[1]()), length=10)
    assert all(number(x)[0] > 0 for x in (neurons[0].w.value, neurons[1].V.value))


def test_a_conductance_neuron_integrates_all_that_has_an_equation_and_its_own_equation_of_v(dt):
    class Calcium(bst.HH):
        Ca = Variable(1.0)

        def dCa(self, Ca):
            return -Ca / (10.0 * u.ms)

        def dV(self, I, **values):
            return super().dV(I, **values) + values['Ca'] * 0.0 * u.mV / u.ms

        def dm(self, V, m):
            return 0.0 * m / u.ms

    assert Calcium.order == (('V', 'm', 'h', 'n', 'Ca'),)
    neuron = bst.nn.init_all_states(Calcium(1, V_initializer=-65.0 * u.mV, m_initializer=0.25))
    bst.transform.for_loop(lambda: neuron(0.0 * u.uA), length=100)
    np.testing.assert_allclose(neuron.Ca.value, np.exp(-1.0), rtol=1e-5)
    np.testing.assert_array_equal(neuron.m.value, 0.25)


def test_arguments_may_have_defaults_and_equations_may_be_static(dt):
    class Mine(bst.LIF):
        @staticmethod
        def dV(V, I, scale=2.0):
            return (scale * I * u.ohm - V) / (5.0 * u.ms)

        def threshold(self, **values):
            return self.V_th + 0.0 * values['V']

    mine, other = bst.nn.init_all_states([Mine(2), bst.LIF(2, R=2.0 * u.ohm)])
    bst.transform.for_loop(lambda: (mine(1.0 * u.mA), other(1.0 * u.mA)), length=100)
    np.testing.assert_array_equal(number(mine.V.value), number(other.V.value))


def test_an_error_of_another_kind_within_an_equation_is_shown_as_it_is(dt):
    class Mine(bst.LIF):
        def dV(self, V):
            return V / self.tau_m

    with pytest.raises(AttributeError, match='tau_m'):
        bst.nn.init_all_states(Mine(1))()


def test_a_power_of_a_gate_is_a_positive_integer():
    for power in (0, -1, 1.5):
        with pytest.raises(ModelError, match=f"Channel\\('g', 'E'\\): the power of m must be an integer of 1 or more, but is {power}"):
            Channel('g', 'E', m=power)


def test_checks_cost_nothing_in_a_compiled_step(dt):
    calls = []

    class Watched(bst.ALIF):
        def da(self, a):
            calls.append(a)
            return super().da(a)

    neuron = bst.nn.init_all_states(Watched(1))
    step = bst.transform.jit(lambda: neuron(1.0 * u.mA))
    step()
    first = len(calls)
    for _ in range(3):
        step()
    assert len(calls) == first
    assert all(isinstance(a, jax.core.Tracer) for a in calls)
