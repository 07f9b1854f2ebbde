"""1,000 calls of a compiled function that adds 1 to each of some small arrays, which are states or arguments."""

import argparse
import importlib
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
from worker import emit, peak_rss_mb, time_call, time_runs, versions_of

CALLS = 1000


def with_states(kernel: str, n: int) -> Callable[[], object]:
    """A step of a state-aware kernel."""
    package = importlib.import_module(kernel)
    states = [package.State(jnp.zeros(3)) for _ in range(n)]

    @package.transform.jit
    def step():
        for state in states:
            state.value = state.value + 1.0

    return step


def with_arguments(n: int) -> Callable[[], object]:
    """The same values as arguments and results."""
    add = jax.jit(lambda values: [value + 1.0 for value in values])
    values = [jnp.zeros(3) for _ in range(n)]

    def step():
        values[:] = add(values)

    return step


def main() -> None:
    """Measure one kernel."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--kernel', choices=('brainpy_state', 'jax', 'brainstate'), required=True)
    parser.add_argument('--states', type=int, required=True)
    parser.add_argument('--repeats', type=int, default=1)
    options = parser.parse_args()

    start = time.perf_counter()
    step = with_arguments(options.states) if options.kernel == 'jax' else with_states(options.kernel, options.states)
    build_s = time.perf_counter() - start
    compile_s = time_call(step)

    def run() -> float:
        return time_call(lambda: [step() for _ in range(CALLS)])

    packages = ['jax'] + ['brainstate'] * (options.kernel == 'brainstate')
    report = {'build_s': build_s, 'compile_s': compile_s, 'peak_rss_mb': peak_rss_mb(), 'versions': versions_of(*packages)}
    emit(report | time_runs(run, options.repeats))


if __name__ == '__main__':
    main()
