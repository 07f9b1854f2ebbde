"""The C program that others are compared with simulates the same network."""

import json
import shutil
import sys

import pytest

from benchmarks._contender import WORKERS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith('linux') or shutil.which('gcc') is None, reason='needs gcc and /proc'),
]

# Mean and standard deviation over seeds 1 to 10 of the spikes of `models/vogels_abbott_2005.py --connect fixed_indegree`.
# Brian2 2.9.0 gives 58159 for COBA (seed 1).
SPIKES = {'coba': (57843, 1524), 'cuba': (20667, 297)}


@pytest.mark.parametrize('kind', SPIKES)
def test_the_floor_has_as_many_spikes_as_our_model(kind, python):
    report = json.loads(python(str(WORKERS / 'scaling_floor.py'), '--synapses', kind, '--repeats', '2'))
    mean, deviation = SPIKES[kind]
    # one sample of a normal distribution lies outside once in 16,000
    assert abs(report['spikes'] - mean) < 4 * deviation
    assert report['rate_hz']['E'] == pytest.approx(report['rate_hz']['I'], rel=0.1)  # both receive the same synapses
    assert len(report['runs_s']) == 2
    assert 0.0 < report['binary_peak_rss_mb'] < report['peak_rss_mb']
