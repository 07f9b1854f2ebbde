"""What the workers share: spike statistics, repeats, and the peak memory of a process."""

import subprocess
import sys

import numpy as np
import pytest

from benchmarks.workers.spike_statistics import cv_of_each_neuron, summarize
from benchmarks.workers.worker import peak_rss_mb, population_sizes, time_runs


def test_regular_spikes_have_their_rate_after_the_start_up_and_no_variation():
    times = np.arange(0.0, 1000.0, 10.0)
    senders = np.repeat([0, 1, 2, 3], times.size)
    result = summarize(senders, np.tile(times, 4), n_e=3, n_i=1, duration_ms=1000.0)
    assert result['spikes'] == 400
    assert result['rate_hz'] == {'E': pytest.approx(100.0), 'I': pytest.approx(100.0)}
    assert result['cv_isi'] == {'E': pytest.approx(0.0, abs=1e-12), 'I': pytest.approx(0.0, abs=1e-12)}


def test_cv_equals_the_naive_one_in_any_order_of_spikes():
    random = np.random.default_rng(1)
    senders, times = random.integers(0, 20, 200), random.uniform(0.0, 1000.0, 200)
    found = cv_of_each_neuron(senders, times, 20)
    for neuron in range(20):
        intervals = np.diff(np.sort(times[senders == neuron]))
        expected = intervals.std() / intervals.mean() if intervals.size >= 3 else np.nan
        assert found[neuron] == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_neurons_below_four_spikes_have_no_cv():
    result = summarize(np.array([0, 0, 0]), np.array([300.0, 400.0, 600.0]), n_e=1, n_i=1, duration_ms=1000.0)
    assert result['cv_isi'] == {'E': None, 'I': None}
    assert result['rate_hz'] == {'E': pytest.approx(3.75), 'I': 0.0}


def test_a_run_no_longer_than_twice_the_start_up_is_counted_from_its_begin():
    times = np.arange(0.0, 400.0, 10.0)
    result = summarize(np.zeros(times.size, int), times, n_e=1, n_i=1, duration_ms=400.0)
    assert result['rate_hz'] == {'E': pytest.approx(100.0), 'I': 0.0}


def test_no_spikes_at_all_are_no_error():
    nothing = summarize(np.array([], int), np.array([]), n_e=3, n_i=1, duration_ms=1000.0)
    assert nothing['spikes'] == 0


def test_repeats_are_timed_after_a_warm_up_and_a_single_run_as_it_comes():
    seconds = iter([9.0, 1.0, 3.0, 2.0])
    assert time_runs(lambda: next(seconds), 3) == {'run_s': 2.0, 'runs_s': [1.0, 3.0, 2.0], 'first_run_s': 9.0}
    assert time_runs(lambda: 5.0, 1)['run_s'] == 5.0


def test_a_fifth_of_the_neurons_is_inhibitory():
    assert population_sizes(4000) == (3200, 800)


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='/proc is of Linux')
def test_peak_memory_is_the_process_own_and_not_its_parents():
    ballast = np.ones(32 * 2**20)
    child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)
    try:
        assert peak_rss_mb() > ballast.nbytes / 2**20
        assert peak_rss_mb(child.pid) < 100.0
    finally:
        child.communicate(b'\n')
    assert peak_rss_mb(child.pid) is None
