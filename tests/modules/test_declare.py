"""Declared parameters and variables: one declaration gives signature, checks and allocation."""

import inspect

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, ParamState, ShapeError, State, UnitError, nn
from brainpy_state.modules._describe import parameter_rows
from brainpy_state.transform import grad, jit


class Model(nn.Dynamics):
    """A model with one of each."""

    tau = nn.Parameter(5.0 * u.ms, nn.positive, 'time constant')
    gain = nn.Parameter(1.0, doc='a plain number')
    rest = nn.Parameter(-65.0 * u.mV, doc='start')
    delay = nn.Parameter(None, nn.non_negative, 'optional', like=1.0 * u.ms)

    rule = nn.Option('euler', ('euler', 'exact'), 'how it is computed')
    loud = nn.Option(False, (False, True), 'whether it is heard')
    combine = nn.Option(max, doc='of two values')

    V = nn.Variable('rest', 'starts at a parameter')
    n = nn.Variable(0, 'counter', kind=bst.ShortTermState, dtype=np.int32)
    late = nn.Variable(0.0, 'only with delay', when='delay')
    g = nn.Variable(0.0 * u.mS, 'any unit', any_unit=True)

    def update(self):
        self.V.value = self.V.value * self.gain
        return self.V.value


def test_defaults_are_those_of_the_declaration():
    model = Model(3)
    assert model.tau == 5.0 * u.ms
    assert model.gain == 1.0
    assert model.delay is None
    assert (model.varshape, model.in_size, model.out_size) == ((3,), (3,), (3,))


def test_the_signature_lists_parameters_and_initializers():
    parameters = inspect.signature(Model).parameters
    assert list(parameters) == [
        'in_size', 'name', 'rule', 'loud', 'combine', 'tau', 'gain', 'rest', 'delay', 'V_initializer', 'n_initializer', 'late_initializer', 'g_initializer',
    ]  # fmt: skip
    assert parameters['tau'].default == 5.0 * u.ms
    assert parameters['tau'].kind is inspect.Parameter.KEYWORD_ONLY


def test_a_subclass_inherits_and_overrides_declarations():
    class Slow(Model):
        tau = nn.Parameter(50.0 * u.ms, nn.positive, 'slower')
        extra = nn.Parameter(2.0, doc='more')

    assert Slow(1).tau == 50.0 * u.ms
    assert Slow(1).rest == -65.0 * u.mV
    assert set(Slow.parameters) == {*Model.parameters, 'extra'}
    assert Model(1).tau == 5.0 * u.ms


def test_declarations_of_several_bases_are_merged_in_their_order_of_resolution():
    class Adapting:
        """Another base, which is no model by itself."""

        tau = nn.Parameter(9.0 * u.ms, nn.positive, 'is taken instead of that of Model')
        strength = nn.Parameter(2.0, doc='of the adaptation')
        w = nn.Variable(0.0, 'adaptation')

    class Both(Adapting, Model):
        """A model from both."""

    assert list(Both.parameters) == [*Model.parameters, 'strength']
    assert list(Both.variables) == [*Model.variables, 'w']
    assert (Both(1).tau, Both(1, strength=3.0).strength) == (9.0 * u.ms, 3.0)
    assert nn.init_all_states(Both(2)).w.value.shape == (2,)


def test_a_plain_attribute_replaces_a_declaration():
    class Fixed(Model):
        tau = 1.0 * u.ms

    assert 'tau' not in Fixed.parameters
    assert Fixed(1).tau == 1.0 * u.ms
    with pytest.raises(TypeError, match="has no parameter 'tau'"):
        Fixed(1, tau=2.0 * u.ms)


def test_options_are_what_was_chosen():
    assert (Model(1).rule, Model(1).loud, Model(1).combine(1, 2)) == ('euler', False, 2)
    model = Model(1, rule='exact', loud=True, combine=min)
    assert (model.rule, model.loud, model.combine(1, 2)) == ('exact', True, 1)
    with pytest.raises(ParameterError, match="rule is 'magic'"):
        model.rule = 'magic'
    assert model.rule == 'exact'


def test_the_docstring_describes_what_is_declared():
    for text in (
        'tau : default 5 ms\n    Time constant; positive.',
        "rule : {'euler', 'exact'}, default 'euler'\n    How it is computed.",
        'loud : bool, default False\n    Whether it is heard.',
        'combine : default max\n    Of two values.',
        'V : HiddenState\n    Starts at a parameter, shape ``(batch, *size)``.',
    ):
        assert f'\n{text}\n' in Model.__doc__


def test_what_says_nothing_of_itself_is_described_by_its_name():
    class Bare(nn.Dynamics):
        """Says little."""

        tau = nn.Parameter(1.0)
        w = nn.Variable(0.0)

    for text in ('First w, or a callable', 'w : HiddenState\n    See the equations, shape', 'tau : default 1\n    See the equations.'):
        assert text in Bare.__doc__


def test_a_changed_option_is_seen_by_a_compiled_step():
    class Either(nn.Dynamics):
        """Gives one of two numbers."""

        of = nn.Parameter(1.0, doc='a number')
        sign = nn.Option('plus', ('plus', 'minus'), 'of the number')

        def update(self):
            return self.of if self.sign == 'plus' else -self.of

    model = Either(1)
    step = jit(model.update)
    assert step() == 1.0
    model.sign = 'minus'
    assert step() == -1.0


@pytest.mark.parametrize(
    ('size', 'shape'),
    [(3, (3,)), ((2, 3), (2, 3)), ([4], (4,)), (np.int64(5), (5,)), (0, (0,))],
    ids=['int', 'tuple', 'list', 'NumPy', 'zero'],
)
def test_sizes(size, shape):
    assert nn.init_all_states(Model(size)).V.value.shape == shape


@pytest.mark.parametrize('size', [0.5, -1, 'a', (2, -1), (), (1.5,)])
def test_bad_sizes_are_errors(size):
    with pytest.raises(ValueError, match='Model: a size is a non-negative integer or a tuple of them'):
        Model(size)


PARAMETER_FORMS = [
    ('float', 7.0 * u.ms),
    ('int', 7 * u.ms),
    ('other unit', 0.007 * u.second),
    ('array', np.full(3, 7.0) * u.ms),
    ('JAX array', jnp.full(3, 7.0) * u.ms),
    ('array of one', np.full(1, 7.0) * u.ms),
    ('callable', lambda shape: np.full(shape, 7.0) * u.ms),
    ('ParamState', ParamState(jnp.full(3, 7.0) * u.ms)),
    ('State', State(7.0 * u.ms)),
]


@pytest.mark.parametrize('value', [f[1] for f in PARAMETER_FORMS], ids=[f[0] for f in PARAMETER_FORMS])
def test_every_form_of_a_parameter_reads_as_its_value(value):
    tau = Model(3, tau=value).tau
    # 0.007 s is 7 ms to the last bits of float32
    np.testing.assert_allclose(np.broadcast_to(tau.to_decimal(u.ms), 3), 7.0, rtol=1e-6)


BAD_PARAMETERS = [
    ('no unit', {'tau': 5}, UnitError, r'tau = 5 has no unit, but needs one like ms; for example tau=5 \* u\.ms'),
    ('no unit, float', {'tau': 2.5}, UnitError, r'tau = 2\.5 has no unit, but needs one like ms; for example tau=2\.5 \* u\.ms'),
    ('no unit, array', {'tau': np.ones(3)}, UnitError, 'tau = .* has no unit, but needs one like ms'),
    (
        'wrong unit',
        {'rest': 1.0 * u.mA},
        UnitError,
        r'rest = 1\. mA has the unit mA, but needs one like mV; for example rest=1\.0 \* u\.mV',
    ),
    ('needless unit', {'gain': 1.0 * u.mV}, UnitError, 'gain has the unit mV, but is a plain number without a unit'),
    ('negative', {'tau': -5.0 * u.ms}, ParameterError, r'tau = -5\. ms must be positive'),
    ('zero', {'tau': 0.0 * u.ms}, ParameterError, r'tau = 0\. ms must be positive'),
    ('one of many', {'tau': np.array([1.0, -1.0, 1.0]) * u.ms}, ParameterError, 'tau = .* must be positive'),
    ('negative delay', {'delay': -1.0 * u.ms}, ParameterError, r'delay = -1\. ms must be zero or positive'),
    ('infinite', {'tau': np.inf * u.ms}, ParameterError, 'tau = .* is not finite'),
    ('not a number', {'rest': np.nan * u.mV}, ParameterError, 'rest = .* is not finite'),
    ('wrong shape', {'tau': np.ones(2) * u.ms}, ShapeError, r'tau has shape \(2,\), which does not broadcast to the size \(3,\)'),
    ('too many axes', {'tau': np.ones((4, 3)) * u.ms}, ShapeError, r'tau has shape \(4, 3\)'),
    ('text', {'tau': '5 ms'}, ParameterError, "tau must be a number, a quantity or an array, but is '5 ms'"),
    ('None', {'tau': None}, ParameterError, 'tau must be a number'),
    ('callable of a wrong unit', {'tau': lambda shape: np.ones(shape) * u.mV}, UnitError, 'tau = .* has the unit mV'),
    ('State of a wrong unit', {'tau': State(1.0 * u.mV)}, UnitError, 'tau = .* has the unit mV'),
    (
        'unknown name',
        {'tua': 1.0 * u.ms},
        TypeError,
        "has no parameter 'tua'; it has tau, gain, rest, delay, rule, loud, combine, V_initializer",
    ),
    ('unknown value of an option', {'rule': 'magic'}, ParameterError, "rule is 'magic', but must be one of 'euler', 'exact'"),
    ('number instead of a bool', {'loud': 1}, ParameterError, 'loud is 1, but must be one of False, True'),
    ('array as an option', {'rule': np.ones(2)}, ParameterError, r'rule is array\(\[1., 1.\]\), but must be one of'),
]


@pytest.mark.parametrize(('given', 'kind', 'message'), [c[1:] for c in BAD_PARAMETERS], ids=[c[0] for c in BAD_PARAMETERS])
def test_a_bad_parameter_is_one_clear_line_at_construction(given, kind, message):
    with pytest.raises(kind, match=f"^Model 'net.E':? {message}") as error:
        Model(3, name='net.E', **given)
    assert '\n' not in str(error.value)


def test_a_parameter_assigned_later_is_checked_too():
    model = Model(3)
    model.tau = 9.0 * u.ms
    assert model.tau == 9.0 * u.ms
    with pytest.raises(UnitError, match='tau = 9'):
        model.tau = 9.0


def test_a_state_as_parameter_is_part_of_the_tree_and_trainable():
    gain = ParamState(jnp.array(2.0))
    model = nn.init_all_states(Model(3, gain=gain))
    assert model.states(ParamState) == {('gain',): gain}

    def loss():
        nn.init_all_states(model)
        return u.math.sum(model()).to_decimal(u.mV)

    np.testing.assert_allclose(grad(loss, gain)(), 3 * -65.0)
    gain.value = jnp.array(3.0)
    nn.init_all_states(model)
    np.testing.assert_allclose(model().to_decimal(u.mV), np.full(3, 3 * -65.0))


def test_parameters_that_are_arrays_are_inputs_of_a_compiled_step():
    model = nn.init_all_states(Model(2, gain=jnp.array([2.0, 3.0])))
    np.testing.assert_allclose(jit(model)().to_decimal(u.mV), [-130.0, -195.0])


@pytest.mark.parametrize(('batch', 'shape'), [(None, (3,)), (4, (4, 3)), (1, (1, 3))])
def test_variables_have_the_size_and_the_batch_axis(batch, shape):
    model = nn.init_all_states(Model(3), batch_size=batch)
    assert {s.value.shape for s in model.states().values()} == {shape}


def test_variables_have_the_type_of_the_precision_and_of_their_declaration(precision):
    model = nn.init_all_states(Model(3))
    assert u.get_mantissa(model.V.value).dtype == f'float{precision}'
    assert model.n.value.dtype == np.int32
    assert type(model.n) is bst.ShortTermState
    assert type(model.V) is bst.HiddenState


def test_a_variable_starts_at_the_parameter_that_it_names():
    model = nn.init_all_states(Model(2, rest=-70.0 * u.mV))
    np.testing.assert_array_equal(model.V.value.to_decimal(u.mV), [-70.0, -70.0])


INITIALIZERS = [
    ('number', -60.0 * u.mV, [[-60.0, -60.0]] * 4),
    ('other unit', -0.06 * u.volt, [[-60.0, -60.0]] * 4),
    ('for each neuron', np.array([-60.0, -61.0]) * u.mV, [[-60.0, -61.0]] * 4),
    ('callable', lambda shape: -np.arange(np.prod(shape), dtype=float).reshape(shape) * u.mV, -np.arange(8.0).reshape(4, 2)),
]


@pytest.mark.parametrize(('initializer', 'expected'), [c[1:] for c in INITIALIZERS], ids=[c[0] for c in INITIALIZERS])
def test_initializers(initializer, expected):
    model = nn.init_all_states(Model(2, V_initializer=initializer), batch_size=4)
    np.testing.assert_allclose(model.V.value.to_decimal(u.mV), expected, rtol=1e-6)


def test_a_random_initializer_is_drawn_anew_at_each_start():
    model = Model(5, V_initializer=lambda shape: bst.random.uniform(-70.0 * u.mV, -60.0 * u.mV, shape))
    first = nn.init_all_states(model).V.value
    second = nn.init_all_states(model).V.value
    assert not np.array_equal(first.mantissa, second.mantissa)


def test_initializing_does_not_keep_the_memory_of_a_callers_array():
    start = np.array([1.0, 2.0], np.float32)
    model = nn.init_all_states(Model(2, V_initializer=start * u.mV))
    start[:] = 0.0
    np.testing.assert_array_equal(model.V.value.mantissa, [1.0, 2.0])


@pytest.mark.parametrize(
    ('given', 'kind', 'message'),
    [
        ({'V_initializer': 1.0}, UnitError, r'V_initializer = 1\.0 has no unit, but needs one like mV'),
        ({'V_initializer': 1.0 * u.mA}, UnitError, 'V_initializer = .* has the unit mA'),
        ({'V_initializer': np.ones(2) * u.mV}, ShapeError, r'V_initializer gives shape \(2,\), which does not broadcast to \(3,\)'),
    ],
)
def test_a_bad_initializer_is_one_clear_line(given, kind, message):
    with pytest.raises(kind, match=f"^Model 'E': {message}"):
        nn.init_all_states(Model(3, name='E', **given))


def test_a_variable_of_any_unit_takes_that_of_its_initializer():
    assert u.get_unit(nn.init_all_states(Model(1)).g.value) == u.mS
    assert u.get_unit(nn.init_all_states(Model(1, g_initializer=0.0 * u.pA)).g.value) == u.pA


def test_an_optional_variable_exists_only_with_its_parameter():
    with pytest.raises(AttributeError, match='Model has no late, because delay is None'):
        nn.init_all_states(Model(1)).late
    assert nn.init_all_states(Model(1, delay=1.0 * u.ms)).late.value.shape == (1,)


def test_a_variable_before_allocation_is_an_error_that_says_what_to_do():
    with pytest.raises(AttributeError, match=r"Model 'E': V is not allocated yet; call brainpy_state\.nn\.init_all_states\(model\)"):
        Model(1, name='E').V


def test_desc_describes_a_model_to_be_built_later():
    description = Model.desc(3, tau=9.0 * u.ms)
    a, b = description(), description(gain=2.0)
    assert a is not b
    assert (a.tau, b.gain, b.varshape) == (9.0 * u.ms, 2.0, (3,))


@pytest.mark.parametrize(
    ('shape', 'to', 'fits'), [((), (3,), True), ((3,), (3,), True), ((1,), (3,), True), ((4, 3), (3,), False), ((3,), (4, 3), True), ((2,), (3,), False), ((3,), (1,), False)]
)  # fmt: skip
def test_broadcasts_never_enlarges(shape, to, fits):
    assert nn.broadcasts(shape, to) is fits


def test_traced_parameters_skip_the_checks_of_values_but_not_of_units():
    seen = jax.jit(lambda tau: Model(1, tau=tau * u.ms).tau.to_decimal(u.ms))(-1.0)
    assert float(seen) == -1.0
    with pytest.raises(UnitError):
        jax.jit(lambda tau: Model(1, tau=tau * u.mV).tau.to_decimal(u.mV))(1.0)


def test_a_parameter_of_any_unit_is_checked_for_all_else():
    class Source(nn.Dynamics):
        """A source."""

        amplitude = nn.Parameter(None, nn.non_negative, 'in any unit', any_unit=True)

    assert Source(1, amplitude=2.0 * u.nA).amplitude == 2.0 * u.nA
    assert Source(1, amplitude=2.0).amplitude == 2.0
    with pytest.raises(ParameterError, match=r'amplitude = -2\. nA must be zero or positive'):
        Source(1, amplitude=-2.0 * u.nA)


@pytest.mark.parametrize('cls', [bst.LIF, bst.Expon])
def test_a_model_without_a_size_is_told_what_is_missing(cls):
    with pytest.raises(TypeError, match=rf'{cls.__name__}: in_size is missing.* write {cls.__name__}\.desc'):
        cls(tau=5.0 * u.ms)
    assert inspect.signature(cls).parameters['in_size'].default is inspect.Parameter.empty


def test_a_parameter_that_must_be_given_is_shown_as_required():
    rows = {name: default for name, default, _ in parameter_rows(bst.OUProcessInput)}
    assert rows == {'mean': 'required', 'sigma': 'required', 'tau': 'required'}
    assert 'required' not in [default for _, default, _ in parameter_rows(bst.LIFRef)]
