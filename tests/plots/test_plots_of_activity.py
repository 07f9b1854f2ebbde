"""What plots of spikes, rates and traces show."""

import itertools

import brainunit as u
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from brainpy_state import ParameterError, ShapeError, UnitError, plots
from brainpy_state.record import Spikes, Trace, instantaneous_rate, population_rate

DT = 0.1 * u.ms


def spikes_of(size, every=100, stop=10_000):
    """Each neuron spikes every 10 ms."""
    step = np.repeat(np.arange(50, stop, every), size)
    return Spikes(step, np.tile(np.arange(size), step.size // size), size, DT, 0, stop)


BOTH = {'E': spikes_of(800), 'I': spikes_of(200)}


@pytest.fixture
def ax():
    """Axes of a figure that is not one of pyplot's; what is drawn must be able to appear."""
    figure = Figure(layout='constrained')
    yield figure.subplots()
    figure.canvas.draw()


def rows(line):
    return np.unique(line.get_ydata()).size


def test_a_raster_has_a_mark_for_each_spike_at_its_time_and_neuron(ax):
    spikes = Spikes([10, 30, 25], [2, 0, 2], 3, DT, 0, 50)
    assert plots.raster(spikes, ax=ax) is ax
    (line,) = ax.lines
    np.testing.assert_allclose(line.get_xdata(), [1.0, 2.5, 3.0])
    np.testing.assert_array_equal(line.get_ydata(), [2, 2, 0])
    assert (ax.get_xlim(), ax.get_ylim()) == ((0.0, 5.0), (-0.5, 2.5))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ('time (ms)', 'neuron')
    assert line.get_rasterized() and line.get_linestyle() == 'None'


def test_populations_stand_above_each_other_in_their_colours(ax):
    plots.raster({'E': spikes_of(30), 'I': spikes_of(20)}, ax=ax)
    exc, inh = ax.lines[0], ax.lines[-1]
    assert (exc.get_ydata().max(), inh.get_ydata().min(), inh.get_ydata().max()) == (29, 30, 49)
    assert [text.get_text() for text in ax.texts] == ['E\n30', 'I\n20']
    blue, red = (matplotlib.colors.to_rgb(line.get_color()) for line in (exc, inh))
    assert blue[2] > blue[0] and red[0] > red[2]


@pytest.mark.parametrize(
    ('names', 'same'),
    [
        (('E', 'I'), ('E', 'I')),
        (('I', 'E'), ('I', 'E')),
        (('L4E', 'L23I'), ('E', 'I')),
        (('excitatory', 'FS'), ('E', 'I')),
        (('A', 'B'), ('E', 'I')),
        (('A', 'E'), ('I', 'E')),
    ],
)
def test_names_decide_colours(names, same):
    drawn = [plots.rate(dict.fromkeys(x, BOTH['I']), ax=Figure().subplots()).patches for x in (names, same)]
    assert [p.get_edgecolor() for p in drawn[0]] == [p.get_edgecolor() for p in drawn[1]]


def test_colours_can_be_given(ax):
    plots.rate(BOTH, colors={'I': 'lime'}, ax=ax)
    assert [matplotlib.colors.to_hex(p.get_edgecolor()) for p in ax.patches] == ['#1f5fa8', '#00ff00']
    with pytest.raises(ParameterError, match=r"colors are given for \['J'\], but there are \['E', 'I'\]"):
        plots.rate(BOTH, colors={'J': 'lime'}, ax=ax)
    with pytest.raises(ParameterError, match='1 colors are given for 2 lines'):
        plots.raster(BOTH, colors=['lime'], ax=ax)


def test_of_many_neurons_some_are_shown_in_their_true_proportion(ax):
    plots.raster(BOTH, most=250, ax=ax)
    exc, inh = ax.lines[0], ax.lines[-1]
    assert (rows(exc), rows(inh)) == (200, 50)
    assert ax.texts[0].get_text() == 'E\n200 of 800'
    assert not ax.get_yticks().size
    odd = Spikes([1, 2, 3], [0, 4, 5], 10, DT, 0, 10)  # neurons 0, 5 of 10
    (line,) = plots.raster(odd, most=2, ax=Figure().subplots()).lines
    np.testing.assert_array_equal(line.get_xdata(), [0.1 * 1, 0.1 * 3])
    assert rows(plots.raster(spikes_of(5000, every=5000), ax=Figure().subplots()).lines[0]) < 1000


def test_a_batch_is_drawn_by_trials(ax):
    batch = Spikes([1, 2, 3], [0, 1, 1], 2, DT, 0, 10, [0, 0, 2], 3)
    plots.raster(batch, ax=ax)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [0, 1, 5])
    assert ax.get_ylabel() == 'trial'
    assert [t.get_text() for t in ax.get_yticklabels()] == ['0', '1', '2']


def test_times_and_neurons_are_enough(ax):
    plots.raster(np.array([1.0, 2.0, 3.5]) * u.second, [0, 3, 1], ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [1.0, 2.0, 3.5])
    assert ax.get_xlabel() == 'time (s)'


def test_rates_are_those_of_the_measures(ax):
    plots.rate(BOTH['E'], bin_size=20.0 * u.ms, ax=ax)
    values, edges, _ = ax.patches[0].get_data()
    np.testing.assert_allclose(values, population_rate(BOTH['E'], 20.0 * u.ms)[1].to_decimal(u.Hz))
    np.testing.assert_allclose(edges, np.arange(0.0, 1001.0, 20.0))
    assert (ax.get_ylabel(), ax.get_ylim()[0]) == ('rate (Hz)', 0.0)
    (line,) = plots.rate(BOTH['E'], sigma=5.0 * u.ms, ax=Figure().subplots()).lines
    np.testing.assert_allclose(line.get_ydata(), instantaneous_rate(BOTH['E'], 5.0 * u.ms)[1].to_decimal(u.Hz))
    t, r = np.arange(3) * u.ms, np.array([1.0, 3.0, 2.0]) * u.kHz
    for given in ((t, r), (Trace(np.arange(0, 30, 10), r, DT),)):
        (line,) = plots.rate(*given, ax=Figure().subplots()).lines
        np.testing.assert_allclose(line.get_xydata(), [[0, 1e3], [1, 3e3], [2, 2e3]])


V = np.array([[-65.0, -60.0], [-60.0, -60.0], [-52.0, -60.0], [-65.0, -55.0]]) * u.mV
T = np.arange(4) * u.ms


def test_a_trace_has_a_line_from_itself_to_the_peak_at_each_spike(ax):
    spikes = Spikes([20, 21], [7, 1], 9, DT, 0, 40)
    record = Trace(np.arange(0, 40, 10), V, DT, np.array([7, 3]), 'V')
    plots.trace(record, of=7, spikes=spikes, peak=20.0 * u.mV, V_th=-0.05 * u.volt, ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), np.stack([[0, 1, 2, 3], [-65, -60, -52, -65]], 1))
    (bar,) = ax.collections[0].get_segments()
    np.testing.assert_allclose(bar, [[2.0, -52.0], [2.0, 20.0]])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), -50.0)
    assert ax.get_ylabel() == 'V of neuron 7 (mV)'
    (bar,) = plots.trace(V[:, :1], T, spikes=spikes.of([7]), ax=Figure().subplots()).collections[0].get_segments()
    assert bar[1, 1] == pytest.approx(-39.0)  # as far above -52 as -65 is below it


def test_several_traces_share_an_axis_and_many_have_a_scale_bar(ax):
    plots.trace(V, T, ax=ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ['neuron 0', 'neuron 1']
    figure = Figure(layout='constrained')
    many = plots.trace(np.tile(V.mantissa, 3) * u.mV, T, name='V', ax=figure.subplots())
    figure.canvas.draw()
    assert [text.get_text() for text in many.get_yticklabels()] == list('012345')
    assert many.texts[0].get_text() == '5 mV'
    lines = [line.get_ydata() for line in many.lines[:6]]
    assert all(a.min() > b.max() for a, b in itertools.pairwise(lines))
    assert len(plots.trace(np.zeros((4, 20)), T, ax=Figure().subplots()).lines) == 9  # the first eight, and the bar


@pytest.mark.parametrize('of, names', [(slice(0, 5), '3'), (slice(3, 8), '73'), (np.arange(9) == 7, '7'), (np.array([3, 7]), '37')])
def test_a_trace_is_drawn_of_neurons_as_one_would_index_an_array(of, names, ax):
    plots.trace(Trace(np.arange(0, 40, 10), V, DT, np.array([7, 3]), 'V'), of=of, ax=ax)
    shown = [text.get_text() for text in ax.get_legend().get_texts()] if len(names) > 1 else [ax.get_ylabel()]
    assert shown == ([f'neuron {k}' for k in names] if len(names) > 1 else [f'V of neuron {names} (mV)'])
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), V.mantissa[:, '73'.index(names[0])])


def test_what_is_not_known_to_be_of_neurons_is_not_called_so(ax):
    assert plots.trace(V[:, 0], T, name='I', ax=ax).get_ylabel() == 'I (mV)'
    assert plots.trace(Trace(np.arange(4), V[:, :1], DT, None, 'I'), ax=Figure().subplots()).get_ylabel() == 'I (mV)'
    two = plots.trace(Trace(np.arange(4), V, DT, None, 'I'), ax=Figure().subplots())
    assert [text.get_text() for text in two.get_legend().get_texts()] == ['0', '1']
    assert plots.trace(V[:, :1], T, of=0, ax=Figure().subplots()).get_ylabel() == 'V of neuron 0 (mV)'


def test_the_unit_of_time_fits_what_is_shown_and_is_shared():
    times = {'s': spikes_of(2, stop=20_000), 'ms': spikes_of(2, stop=19_999), 'µs': Spikes([1], [0], 1, 1.0 * u.us, 0, 500)}
    for unit, spikes in times.items():
        assert plots.raster(spikes, ax=Figure().subplots()).get_xlabel() == f'time ({unit})'
    figure = Figure()
    top, bottom = figure.subplots(2, sharex=True)
    plots.raster(spikes_of(2, stop=50_000), ax=top)
    plots.trace(V, T, ax=bottom)
    assert (top.get_xlabel(), bottom.get_xlabel()) == ('', 'time (s)')
    np.testing.assert_allclose(bottom.lines[0].get_xdata(), [0.0, 0.001, 0.002, 0.003])
    assert bottom.get_xlim() == (0.0, 5.0)
    said = Figure().subplots()
    said.set_xlabel('time (s)')
    assert plots.rate(BOTH, ax=said).get_xlim() == (0.0, 1.0)
    said.clear()
    assert plots.trace(V, T, ax=said).get_xlim() == (0.0, 4.0)


def test_without_axes_a_new_figure_is_made_and_nothing_else_changes():
    before, settings = plt.get_fignums(), dict(matplotlib.rcParams)
    plt.figure()
    current = plt.gca()
    drawn = [plots.raster(BOTH), plots.rate(BOTH), plots.trace(V, T)]
    assert len({ax.figure.number for ax in drawn} | {current.figure.number}) == 4
    assert not current.has_data() and dict(matplotlib.rcParams) == settings
    for number in set(plt.get_fignums()) - set(before):
        plt.close(number)


def test_records_of_nothing_are_drawn():
    empty = Spikes([], [], 0, DT, 0, 0)
    silent = Spikes([], [], 3, DT, 0, 100)
    for x in (empty, silent, {'E': silent, 'I': empty}):
        plots.raster(x, ax=Figure().subplots())
    plots.rate(silent, ax=Figure().subplots())
    plots.trace(np.zeros((0, 2)), [] * u.ms, ax=Figure().subplots())


@pytest.mark.parametrize(
    ('plot', 'error', 'message'),
    [
        (lambda: plots.raster(np.zeros((5, 3))), TypeError, 'raster: give Spikes, a dictionary of them, or times and the neuron of each'),
        (lambda: plots.raster([1.0, 2.0] * u.ms, [0]), ShapeError, r'raster: i has shape \(1,\), but there are times of shape \(2,\)'),
        (lambda: plots.raster({}), ParameterError, 'raster: the dictionary is empty'),
        (lambda: plots.raster([1.0] * u.mV, [0]), UnitError, 'raster: the times = .* must be a time'),
        (lambda: plots.raster([1.0] * u.ms, [0.5]), ParameterError, 'raster: i must be integers'),
        (lambda: plots.raster(BOTH['E'], [0]), ParameterError, 'i, the neurons, is for spikes that are given as times'),
        (lambda: plots.raster(BOTH, ax=Figure()), TypeError, 'raster: ax must be axes of Matplotlib, .* but is a Figure'),
        (lambda: plots.rate(BOTH, bin_size=1 * u.ms, sigma=1 * u.ms), ParameterError, 'rate: give bin_size, .* or sigma, .* not both'),
        (lambda: plots.rate(T), TypeError, 'rate: give Spikes, a Trace'),
        (lambda: plots.rate(T, np.zeros(4) * u.mV), UnitError, 'rate: the values are .*, but must be rates'),
        (lambda: plots.rate(T, np.zeros(5) * u.Hz), ShapeError, r'rate: the values have shape \(5,\), but the times \(4,\)'),
        (lambda: plots.rate(T, np.zeros(4) * u.Hz, sigma=1 * u.ms), ParameterError, 'rate: bin_size and sigma are for Spikes'),
        (lambda: plots.trace(V), TypeError, r'trace: give a Trace, or values and their times: trace\(V, t\)'),
        (lambda: plots.trace(V[:3], T), ShapeError, r'trace: values have shape \(3, 2\) and times \(4,\)'),
        (lambda: plots.trace(V, T, of=[0, 5]), ParameterError, r'trace: neurons \[5\] are asked for'),
        (lambda: plots.trace(V, T, V_th=1 * u.nA), UnitError, 'trace: V_th = 1 nA must have the unit of the values, mV'),
        (lambda: plots.trace(V, T, spikes=spikes_of(1)), ParameterError, 'trace: spikes are of 1 neurons, but neuron 1 is drawn'),
        (lambda: plots.trace(V, T, spikes=Spikes([], [], 2, DT, 0, 9, [], 1)), TypeError, 'trace: spikes must be the Spikes of one run'),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_an_error_that_says_what_can(plot, error, message):
    before = plt.get_fignums()
    with pytest.raises(error, match=message):
        plot()
    for number in set(plt.get_fignums()) - set(before):
        plt.close(number)
