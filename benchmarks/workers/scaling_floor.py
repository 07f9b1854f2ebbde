"""The Vogels-Abbott network of fixed in-degree as a small C program: what one thread of this machine can do.

``build_s`` and ``run_s`` are the program's own account, ``compile_s`` is that of gcc.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import vogels_abbott_parameters as p
from spike_statistics import summarize
from worker import emit, parse_options, peak_rss_mb, population_sizes, time_call, time_runs, versions_of

SOURCE = Path(__file__).with_suffix('.c')
FLAGS = ('-O3', '-ffast-math', '-march=native')
SHARED = ('TAU', 'TAU_E', 'TAU_I', 'V_TH', 'V_RESET')
OF_BOTH = ('V_REST', 'W_E', 'W_I')
OF_COBA = ('E_E', 'E_I', 'V_START', 'G_E_START', 'G_I_START')


def macros(synapses: str, dt: float) -> list[str]:
    """The model as the source wants it."""
    coba = synapses == 'coba'
    own = {name: getattr(p, f'{synapses.upper()}_{name}') for name in OF_BOTH + OF_COBA * coba}
    floats = {'DT': dt, **{name: getattr(p, name) for name in SHARED}, **own}
    whole = {'COBA': int(coba), 'HELD': round(p.TAU_REF / dt) - 1, 'K_E': p.IN_DEGREES[0], 'K_I': p.IN_DEGREES[1]}
    given = {name: ','.join(f'{x}f' for x in np.atleast_1d(value)) for name, value in floats.items()} | whole
    return [f'-D{name}={value}' for name, value in given.items()]


def measure(options, folder: Path) -> dict:
    """Compile, run, and look at the spikes of the last run."""
    binary, file = folder / 'floor', folder / 'spikes'
    command = ['gcc', *FLAGS, *macros(options.synapses, options.dt), str(SOURCE), '-o', str(binary), '-lm']
    compile_s = time_call(lambda: subprocess.run(command, check=True))
    n_e, n_i = population_sizes(options.neurons)
    steps = round(options.duration / options.dt)
    builds: list[float] = []

    def run() -> float:
        program = [binary, *map(str, (options.neurons, n_e, steps, options.seed)), file]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            said = process.stdout.readline()
            run.mb = peak_rss_mb(process.pid)
        if process.returncode:
            raise RuntimeError(f'the program ended with status {process.returncode}')
        build_s, run_s = map(float, said.split())
        builds.append(build_s)
        return run_s

    times = time_runs(run, options.repeats)
    counts, senders = np.split(np.fromfile(file, np.int32), [steps])
    return {
        'build_s': builds[0],
        'compile_s': compile_s,
        **times,
        **summarize(senders, np.repeat(np.arange(steps) * options.dt, counts), n_e, n_i, options.duration),
        'peak_rss_mb': peak_rss_mb(),
        'binary_peak_rss_mb': run.mb,
        'flags': ' '.join(FLAGS),
        'versions': versions_of('numpy') | {'gcc': _gcc_version()},
    }


def _gcc_version() -> str:
    return subprocess.run(['gcc', '-dumpfullversion'], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == '__main__':
    with tempfile.TemporaryDirectory(prefix='floor-') as folder:
        emit(measure(parse_options(p.NEURONS, p.SYNAPSES), Path(folder)))
