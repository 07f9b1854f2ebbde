"""Intervals between the spikes of a train, and how regular they are, under their names in Elephant.

They are of each spike train by itself; a batch has those of its trials one after the other. Steps are counted as integers.
"""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError
from .._tracebacks import entry
from ..numerics import with_unit
from ._bins import ratio
from ._spikes import Spikes


@entry
def isi(spikes: Spikes) -> tuple[np.ndarray, Any]:
    """Intervals between the spikes of each neuron; of a batch, those of its trials one after the other.

    Returns
    -------
    neuron : int array, shape (n_intervals,)
        The neuron of each interval.
    interval : time, shape (n_intervals,)
        How long it is, a multiple of the time step; 0 between spikes of one step.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> neuron, interval = bst.record.isi(spikes)
    >>> neuron, interval
    (array([0, 0, 0, 1]), Quantity([10. 20. 30. 25.], "ms"))
    """
    train, steps = _intervals(spikes)
    return train % max(spikes.size, 1), with_unit(steps * float(u.get_mantissa(spikes.dt)), u.get_unit(spikes.dt))


@entry
def cv(spikes: Spikes, min_spikes: int = 4) -> np.ndarray:
    """Coefficient of variation of each neuron's inter-spike intervals.

    Parameters
    ----------
    spikes : Spikes
    min_spikes : int
        Neurons with fewer spikes are left out, in each trial by itself; 3 or more, since one interval does not vary. The value is
        biased low in short runs: compare runs of equal length.

    Returns
    -------
    float array
        One value for each neuron with enough spikes; of a batch, those of its trials one after the other. NaN for a neuron
        whose spikes are all in one step.

    Raises
    ------
    ParameterError
        If ``min_spikes`` is below 3.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> bst.record.cv(spikes, 3)
    array([0.4082...])
    """
    train, steps, n = _enough('cv', spikes, min_spikes)
    mean = _sums(train, steps, n) / np.maximum(n, 1)
    square = _sums(train, (steps - mean[train]) ** 2, n) / np.maximum(n, 1)
    return ratio(np.sqrt(square), mean)[n + 1 >= min_spikes]


@entry
def cv2(spikes: Spikes, min_spikes: int = 4) -> np.ndarray:
    r"""Variation between adjacent inter-spike intervals of each neuron, which a slow change of its rate leaves as it is.

    .. math:: CV2 = \frac{1}{n - 1} \sum_{k=1}^{n-1} \frac{2 |I_{k+1} - I_k|}{I_{k+1} + I_k}

    It is 0 for a regular train and 1 on average for a Poisson process.

    Parameters
    ----------
    spikes : Spikes
    min_spikes : int
        Neurons with fewer spikes are left out, in each trial by itself; 3 or more.

    Returns
    -------
    float array
        One value for each neuron with enough spikes; of a batch, those of its trials one after the other. NaN where two adjacent
        intervals are 0, for three spikes in one step.

    Raises
    ------
    ParameterError
        If ``min_spikes`` is below 3.

    References
    ----------
    Holt, Softky, Koch & Douglas 1996, *J. Neurophysiol.* 75:1806, doi:10.1152/jn.1996.75.5.1806.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> bst.record.cv2(spikes, 3)
    array([0.5333...])
    """
    return 2.0 * _adjacent('cv2', spikes, min_spikes, 1)


@entry
def lv(spikes: Spikes, min_spikes: int = 4) -> np.ndarray:
    r"""Local variation of each neuron's inter-spike intervals.

    .. math:: LV = \frac{3}{n - 1} \sum_{k=1}^{n-1} \left( \frac{I_k - I_{k+1}}{I_k + I_{k+1}} \right)^2

    It is 0 for a regular train and 1 on average for a Poisson process, also where its rate changes slowly.

    Parameters
    ----------
    spikes : Spikes
    min_spikes : int
        Neurons with fewer spikes are left out, in each trial by itself; 3 or more.

    Returns
    -------
    float array
        One value for each neuron with enough spikes; of a batch, those of its trials one after the other. NaN where two adjacent
        intervals are 0, for three spikes in one step.

    Raises
    ------
    ParameterError
        If ``min_spikes`` is below 3.

    References
    ----------
    Shinomoto, Shima & Tanji 2003, *Neural Comput.* 15:2823, doi:10.1162/089976603322518759.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> spikes = bst.record.Spikes(np.array([10, 20, 35, 40, 60, 70]), np.array([0, 0, 1, 0, 1, 0]), 2, 1. * u.ms, 0, 100)
    >>> bst.record.lv(spikes, 3)
    array([0.2266...])
    """
    return 3.0 * _adjacent('lv', spikes, min_spikes, 2)


def _adjacent(measure: str, spikes: Spikes, min_spikes: int, power: int) -> np.ndarray:
    """Mean over pairs of adjacent intervals of a power of their difference over their sum."""
    train, steps, n = _enough(measure, spikes, min_spikes)
    same = train[1:] == train[:-1]
    change = ratio(np.abs(np.diff(steps)), steps[1:] + steps[:-1])[same] ** power
    return (_sums(train[1:][same], change, n) / np.maximum(n - 1, 1))[n + 1 >= min_spikes]


def _enough(measure: str, spikes: Spikes, min_spikes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The train and the length of each interval, and how many a train has."""
    if not min_spikes >= 3:
        raise ParameterError(f'{measure}: min_spikes is {min_spikes}, but must be 3 or more: two intervals.')
    train, steps = _intervals(spikes)
    return train, steps, np.bincount(train, minlength=spikes.n_trains)


def _sums(train: np.ndarray, x: np.ndarray, n: np.ndarray) -> np.ndarray:
    return np.bincount(train, x, minlength=n.size)


def _intervals(spikes: Spikes) -> tuple[np.ndarray, np.ndarray]:
    """The train and the length of each interval."""
    train, step = spikes.by_train()
    same = train[1:] == train[:-1]
    return train[1:][same], np.diff(step)[same]
