"""Assigning to models: parameters with their relations, states, and names that no declaration knows."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import AssignmentError, ParameterError, ParamState, ShapeError, UnitError, nn
from brainpy_state.transform import checkpointed_for_loop, for_loop, grad, jit, vmap

MS, MV, MA = 1.0 * u.ms, 1.0 * u.mV, 1.0 * u.mA

# A model, a parameter, what it must lie above (or below), and a value of it that does not.
RELATIONS = {
    'LIF': (bst.LIF, 'V_th', 'V_reset', 0.0 * MV),
    'LIF from below': (bst.LIF, 'V_reset', 'V_th', 1.0 * MV),
    'ExpIF': (bst.ExpIF, 'V_th', 'V_reset', -70.0 * MV),
    'AdQuaIFRef': (bst.AdQuaIFRef, 'V_th', 'V_reset', -70.0 * MV),
    'Gif': (bst.Gif, 'V_th_reset', 'V_reset', -70.0 * MV),
    'Izhikevich': (bst.Izhikevich, 'c', 'V_th', 30.0 * MV),
    'DualExpon': (bst.DualExpon, 'tau_rise', 'tau_decay', 10.0 * MS),
}


@pytest.fixture(autouse=True)
def clock():
    with bst.environ.context(dt=0.1 * MS):
        yield


@pytest.fixture(params=RELATIONS.values(), ids=RELATIONS)
def relation(request):
    return request.param


def test_a_relation_holds_for_what_is_assigned_later(relation):
    kind, name, other, bad = relation
    model = kind(2)
    before = getattr(model, name)
    for assign in (lambda: setattr(model, name, bad), lambda: model.set(**{name: bad})):
        with pytest.raises(ParameterError, match=rf'must lie above .*To change them together: model\.set\(.*{other}=') as error:
            assign()
        assert getattr(model, name) is before
        with pytest.raises(ParameterError) as at_construction:
            kind(2, **{name: bad})
        assert str(error.value).startswith(str(at_construction.value))


@pytest.mark.quick('^LIF$|Gif')
def test_a_relation_holds_for_what_is_trained(relation):
    kind, name, _, bad = relation
    state = ParamState(jnp.asarray(getattr(kind(2), name).mantissa) * getattr(kind(2), name).unit)
    model = nn.init_all_states(kind(2, **{name: state}))
    run = jit(lambda: for_loop(model, length=2) if isinstance(model, bst.Neuron) else for_loop(model, 0.0 * u.mS * jnp.ones(2)))
    run()
    before = {path: s.value for path, s in model.states().items()}
    state.value = bad * 1.0
    kept = {**before, (name,): state.value}
    for use in (run, model, lambda: getattr(model, name), lambda: kind(2, **{name: state})):
        with pytest.raises(ParameterError, match=f'{kind.__name__}: .*{name} = .*must lie above|must lie above {name} = '):
            use()
        assert all(s.value is kept[path] for path, s in model.states().items())
    state.value = before[name,]
    run()


def test_parameters_that_depend_on_each_other_are_changed_together():
    neuron = bst.LIF(2)
    neuron.set(V_reset=-60.0 * MV, V_th=-50.0 * MV, spk_reset='hard')
    assert (neuron.V_reset, neuron.V_th, neuron.spk_reset) == (-60.0 * MV, -50.0 * MV, 'hard')
    with pytest.raises(ParameterError, match='tau = -1'):
        neuron.set(V_reset=0.0 * MV, V_th=1.0 * MV, tau=-1.0 * MS)
    assert (neuron.V_reset, neuron.V_th, neuron.tau) == (-60.0 * MV, -50.0 * MV, 5.0 * MS)
    with pytest.raises(TypeError, match="LIF has no parameter 'Vth'; it has tau_ref"):
        neuron.set(Vth=1.0 * MV)


def test_an_option_that_a_model_does_not_have_is_refused_later_too():
    model = bst.HH(1)
    with pytest.raises(ParameterError, match="spk_reset='hard' is given, but this model has no reset"):
        model.spk_reset = 'hard'
    assert model.spk_reset == 'soft'


def test_a_compiled_step_goes_on_with_the_old_value_after_a_refusal():
    neuron = nn.init_all_states(bst.LIF(1))
    step = jit(lambda: (neuron(2.0 * MA), neuron.V.value)[1])
    step()
    with pytest.raises(ParameterError):
        neuron.V_th = -1.0 * MV
    assert 0 < step().mantissa[0] < 1


TRAINED = {
    'negative': (-1.0 * MS, ParameterError, r'tau = -1\. ms must be positive( and finite)?\.$'),
    'not a number': (np.nan * MS, ParameterError, 'tau = nan ms (is not|must be positive and) finite'),
    'of another unit': (5.0 * MV, UnitError, 'tau = .* has the unit mV'),
    'of a wrong shape': (np.ones(2) * MS, ShapeError, r'tau has shape \(2,\)'),
    'many': (-np.ones(9) * MS, ParameterError, r'tau = <array of shape \(9,\)> must be positive( and finite)?\.$'),
}
RUNS = {
    'for_loop': lambda step: for_loop(step, length=3),
    'checkpointed': lambda step: checkpointed_for_loop(lambda _: step(), jnp.arange(4)),
    'jit': lambda step: jit(step)(),
    'grad': lambda step: grad(lambda x: step().sum() * x)(1.0),
    'vmap': lambda step: vmap(lambda x: step() * 0 + x)(jnp.arange(2.0)),
    'eager': lambda step: step(),
}


@pytest.mark.slow
@pytest.mark.parametrize(('bad', 'kind', 'message'), TRAINED.values(), ids=TRAINED)
def test_a_trained_parameter_out_of_its_range_is_the_error_of_the_constructor(bad, kind, message):
    tau = ParamState(np.full(9, 5.0) * MS)
    neuron = bst.LIF(9, tau=tau, name='E')

    def step():
        return nn.init_all_states(bst.LIF(9, tau=tau, name='E'))(MA) + 0.0 * neuron.tau.mantissa

    for run in RUNS.values():
        run(step)
    tau.value = bad
    for run in RUNS.values():
        with pytest.raises(kind, match=f"^LIF 'E': {message}"):
            run(step)


@pytest.mark.slow
def test_a_parameter_trained_within_its_range_has_its_gradient():
    def count(make):
        tau = make()
        neuron = bst.LIF(2, tau=tau)

        def loss():
            nn.init_all_states(neuron)
            return for_loop(lambda: (neuron(0.5 * MA), neuron.V.value.mantissa.sum())[1], length=5).sum()

        return grad(loss, neuron.states(ParamState))()

    bare = count(lambda: ParamState(jnp.asarray(5.0) * MS))['tau',]
    param = count(lambda: nn.Param(5.0 * MS, nn.SoftplusT(1.0 * MS)))['tau', 'val']
    assert bare.mantissa < 0
    np.testing.assert_allclose(param.mantissa, bare.mantissa * (1 - np.exp(-4.0)), rtol=1e-5)


def test_a_parameter_that_a_loop_trains_is_checked_at_each_of_its_values():
    V_th = ParamState(jnp.asarray(1.0) * MV)
    neuron = nn.init_all_states(bst.LIF(1, V_th=V_th))

    def train(change):
        neuron(MA)
        V_th.value = V_th.value - change * MV

    for_loop(train, jnp.full(4, 0.2))
    for run in (lambda: for_loop(train, jnp.full(4, 0.1)), lambda: jit(lambda: for_loop(train, jnp.full(4, 0.1)))()):
        with pytest.raises(ParameterError, match='V_th = .* must lie above V_reset'):
            run()
        np.testing.assert_allclose(V_th.value.mantissa, 0.2, rtol=1e-5)


def test_a_loop_checks_before_its_first_step_what_it_does_not_write():
    neuron = nn.init_all_states(bst.LIF(9, tau=ParamState(np.full(9, 5.0) * MS)))
    lowered = jit(lambda: for_loop(lambda: neuron(MA), length=3)).lower().as_text()
    assert lowered.count('is_finite') == 1
    assert lowered.index('is_finite') < lowered.index('@brainpy_state_')


def test_values_that_are_known_only_at_run_time_are_checked_then():
    build = jit(lambda tau: bst.LIF(1, tau=tau * MS).tau)
    assert build(2.0) == 2.0 * MS
    with pytest.raises(ParameterError, match=r'LIF: tau = -2\. ms must be positive and finite'):
        build(-2.0)
    relate = jit(lambda high: bst.LIF(1, V_th=high * MV, name='{E}').V_th)
    with pytest.raises(ParameterError, match=r"LIF '\{E\}': V_th = -1\. mV must lie above V_reset = 0\. mV, or"):
        relate(-1.0)
    assert jax.jit(lambda tau: bst.LIF(1, tau=tau * MS).tau.mantissa)(-2.0) == -2.0  # where nothing can raise


def test_a_model_of_plain_parameters_has_no_check_in_its_program():
    neuron = nn.init_all_states(bst.LIF(2))
    with bst.StateTraceStack() as seen:
        for_loop(lambda: neuron(MA), length=2)
    assert set(seen.get_write_states()) == {neuron.V, neuron.spike}


def test_a_check_of_ones_own_with_a_python_condition_says_what_to_write():
    class Own(nn.Dynamics):
        """A model."""

        low = nn.Parameter(1.0)

        def check(self):
            if self.low > 2:
                raise ParameterError('too high')

    class Better(Own):
        """Another."""

        def check(self):
            self.require(self.low <= 2, 'low = {} is above {}.', self.low, 2)

    low = ParamState(jnp.asarray(1.0))
    with pytest.raises(jax.errors.ConcretizationTypeError) as error:
        jit(lambda: Own(1, low=low).low)()
    assert 'self.require(condition, text)' in ''.join(error.value.__notes__)
    model = Better(1, low=low)
    read = jit(lambda: model.low)
    read()
    low.value = jnp.asarray(3.0)
    with pytest.raises(ParameterError, match=r'Better: low = 3(\.0)? is above 2\.'):
        read()


@pytest.fixture
def net():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.E, self.more = bst.LIF(3), [{'I': bst.LIF(2, tau=ParamState(5.0 * MS))}]
            self.w = ParamState(jnp.ones(2))

    return nn.init_all_states(Net())


STATES = {
    'a variable': (lambda net: setattr(net.E, 'V', -60.0 * MV), AssignmentError, "LIF 'E': V is a variable .*V.value = .*V_initializer"),
    'a state': (lambda net: setattr(net, 'w', jnp.ones(2)), AssignmentError, r'Net: w is a ParamState.*model\.w\.value = '),
    'a trained parameter': (
        lambda net: setattr(net.more[0]['I'], 'tau', 9.0 * MS),
        AssignmentError,
        r"LIF 'more.0.I': the parameter tau was given as a ParamState.*model\.set\(tau=",
    ),
    'no unit': (
        lambda net: setattr(net.E.V, 'value', 3.0),
        UnitError,
        r"LIF 'E': V\.value = 3\.0 has .*no unit, expected shape \(3,\) .*mV",
    ),
    'another unit': (lambda net: setattr(net.E.V, 'value', 3.0 * MA), UnitError, "LIF 'E': V.value = .*the unit mA, expected"),
    'another shape': (
        lambda net: setattr(net.more[0]['I'].V, 'value', np.ones((4, 2)) * MV),
        ShapeError,
        r"LIF 'more.0.I': V.value = .* has shape \(4, 2\).*expected shape \(2,\).*init_all_states\(model, batch_size=",
    ),
    'several': (lambda net: net.states().assign_values({('w',): 1.0, ('E', 'V'): 1.0}), UnitError, "LIF 'E': V.value = 1.0"),
    'no number': (lambda net: setattr(net.E.V, 'value', 'rest'), ShapeError, "LIF 'E': V.value = rest has the type str"),
}


@pytest.mark.parametrize(('assign', 'kind', 'message'), STATES.values(), ids=STATES)
def test_a_state_is_not_replaced_by_a_value_and_keeps_unit_and_shape(net, assign, kind, message):
    before = {path: s.value for path, s in net.states().items()}
    with pytest.raises(kind, match=f'(?s)^{message}'):
        assign(net)
    assert list(net.states()) == list(before)
    assert all(s.value is before[path] for path, s in net.states().items())


def test_states_take_what_fits_and_initialising_changes_the_batch(net):
    net.E.V.value = np.full(3, -0.06) * u.volt
    net.E.V.value = jnp.ones(3) * MV
    nn.init_all_states(net, batch_size=2)
    assert net.E.V.value.shape == (2, 3)
    jit(lambda: nn.init_all_states(net) and None)()
    assert net.E.V.value.shape == (3,)
    net.more[0]['I'].set(tau=9.0 * MS)
    assert list(net.states(ParamState)) == [('w',)]
    net.w = None
    net.w = jnp.ones(2)
    clone = bst.graph.clone(net)
    with pytest.raises(UnitError, match='LIF: V.value'):
        clone.E.V.value = 1.0
    net.E.V.copy().value = 1.0


UNKNOWN = {
    'a misspelt parameter': (lambda n: setattr(n, 'Vth', MV), "LIF has no parameter 'Vth': is it 'V_th'; it has tau_ref"),
    'a misspelt option': (lambda n: setattr(n, 'spk_rest', 'hard'), "LIF has no parameter 'spk_rest': is it 'spk_reset'"),
    'a name of another simulator': (lambda n: setattr(n, 'E_L', -70.0 * MV), "LIF has no parameter 'E_L'; it has tau_ref"),
    'a number': (lambda n: setattr(n, 'leak', 3), "LIF has no parameter 'leak'; it has"),
    'a state': (lambda n: setattr(n, 'V_rset', ParamState(MV)), "LIF has no parameter 'V_rset': is it 'V_reset'"),
}


@pytest.mark.parametrize(('assign', 'message'), UNKNOWN.values(), ids=UNKNOWN)
def test_a_name_that_no_declaration_knows_is_refused_for_what_looks_like_a_parameter(assign, message):
    neuron = bst.LIF(2)
    with pytest.raises(AssignmentError, match=f'^{message}'):
        assign(neuron)
    assert vars(neuron).keys() == vars(bst.LIF(2)).keys()


def prepare(neuron):
    neuron.helped = 1.0


class Own(bst.LIF):
    """Sets attributes of its own wherever it likes."""

    def __init__(self, size, **params):
        self.early = 1.0
        super().__init__(size, **params)
        self.taus = [2.0 * MS]
        self.V_thr = 3.0 * MV
        [setattr(self, f'x{k}', float(k)) for k in range(2)]
        prepare(self)

    def init_state(self, batch_size=None):
        super().init_state(batch_size)
        self.steps = bst.ShortTermState(jnp.zeros(()))

    def update(self, x):
        self.last = 3.0 * MA
        return super().update(x)


def test_what_users_keep_on_models_is_kept():
    own = nn.init_all_states(Own(2))
    own(MA)
    assert (own.early, own.V_thr, own.x1, own.helped, own.last) == (1.0, 3.0 * MV, 1.0, 1.0, 3.0 * MA)
    own.last = 4.0 * MA  # is there already
    neuron = bst.LIF(2)
    neuron.comment, neuron._index, neuron.spikes, neuron.inner = 'x', 3, [], bst.LIF(1)
    neuron.extra = bst.State(1.0)
    net = nn.Module()
    net.E, net.V_th = neuron, 3.0
    assert list(net.states()) == [('E', 'extra')]
