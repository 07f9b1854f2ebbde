"""Rates and irregularity of a raster, one definition for all workers."""

import numpy as np

WINDOW_START_MS = 200.0
"""Spikes before this time belong to the start-up and count only in the total."""
MIN_SPIKES_FOR_CV = 4


def summarize(senders: np.ndarray, times_ms: np.ndarray, n_e: int, n_i: int, duration_ms: float) -> dict:
    """Total spikes, and rates and CV of the inter-spike intervals after the start-up.

    Parameters
    ----------
    senders : int, shape (spikes,)
        Neuron of each spike; the first ``n_e`` neurons are excitatory.
    times_ms : float, shape (spikes,)
        Time of each spike in ms.
    n_e, n_i : int
        Neurons of the two populations.
    duration_ms : float
        Length of the run in ms; a run no longer than twice the start-up is counted from 0.

    Returns
    -------
    dict
        ``spikes``, ``rate_hz`` (``E``, ``I``) and ``cv_isi`` (``E``, ``I``; None where no neuron
        has four spikes in the window).
    """
    start = WINDOW_START_MS if duration_ms > 2 * WINDOW_START_MS else 0.0
    inside = times_ms >= start
    kept, kept_times = senders[inside], times_ms[inside]
    seconds = (duration_ms - start) * 1e-3
    excitatory = kept < n_e
    rate = {
        'E': float(excitatory.sum() / (n_e * seconds)),
        'I': float((~excitatory).sum() / (n_i * seconds)),
    }
    cv = cv_of_each_neuron(kept, kept_times, n_e + n_i)
    return {
        'spikes': int(senders.size),
        'rate_hz': rate,
        'cv_isi': {'E': _mean_or_none(cv[:n_e]), 'I': _mean_or_none(cv[n_e:])},
    }


def cv_of_each_neuron(senders: np.ndarray, times_ms: np.ndarray, neurons: int) -> np.ndarray:
    """CV of the inter-spike intervals, shape (neurons,); NaN below four spikes."""
    order = np.lexsort((times_ms, senders))
    senders, times_ms = senders[order], times_ms[order]
    same = senders[1:] == senders[:-1]
    owner, interval = senders[1:][same], np.diff(times_ms)[same]
    count = np.bincount(owner, minlength=neurons)
    enough = count >= MIN_SPIKES_FOR_CV - 1
    divisor = np.maximum(count, 1)
    mean = np.bincount(owner, interval, minlength=neurons) / divisor
    squares = np.bincount(owner, (interval - mean[owner]) ** 2, minlength=neurons)
    cv = np.full(neurons, np.nan)
    cv[enough] = np.sqrt(squares[enough] / divisor[enough]) / mean[enough]
    return cv


def _mean_or_none(values: np.ndarray) -> float | None:
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else None
