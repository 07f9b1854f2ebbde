"""One neuron with 1,000 plastic inputs in Brian2's C++ standalone mode, with all weights kept every second."""

import shutil
import tempfile
import time

START = time.perf_counter()

import brian2 as b2  # noqa: E402
import numpy as np  # noqa: E402
from brian2_binary import PeakOfBinary  # noqa: E402
from worker import emit, parse_options, peak_rss_mb, time_runs, versions_of  # noqa: E402

IMPORT_S = time.perf_counter() - START
INPUTS, RATE, DURATION = 1000, 15.0, 100.0  # Hz, s
CONSTANTS = {
    'tau': 10 * b2.ms,
    'tau_e': 5 * b2.ms,
    'tau_pair': 20 * b2.ms,
    'V_th': -54 * b2.mV,
    'V_reset': -60 * b2.mV,
    'V_rest': -74 * b2.mV,
    'E_exc': 0 * b2.mV,
    'w_max': 0.01,
    'up': 0.01 * 0.01,
    'down': 0.01 * 0.01 * 1.05,
}


def describe() -> tuple:
    """The network, its spikes and its synapses."""
    inputs = b2.PoissonGroup(INPUTS, RATE * b2.Hz)
    neuron = b2.NeuronGroup(
        1,
        'dv/dt = (g * (E_exc - v) + V_rest - v) / tau : volt\ndg/dt = -g / tau_e : 1',
        threshold='v > V_th',
        reset='v = V_reset',
        method='exponential_euler',
        namespace=CONSTANTS,
    )
    neuron.v = 'V_reset'
    synapses = b2.Synapses(
        inputs,
        neuron,
        'w : 1\ndx/dt = -x / tau_pair : 1 (event-driven)\ndy/dt = -y / tau_pair : 1 (event-driven)',
        on_pre='x += 1\nw = clip(w - down * y, 0, w_max)\ng_post += w',
        on_post='y += 1\nw = clip(w + up * x, 0, w_max)',
        namespace=CONSTANTS,
    )
    synapses.connect()
    synapses.w = 'rand() * w_max'
    spikes = b2.SpikeMonitor(neuron)
    weights = b2.StateMonitor(synapses, 'w', record=np.arange(INPUTS), dt=1 * b2.second)
    return b2.Network(inputs, neuron, synapses, spikes, weights), spikes, synapses


def run() -> float:
    """Seconds that the binary says its loop took."""
    b2.device.run(with_output=False)
    return b2.device._last_run_time


def main() -> None:
    options = parse_options(1)
    directory = tempfile.mkdtemp(prefix='brian2-')
    b2.set_device('cpp_standalone', build_on_run=False, directory=directory)
    try:
        b2.defaultclock.dt = options.dt * b2.ms
        b2.seed(options.seed)
        network, spikes, synapses = describe()
        start = time.perf_counter()
        network.run(DURATION * b2.second, namespace={})
        b2.device.build(run=False, compile=True, directory=directory)
        compile_s = time.perf_counter() - start
        watch = PeakOfBinary(directory)
        watch.start()
        times = time_runs(run, options.repeats)
        watch.end()
        t, w = np.asarray(spikes.t), np.asarray(synapses.w) / CONSTANTS['w_max']
        emit(
            {
                'import_s': IMPORT_S,
                'compile_s': compile_s,
                **times,
                'spikes': len(t),
                'found': {
                    'rate, first 10 s': float(np.sum(t < 10) / 10),
                    'rate, last 20 s': float(np.sum(t >= DURATION - 20) / 20),
                    'mean weight': float(w.mean()),
                    'below 0.1': float((w < 0.1).mean()),
                    'above 0.9': float((w > 0.9).mean()),
                },
                'peak_rss_mb': peak_rss_mb(),
                'binary_peak_rss_mb': watch.mb,
                'versions': versions_of('brian2', 'numpy', 'cython'),
            }
        )
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == '__main__':
    main()
