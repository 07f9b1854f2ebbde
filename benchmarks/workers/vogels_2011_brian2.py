"""Inhibition that learns (Vogels et al. 2011) in Brian2's C++ standalone mode: a second without learning, then 19 with it."""

import shutil
import tempfile
import time

START = time.perf_counter()

import brian2 as b2  # noqa: E402
import numpy as np  # noqa: E402
from brian2_binary import PeakOfBinary  # noqa: E402
from spike_statistics import cv_of_each_neuron  # noqa: E402
from worker import emit, parse_options, peak_rss_mb, population_sizes, time_runs, versions_of  # noqa: E402

IMPORT_S = time.perf_counter() - START
NEURONS, SECONDS = 10_000, 20
CONSTANTS = {
    'g_leak': 10 * b2.nS,
    'V_rest': -60 * b2.mV,
    'V_th': -50 * b2.mV,
    'E_inh': -80 * b2.mV,
    'C': 200 * b2.pF,
    'current': 200 * b2.pA,
    'tau_e': 5 * b2.ms,
    'tau_i': 10 * b2.ms,
    'tau_pair': 20 * b2.ms,
    'w_exc': 0.3 * b2.nS,
    'w_inh': 3 * b2.nS,
    'fewer': 2 * 3 * b2.Hz * 20 * b2.ms,
    'rate': b2.TimedArray([0.0] + [0.01] * SECONDS, dt=1 * b2.second),
}
MEMBRANE = """
dv/dt = (g_leak * (V_rest - v) - g_e * v + g_i * (E_inh - v) + current) / C : volt (unless refractory)
dg_e/dt = -g_e / tau_e : siemens
dg_i/dt = -g_i / tau_i : siemens
"""
TRACES = 'w : 1\ndx/dt = -x / tau_pair : 1 (event-driven)\ndy/dt = -y / tau_pair : 1 (event-driven)'


def describe(neurons: int) -> tuple:
    """The network, its spikes and the synapses that learn; in-degrees are the same on average for any number of neurons."""
    n_exc, _ = population_sizes(neurons)
    p = 0.02 * NEURONS / neurons
    N = b2.NeuronGroup(
        neurons, MEMBRANE, threshold='v > V_th', reset='v = V_rest', refractory=5 * b2.ms, method='euler', namespace=CONSTANTS
    )
    N.v = 'V_rest'
    exc, inh = N[:n_exc], N[n_exc:]
    excites = b2.Synapses(exc, N, on_pre='g_e += w_exc', namespace=CONSTANTS)
    inhibits = b2.Synapses(inh, inh, on_pre='g_i += w_inh', namespace=CONSTANTS)
    learns = b2.Synapses(
        inh,
        exc,
        TRACES,
        on_pre='x += 1\nw = clip(w + rate(t) * (y - fewer), 0, 100)\ng_i += w * nS',
        on_post='y += 1\nw = clip(w + rate(t) * x, 0, 100)',
        namespace=CONSTANTS,
    )
    for synapses in (excites, inhibits, learns):
        synapses.connect(p=p)
    spikes = b2.SpikeMonitor(N)
    return b2.Network(N, excites, inhibits, learns, spikes), spikes, learns


def found(t: np.ndarray, i: np.ndarray, w: np.ndarray, n_exc: int, neurons: int) -> dict[str, float]:
    """The measures of ``models/vogels_2011``, by their names there."""
    before, late = (t >= 0.5) & (t < 1.0), t >= SECONDS - 10
    rates = np.bincount(i[late], minlength=neurons) / 10
    exc = late & (i < n_exc)
    return {
        'rate E, without learning': float(np.sum(before & (i < n_exc)) / 0.5 / n_exc),
        'rate E, at 10 to 20 s': float(rates[:n_exc].mean()),
        'rate I, at 10 to 20 s': float(rates[n_exc:].mean()),
        'spread of rates E, at 10 to 20 s': float(rates[:n_exc].std()),
        'CV E, at 10 to 20 s': float(np.nanmean(cv_of_each_neuron(i[exc], t[exc], n_exc))),
        'weight, at 20 s': float(w.mean()),
        'spread of weights, at 20 s': float(w.std()),
    }


def main() -> None:
    options = parse_options(NEURONS)
    directory = tempfile.mkdtemp(prefix='brian2-')
    b2.set_device('cpp_standalone', build_on_run=False, directory=directory)
    try:
        b2.defaultclock.dt = options.dt * b2.ms
        b2.seed(options.seed)
        network, spikes, learns = describe(options.neurons)
        start = time.perf_counter()
        network.run(SECONDS * b2.second, namespace={})
        b2.device.build(run=False, compile=True, directory=directory)
        compile_s = time.perf_counter() - start
        watch = PeakOfBinary(directory)
        watch.start()

        def run() -> float:
            b2.device.run(with_output=False)
            return b2.device._last_run_time

        times = time_runs(run, options.repeats)
        watch.end()
        n_exc, _ = population_sizes(options.neurons)
        measures = found(np.asarray(spikes.t), np.asarray(spikes.i), np.asarray(learns.w), n_exc, options.neurons)
        report = {'import_s': IMPORT_S, 'compile_s': compile_s, **times, 'spikes': len(spikes.t), 'found': measures}
        report |= {'peak_rss_mb': peak_rss_mb(), 'binary_peak_rss_mb': watch.mb, 'versions': versions_of('brian2', 'numpy', 'cython')}
        emit(report)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == '__main__':
    main()
