"""Parameters of the cortical microcircuit of Potjans & Diesmann, in plain numbers.

Every worker takes them from here, so that all contenders simulate one network. Units: ms, mV, pF, pA, Hz. Rows of a matrix are
targets, columns sources, in the order of ``NAMES``.

References
----------
.. [1] Potjans TC, Diesmann M (2014). The cell-type specific cortical microcircuit: relating structure and
       activity in a full-scale spiking network model. Cereb Cortex 24:785-806. doi:10.1093/cercor/bhs358
"""

import numpy as np

NAMES = ('L23E', 'L23I', 'L4E', 'L4I', 'L5E', 'L5I', 'L6E', 'L6I')
SIZES = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
PROBABILITIES = np.array(
    [
        [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0000, 0.0076, 0.0000],
        [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0000, 0.0042, 0.0000],
        [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0000],
        [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0000, 0.1057, 0.0000],
        [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0000],
        [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0000],
        [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
        [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
    ]
)
EXTERNAL_INPUTS = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])
EXTERNAL_RATE = 8.0
RATES = np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829])
"""Of the full network; a smaller one gets a current in place of the input that it lacks."""

TAU, TAU_SYN, TAU_REF, C = 10.0, 0.5, 2.0, 250.0
V_TH, V_RESET = -50.0, -65.0
V_START = np.array([-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43])
V_START_SD = np.array([5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48])
PSP, G, WEIGHT_SD = 0.15, -4.0, 0.1
"""Peak of an excitatory potential, weight of an inhibitory synapse over that of an excitatory one, relative spread of weights."""
DELAY_E, DELAY_I, DELAY_SD = 1.5, 0.75, 0.5
"""From the end of a spike's step to the start of the current; the spread is relative."""


def psc() -> float:
    """The current that a spike starts, for a potential that peaks at ``PSP``."""
    ratio = TAU / TAU_SYN
    peak = TAU_SYN / C * ratio ** (-TAU_SYN / (TAU - TAU_SYN))
    return PSP / peak


def scaled(scale: float) -> dict[str, np.ndarray]:
    """Sizes, numbers and weights of synapses, external inputs, and the current in place of lacking input."""
    full = np.log1p(-PROBABILITIES) / np.log1p(-1.0 / np.outer(SIZES, SIZES))
    weights = psc() * np.where(np.arange(8) % 2, G, 1.0) * np.ones((8, 8))
    weights[0, 2] *= 2.0
    charge = (weights * full * RATES).sum(1) / SIZES + psc() * EXTERNAL_INPUTS * EXTERNAL_RATE
    return {
        'sizes': np.rint(SIZES * scale).astype(int),
        'synapses': np.rint(full * scale**2).astype(int),
        'weights': weights / np.sqrt(scale),
        'inputs': np.rint(EXTERNAL_INPUTS * scale).astype(int),
        'current': (1.0 - np.sqrt(scale)) * charge * TAU_SYN * 1e-3,
    }
