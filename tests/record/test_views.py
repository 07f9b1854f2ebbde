"""Recorded spikes as arrays and as other packages take them."""

import sys

import brainunit as u
import neo
import numpy as np
import pytest
import quantities as pq
from braintools import metric, visualize
from matplotlib.figure import Figure

from brainpy_state import ParameterError, ShapeError, UnitError
from brainpy_state.record import Spikes, Trace, isi, mean_firing_rate

STOP, DT = 205, 0.1 * u.ms
RASTER = np.random.default_rng(1).integers(0, 3, (STOP, 3, 4)) * (np.random.default_rng(2).random((STOP, 3, 4)) < 0.1)


def spikes_of(raster, start=0, dt=DT):
    step, *trial, i = np.nonzero(raster)
    n = raster[raster > 0]
    batch = {'trial': np.repeat(trial[0], n), 'n_trials': raster.shape[1]} if trial else {}
    return Spikes(np.repeat(step, n) + start, np.repeat(i, n), raster.shape[-1], dt, start, start + len(raster), **batch)


BATCH, ONE = spikes_of(RASTER), spikes_of(RASTER[:, 0], start=30)


def test_a_matrix_has_every_spike_in_its_bin():
    np.testing.assert_array_equal(BATCH.to_dense(), RASTER)
    np.testing.assert_array_equal(ONE.to_dense(), RASTER[:, 0])
    np.testing.assert_array_equal(BATCH.to_dense(1.0 * u.ms), RASTER[:200].reshape(20, 10, 3, 4).sum(1))
    assert ONE.of(0, 0).to_dense().shape == (STOP, 0)
    assert ONE.between(4.0 * u.ms, 4.0 * u.ms).to_dense().shape == (0, 4)
    with pytest.raises(ParameterError, match=r'Spikes\.to_dense: bin_size = 0\.25 ms must be a multiple of dt'):
        ONE.to_dense(0.25 * u.ms)


def test_times_and_neurons_make_the_same_record_again():
    shuffled = np.random.default_rng(0).permutation(len(ONE))
    again = Spikes.from_times(ONE.t[shuffled], ONE.i[shuffled], size=4, dt=DT, t_start=ONE.t_start, t_stop=ONE.t_stop)
    np.testing.assert_array_equal(again.to_dense(), ONE.to_dense())
    assert (again.start, again.stop) == (30, 235)
    assert len(Spikes.from_times([], [], size=4, dt=DT, t_stop=5.0 * u.ms)) == 0


@pytest.mark.parametrize(
    ('t', 'i', 'error', 'message'),
    [
        ([0.1, 0.25] * u.ms, [0, 1], ParameterError, r'from_times: t = 0\.25 ms must be a multiple of dt = 0\.1 ms'),
        ([0.1, 0.2] * u.mV, [0, 1], UnitError, 'from_times: t = .* must be a time'),
        ([0.1, 9.0] * u.ms, [0, 1], ParameterError, 'step has numbers from 1 to 90, but must stay between 0 and 49'),
        ([0.1, 0.2] * u.ms, [0, 4], ParameterError, 'i has numbers from 0 to 4, but must stay between 0 and 3'),
        ([0.1, 0.2] * u.ms, [0], ShapeError, r'i has shape \(1,\)'),
    ],
)
def test_times_that_are_none_of_the_record_are_an_error(t, i, error, message):
    with pytest.raises(error, match=message):
        Spikes.from_times(t, i, size=4, dt=DT, t_stop=5.0 * u.ms)


def test_a_table_has_a_row_for_each_spike_and_names_its_unit():
    table = BATCH.to_pandas()
    assert list(table) == ['time (ms)', 'neuron', 'trial']
    np.testing.assert_array_equal(table['time (ms)'], BATCH.t.mantissa)
    np.testing.assert_array_equal(table.groupby(['trial', 'neuron']).size().unstack(fill_value=0), BATCH.count)
    assert table.attrs == {'size': 4, 'dt': '0.1 ms', 't_start': '0. ms', 't_stop': '20.5 ms', 'n_trials': 3}
    assert list(ONE.to_pandas()) == ['time (ms)', 'neuron']


def test_named_axes():
    counts = BATCH.to_xarray(1.0 * u.ms)
    assert counts.dims == ('time', 'trial', 'neuron')
    np.testing.assert_array_equal(counts.sel(trial=2, neuron=1), RASTER[:200, 2, 1].reshape(20, 10).sum(1))
    np.testing.assert_allclose(counts['time'], np.arange(20.0))
    assert counts['time'].attrs['units'] == 'ms' and counts.attrs['bin_size'] == '1. ms'
    assert ONE.to_xarray().dims == ('time', 'neuron')
    assert float(ONE.to_xarray()['time'][0]) == pytest.approx(3.0)


@pytest.mark.parametrize(('dt', 'unit'), [(DT, pq.ms), (1e-4 * u.second, pq.s), (100.0 * u.us, pq.us), (2e-6 * u.minute, pq.s)])
def test_spike_trains_of_neo_keep_their_unit(dt, unit):
    spikes = spikes_of(RASTER[:, 0], 30, dt)
    trains = spikes.to_neo()
    assert len(trains) == 4
    for k, (train, times) in enumerate(zip(trains, spikes.spike_trains(), strict=True)):
        assert isinstance(train, neo.SpikeTrain) and train.units == unit
        np.testing.assert_allclose(train.rescale('ms').magnitude, times.to_decimal(u.ms), rtol=1e-12)
        assert train.annotations == {'neuron': k}
        assert float(train.t_start.rescale('ms')) == pytest.approx(float(spikes.t_start.to_decimal(u.ms)))
        assert float(train.t_stop.rescale('ms')) == pytest.approx(float(spikes.t_stop.to_decimal(u.ms)))
        assert float(train.sampling_rate.rescale('kHz')) == pytest.approx(float((1.0 / dt).to_decimal(u.kHz)))


def test_a_batch_is_a_list_of_trains_for_each_trial():
    trains = BATCH.to_neo()
    assert [[len(train) for train in trial] for trial in trains] == BATCH.count.tolist()
    assert trains[2][1].annotations == {'neuron': 1, 'trial': 2}


@pytest.mark.parametrize(('view', 'package'), [('to_pandas', 'pandas'), ('to_xarray', 'xarray'), ('to_neo', 'neo')])
def test_a_package_that_is_missing_is_named_with_how_to_get_it(monkeypatch, view, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"Spikes\.{view} needs {package}, which is not installed: pip install 'brainpy-state\[views\]'"):
        getattr(ONE, view)()


@pytest.mark.slow
def test_measures_of_braintools_take_the_matrix():
    matrix, t = ONE.to_dense(), ONE.t_start + np.arange(STOP) * DT
    index, time = metric.raster_plot(matrix, t)
    once = np.unique(np.stack([ONE.step, ONE.i]), axis=1)  # braintools does not count several spikes in a step
    np.testing.assert_array_equal(index, once[1])
    np.testing.assert_allclose(time.to_decimal(u.ms), once[0] * 0.1)
    rate = np.asarray(metric.firing_rate(matrix, 0.1 * u.ms, DT))
    np.testing.assert_allclose(rate, matrix.mean(1) / 1e-4, rtol=1e-5)
    assert rate.mean() == pytest.approx(float(mean_firing_rate(ONE).to_decimal(u.Hz)), rel=1e-5)
    whole = ONE.between(3.0 * u.ms, 23.0 * u.ms)  # braintools pads the last, incomplete bin
    x = (whole.to_dense(1.0 * u.ms) > 0).astype(float)
    pairs = [x[:, a] @ x[:, b] / np.sqrt(x[:, a].sum() * x[:, b].sum()) for a in range(4) for b in range(a)]
    found = metric.cross_correlation(whole.to_dense(), 1.0 * u.ms, DT, method='vmap')
    assert float(found) == pytest.approx(np.mean(pairs), rel=1e-5)
    V = np.random.default_rng(0).normal(size=(100, 4)) * u.mV
    record = Trace(np.arange(100), V, DT, np.arange(4), 'V')
    fluctuation = V.mantissa.mean(1).var() / V.mantissa.var(0).mean()
    assert float(metric.voltage_fluctuation(record.values, method='vmap')) == pytest.approx(fluctuation, rel=1e-4)


def test_plots_of_braintools_take_times_neurons_and_the_matrix():
    a, b, c = Figure().subplots(3)
    matrix, t = ONE.to_dense(), (ONE.t_start + np.arange(STOP) * DT).to_decimal(u.ms)
    visualize.raster_plot(t, matrix, ax=a)
    assert len(a.collections[0].get_offsets()) == np.count_nonzero(matrix)
    visualize.spike_raster(ONE.t.to_decimal(u.ms), ONE.i, ax=b)
    np.testing.assert_allclose(b.collections[0].get_offsets(), np.stack([ONE.t.to_decimal(u.ms), ONE.i], 1))
    lengths = isi(ONE)[1]
    visualize.isi_distribution([train.to_decimal(u.ms) for train in ONE.spike_trains()], ax=c)
    assert sum(bar.get_height() for bar in c.patches) == lengths.size
