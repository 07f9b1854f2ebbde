"""The derivative of a reset, in float64, against derivatives that are written out in NumPy, finite differences, and other libraries."""

from functools import partial

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.numerics import with_unit
from brainpy_state.transform import for_loop, grad, jacfwd, jacrev

from .models import MODELS, number

pytestmark = pytest.mark.usefixtures('x64')

STEPS, DT = 100, 0.5 * u.ms
# XLA and NumPy round differently, over STEPS steps
ROUNDING = 1e-9
RESETTING = [name for name, case in MODELS.items() if not case.model.up_crossing and not name.endswith('Ref')]
QUICK = 'LIF', 'ALIF'
OPTIONS = [
    {'spk_reset': 'soft', 'detach_reset': True, 'tau_ref': 2.0 * u.ms},
    {'spk_reset': 'soft', 'detach_reset': False, 'tau_ref': None},
    {'spk_reset': 'hard', 'detach_reset': True, 'tau_ref': None},
    {'spk_reset': 'hard', 'detach_reset': False, 'tau_ref': 2.0 * u.ms},
]

# what a spike makes of the variables besides V
JUMPS = {
    'ALIF': lambda m, z: {'a': z['a'] + 1.0},
    'AdExIF': lambda m, z: {'w': z['w'] + number(m.b)},
    'AdQuaIF': lambda m, z: {'w': z['w'] + number(m.b)},
    'Izhikevich': lambda m, z: {'u': z['u'] + number(m.d)},
    'Gif': lambda m, z: {
        'I1': number(m.R1) * z['I1'] + number(m.A1),
        'I2': number(m.R2) * z['I2'] + number(m.A2),
        'V_th': np.maximum(number(m.V_th_reset), z['V_th']),
    },
}
# the derivative of a jump by the variable itself, where it is not 1
SLOPES = {'I1': lambda m, z: number(m.R1), 'I2': lambda m, z: number(m.R2), 'V_th': lambda m, z: float(z['V_th'] > number(m.V_th_reset))}


def triangle(margin):
    """The derivative of `heaviside`."""
    return 0.3 * np.maximum(0.0, 1.0 - np.abs(margin))


class Flow:
    """One step of a model without spike and reset, and how far it then is from the threshold."""

    def __init__(self, case):
        self.case = case
        self.neuron = bst.nn.init_all_states(case.make(1))
        self.start = {name: float(number(state.value)[0]) for name, state in variables(self.neuron).items()}
        self.step = jax.jit(lambda held, primals, tangents: jax.jvp(partial(self.take, held), primals, tangents))

    def take(self, held, z, x):
        margins = []
        neuron = self.case.make(1, tau_ref=DT, spk_fun=lambda margin: margins.append(margin) or 0.0 * margin)
        bst.nn.init_all_states(neuron).refractory.value = held
        for name, state in variables(neuron).items():
            state.value = with_unit(jnp.reshape(z[name], 1), u.get_unit(state.value))
        neuron(with_unit(x, u.get_unit(self.case.current)))
        return mantissas(neuron), margins[0][0]


def variables(neuron):
    return {path[0]: state for path, state in neuron.states(bst.HiddenState).items()}


def mantissas(neuron):
    return {name: u.get_mantissa(state.value)[0] for name, state in variables(neuron).items()}


def by_hand(name, flow, options, inputs, direction):
    """The variables at the end, and their derivative as the inputs move in a direction."""
    m, steps = flow.neuron, round(2.0 / 0.5)
    width, reset = number(m.spk_width), number(m.V_reset)
    z, d, left, spikes = dict(flow.start), dict.fromkeys(flow.start, 0.0), 0, 0
    for x, dx in zip(inputs, direction, strict=True):
        V, dV, held = z['V'], d['V'], left > 0
        (z, margin), (d, d_margin) = jax.tree.map(float, flow.step(np.full(1, held, np.int32), (z, x), (d, dx)))
        if held:
            assert (z['V'], d['V']) == (V, dV)
        s = float(margin >= 0 and not held)
        ds = 0.0 if options['detach_reset'] or held else triangle(margin) * d_margin
        left = steps - 1 if s and options['tau_ref'] is not None else max(left - 1, 0)
        spikes += s
        if options['spk_reset'] == 'hard':
            new = {'V': (reset, 0.0)}
        elif m.runs_away:  # the threshold stands still
            new = {'V': (z['V'] - (number(m.V_th) - reset), d['V'])}
        else:
            threshold, d_threshold = z['V'] - width * margin, d['V'] - width * d_margin
            new = {'V': (z['V'] - (threshold - reset), d['V'] - d_threshold)}
        for key, value in JUMPS.get(name, lambda m, z: {})(m, z).items():
            new[key] = value, SLOPES.get(key, lambda m, z: 1.0)(m, z) * d[key]
        for key, (value, d_value) in new.items():
            z[key], d[key] = z[key] + s * (value - z[key]), (1 - s) * d[key] + s * d_value + ds * (value - z[key])
    return z, d, spikes


@pytest.mark.slow
@pytest.mark.parametrize('name', RESETTING)
def test_the_reset_of_every_model_has_the_derivative_of_its_formula_and_detached_that_of_the_run(name):
    """Forwards and backwards; without the spike's own derivative it is that of the run between spikes that keep their steps."""
    case = MODELS[name]
    rng = np.random.default_rng(0)
    inputs, direction = rng.uniform(0.5, 1.5, STEPS) * number(case.current), rng.standard_normal(STEPS) * number(case.current)
    unit = u.get_unit(case.current)
    given = OPTIONS if name in QUICK else OPTIONS[::3]
    neurons = [case.make(1, **options) for options in given]

    def ends(shift):
        bst.nn.init_all_states(neurons)
        spikes = for_loop(lambda x: jnp.stack([neuron(with_unit(x, unit))[0] for neuron in neurons]), inputs + shift * direction)
        return [mantissas(neuron) for neuron in neurons], spikes

    @bst.transform.jit
    def run(shift):
        return *jacfwd(ends, has_aux=True, return_value=True)(shift), jacrev(ends, has_aux=True)(shift)[0]

    with bst.environ.context(dt=DT):
        forwards, values, spikes, backwards = run(0.0)
        small = 1e-6
        (_, up, spikes_up, _), (_, down, spikes_down, _) = run(small), run(-small)
        np.testing.assert_array_equal(spikes_up, spikes)
        np.testing.assert_array_equal(spikes_down, spikes)
        flow = Flow(case)
        for i, options in enumerate(given):
            assert spikes[:, i].sum() > 1
            z, d, count = by_hand(name, flow, options, inputs, direction)
            assert count == spikes[:, i].sum(), options
            for key in z:
                scale = max(1e-3, *(abs(v) for v in d.values()))
                assert float(values[i][key]) == pytest.approx(z[key], rel=ROUNDING, abs=1e-12), (options, key)
                assert float(forwards[i][key]) == pytest.approx(d[key], rel=ROUNDING, abs=ROUNDING * scale), (options, key)
                assert float(backwards[i][key]) == pytest.approx(d[key], rel=ROUNDING, abs=ROUNDING * scale), (options, key)
                if options['detach_reset']:
                    difference = float(up[i][key] - down[i][key]) / (2 * small)
                    # of second order in the shift, and the last digits of the values over the shift
                    assert d[key] == pytest.approx(difference, rel=1e-5, abs=1e-5 * scale + 1e-7), (options, key)


# a recurrent network of 256 neurons under binary input; other libraries, with the reset detached, find these norms
BETA, SIZES, BATCH, LENGTH, GAIN, DENSITY = 0.95, (700, 256, 20), 128, 100, 0.3, 0.03
NORMS = {'W_in': 6.64, 'W_out': 1.26, 'R': 4.69}  # Norse, SpikingJelly, PyTorch and JAX, written by hand
SPIKES = 91_462


@jax.custom_jvp
def fast_sigmoid(x):
    return (x > 0).astype(x.dtype)


@fast_sigmoid.defjvp
def _(primals, tangents):
    return fast_sigmoid(*primals), tangents[0] / (1 + jnp.abs(primals[0])) ** 2


def workload():
    rng = np.random.default_rng(7)
    n_in, n, n_out = SIZES
    x = (rng.random((LENGTH, BATCH, n_in), dtype=np.float32) < DENSITY).astype(np.float32)
    labels = rng.integers(0, n_out, BATCH)
    spread = 1.1 / np.sqrt(n_in * DENSITY / (1 - BETA**2))
    W_in = (rng.standard_normal((n_in, n)) * spread).astype(np.float32)
    W_out = (rng.standard_normal((n, n_out)) / np.sqrt(n)).astype(np.float32)
    R = (rng.standard_normal((n, n)) * GAIN / np.sqrt(n)).astype(np.float32)
    return x, labels, {'W_in': W_in, 'W_out': W_out, 'R': R}


@pytest.mark.slow
def test_gradients_of_a_trained_network_have_the_norms_that_other_libraries_find(optimised):
    x, labels, weights = workload()
    weights = {key: bst.ParamState(jnp.asarray(w)) for key, w in weights.items()}
    with bst.environ.context(precision=32, dt=1.0 * u.ms):
        neuron = bst.LIF(SIZES[1], tau=float(-1 / np.log(BETA)) * u.ms, spk_fun=fast_sigmoid, spk_reset='hard', detach_reset=True)

        def step(state, current):
            spike, readout, total = state
            spike = neuron((current + spike @ weights['R'].value) / (1 - BETA) * u.mA)
            readout = BETA * readout + spike @ weights['W_out'].value
            return (spike, readout, total + readout), spike.sum()

        def loss():
            bst.nn.init_all_states(neuron, batch_size=BATCH)
            currents = jnp.asarray(x) @ weights['W_in'].value
            start = jnp.zeros((BATCH, SIZES[1])), jnp.zeros((BATCH, SIZES[2])), jnp.zeros((BATCH, SIZES[2]))
            (_, _, total), spikes = bst.transform.scan(step, start, currents)
            logits = jax.nn.log_softmax(total / LENGTH)
            return -jnp.mean(logits[jnp.arange(BATCH), labels]), spikes.sum()

        found, spikes = bst.transform.jit(grad(loss, weights, has_aux=True))()
    assert abs(int(spikes) - SPIKES) <= 10  # the order of sums may move one over the threshold
    for key, norm in NORMS.items():
        assert float(jnp.linalg.norm(found[key])) == pytest.approx(norm, abs=0.02), key
