"""The table of all spiking models that the contract tests run over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

import brainpy_state as bst


class Case(NamedTuple):
    """A model with parameters under which ``current`` makes it fire within 100 steps of 0.1 ms."""

    make: Callable[..., bst.Neuron]
    current: Any  # a strong, constant input
    weak: Any  # an input that never makes it fire


PHYSIOLOGICAL = {
    'R': 100.0 * u.Mohm,
    'tau': 20.0 * u.ms,
    'V_th': -50.0 * u.mV,
    'V_reset': -60.0 * u.mV,
    'V_rest': -65.0 * u.mV,
}

MODELS = {
    'LIF': Case(bst.LIF, 5.0 * u.mA, 0.5 * u.mA),
    'LIF hard': Case(lambda n, **k: bst.LIF(n, spk_reset='hard', **k), 5.0 * u.mA, 0.5 * u.mA),
    'LIF with tau_ref': Case(lambda n, **k: bst.LIF(n, tau_ref=1.0 * u.ms, **k), 5.0 * u.mA, 0.5 * u.mA),
    'LIF in mV and nA': Case(lambda n, **k: bst.LIF(n, **PHYSIOLOGICAL, **k), 1.0 * u.nA, 0.1 * u.nA),
    'LIFRef': Case(bst.LIFRef, 5.0 * u.mA, 0.5 * u.mA),
    'LIFRef hard': Case(lambda n, **k: bst.LIFRef(n, spk_reset='hard', **PHYSIOLOGICAL, **k), 1.0 * u.nA, 0.1 * u.nA),
}


def simulate(neuron: bst.Neuron, inputs: Any, dt: Any) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and V (mV) of each step; ``inputs`` has a leading axis of steps."""

    def step(x: Any) -> Any:
        spike = neuron(x)
        return spike, neuron.V.value.to_decimal(u.mV)

    with bst.environ.context(dt=dt):
        spikes, V = bst.transform.for_loop(step, inputs)
    return np.asarray(spikes), np.asarray(V)
