"""The table of all spiking models that the tests run over."""

from __future__ import annotations

from typing import Any, NamedTuple

import brainunit as u
import numpy as np

import brainpy_state as bst

EXACT = 'exact'


class Case(NamedTuple):
    """A model with parameters, and inputs of known effect in steps of dt."""

    model: type[bst.Neuron]
    current: Any  # makes it fire within 60 ms
    weak: Any  # never makes it fire
    order: Any = 1  # of exponential Euler in dt, or exact for a constant input
    parameters: dict[str, Any] = {}
    dt: Any = 0.1 * u.ms  # at which explicit methods are stable

    def make(self, size: Any, **options: Any) -> bst.Neuron:
        return self.model(size, **(self.parameters | options))


PHYSIOLOGICAL = {
    'R': 100.0 * u.Mohm,
    'tau': 20.0 * u.ms,
    'V_th': -50.0 * u.mV,
    'V_reset': -60.0 * u.mV,
    'V_rest': -65.0 * u.mV,
}
GIF = {'a': 0.005 / u.ms, 'A1': 1.0 * u.mA, 'A2': -0.1 * u.mA, 'R1': 0.5}
AT_REST = {'V_initializer': -70.0 * u.mV, 'u_initializer': -14.0 * u.mV / u.ms}
FINE = 0.025 * u.ms
WEAK, FIRING = 0.5 * u.mA, 5.0 * u.mA

MODELS = {
    'IF': Case(bst.IF, FIRING, WEAK, order=EXACT),
    'LIF': Case(bst.LIF, FIRING, WEAK, order=EXACT),
    'LIF in mV and nA': Case(bst.LIF, 1.0 * u.nA, 0.1 * u.nA, order=EXACT, parameters=PHYSIOLOGICAL),
    'LIFRef': Case(bst.LIFRef, FIRING, WEAK, order=EXACT),
    'ALIF': Case(bst.ALIF, FIRING, WEAK, order=EXACT),
    'CubaLIF': Case(bst.CubaLIF, FIRING, WEAK),
    'CobaLIF': Case(bst.CobaLIF, FIRING, WEAK, parameters={'E': 10.0 * u.mV}),
    'ExpIF': Case(bst.ExpIF, 20.0 * u.mA, WEAK, order=2),
    'ExpIFRef': Case(bst.ExpIFRef, 20.0 * u.mA, WEAK, order=2),
    'AdExIF': Case(bst.AdExIF, 30.0 * u.mA, WEAK),
    'AdExIFRef': Case(bst.AdExIFRef, 30.0 * u.mA, WEAK),
    'QuaIF': Case(bst.QuaIF, 30.0 * u.mA, WEAK, order=2),
    'AdQuaIF': Case(bst.AdQuaIF, 30.0 * u.mA, WEAK),
    'AdQuaIFRef': Case(bst.AdQuaIFRef, 30.0 * u.mA, WEAK),
    'Gif': Case(bst.Gif, 3.0 * u.mA, 0.3 * u.mA, parameters=GIF),
    'GifRef': Case(bst.GifRef, 3.0 * u.mA, 0.3 * u.mA, parameters=GIF),
    'Izhikevich': Case(bst.Izhikevich, 20.0 * u.mV / u.ms, 1.0 * u.mV / u.ms, parameters=AT_REST),
    'IzhikevichRef': Case(bst.IzhikevichRef, 20.0 * u.mV / u.ms, 1.0 * u.mV / u.ms, parameters=AT_REST),
    'HH': Case(bst.HH, 10.0 * u.uA, 0.5 * u.uA, parameters={'V_initializer': -65.0 * u.mV}, dt=FINE),
    'WangBuzsakiHH': Case(bst.WangBuzsakiHH, 5.0 * u.uA, 0.05 * u.uA, dt=FINE),
    'TraubMilesHH': Case(bst.TraubMilesHH, 1.0 * u.nA, 0.05 * u.nA, parameters={'V_T': -50.0 * u.mV}, dt=FINE),
    'MorrisLecar': Case(bst.MorrisLecar, 150.0 * u.uA, 20.0 * u.uA, parameters={'V_initializer': -60.0 * u.mV}),
    'FitzHughNagumo': Case(bst.FitzHughNagumo, 1.0, 0.1),
    'HindmarshRose': Case(bst.HindmarshRose, 5.0, 0.5, parameters={'y_initializer': -11.8, 'z_initializer': 2.0}, dt=FINE),
}


def number(x: Any) -> np.ndarray:
    """A value in its own unit, as a NumPy array."""
    return np.asarray(u.get_mantissa(x))


def simulate(neuron: bst.Neuron, inputs: Any, dt: Any) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and V (mV) of each step; ``inputs`` has a leading axis of steps."""

    def step(x: Any) -> Any:
        spike = neuron(x)
        return spike, neuron.V.value.to_decimal(u.mV)

    with bst.environ.context(dt=dt):
        spikes, V = bst.transform.for_loop(step, inputs)
    return np.asarray(spikes), np.asarray(V)
