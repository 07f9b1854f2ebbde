"""Delays that are read by hand, and records of states and outputs."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import BrainStateError, ParameterError
from brainpy_state.compat import brainpy, brainstate

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def dt():
    with brainstate.environ.context(dt=0.1 * u.ms):
        yield


def ramp(read, steps=30):
    def step(i):
        with brainstate.environ.context(i=i, t=i * brainstate.environ.get_dt()):
            return read(i)

    return np.asarray(brainstate.transform.for_loop(step, jnp.arange(steps)))[-1]


def test_entries_are_registered_one_after_the_other():
    delay = brainstate.nn.Delay(jnp.zeros(2), time=1.0 * u.ms, init=0.0, delay_method='rotation')
    delay.register_entry('now', None).register_entry('later', 2.0 * u.ms)
    brainstate.nn.init_all_states(delay)
    assert delay.max_length == 21 and delay.max_time == 2.0 * u.ms
    late = brainstate.nn.DelayAccess(delay, 0.5 * u.ms, entry='late')

    def read(i):
        delay.update(jnp.full(2, 1.0 * i))
        return jnp.stack([delay.at('now'), delay.at('later'), late(), delay.retrieve_at_step(np.array([1, 3]))])

    np.testing.assert_array_equal(ramp(read), [[29, 29], [9, 9], [24, 24], [28, 26]])
    with pytest.raises(KeyError, match="an entry 'now' already"):
        delay.register_entry('now')


def test_what_lies_between_two_steps():
    delay = brainstate.nn.Delay(jnp.zeros(()), 1.05 * u.ms, interpolation='linear_interp')
    brainstate.nn.init_all_states(delay)

    def read(i):
        delay.update(1.0 * i)
        return jnp.stack([delay.retrieve_at_time(brainstate.environ.get('t') - x * u.ms) for x in (0.0, 0.25, 1.0, 1.05)])

    np.testing.assert_allclose(ramp(read), [29, 26.5, 19, 18.5], atol=1e-3)
    for value, error in (('spline', ParameterError), (3, TypeError)):
        with pytest.raises(error, match='none of|neither'):
            brainstate.nn.Delay(jnp.zeros(1), 1.0 * u.ms, interpolation=value)
    with pytest.raises(TypeError, match='init is a value'):
        brainstate.nn.Delay(jnp.zeros(1), 1.0 * u.ms, init='zeros')


def test_curves_between_steps_are_exact_for_polynomials_of_their_degree():
    def floor(history, indices, position, length):
        return history[(jnp.floor(position).astype(int) % length, *indices)]

    methods = {'linear': 1, 'polynomial2': 2, 'polynomial3': 3, 'cubic': 2, 'hermite': 2, floor: 0}
    delays = [brainstate.nn.Delay(jnp.zeros(()), 2.0 * u.ms, interpolation=method) for method in methods]
    brainstate.nn.init_all_states(brainstate.nn.Sequential(*delays))

    def read(i):
        for delay, degree in zip(delays, methods.values(), strict=True):
            delay.update((0.1 * i) ** degree)
        return jnp.stack([delay.retrieve_at_time(brainstate.environ.get('t') - 1.23 * u.ms) for delay in delays])

    np.testing.assert_allclose(ramp(read, 40), [(3.9 - 1.23) ** degree for degree in methods.values()], rtol=1e-4)


def test_a_clock_without_a_unit():
    with brainstate.environ.context(dt=0.1):
        delay = brainstate.nn.Delay(jnp.zeros(2), 1.0, init=lambda shape, dtype: jnp.full(shape, -1.0, dtype), interp_method='round')
        delay.register_entry('a', 0.5).register_entry('b', (2.0,)).register_entry('each', np.array([0.1, 0.3]), np.array([1, 0]))
        late = delay.access('late', 0.2)
        brainstate.nn.init_all_states(delay)
        assert delay.max_time == 2.0 and delay.at('b')[0] == -1 and delay.interp_method == 'nearest'

        def read(i):
            delay.update(jnp.array([1.0, 2.0]) * i)
            return jnp.stack([delay.at('a'), delay.at('b'), late(), delay.at('each'), delay.retrieve_at_time(0.1 * i - 0.4)])

        np.testing.assert_allclose(ramp(read), [[24, 48], [9, 18], [27, 54], [56, 26], [25, 50]])
    with pytest.raises(TypeError, match='a Delay is expected'):
        brainstate.nn.DelayAccess(None, 1.0 * u.ms, entry='a')


class Counter(brainstate.nn.Dynamics):
    def init_state(self, batch_size=None):
        self.x = brainstate.HiddenState(jnp.zeros(self.varshape if batch_size is None else (batch_size, *self.varshape)) * u.mV)

    def update(self, by):
        self.x.value += by * u.mV
        return self.x.value / u.mV


@pytest.mark.parametrize('batch_size', [None, 3])
def test_a_state_and_an_output_of_some_time_ago(batch_size):
    class Net(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.counter = Counter(2)
            self.state, self.output = self.counter.prefetch_delay('x', 0.5 * u.ms), self.counter.output_delay(1.0 * u.ms)

        def update(self, i):
            past = self.state() / u.mV, self.output()
            self.counter(1.0)
            return jnp.stack(past)

    net = brainstate.nn.init_all_states(Net(), batch_size)
    found = ramp(net.update)
    assert found.shape == ((2, 2) if batch_size is None else (2, 3, 2))
    assert (found[0] == 24).all() and (found[1] == 19).all()


def test_a_projection_keeps_what_it_delays_by_itself():
    pre, post = brainpy.state.LIF(5), brainpy.state.LIF(5)
    comm = brainstate.nn.OneToOne(5, 1.0 * u.mV)
    brainpy.state.DeltaProj(pre.prefetch_delay('spike', 1.0 * u.ms), comm=comm, post=post)
    assert 'spike_history' not in vars(pre)
    late = pre.prefetch('spike').delay.at(1.0 * u.ms)
    assert 'spike_history' in vars(pre)
    with pytest.raises(BrainStateError, match='history is not allocated yet'):
        late()
    late.release()
    with pytest.raises(ParameterError, match='keeps no record of spike'):
        late()


def test_a_projection_delays_an_output():
    pre, post = brainpy.state.LIF(1, V_rest=20.0 * u.mV, V_th=1.0 * u.mV), brainpy.state.LIF(1, tau=1e6 * u.ms, V_th=1.0 * u.volt)
    proj = brainpy.state.DeltaProj(pre.output_delay(0.5 * u.ms), comm=brainstate.nn.OneToOne(1, 1.0 * u.mV), post=post)
    net = brainstate.nn.Module()
    net.pre, net.post, net.proj = pre, post, proj
    brainstate.nn.init_all_states(net)

    def step(i):
        with brainstate.environ.context(i=i, t=i * brainstate.environ.get_dt()):
            proj()
            post()
            return pre()[0], post.V.value[0] / u.mV

    spikes, V = brainstate.transform.for_loop(step, jnp.arange(100))
    arrived = np.diff(np.asarray(V), prepend=0) > 0.5
    assert np.asarray(spikes).sum() > 3
    np.testing.assert_array_equal(arrived[6:], np.asarray(spikes)[:-6] > 0)


def test_a_record_of_a_neurons_potential():
    neuron = brainpy.state.LIF(3, tau=10.0 * u.ms)
    record = brainstate.nn.StateWithDelay(neuron, 'V')
    record.register_entry('d', 1.0 * u.ms)
    brainstate.nn.init_all_states(neuron)
    record.init_state()

    def read(i):
        neuron(20.0 * u.mA)
        record.update()
        return jnp.stack([record.at('d') / u.mV, neuron.V.value / u.mV])

    def step(i):
        with brainstate.environ.context(i=i, t=i * brainstate.environ.get_dt()):
            return read(i)

    seen = np.asarray(brainstate.transform.for_loop(step, jnp.arange(30)))
    np.testing.assert_allclose(seen[10:, 0], seen[:-10, 1], rtol=1e-6)
