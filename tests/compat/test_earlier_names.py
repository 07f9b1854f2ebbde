"""Names, rooms and arguments of earlier versions, as scripts of then use them."""

import braintools
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from brainpy_state.compat.brainstate.augment import vmap
from brainpy_state.compat.brainstate.init import KaimingNormal
from brainpy_state.compat.brainstate.nn.init import LecunNormal

import brainpy_state as bst
from brainpy_state import ParameterError
from brainpy_state.compat import brainpy, brainstate
from brainpy_state.compat.brainstate.event import FixedProb


def test_rooms_are_found_by_their_paths():
    assert brainstate.init is braintools.init and KaimingNormal is braintools.init.KaimingNormal
    assert brainstate.nn.KaimingNormalInit is brainstate.nn.init.KaimingNormal and LecunNormal is brainstate.nn.LecunNormalInit
    assert brainstate.event.FixedProb is FixedProb and vmap is brainstate.transform.vmap
    assert brainpy.LIF is brainpy.state.LIF and brainpy.Expon is brainstate.nn.Expon
    for room, name in ((brainpy, '_fill'), (brainpy, 'Lif'), (brainstate.nn, 'NoSuchInit'), (brainstate.event, 'EventArray')):
        with pytest.raises(AttributeError, match=name):
            getattr(room, name)


def test_earlier_names_make_the_same():
    values = brainstate.nn.param(brainstate.nn.ConstantInit(-60.0 * u.mV), (3,))
    np.testing.assert_array_equal(values.to_decimal(u.mV), [-60.0] * 3)
    synapses = brainstate.event.FixedProb(4, 10, prob=0.5, weight=2.0)
    assert float(synapses(jnp.array([True, False, True, False])).sum()) == 2 * 5 * 2.0
    dense = brainstate.event.Linear(2, 3, weight=jnp.ones((2, 3)))
    np.testing.assert_array_equal(dense(jnp.array([1.0, 0.0])), jnp.ones(3))


def test_a_shape_under_its_earlier_name():
    class Rate(brainstate.nn.Dynamics):
        def __init__(self, size, keep_size=False):
            super().__init__(size=size, keep_size=keep_size)

    assert Rate((2, 3)).varshape == (6,) and Rate((2, 3), keep_size=True).varshape == (2, 3)
    assert brainpy.state.Expon(size=4, tau=5.0 * u.ms).varshape == brainpy.state.Neuron(size=4).varshape == (4,)


@pytest.mark.slow
def test_arguments_under_their_earlier_names():
    random = brainstate.random
    random.seed(seed_or_key=1)
    first = random.binomial(8, 0.5, 6, check_valid=False)
    random.seed(1)
    np.testing.assert_array_equal(first, random.binomial(8, 0.5, 6))
    np.testing.assert_array_equal(random.RandomState(seed_or_key=2).rand(3), random.RandomState(2).rand(3))
    assert random.randn_like(input=jnp.ones((2, 3))).shape == (2, 3)
    handle = brainstate.register_state_hook(hook_type='read', callback=lambda context: None)
    assert brainstate.has_state_hooks(hook_type='read') and len(brainstate.list_state_hooks(hook_type='read')) == 1
    handle.remove()
    np.testing.assert_array_equal(brainstate.transform.vector_grad(func=lambda x: x**2)(jnp.ones(2)), [2.0, 2.0])
    with pytest.raises(TypeError, match='seed_or_key and seed are one argument'):
        random.seed(seed=1, seed_or_key=2)


def test_a_bias_of_zeros_takes_no_draw():
    brainstate.random.seed(0)
    layer = brainstate.nn.Linear(3, 2)
    after = brainstate.random.rand(4)
    brainstate.random.seed(0)
    alone = brainstate.nn.Linear(3, 2, b_init=None)
    np.testing.assert_array_equal(after, brainstate.random.rand(4))
    np.testing.assert_array_equal(layer.weight.value['weight'], alone.weight.value['weight'])
    np.testing.assert_array_equal(layer(jnp.ones(3)), alone(jnp.ones(3)))
    unit = brainstate.nn.Linear(3, 2, w_init=braintools.init.KaimingNormal(unit=u.mA))
    assert u.get_unit(unit.weight.value['bias']) == u.mA


@pytest.mark.slow
def test_gradients_that_are_infinite_are_found_where_asked():
    weight = brainstate.State(jnp.array([0.0, 1.0]))

    def loss():
        return jnp.sum(jnp.log(weight.value))

    assert not jnp.isfinite(brainstate.transform.grad(loss, weight)()[0])
    for checked in (
        brainstate.transform.grad(loss, weight, debug_nan=True),
        brainstate.transform.grad(grad_states=weight, debug_nan=True)(loss),
    ):
        with pytest.raises(RuntimeError, match='infinite'):
            checked()
        with pytest.raises(ValueError, match='NaN/Inf'):
            brainstate.transform.jit(checked)()
    weight.value = jnp.array([0.5, 1.0])
    np.testing.assert_allclose(checked(), [2.0, 1.0])


@pytest.mark.slow
def test_a_table_of_parameters(capsys):
    net = brainstate.nn.Sequential(brainstate.nn.Linear(100, 20), brainstate.nn.Linear(20, 2))
    assert brainstate.nn.count_parameters(net) == 2062
    table, total = brainstate.nn.count_parameters(net, precision=1, return_table=True)
    assert total == 2062 and '2.0 K' in table and table.splitlines()[-1].split() == ['Total', '2.1', 'K']
    assert capsys.readouterr().out.endswith(table + '\n')


def test_values_of_composed_models():
    data = brainstate.nn.HiData({'V': jnp.zeros(3)}, name='cell', syn=brainstate.nn.HiData(g=jnp.ones(2), label=None))
    assert data.syn.g is data['syn']['g'] and 'V' in data and list(data.keys()) == ['V', 'syn'] and data.state_size == 2
    assert data.dtype == jnp.float32 and data.replace(V=1.0).V == 1.0 and len(data.add({'x': 1}, y=2).pop('V')) == 3
    assert data.to_dict()['syn']['label'] is None and brainstate.nn.HiData.from_dict(data.to_dict()).syn.g is data.syn.g
    assert repr(data).startswith("HiData(\n  name='cell',\n  V=Array(shape=(3,), dtype=float32),\n  syn=HiData(")
    doubled = brainstate.transform.jit(lambda x: x.replace(V=x.V + 1))(data)
    np.testing.assert_array_equal(doubled.V, jnp.ones(3))
    with pytest.raises(AttributeError, match='it has V, syn'):
        data.missing


@pytest.mark.parametrize('first', [True, False])
@pytest.mark.parametrize('given', ['function', 'value'])
def test_a_current_into_an_exponential_synapse(first, given):
    syn = brainpy.state.Expon(2, tau=5.0 * u.ms)
    if first:
        brainstate.nn.init_all_states(syn)
    current = 2.0 * u.mS
    syn.add_current_input('drive', (lambda: current) if given == 'function' else current)
    if not first:
        brainstate.nn.init_all_states(syn)
    with brainstate.environ.context(dt=0.1 * u.ms):
        found = [float(syn()[0].to_decimal(u.mS)) for _ in range(2)]
    part = 1 - np.exp(-0.1 / 5.0)
    second = 2 * (1 - (1 - part) ** 2) if given == 'function' else 2 * part * (1 - part)
    np.testing.assert_allclose(found, [2 * part, second], rtol=1e-5)
    with pytest.raises(ParameterError, match='Alpha sums no current inputs'):
        brainpy.state.Alpha(2).add_current_input('drive', current)


@pytest.mark.slow
def test_a_delay_of_several_values():
    info = {'V': jnp.zeros(3) * u.mV, 'spike': jnp.zeros(3, bool)}
    delay = brainstate.nn.Delay(info, time=0.3 * u.ms, entries={'late': 0.2 * u.ms})
    with brainstate.environ.context(dt=0.1 * u.ms):
        delay.init_state()
        for i in range(4):
            delay.update({'V': jnp.full(3, float(i)) * u.mV, 'spike': jnp.full(3, i == 1)})
        then = delay.at('late')
        assert then['spike'].all() and then['spike'].dtype == bool and delay.max_length == 4
        np.testing.assert_array_equal(then['V'].to_decimal(u.mV), [1.0] * 3)
        assert brainstate.nn.DelayAccess(delay, 0.1 * u.ms, entry='last')()['V'][0] == 2.0 * u.mV
        with pytest.raises(ParameterError, match='a tree .* is expected'):
            delay.update({'V': jnp.zeros(3) * u.mV})


@pytest.mark.slow
def test_a_delay_that_keeps_every_tenth_value():
    with brainstate.environ.context(dt=0.1 * u.ms):
        delay = brainstate.nn.Delay(jnp.zeros(1), time=2.0 * u.ms, update_every=1.0 * u.ms)
        brainstate.nn.init_all_states(delay)

        def step(i):
            with brainstate.environ.context(i=i, t=i * 0.1 * u.ms):
                delay.update(jnp.full(1, 1.0 * i))
                return delay.retrieve_at_step(0)[0], delay.retrieve_at_step(1)[0]

        now, before = brainstate.transform.for_loop(step, jnp.arange(25))
        assert delay.max_length == 3
        np.testing.assert_array_equal(now, np.repeat([0, 10, 20], 10)[:25])
        np.testing.assert_array_equal(before[10:], np.repeat([0, 10], 10)[:15])
        with pytest.raises(ParameterError, match='shorter than the time step'):
            brainstate.nn.Delay(jnp.zeros(1), time=2.0 * u.ms, update_every=0.01 * u.ms)


@pytest.mark.slow
def test_interpolation_by_a_name():
    registry = brainstate.nn.InterpolationRegistry
    assert {'linear', 'cubic'} <= set(registry.list_methods())
    registry.register('floor', lambda history, indices, position, length: history[(jnp.floor(position).astype(int) % length, *indices)])
    with brainstate.environ.context(dt=0.1 * u.ms, t=0.4 * u.ms):
        delays = [
            brainstate.nn.Delay(jnp.zeros(1), time=0.4 * u.ms, interpolation=how) for how in ('floor', 'linear', registry.get('linear'))
        ]
        for delay in delays:
            delay.init_state()
            for i in range(5):
                delay.update(jnp.full(1, 1.0 * i))
        found = [float(delay.retrieve_at_time(0.25 * u.ms)[0]) for delay in delays]
    np.testing.assert_allclose(found, [2.0, 2.5, 2.5], rtol=1e-4)
    with pytest.raises(ValueError, match="'none' is none of"):
        registry.get('none')
    with pytest.raises(TypeError, match='a function is expected'):
        registry.register('none', 3)


def test_a_delayed_state_is_recorded_once_it_is_asked_for():
    with brainstate.environ.context(dt=0.1 * u.ms):
        cell = brainpy.state.LIF(1, tau=10.0 * u.ms, V_th=1.0 * u.mV, V_reset=0.0 * u.mV, V_rest=0.0 * u.mV)
        late = cell.prefetch('V').delay.at(0.2 * u.ms)
        now = cell.prefetch('V').delay.at(None)
        brainstate.nn.init_all_states(cell)

        def step(i):
            with brainstate.environ.context(i=i, t=i * 0.1 * u.ms):
                spike = cell(30.0 * u.mA)
                return spike[0], cell.get_spike(late())[0], now()[0]

        spikes, delayed, potential = brainstate.transform.for_loop(step, jnp.arange(40))
    assert spikes.sum() > 3 and float(potential.to_decimal(u.mV).max()) == 1.0
    np.testing.assert_array_equal(delayed[2:] != 0, spikes[:-2] != 0)
    assert isinstance(cell.V_history, bst.nn.Module)
