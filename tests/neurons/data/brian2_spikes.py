"""Make ``brian2_spikes.json``: spikes under the current steps of ``nest.json``, by Brian2 with the classic Runge-Kutta method."""

import json
from pathlib import Path

import brian2 as b2

HERE = Path(__file__).parent
DT = 0.01  # ms
NEST = json.loads((HERE / 'nest.json').read_text())

# a stage of the method may go far beyond the peak, where nothing is meant by the equations
ADEX = """
u = clip(v, -1*volt, V_peak) : volt
dv/dt = (g_L*(E_L - u) + g_L*Delta_T*exp(clip((u - V_T)/Delta_T, -100, 20)) - w + I(t)) / C : volt
dw/dt = (a*(u - E_L) - w) / tau_w : amp
"""
TRAUB = """
dv/dt = (g_L*(E_L - v) + g_Na*m**3*h*(E_Na - v) + g_K*n**4*(E_K - v) + I(t)) / C : volt
x = (v - V_T)/mV : 1
dm/dt = (0.32*4/exprel((13 - x)/4)*(1 - m) - 0.28*5/exprel((x - 40)/5)*m) / ms : 1
dh/dt = (0.128*exp((17 - x)/18)*(1 - h) - 4/(1 + exp((40 - x)/5))*h) / ms : 1
dn/dt = (0.032*5/exprel((15 - x)/5)*(1 - n) - 0.5*exp((10 - x)/40)*n) / ms : 1
"""


def spikes(equations, constants, first, amplitude, **options):
    """Spike times in ms, each the start of its step."""
    b2.start_scope()
    b2.defaultclock.dt = DT * b2.ms
    on, off, end = (NEST['protocol'][key] for key in ('on_ms', 'off_ms', 'T_ms'))
    constants['I'] = b2.TimedArray([amplitude if on <= t < off else 0 for t in range(end)] * b2.pA, dt=1 * b2.ms)
    neuron = b2.NeuronGroup(1, equations, method='rk4', namespace=constants, **options)
    for name, value in first.items():
        setattr(neuron, name, value)
    monitor = b2.SpikeMonitor(neuron)
    b2.Network(neuron, monitor).run(end * b2.ms, namespace={})
    return [round(float(t / b2.ms), 3) for t in monitor.t]


def adex():
    """``aeif_cond_exp`` without synapses."""
    model = NEST['models']['aeif_cond_exp']
    p = model['params']
    constants = {
        'C': p['C_m'] * b2.pF, 'g_L': p['g_L'] * b2.nS, 'E_L': p['E_L'] * b2.mV, 'Delta_T': p['Delta_T'] * b2.mV,
        'V_T': p['V_th'] * b2.mV, 'a': p['a'] * b2.nS, 'b': p['b'] * b2.pA, 'tau_w': p['tau_w'] * b2.ms,
        'V_peak': p['V_peak'] * b2.mV, 'V_reset': p['V_reset'] * b2.mV,
    }  # fmt: skip
    rules = {'threshold': 'v > V_peak', 'reset': 'v = V_reset; w += b'}
    return spikes(ADEX, constants, {'v': p['E_L'] * b2.mV}, model['I_pA'], **rules)


def traub():
    """``hh_cond_exp_traub`` without synapses."""
    model = NEST['models']['hh_cond_exp_traub']
    p = model['params']
    constants = {name.replace('C_m', 'C'): p[name] * unit for name, unit in {
        'C_m': b2.pF, 'g_L': b2.nS, 'g_Na': b2.nS, 'g_K': b2.nS, 'E_L': b2.mV, 'E_Na': b2.mV, 'E_K': b2.mV, 'V_T': b2.mV,
    }.items()}  # fmt: skip
    first = {'v': p['E_L'] * b2.mV, 'm': p['Act_m'], 'h': p['Inact_h'], 'n': p['Act_n']}
    return spikes(TRAUB, constants, first, model['I_pA'], threshold='v > -20*mV', refractory='v > -20*mV')


if __name__ == '__main__':
    b2.prefs.codegen.target = 'numpy'
    found = {'simulator': f'Brian2 {b2.__version__}', 'dt_ms': DT, 'aeif_cond_exp': adex(), 'hh_cond_exp_traub': traub()}
    (HERE / 'brian2_spikes.json').write_text(json.dumps(found) + '\n')
