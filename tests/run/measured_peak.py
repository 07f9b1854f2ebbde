"""Make large calls of the kind that is named; print the peak of memory that was forecast for each, and measured, in bytes."""

import gc
import sys
from pathlib import Path

import brainunit as u
import jax
import jax.numpy as jnp

import brainpy_state as bst


def peak():
    """The most memory that this process has held since `forget_peak`."""
    line = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM'))
    return int(line.split()[1]) * 1024


def forget_peak():
    gc.collect()
    Path('/proc/self/clear_refs').write_text('5')


def simulation(large, recorded, chunk):
    size, degree = (200_000, 100) if large else (200, 10)
    weight = bst.drawn.normal(0.1 * u.mS, 0.01 * u.mS)
    cells = bst.LIFRef(size)
    comm = bst.fixed_outdegree(size, size, degree, weight=weight, seed=1)
    proj = bst.AlignPostProj(comm=comm, syn=bst.Expon.desc(), out=bst.CUBA.desc(), post=cells, delay=1.0 * u.ms)
    recorder = bst.record.SpikeRecorder(size, 5 * size)
    net = bst.nn.init_all_states(bst.nn.Sequential(proj, recorder))
    bst.nn.init_all_states(cells)

    def step():
        proj(cells.get_spike())
        spikes = cells(20.0 * u.mA)
        if recorded:
            recorder(spikes)
        return cells.V.value

    return bst.run, (step, 30.0 * u.ms if large else 1.0 * u.ms), {'chunk': chunk}, net  # the model must stay alive


def gradient(large, loop):
    size, steps = (1_000_000, 100) if large else (300, 4)
    cells = bst.nn.init_all_states(bst.LIF(size, V_th=1.0 * u.mV, V_rest=0.0 * u.mV, V_reset=0.0 * u.mV))
    weight = bst.ParamState(jnp.ones(size))

    def loss(x):
        loop(lambda x: cells(weight.value * x * u.mA).sum(), x)
        return jnp.sum(cells.V.value.mantissa)

    return bst.transform.grad(loss, weight), (jnp.ones(steps),), {}, cells


CASES = {
    'simulation': {
        'stacked results': lambda large: simulation(large, False, None),
        'recorder and chunks': lambda large: simulation(large, True, 10.0 * u.ms),
    },
    'gradient': {
        'for_loop': lambda large: gradient(large, bst.transform.for_loop),
        'checkpointed_for_loop': lambda large: gradient(large, bst.transform.checkpointed_for_loop),
    },
}[sys.argv[1]]


def measure(case, large):
    """The peak that was forecast for a case, and what the process has needed."""
    forget_peak()
    base = peak()
    f, args, options, _model = CASES[case](large)
    found = bst.forecast(f, *args, **options)
    jax.block_until_ready(f(*args, **options))
    return f'{found.peak} {peak() - base}'


with bst.environ.context(dt=0.1 * u.ms):
    for case in CASES:
        measure(case, large=False)  # brings the compiler and its threads into memory
    for case in CASES:
        sys.stdout.write(f'{case}: {measure(case, large=True)}\n')
