"""Forward and backward pass of one training task: in this project, plain JAX or Spyx."""

import argparse
import functools
import importlib
import statistics
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from training_parameters import BLOCK, DECAY, TASKS, Data, Task, data, surrogate
from training_reference import check
from worker import emit, peak_rss_mb, time_call, versions_of


def cross_entropy(mean: Any, labels: Any) -> Any:
    """Of the mean readout (batch, classes)."""
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(mean), labels[:, None], 1))


def ours(task: Task, given: Data, detached: bool) -> tuple[Any, Any]:
    """LIF layers, dense connections and a leaky readout of this project."""
    import brainunit as u

    import brainpy_state as bst

    tau = -1.0 / np.log(DECAY) * u.ms
    options = {'tau': tau, 'V_rest': 0.0 * u.mV, 'V_reset': 0.0 * u.mV, 'V_th': 1.0 * u.mV, 'R': 1.0 * u.ohm}
    options |= {'spk_reset': 'hard', 'detach_reset': detached, 'spk_fun': surrogate(jax)}
    scale = 1.0 / (1.0 - DECAY) * u.mA  # a membrane takes in 1 - b of its input

    class Net(bst.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            *hidden, last = given.weights
            self.dense = [bst.nn.Linear(*w.shape, w_init=w, b_init=None) for w in hidden]
            self.cells = [bst.LIF(w.shape[1], **options) for w in hidden]
            n = task.sizes[1]
            self.recurrent = None if given.recurrent is None else bst.nn.Linear(n, n, w_init=given.recurrent, b_init=None)
            self.readout = bst.nn.LeakyRateReadout(*last.shape, tau=tau, w_init=last)

        def update(self, x: Any) -> Any:
            x = x.astype(np.float32)
            for k, (dense, cell) in enumerate(zip(self.dense, self.cells, strict=True)):
                current = dense(x)
                if k == 0 and self.recurrent is not None:
                    current = current + self.recurrent(cell.get_spike())
                x = cell(current * scale)
            return self.readout(x)

    bst.environ.set(dt=1.0 * u.ms)
    net = bst.nn.init_all_states(Net(), batch_size=task.batch)

    loop = bst.transform.checkpointed_for_loop if task.long else bst.transform.for_loop

    def loss(inputs: Any, labels: Any) -> Any:
        bst.nn.reset_all_states(net, batch_size=task.batch)
        return cross_entropy(loop(net, inputs).mean(0), labels)

    gradient = bst.transform.jit(bst.transform.grad(loss, net.states(bst.ParamState), return_value=True))
    forward = bst.transform.jit(loss)

    def both(inputs: Any, labels: Any) -> tuple[Any, Any]:
        grads, value = gradient(inputs, labels)
        return value, grads

    return forward, both


def plain(task: Task, given: Data, detached: bool) -> tuple[Any, Any]:
    """``jax.lax.scan`` with a product of matrices in each step; where the task is long, of blocks under ``jax.checkpoint``."""
    spike = surrogate(jax)

    def loss(parameters: Any, inputs: Any, labels: Any) -> Any:
        *hidden, last = parameters['weights']

        def step(carry: Any, x: Any) -> tuple[Any, None]:
            cells, readout, total = carry
            x, made = x.astype(np.float32), []
            for k, (w, (v, s)) in enumerate(zip(hidden, cells, strict=True)):
                h = DECAY * v + x @ w
                if k == 0 and parameters['recurrent'] is not None:
                    h = h + s @ parameters['recurrent']
                x = spike(h - 1)
                made.append((h * (1 - (jax.lax.stop_gradient(x) if detached else x)), x))
            readout = DECAY * readout + x @ last
            return (made, readout, total + readout), None

        zeros = [jnp.zeros((task.batch, w.shape[1])) for w in parameters['weights']]
        start = [(z, z) for z in zeros[:-1]], zeros[-1], zeros[-1]
        if task.long:
            inputs = inputs.reshape(-1, BLOCK, *inputs.shape[1:])
            (_, _, total), _ = jax.lax.scan(jax.checkpoint(lambda carry, xs: jax.lax.scan(step, carry, xs)), start, inputs)
        else:
            (_, _, total), _ = jax.lax.scan(step, start, inputs)
        return cross_entropy(total / task.steps, labels)

    parameters = {'weights': [jnp.asarray(w) for w in given.weights], 'recurrent': given.recurrent}
    parameters = jax.tree.map(jnp.asarray, parameters)
    return functools.partial(jax.jit(loss), parameters), functools.partial(jax.jit(jax.value_and_grad(loss)), parameters)


def spyx(task: Task, given: Data, detached: bool) -> tuple[Any, Any]:
    """Layers of Spyx; there, spikes come a step later and the reset is subtracted."""
    nnx, nn, axn = (importlib.import_module(name) for name in ('flax.nnx', 'spyx.nn', 'spyx.axn'))
    options = {'beta': DECAY, 'threshold': 1.0, 'activation': axn.superspike(k=1), 'rngs': nnx.Rngs(0)}

    def linear(w: Any) -> Any:
        layer = nnx.Linear(*w.shape, use_bias=False, rngs=nnx.Rngs(0))
        layer.kernel[...] = jnp.asarray(w)
        return layer

    layers: list[Any] = []
    *hidden, last = given.weights
    for k, w in enumerate(hidden):
        is_recurrent = k == 0 and given.recurrent is not None
        cell = (nn.RLIF if is_recurrent else nn.LIF)((w.shape[1],), **options)
        if is_recurrent:
            cell.recurrent_w[...] = jnp.asarray(given.recurrent)
        layers += [linear(w), cell]
    layers += [linear(last), nn.LI((last.shape[1],), beta=DECAY, rngs=nnx.Rngs(0))]
    weights = nnx.All(nnx.Param, lambda path, value: path[-1] != 'beta')
    graph, parameters, rest = nnx.split(nn.Sequential(*layers), weights, ...)

    def loss(parameters: Any, inputs: Any, labels: Any) -> Any:
        return cross_entropy(nn.run(nnx.merge(graph, parameters, rest), inputs)[0].mean(0), labels)

    return functools.partial(jax.jit(loss), parameters), functools.partial(jax.jit(jax.value_and_grad(loss)), parameters)


CONTENDERS = {'ours': ours, 'jax': plain, 'spyx': spyx}


def main() -> None:
    """One task of one contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--task', choices=TASKS, required=True)
    parser.add_argument('--contender', choices=CONTENDERS, required=True)
    parser.add_argument('--forward', action='store_true', help='without the backward pass')
    parser.add_argument('--through', action='store_true', help='the derivative goes through the reset')
    parser.add_argument('--seed', type=int, default=1, help='the data are the same for all')
    parser.add_argument('--repeats', type=int, default=1)
    options = parser.parse_args()
    task = TASKS[options.task]
    given = data(task)
    inputs, labels = jnp.asarray(given.inputs), jnp.asarray(given.labels)
    forward, both = CONTENDERS[options.contender](task, given, not options.through)
    results: list[Any] = []

    def run() -> None:
        results[:] = [jax.block_until_ready((forward if options.forward else both)(inputs, labels))]

    first = time_call(run)
    value, grads = (results[0], ()) if options.forward else results[0]
    norms = sorted(float(jnp.linalg.norm(x)) for x in jax.tree.leaves(grads))
    if norms and options.contender != 'spyx' and not task.long:
        check(options.task, not options.through, float(value), norms)
    times = sorted(time_call(run) for _ in range(1 if task.long else max(3, options.repeats)))
    emit({
        'build_s': 0.0, 'compile_s': first, 'run_s': statistics.median(times), 'runs_s': times, 'first_run_s': first,
        'loss': float(value), 'gradient_norms': norms, 'peak_rss_mb': peak_rss_mb(), 'versions': versions_of('jax'),
    })  # fmt: skip


if __name__ == '__main__':
    main()
