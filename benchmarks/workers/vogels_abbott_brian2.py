"""Vogels-Abbott network in Brian2's C++ standalone mode.

``build_s`` is the description in Python and the wiring inside the binary, ``compile_s`` the code
generation and the C++ compiler, ``run_s`` the binary's own account of its simulation loop. The binary
is built in a fresh folder each time, since standalone mode keeps nothing between processes.
"""

import os
import shutil
import tempfile
import threading
import time

START = time.perf_counter()

import brian2 as b2  # noqa: E402
import vogels_abbott_parameters as p  # noqa: E402
from spike_statistics import summarize  # noqa: E402
from worker import emit, parse_options, peak_rss_mb, time_call, time_runs, versions_of  # noqa: E402

IMPORT_S = time.perf_counter() - START

COBA = """
dv/dt = (ge*(E_e - v) + gi*(E_i - v) + V_rest - v) / tau : volt (unless refractory)
dge/dt = -ge / tau_e : 1
dgi/dt = -gi / tau_i : 1
"""
CUBA = """
dv/dt = (ge + gi + V_rest - v) / tau : volt (unless refractory)
dge/dt = -ge / tau_e : volt
dgi/dt = -gi / tau_i : volt
"""


def build(options) -> tuple[b2.Network, b2.SpikeMonitor]:
    """Describe the network; nothing is wired before the binary runs."""
    b2.defaultclock.dt = options.dt * b2.ms
    b2.seed(options.seed)
    coba = options.synapses == 'coba'
    constants = {
        'tau': p.TAU * b2.ms,
        'tau_e': p.TAU_E * b2.ms,
        'tau_i': p.TAU_I * b2.ms,
        'V_rest': (p.COBA_V_REST if coba else p.CUBA_V_REST) * b2.mV,
        'V_th': p.V_TH * b2.mV,
        'V_reset': p.V_RESET * b2.mV,
        'E_e': p.COBA_E_E * b2.mV,
        'E_i': p.COBA_E_I * b2.mV,
        'w_e': p.COBA_W_E if coba else p.CUBA_W_E * b2.mV,
        'w_i': p.COBA_W_I if coba else p.CUBA_W_I * b2.mV,
    }
    neurons = b2.NeuronGroup(
        options.neurons,
        COBA if coba else CUBA,
        threshold='v > V_th',
        reset='v = V_reset',
        refractory=p.TAU_REF * b2.ms,
        method='exponential_euler' if coba else 'exact',
        namespace=constants,
    )
    if coba:
        neurons.v = f'({p.COBA_V_START[0]} + {p.COBA_V_START[1]}*randn())*mV'
        neurons.ge = f'{p.COBA_G_E_START[0]} + {p.COBA_G_E_START[1]}*randn()'
        neurons.gi = f'{p.COBA_G_I_START[0]} + {p.COBA_G_I_START[1]}*randn()'
    else:
        neurons.v = 'V_reset + rand()*(V_th - V_reset)'
    n_e, _ = p.population_sizes(options.neurons)
    network = b2.Network(neurons)
    for sources, effect in ((neurons[:n_e], 'ge += w_e'), (neurons[n_e:], 'gi += w_i')):
        synapses = b2.Synapses(sources, neurons, on_pre=effect, namespace=constants)
        synapses.connect(p=p.CONNECTION_PROBABILITY)
        network.add(synapses)
    monitor = b2.SpikeMonitor(neurons)
    network.add(monitor)
    network.run(options.duration * b2.ms, namespace={})
    return network, monitor


class PeakOfBinary(threading.Thread):
    """Watches the peak memory of the child that runs out of ``directory`` until it ends."""

    def __init__(self, directory: str):
        super().__init__(daemon=True)
        self._directory = directory
        self._ended = threading.Event()
        self.mb = 0.0

    def run(self) -> None:
        while not self._ended.wait(0.005):
            for child in _children():
                if _executable(child).startswith(self._directory):
                    self.mb = max(self.mb, peak_rss_mb(child) or 0.0)

    def end(self) -> None:
        self._ended.set()
        self.join()


def _children() -> list[str]:
    found = []
    for task in os.listdir('/proc/self/task'):
        try:
            with open(f'/proc/self/task/{task}/children') as children:
                found += children.read().split()
        except OSError:
            continue
    return found


def _executable(pid: str) -> str:
    try:
        return os.readlink(f'/proc/{pid}/exe')
    except OSError:
        return ''


def main() -> None:
    options = parse_options(('--flags', {'default': '', 'help': 'compiler flags, one string'}))
    directory = os.path.realpath(tempfile.mkdtemp(prefix='brian2-'))
    b2.set_device('cpp_standalone', build_on_run=False, directory=directory)
    if options.flags:
        b2.prefs.codegen.cpp.extra_compile_args_gcc = [*options.flags.split(), '-w', '-std=c++11']
    try:
        emit(measure(options, directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def measure(options, directory: str) -> dict:
    """Build, compile and run once, then repeat the run."""
    start = time.perf_counter()
    _network, monitor = build(options)
    describe_s = time.perf_counter() - start
    compile_s = time_call(lambda: b2.device.build(run=False, compile=True, directory=directory))
    wiring: list[float] = []

    def run() -> float:
        watch = PeakOfBinary(directory)
        watch.start()
        binary_s = time_call(lambda: b2.device.run(with_output=False))
        watch.end()
        run.binary_mb = watch.mb
        wiring.append(binary_s - b2.device._last_run_time)
        return b2.device._last_run_time

    times = time_runs(run, options.repeats)
    senders, times_ms = monitor.i[:], monitor.t[:] / b2.ms
    return {
        'import_s': IMPORT_S,
        'build_s': describe_s + wiring[0],
        'compile_s': compile_s,
        **times,
        **summarize(senders, times_ms, *p.population_sizes(options.neurons), options.duration),
        'peak_rss_mb': peak_rss_mb(),
        'binary_peak_rss_mb': run.binary_mb,
        'flags': ' '.join(b2.prefs.codegen.cpp.extra_compile_args_gcc),
        'versions': versions_of('brian2', 'numpy', 'cython'),
    }


if __name__ == '__main__':
    main()
