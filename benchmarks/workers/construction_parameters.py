"""Connectivity of the microcircuit of Potjans & Diesmann 2014, *Cereb. Cortex* 24:785, doi:10.1093/cercor/bhs358, tables 4 and 5."""

import math
from collections.abc import Iterator
from typing import NamedTuple

DT = 0.1  # ms
SIZES = (20_683, 5_834, 21_915, 5_479, 4_850, 1_065, 14_395, 2_948)  # 2/3E, 2/3I, 4E, 4I, 5E, 5I, 6E, 6I
PROBABILITIES = (  # of a connection, onto each population (rows) from each
    (0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0),
    (0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0),
    (0.0077, 0.0059, 0.0497, 0.135, 0.0067, 0.0003, 0.0453, 0.0),
    (0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0),
    (0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0),
    (0.0548, 0.0269, 0.0257, 0.0022, 0.06, 0.3158, 0.0086, 0.0),
    (0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252),
    (0.0364, 0.001, 0.0034, 0.0005, 0.0277, 0.008, 0.0658, 0.1443),
)
WEIGHT, INHIBITORY, WEIGHT_SPREAD = 87.8, -4.0, 0.1  # pA, a factor, and standard deviation over mean
DELAYS, DELAY_SPREAD = (1.5, 0.75), 0.5  # ms, of excitatory and inhibitory sources


class Projection(NamedTuple):
    """Numbers of one projection; weights in pA, delays in ms."""

    source: int
    target: int
    n_sources: int
    n_targets: int
    synapses: int
    weight: float
    weight_std: float
    delay: float
    delay_std: float


def sizes(scale: float) -> list[int]:
    """Neurons of each population."""
    return [round(scale * n) for n in SIZES]


def projections(scale: float) -> Iterator[Projection]:
    """All projections with synapses; their number is such that a pair is connected with its probability (equation 1)."""
    n = sizes(scale)
    for target, row in enumerate(PROBABILITIES):
        for source, p in enumerate(row):
            pairs = n[source] * n[target]
            synapses = round(math.log1p(-p) / math.log1p(-1 / pairs))
            weight, delay = WEIGHT * (INHIBITORY if source % 2 else 1.0), DELAYS[source % 2]
            if synapses:
                spread = abs(weight) * WEIGHT_SPREAD, delay * DELAY_SPREAD
                yield Projection(source, target, n[source], n[target], synapses, weight, spread[0], delay, spread[1])


def parser_options() -> tuple[tuple[str, dict], ...]:
    """What the workers of this case are told."""
    whole = {'type': int, 'default': 1}
    return ('--scale', {'type': float, 'default': 1.0}), ('--seed', whole), ('--repeats', whole), ('--threads', whole)
