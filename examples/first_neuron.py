"""One leaky integrate-and-fire neuron, driven by a step of current.

Run it with ``python examples/first_neuron.py --plot first_neuron.png``.
"""

import argparse
from pathlib import Path

import brainunit as u
import numpy as np
from matplotlib.figure import Figure

import brainpy_state as bst

DT, DURATION, ONSET = 0.1 * u.ms, 200.0 * u.ms, 50.0 * u.ms
I_STEP, V_REST, V_TH, TAU = 20.0 * u.mA, -65.0 * u.mV, -50.0 * u.mV, 10.0 * u.ms


def simulate():
    """Times (ms), membrane potential (mV) at the end of each step, and whether the neuron spiked in it."""
    neuron = bst.LIF(1, V_rest=V_REST, V_th=V_TH, V_reset=V_REST, tau=TAU, spk_reset='hard')
    bst.nn.init_all_states(neuron)  # allocates V and spike

    def step(t):  # one step of the model; traced once, then compiled
        with bst.environ.context(t=t):
            spike = neuron(u.math.where(t >= ONSET, I_STEP, 0.0 * u.mA))
        return neuron.V.value[0], spike[0]

    with bst.environ.context(dt=DT):
        times = u.math.arange(0.0 * u.ms, DURATION, DT)
        V, spikes = bst.transform.for_loop(step, times)
    return np.asarray(times.to_decimal(u.ms)), np.asarray(V.to_decimal(u.mV)), np.asarray(spikes) > 0


def plot(path, t, V, spikes):
    """Voltage with threshold and spikes, and the current below."""
    figure = Figure(figsize=(9, 4), layout='constrained')
    voltage, current = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    threshold = float(V_TH.to_decimal(u.mV))
    voltage.plot(t, V, color='#1f5fa8', lw=1.2)
    voltage.vlines(t[spikes], threshold, threshold + 30, color='#1f5fa8', lw=1.2)
    voltage.axhline(threshold, color='#c8401e', lw=1, ls='--')
    voltage.annotate('threshold', (0, threshold), (4, 4), textcoords='offset points', color='#c8401e')
    voltage.set(ylabel='V (mV)', title='A leaky integrate-and-fire neuron under a step of current')
    current.step(t, np.where(t >= ONSET.to_decimal(u.ms), I_STEP.to_decimal(u.mA), 0.0), where='post', color='0.25', lw=1.2)
    current.set(xlabel='time (ms)', ylabel='I (mA)', xlim=(0, DURATION.to_decimal(u.ms)), yticks=(0, 20))
    for axis in (voltage, current):
        axis.spines[['top', 'right']].set_visible(False)
    figure.savefig(path, dpi=120)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--plot', type=Path, default=Path('first_neuron.png'), help='write the figure to this file')
    path = parser.parse_args(arguments).plot

    t, V, spikes = simulate()
    drive = 1.0 * u.ohm * I_STEP
    analytic = TAU * u.math.log(drive / (drive - (V_TH - V_REST)))  # from reset to threshold
    print(f'spikes          {spikes.sum()}')
    print(f'first spike     {t[spikes][0]:.1f} ms')
    print(f'mean interval   {np.diff(t[spikes]).mean():.2f} ms (analytic {analytic.to_decimal(u.ms):.2f} ms)')
    plot(path, t, V, spikes)
    print(f'plot            {path}')


if __name__ == '__main__':
    main()
