"""One step of 0.1 ms, and the defaults, of each model as an older implementation published them.

Where ours differs on purpose, the difference is data here: `DIFFERENCES`.
"""

import brainunit as u
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.modules._describe import show

from .models import number

# model, options, input, values after one step; t = 0, float32, figures of seven digits
FINGERPRINTS = {
    'IF': ({}, 1.0 * u.mA, {'V': 0.01980132}),
    'LIF': ({}, 1.0 * u.mA, {'V': 0.01980132}),
    'LIFRef': ({}, 1.0 * u.mA, {'V': 0.01980132}),
    'ALIF': ({'a_initializer': 1.0}, 1.0 * u.mA, {'V': 0.01980132, 'a': 0.9990005}),
    'ExpIF': ({}, 5.0 * u.mA, {'V': -64.94218}),
    'AdExIF': ({'w_initializer': 1.0 * u.mA}, 5.0 * u.mA, {'V': -64.95215, 'w': 0.9968315}),
    'QuaIF': ({'V_initializer': -60.0 * u.mV}, 5.0 * u.mA, {'V': -59.98503}),
    'AdQuaIF': ({'V_initializer': -60.0 * u.mV, 'w_initializer': 1.0 * u.mA}, 5.0 * u.mA, {'V': -59.99501, 'w': 1.03985}),
    'Gif': (
        {'I1_initializer': 0.5 * u.mA, 'I2_initializer': 0.3 * u.mA, 'V_th_initializer': -45.0 * u.mV},
        1.0 * u.mA, {'V': -69.8215, 'I1': 0.4900993, 'I2': 0.2994006, 'V_th': -45.005},
    ),
    'CubaLIF': ({'g_initializer': 1.0 * u.mA}, 0.0 * u.mA, {'V': 0.01940923, 'g': 0.9801987}),
    'CobaLIF': ({'E': 10.0 * u.mV, 'g_initializer': 0.5 * u.siemens}, 0.0 * u.mA, {'V': 0.09657367, 'g': 0.4900993}),
    'HH': ({'V_initializer': -65.0 * u.mV}, 10.0 * u.uA, {'V': -64.30047, 'm': 0.05293248, 'h': 0.5961208, 'n': 0.3176769}),
    'MorrisLecar': ({'V_initializer': -60.0 * u.mV}, 100.0 * u.uA, {'V': -59.51576, 'W': 0.01997334}),
    'WangBuzsakiHH': ({}, 1.0 * u.uA, {'V': -65.12859, 'h': 0.612247, 'n': 0.2998731}),
    'Izhikevich': ({}, 10.0 * u.mV / u.ms, {'V': -65.59404, 'u': -0.02621139}),
    'FitzHughNagumo': ({}, 0.5, {'V': -1.151475, 'w': -0.6200319}),
    'HindmarshRose': ({}, 2.0, {'V': -1.420299, 'y': -10.17129, 'z': 0.0}),
}  # fmt: skip

# what differs on purpose: model, options, input, number of steps, variable, its value there, its value here
DIFFERENCES = {
    'the reset is in the step of the spike, not in the next': ('LIF', {'V_initializer': 2.0 * u.mV}, None, 1, 'V', 1.960397, 0.960397),
    'a refractory neuron does not spike, however far above threshold': (
        'LIFRef', {'V_initializer': 4.0 * u.mV}, None, 2, 'spike', 1.0, 0.0,
    ),
    'the threshold may be negative': ('HH', {'V_initializer': -65.0 * u.mV, 'V_th': -20.0 * u.mV}, None, 1, 'spike', 1.0, 0.0),
    'GifRef integrates V with the currents that the step has reached, as Gif does': (
        'GifRef', {'I1_initializer': 0.5 * u.mA, 'I2_initializer': 0.3 * u.mA}, 1.0 * u.mA, 1, 'V', -69.82045, -69.8215,
    ),
    'a soft reset of ALIF subtracts the threshold as it stands': (
        'ALIF', {'V_initializer': 3.0 * u.mV, 'a_initializer': 5.0}, None, 1, 'V', 1.940596, 1.441096,
    ),
    'adaptation goes on in the refractory period': ('AdExIFRef', {'w_initializer': 9.0 * u.mA, 'V_initializer': -54.0 * u.mV}, None, 2, 'w', 10.0066, 9.960055),
    'what a spike of an exponential neuron overshoots is cut': ('ExpIF', {'V_initializer': -40.0 * u.mV}, None, 1, 'V', 27.44265, -68.0),
}  # fmt: skip

GATED = 'C 1 uF, V_th 20 mV'
LIF = 'R 1 ohm, tau 5 ms, V_th 1 mV, V_reset 0 mV, V_rest 0 mV'
EXP = 'R 1 ohm, tau 10 ms, V_reset -68 mV, V_rest -65 mV, V_T -59.9 mV, delta_T 3.48 mV'
ADEX = f'{EXP}, V_th -55 mV, tau_w 30 ms, a 1 S, b 1 mA'
QUA = 'R 1 ohm, tau 10 ms, V_th -30 mV, V_reset -68 mV, V_rest -65 mV, V_c -50 mV, c 0.07 1 / mV'
GIF = (
    'R 20 ohm, tau 20 ms, V_rest -70 mV, V_reset -70 mV, V_th_inf -50 mV, V_th_reset -60 mV, a 0 kHz, b 0.01 kHz, k1 0.2 kHz, k2 0.02 kHz, '
    'R1 0, R2 1, A1 0 mA, A2 0 mA'
)
IZHIKEVICH = 'a 0.02 kHz, b 0.2 kHz, c -65 mV, d 8 mV / ms, V_th 30 mV'

# parameters, and first values where they are fixed numbers
DEFAULTS = {
    'IF': ('R 1 ohm, tau 5 ms, V_th 1 mV', {'V': 0.0}),
    'LIF': (LIF, {'V': 0.0}),
    'LIFRef': (f'{LIF}, tau_ref 5 ms', {'V': 0.0}),
    'ALIF': (f'{LIF}, tau_a 100 ms, beta 0.1 mV', {'V': 0.0, 'a': 0.0}),
    'ExpIF': (f'{EXP}, V_th -30 mV', {'V': -65.0}),
    'ExpIFRef': (f'{EXP}, V_th -30 mV, tau_ref 1.7 ms', {'V': -65.0}),
    'AdExIF': (ADEX, {'V': -65.0, 'w': 0.0}),
    'AdExIFRef': (f'{ADEX}, tau_ref 1.7 ms', {'V': -65.0, 'w': 0.0}),
    'QuaIF': (QUA, {'V': -65.0}),
    'AdQuaIF': (f'{QUA}, tau_w 10 ms, a 1 S, b 0.1 mA', {'V': -65.0, 'w': 0.0}),
    'AdQuaIFRef': (f'{QUA}, tau_w 10 ms, a 1 S, b 0.1 mA, tau_ref 1.7 ms', {'V': -65.0, 'w': 0.0}),
    'Gif': (GIF, {'V': -70.0, 'I1': 0.0, 'I2': 0.0, 'V_th': -50.0}),
    'GifRef': (f'{GIF}, tau_ref 1.7 ms', {'V': -70.0, 'I1': 0.0, 'I2': 0.0, 'V_th': -50.0}),
    'CubaLIF': (f'{LIF}, tau_syn 5 ms', {'V': 0.0, 'g': 0.0}),
    'CobaLIF': (f'{LIF}, E 0 mV, tau_syn 5 ms', {'V': 0.0, 'g': 0.0}),
    'HH': (f'{GATED}, ENa 50 mV, EK -77 mV, EL -54.387 mV, gNa 120 mS, gK 36 mS, gL 0.03 mS', {}),
    'MorrisLecar': (
        'V_Ca 130 mV, g_Ca 4.4 mS, V_K -84 mV, g_K 8 mS, V_leak -60 mV, g_leak 2 mS, C 20 uF, V1 -1.2 mV, V2 18 mV, V3 2 mV, V4 30 mV, '
        'phi 0.04 kHz, V_th 10 mV',
        {'W': 0.02},
    ),
    'WangBuzsakiHH': (
        f'{GATED}, ENa 55 mV, gNa 35 mS, EK -90 mV, gK 9 mS, EL -65 mV, gL 0.1 mS, phi 5',
        {'V': -65.0, 'h': 0.6, 'n': 0.32},
    ),
    'Izhikevich': (IZHIKEVICH, {'V': -65.0, 'u': 0.0}),
    'IzhikevichRef': (f'{IZHIKEVICH}, tau_ref 0 ms', {'V': -65.0, 'u': 0.0}),
    'FitzHughNagumo': ('a 0.7, b 0.8, tau 1 ms, tau_w 12.5 ms, V_th 1', {'V': -1.2, 'w': -0.62}),
    'HindmarshRose': (
        'a 1, b 3, c 1, d 5, r 0.006, s 4, V_r -1.6, tau 1 ms, V_th 1',
        {'V': -1.6, 'y': -10.0, 'z': 0.0},
    ),
}
OURS = {'spk_width'}  # parameters that the older implementation lacks


def after(model, options, x, steps=1):
    neuron = bst.nn.init_all_states(getattr(bst, model)(1, **options))
    with bst.environ.context(dt=0.1 * u.ms):
        for _ in range(steps):
            neuron(x)
    return neuron


def value(neuron, name):
    return float(number(getattr(neuron, name).value)[0])


@pytest.mark.quick('LIF|HH|AdEx|Izh|Gif')
@pytest.mark.parametrize('model', FINGERPRINTS)
def test_one_step_is_the_published_one(model):
    options, x, expected = FINGERPRINTS[model]
    neuron = after(model, options, x)
    for name, figure in expected.items():
        # seven digits; beside that, rounding of a float32 of the size of V
        assert value(neuron, name) == pytest.approx(figure, rel=6e-7, abs=1e-9), name


@pytest.mark.parametrize('claim', DIFFERENCES)
def test_a_difference_on_purpose(claim):
    model, options, x, steps, name, theirs, ours = DIFFERENCES[claim]
    got = value(after(model, options, x, steps), name)
    assert got == pytest.approx(ours, rel=1e-5)
    assert abs(got - theirs) > 1e-3 * abs(theirs - ours)


@pytest.mark.parametrize('model', DEFAULTS)
def test_defaults_are_the_published_ones(model):
    published, first = DEFAULTS[model]
    cls = getattr(bst, model)
    ours = {f'{name} {show(p.default)}' for name, p in cls.parameters.items() if p.default is not None and name not in OURS}
    assert ours == set(published.split(', '))
    neuron = bst.nn.init_all_states(cls(2))
    for name, figure in first.items():
        np.testing.assert_array_equal(number(getattr(neuron, name).value), np.float32(figure))
    if model in ('HH', 'MorrisLecar'):
        V = number(neuron.V.value)
        assert ((V > -70.0) & (V < -60.0) & (V[0] != V[1])).all()
    assert neuron.spk_reset == ('hard' if model.startswith('Izhikevich') else 'soft')
    assert neuron.method == 'exp_euler'
    assert not neuron.detach_reset


def test_every_model_has_its_published_defaults_in_this_table():
    models = {name for name, x in vars(bst.neurons).items() if isinstance(x, type) and issubclass(x, bst.Neuron) and 'V' in x.variables}
    assert models - set(DEFAULTS) == {'AdEx', 'TraubMilesHH'}  # another name of AdExIF; not in the older implementation


@pytest.mark.parametrize('name', [name for name in DEFAULTS if name.endswith('Ref')])
def test_a_model_with_a_refractory_period_by_default_is_the_plain_one_with_that_parameter(name):
    cls = getattr(bst, name)
    assert cls.__base__ is getattr(bst, name.removesuffix('Ref'))
    assert {key for key, x in vars(cls).items() if callable(x) or isinstance(x, (bst.nn.Parameter, bst.nn.Variable))} == {'tau_ref'}
