"""1,000 calls of a compiled function that adds to each of some small arrays, which are states or arguments.

Ways to call it: ``plain`` without an argument; with an array as ``argument``; the same as the ``second`` signature that was compiled;
``alternating`` between two signatures; as the method of a ``module``; where it reads a global dictionary of ``settings``.
"""

import argparse
import importlib
import time
from collections.abc import Callable
from types import SimpleNamespace

import jax
import jax.numpy as jnp
from worker import emit, peak_rss_mb, time_call, time_runs, versions_of

CALLS = 1000
WAYS = ('plain', 'argument', 'second', 'alternating', 'module', 'settings')
settings = {'gain': 1.0, 'part': SimpleNamespace(gain=1.0)}


def with_states(kernel: str, n: int, way: str) -> Callable[..., object]:
    """A step of a state-aware kernel."""
    package = importlib.import_module(kernel)
    states = [package.State(jnp.zeros(3)) for _ in range(n)]

    class Adder(package.nn.Module):
        def __init__(self):
            super().__init__()
            self.states_ = states

        def update(self, x):
            for state in self.states_:
                state.value = state.value + x

    def plain():
        for state in states:
            state.value = state.value + 1.0

    def add(x):
        for state in states:
            state.value = state.value + x.sum()

    def by_settings(x):
        for state in states:
            state.value = state.value + x * (settings['gain'] * settings['part'].gain)

    return package.transform.jit({'plain': plain, 'module': Adder().update, 'settings': by_settings}.get(way, add))


def with_arguments(n: int, way: str) -> Callable[..., object]:
    """The same values as arguments and results."""
    add = jax.jit({
        'plain': lambda values: [value + 1.0 for value in values],
        'module': lambda values, x: [value + x for value in values],
        'settings': lambda values, x: [value + x for value in values],
    }.get(way, lambda values, x: [value + x.sum() for value in values]))  # fmt: skip
    values = [jnp.zeros(3) for _ in range(n)]

    def step(*x):
        values[:] = add(values, *x)

    return step


def calls(step: Callable[..., object], way: str) -> Callable[[], None]:
    """What is timed."""
    three, four = jnp.ones(3), jnp.ones(4)
    if way in ('second', 'alternating'):
        step(four)
    if way == 'alternating':
        return lambda: [step(x) for _ in range(CALLS // 2) for x in (three, four)]
    args = () if way == 'plain' else (three,)
    return lambda: [step(*args) for _ in range(CALLS)]


def main() -> None:
    """Measure one kernel."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--kernel', choices=('brainpy_state', 'jax', 'brainstate'), required=True)
    parser.add_argument('--states', type=int, required=True)
    parser.add_argument('--way', choices=WAYS, default='plain')
    parser.add_argument('--repeats', type=int, default=1)
    options = parser.parse_args()

    start = time.perf_counter()
    step = (
        with_arguments(options.states, options.way) if options.kernel == 'jax' else with_states(options.kernel, options.states, options.way)
    )
    build_s = time.perf_counter() - start
    timed = calls(step, options.way)
    compile_s = time_call(timed)

    def run() -> float:
        return time_call(timed)

    packages = ['jax'] + ['brainstate'] * (options.kernel == 'brainstate')
    report = {'build_s': build_s, 'compile_s': compile_s, 'peak_rss_mb': peak_rss_mb(), 'versions': versions_of(*packages)}
    emit(report | time_runs(run, options.repeats))


if __name__ == '__main__':
    main()
