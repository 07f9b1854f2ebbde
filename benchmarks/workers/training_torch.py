"""Forward and backward pass of one training task in snnTorch, Norse or SpikingJelly, each by its own layers."""

import argparse
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from training_parameters import DECAY, TASKS, Data, data
from training_reference import check
from worker import emit, peak_rss_mb, time_call, versions_of

TAKEN = 1.0 - DECAY  # of its input, by a membrane of Norse and of SpikingJelly's readout
MS = 1e-3


def linear(w: np.ndarray, scale: float = 1.0) -> torch.nn.Linear:
    """A layer of weights (pre, post)."""
    layer = torch.nn.Linear(*w.shape, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(w.T * scale))
    return layer


def snntorch(given: Data) -> tuple[list[torch.nn.Parameter], Callable]:
    """`Leaky` and `RLeaky`, reset to zero at once; its derivative goes through the spike."""
    import snntorch as snn
    from snntorch import surrogate

    *hidden, last = given.weights
    options: dict[str, Any] = {'beta': DECAY, 'spike_grad': surrogate.fast_sigmoid(slope=1)}
    reset: dict[str, Any] = {'reset_mechanism': 'zero', 'reset_delay': False}
    maps, cells = [linear(w) for w in given.weights], []
    for k, w in enumerate(hidden):
        if k == 0 and given.recurrent is not None:
            cells.append(snn.RLeaky(linear_features=w.shape[1], **options, **reset))
            cells[0].recurrent = linear(given.recurrent)
        else:
            cells.append(snn.Leaky(**options, **reset))
    readout = snn.Leaky(reset_mechanism='none', **options)

    def run(inputs: torch.Tensor) -> torch.Tensor:
        for layer, cell in zip(maps, cells, strict=False):  # each for all steps, which is quicker than all in each step
            made, zero = [], torch.zeros(inputs.shape[1], layer.out_features)
            state = (zero, zero) if isinstance(cell, snn.RLeaky) else (zero,)
            for current in layer(inputs).unbind(0):
                spike, potential = cell(current, *state)
                state = (spike, potential) if len(state) == 2 else (potential,)
                made.append(spike)
            inputs = torch.stack(made)
        potential, total = torch.zeros(inputs.shape[1], last.shape[1]), 0.0
        for current in maps[-1](inputs).unbind(0):
            _, potential = readout(current, potential)
            total = total + potential
        return total / len(inputs)

    return [p for module in (*maps, *cells) for p in module.parameters()], run


def norse(given: Data) -> tuple[list[torch.nn.Parameter], Callable]:
    """`LIFRecurrent` and `LIF`, with a synaptic time constant of one step; the reset is held fixed in the former alone."""
    import norse.torch as norse

    number = torch.as_tensor
    rates = {'tau_syn_inv': number(1 / MS), 'tau_mem_inv': number(TAKEN / MS), 'v_leak': number(0.0)}
    cell = norse.LIFParameters(v_th=number(1.0), v_reset=number(0.0), method='super', alpha=number(1.0), **rates)
    layers: list[torch.nn.Module] = []
    for k, w in enumerate(given.weights[:-1]):
        if k == 0 and given.recurrent is not None:
            own = {
                name: torch.nn.Parameter(torch.from_numpy(x.T / np.float32(TAKEN)))
                for name, x in (('input_weights', w), ('recurrent_weights', given.recurrent))
            }
            layers.append(norse.LIFRecurrent(*w.shape, p=cell, autapses=True, dt=MS, **own))
        else:
            layers += [linear(w, 1 / TAKEN), norse.LIF(p=cell, dt=MS)]
    layers += [linear(given.weights[-1], 1 / TAKEN), norse.LI(p=norse.LIParameters(**rates), dt=MS)]

    def run(x: torch.Tensor) -> torch.Tensor:
        for layer in layers:
            x = layer(x) if isinstance(layer, torch.nn.Linear) else layer(x)[0]
        return x.mean(0)

    return [p for layer in layers for p in layer.parameters() if p.requires_grad], run


def spikingjelly(given: Data) -> tuple[list[torch.nn.Parameter], Callable]:
    """`LIFNode` in its multi-step mode; recurrence is a loop over a node in its single-step mode. The reset is held fixed."""
    from spikingjelly.activation_based import functional, neuron, surrogate

    def node(mode: str) -> torch.nn.Module:
        options: dict[str, Any] = {'v_threshold': 1.0, 'v_reset': 0.0, 'detach_reset': True, 'step_mode': mode}
        return neuron.LIFNode(tau=1 / TAKEN, decay_input=False, surrogate_function=surrogate.SuperSpike(alpha=1.0), **options)

    hidden = [(linear(w), node('m' if k or given.recurrent is None else 's')) for k, w in enumerate(given.weights[:-1])]
    recurrent = None if given.recurrent is None else linear(given.recurrent)
    last, readout = linear(given.weights[-1], 1 / TAKEN), neuron.NonSpikingLIFNode(tau=1 / TAKEN, decode='mean-mem')

    def run(x: torch.Tensor) -> torch.Tensor:
        for k, (layer, cell) in enumerate(hidden):
            functional.reset_net(cell)
            currents = layer(x)
            if k or recurrent is None:
                x = cell(currents)
                continue
            spike, made = torch.zeros_like(currents[0]), []
            for current in currents.unbind(0):
                spike = cell(current + recurrent(spike))
                made.append(spike)
            x = torch.stack(made)
        functional.reset_net(readout)
        return readout(last(x))

    maps = [*(layer for layer, _ in hidden), last, *([] if recurrent is None else [recurrent])]
    return [layer.weight for layer in maps], run


CONTENDERS = {'snntorch': snntorch, 'norse': norse, 'spikingjelly': spikingjelly}


def scales(contender: str, given: Data, parameters: list[torch.nn.Parameter]) -> list[float]:
    """What a norm is divided by, since weights are larger there by as much."""
    if contender == 'norse':
        return [TAKEN] * len(parameters)
    if contender == 'spikingjelly':
        return [TAKEN if p.shape[0] == given.weights[-1].shape[1] else 1.0 for p in parameters]
    return [1.0] * len(parameters)


def main() -> None:
    """One task of one contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--task', choices=TASKS, required=True)
    parser.add_argument('--contender', choices=CONTENDERS, required=True)
    parser.add_argument('--seed', type=int, default=1, help='the data are the same for all')
    parser.add_argument('--repeats', type=int, default=1)
    options = parser.parse_args()
    given = data(TASKS[options.task])
    parameters, run = CONTENDERS[options.contender](given)
    inputs, labels = torch.from_numpy(given.inputs), torch.from_numpy(given.labels)
    losses: list[float] = []

    def step() -> None:
        for p in parameters:
            p.grad = None
        loss = torch.nn.functional.cross_entropy(run(inputs), labels)
        loss.backward()
        losses.append(loss.item())

    first = time_call(step)
    norms = [float(p.grad.norm()) / s for p, s in zip(parameters, scales(options.contender, given, parameters), strict=True)]
    detached = options.contender != 'snntorch' and (options.contender != 'norse' or given.recurrent is not None)
    check(options.task, detached, losses[0], norms)
    times = sorted(time_call(step) for _ in range(max(3, options.repeats)))
    emit({
        'build_s': 0.0, 'compile_s': first, 'run_s': statistics.median(times), 'runs_s': times, 'first_run_s': first,
        'loss': losses[0], 'gradient_norms': sorted(norms), 'peak_rss_mb': peak_rss_mb(),
        'versions': versions_of('torch', options.contender),
    })  # fmt: skip


if __name__ == '__main__':
    main()
