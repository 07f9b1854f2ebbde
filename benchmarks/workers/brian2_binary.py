"""A run in Brian2's C++ standalone mode, whatever the network.

``build_s`` is the description in Python and the wiring inside the binary, ``compile_s`` the code
generation and the C++ compiler, ``run_s`` the binary's own account of its simulation loop. The binary
is built in a fresh folder each time, since standalone mode keeps nothing between processes.
"""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable

START = time.perf_counter()

import brian2 as b2  # noqa: E402
import numpy as np  # noqa: E402
from spike_statistics import summarize  # noqa: E402
from worker import Option, emit, parse_options, peak_rss_mb, population_sizes, time_call, time_runs, versions_of  # noqa: E402

IMPORT_S = time.perf_counter() - START


def main(build: Callable, neurons: int, *extra: Option) -> None:
    """Simulate the neurons and what else ``build(options)`` lists after them, with all spikes recorded."""
    options = parse_options(neurons, ('--flags', {'default': '', 'help': 'compiler flags, one string'}), *extra)
    directory = os.path.realpath(tempfile.mkdtemp(prefix='brian2-'))
    b2.set_device('cpp_standalone', build_on_run=False, directory=directory)
    if options.flags:
        b2.prefs.codegen.cpp.extra_compile_args_gcc = [*options.flags.split(), '-w', '-std=c++11']
    try:
        emit(_measure(build, options, directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _measure(build: Callable, options, directory: str) -> dict:
    """Build, compile and run once, then repeat the run."""
    start = time.perf_counter()
    monitor = _describe(build, options)
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
    return {
        'import_s': IMPORT_S,
        'build_s': describe_s + wiring[0],
        'compile_s': compile_s,
        **times,
        **summarize(monitor.i[:], monitor.t[:] / b2.ms, *population_sizes(options.neurons), options.duration),
        'peak_rss_mb': peak_rss_mb(),
        'binary_peak_rss_mb': run.binary_mb,
        'flags': ' '.join(b2.prefs.codegen.cpp.extra_compile_args_gcc),
        'versions': versions_of('brian2', 'numpy', 'cython'),
    }


def _describe(build: Callable, options) -> b2.SpikeMonitor:
    """Describe network and run; nothing is wired before the binary runs."""
    b2.defaultclock.dt = options.dt * b2.ms
    b2.seed(options.seed)
    neurons, *others = build(options)
    monitor = b2.SpikeMonitor(neurons)
    b2.Network(neurons, *others, monitor).run(options.duration * b2.ms, namespace={})
    return monitor


def connect_pairwise(neurons: b2.NeuronGroup, probability: float, constants: dict) -> list[b2.Synapses]:
    """Connect every pair with a fixed probability: ``w_e`` is added to ``ge``, ``w_i`` to ``gi``."""
    projections = _projections(neurons, constants)
    for projection in projections:
        projection.connect(p=probability)
    return projections


def connect_fixed_indegree(neurons: b2.NeuronGroup, in_degrees: tuple[int, int], seed: int, constants: dict) -> list[b2.Synapses]:
    """Connect each neuron to numbers of random sources, listed as pairs in the order of the sources; effects as above."""
    random = np.random.default_rng(seed)
    projections = _projections(neurons, constants)
    for projection, n_sources, degree in zip(projections, population_sizes(len(neurons)), in_degrees, strict=True):
        sources = random.integers(n_sources, size=len(neurons) * degree, dtype=np.int32)
        targets = np.repeat(np.arange(len(neurons), dtype=np.int32), degree)
        order = np.argsort(sources, kind='stable')
        projection.connect(i=sources[order], j=targets[order])
    return projections


def _projections(neurons: b2.NeuronGroup, constants: dict) -> list[b2.Synapses]:
    n_e, _ = population_sizes(len(neurons))
    effects = (neurons[:n_e], 'ge += w_e'), (neurons[n_e:], 'gi += w_i')
    return [b2.Synapses(sources, neurons, on_pre=effect, namespace=constants) for sources, effect in effects]


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
