"""Forward and backward pass of Vogels and Abbott's networks of 4,000 neurons with 2 % of all synapses, one weight for each population.

The loss is the squared distance of the mean rate from 20 Hz over 100 ms at steps of 0.1 ms. The derivative of a spike is the default: a
triangle that reaches 10 mV to both sides of the threshold. The report says how many neurons it reaches in a step: their synapses are
visited on the way back, and those of neurons that fire on the way forward. Before anything is timed, gradients of 50 steps are compared
with those of the same network evaluated by XLA alone.
"""

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from worker import emit, peak_rss_mb, time_call, versions_of

import brainpy_state as bst

sys.path.append(str(Path(__file__).resolve().parents[2]))
from models.vogels_abbott_2005 import V_RESET, V_TH, Network

STEPS, CHECKED, WANTED = 1000, 50, 0.002  # spikes of a neuron in a step
RTOL = 1e-3  # of gradients in single precision, by sums of 4,000 neurons in another order


def functions(net: Network, steps: int) -> tuple[Any, Any]:
    """The loss, and the loss with its gradient, as compiled functions."""

    def loss() -> Any:
        bst.nn.init_all_states(net)
        return ((bst.transform.for_loop(lambda: net.update()[0].mean(), length=steps).mean() - WANTED) / WANTED) ** 2

    return bst.transform.jit(loss), bst.transform.jit(bst.transform.grad(loss, net.states(bst.ParamState), return_value=True))


def watched(net: Network) -> tuple[float, float]:
    """The share of neurons that fire in a step, and of those that the surrogate's derivative reaches."""

    def step() -> Any:
        fired, _ = net.update()
        distance = (net.N.V.value - V_TH) / (V_TH - V_RESET)
        return fired.mean(), ((jnp.abs(distance) < 1) & (net.N.refractory.value <= 0)).mean()

    bst.nn.init_all_states(net)
    fired, reached = bst.transform.for_loop(step, length=STEPS)
    return float(fired.mean()), float(reached.mean())


def norms(grads: dict) -> list[float]:
    return [float(jnp.linalg.norm(u.get_magnitude(g))) for g in jax.tree.leaves(grads, is_leaf=u.math.is_quantity)]


def check(net: Network) -> None:
    """Stop where native gradients are not those of XLA."""
    found = {}
    for backend in ('auto', 'xla'):
        with bst.event.use_backend(backend):
            found[backend] = norms(functions(net, CHECKED)[1]()[0])
    if not np.allclose(found['auto'], found['xla'], rtol=RTOL, atol=0.0):
        raise SystemExit(f'gradients differ from those of XLA: {found}')


def main() -> None:
    """One network."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--synapses', choices=('coba', 'cuba'), required=True)
    parser.add_argument('--forward', action='store_true', help='without the backward pass')
    parser.add_argument('--threads', type=int, default=bst.event.threads())
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=1)
    options = parser.parse_args()
    bst.event.set_threads(options.threads)
    bst.environ.set(dt=0.1 * u.ms)
    net: Any = None

    def build() -> None:
        nonlocal net
        net = Network(options.synapses, seed=options.seed)

    build_s = time_call(build)
    run = functions(net, STEPS)[not options.forward]
    results: list[Any] = []

    def call() -> None:
        results[:] = [jax.block_until_ready(run())]

    first, peak = time_call(call), peak_rss_mb()
    value, grads = (results[0], {}) if options.forward else (results[0][1], results[0][0])
    if grads:
        check(net)
    times = sorted(time_call(call) for _ in range(max(3, options.repeats)))
    fired, reached = watched(net)
    emit({
        'build_s': build_s, 'compile_s': first, 'run_s': statistics.median(times), 'runs_s': times, 'first_run_s': first,
        'loss': float(value), 'gradient_norms': norms(grads), 'steps': STEPS, 'fired': fired, 'reached': reached,
        'peak_rss_mb': peak, 'versions': versions_of('jax'),
    })  # fmt: skip


if __name__ == '__main__':
    main()
