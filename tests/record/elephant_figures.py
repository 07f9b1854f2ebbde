"""Write ``elephant_figures.json``: what Elephant measures on a few spike trains.

Run it with a Python that has Elephant 1.2: ``python tests/record/elephant_figures.py``.
"""

import json
from importlib.metadata import version
from pathlib import Path

import elephant.conversion
import neo
import numpy as np
import quantities as pq
from elephant import kernels, spectral, spike_train_correlation, statistics

DT, T_STOP, TRIALS = 0.1, 400.0, 3  # ms
BIN, LAG, WINDOW, SIGMA, PIECE = 5.0, 40.0, 50.0, 7.0, 100.0  # ms


def trains(rng):
    """Steps of an irregular, a regular, a bursting and a silent neuron; no two spikes of one share a step."""
    n = round(T_STOP / DT)
    poisson = np.flatnonzero(rng.random(n) < 0.006)
    gamma = np.cumsum(np.rint(rng.gamma(8.0, 15.0, 200)).astype(int) + 1)
    bursts = (np.cumsum(rng.integers(300, 700, 12))[:, None] + np.cumsum(rng.integers(15, 45, (12, 4)), 1)).ravel()
    return [np.unique(x[x < n]) for x in (poisson, gamma, bursts, np.zeros(0, int))]


def spiketrain(steps):
    return neo.SpikeTrain(steps * DT, units='ms', t_start=0.0, t_stop=T_STOP, sampling_rate=1 / DT * pq.kHz)


def binned(steps):
    """Elephant bins times, which falls to the other side of an edge by rounding; the middle of a step does not."""
    middle = neo.SpikeTrain((steps + 0.5) * DT, units='ms', t_start=0.0, t_stop=T_STOP + DT)
    return elephant.conversion.BinnedSpikeTrain(middle, bin_size=BIN * pq.ms, n_bins=round(T_STOP / BIN), t_start=0 * pq.ms)


def measures(trials):
    first = trials[0]
    whole = [spiketrain(x) for x in first]
    isi = [statistics.isi(x).rescale('ms').magnitude for x in whole[:3]]
    all_binned = elephant.conversion.BinnedSpikeTrain(
        [neo.SpikeTrain((x + 0.5) * DT, units='ms', t_start=0.0, t_stop=T_STOP + DT) for x in first[:3]],
        bin_size=BIN * pq.ms, n_bins=round(T_STOP / BIN), t_start=0 * pq.ms,
    )  # fmt: skip
    windows = [[(x // round(WINDOW / DT) == k).sum() for k in range(round(T_STOP / WINDOW))] for x in first[:3]]
    cch, lags = spike_train_correlation.cross_correlation_histogram(
        binned(first[0]), binned(first[2]), window=[-round(LAG / BIN), round(LAG / BIN)]
    )
    own, _ = spike_train_correlation.cross_correlation_histogram(
        binned(first[2]), binned(first[2]), window=[-round(LAG / BIN), round(LAG / BIN)]
    )
    rate = statistics.instantaneous_rate(
        [neo.SpikeTrain((x + 0.5) * DT, units='ms', t_start=0.0, t_stop=T_STOP) for x in first], sampling_period=DT * pq.ms,
        kernel=kernels.GaussianKernel(SIGMA * pq.ms), pool_spike_trains=True,
    )  # fmt: skip
    counts = all_binned.to_array().sum(0)
    signal = counts / 4 / (BIN * 1e-3)
    frequency, power = spectral.welch_psd(signal, fs=1e3 / BIN, len_segment=round(PIECE / BIN), overlap=0.5)
    return {
        'mean_firing_rate': [float(statistics.mean_firing_rate(x).rescale('Hz')) for x in whole],
        'isi': [x.tolist() for x in isi],
        'cv': [float(statistics.cv(x)) for x in isi],
        'cv2': [float(statistics.cv2(x)) for x in isi],
        'lv': [float(statistics.lv(x)) for x in isi],
        'fanofactor over trials': [
            float(statistics.fanofactor([spiketrain(t[k]) for t in trials])) for k in range(4)
        ],
        'fanofactor by window': [float(statistics.fanofactor([np.zeros(c) for c in x])) for x in windows],
        'correlation_coefficient': spike_train_correlation.correlation_coefficient(all_binned).tolist(),
        'time_histogram': counts.tolist(),
        'cross_correlation_histogram': cch.magnitude.ravel().astype(int).tolist(),
        'autocorrelation_histogram': own.magnitude.ravel().astype(int).tolist(),
        'lags': lags.tolist(),
        'instantaneous_rate': rate.magnitude.ravel()[::20].tolist(),
        'frequency': frequency.tolist(),
        'welch_psd': power.tolist(),
    }  # fmt: skip


if __name__ == '__main__':
    rng = np.random.default_rng(3)
    trials = [trains(rng) for _ in range(TRIALS)]
    settings = {'dt': DT, 't_stop': T_STOP, 'bin': BIN, 'lag': LAG, 'window': WINDOW, 'sigma': SIGMA, 'piece': PIECE}
    versions = {name: version(name) for name in ('elephant', 'neo', 'numpy', 'scipy')}
    steps = [[x.tolist() for x in trial] for trial in trials]
    text = json.dumps({'versions': versions, **settings, 'steps': steps, 'figures': measures(trials)}, allow_nan=True)
    (Path(__file__).parent / 'elephant_figures.json').write_text(text + '\n')
