"""Sets of event data, read from small files of the same layout."""

import gzip
import struct
import sys

import brainunit as u
import h5py
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainpy_state as bst
from brainpy_state import ParameterError, ShapeError
from brainpy_state.datasets import NMNIST, SHD, SSC, DVSGesture, EventData, Loader, Sample, binned

RNG = np.random.default_rng(0)


# ---- Files of the same layout --------------------------------------------------------------------------------------------


def heidelberg(path, labels, n_classes=20, units=None, times=None, without=()):
    """A file of SHD or SSC, with times of 16 bits as in the published ones. Returns times and units."""
    given_times = [np.sort(RNG.random(5 + k)).astype(np.float16) for k in range(len(labels))] if times is None else times
    given_units = [RNG.integers(700, size=len(t)) for t in given_times] if units is None else units
    with h5py.File(path, 'w') as file:
        for name, values, kind in (('times', given_times, np.float16), ('units', given_units, np.uint16)):
            data = file.create_dataset(f'spikes/{name}', (len(values),), h5py.vlen_dtype(kind))
            for k, row in enumerate(values):
                data[k] = row
        file['labels'] = np.array(labels, np.uint16)
        file['extra/speaker'] = np.arange(len(labels)) % 12
        file['extra/keys'] = np.array([f'word {k}'.encode() for k in range(n_classes)])
        for name in without:
            del file[name]
    return given_times, given_units


def camera_bytes(x, y, polarity, t):
    """Events of N-MNIST: column, row, a bit of polarity and 23 of microseconds."""
    return b''.join(
        bytes([*column_row]) + (p << 23 | time).to_bytes(3, 'big') for *column_row, p, time in zip(x, y, polarity, t, strict=True)
    )


def aedat(packets, header=b'#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n'):
    """A file of AEDAT 3.1; a packet is (type, overflows, [(x, y, polarity, valid, microseconds)])."""
    content = header
    for kind, turns, events in packets:
        content += struct.pack('<hhiiiiii', kind, 1, 8, 4, turns, len(events), len(events), len(events))
        content += b''.join(struct.pack('<Ii', x << 17 | y << 2 | p << 1 | valid, t) for x, y, p, valid, t in events)
    return content


TRIAL = [
    (1, 0, [(3, 4, 1, 1, 50), (5, 6, 0, 1, 100), (7, 8, 1, 0, 120)]),
    (0, 0, [(0, 0, 0, 1, 5)]),
    (1, 0, [(127, 0, 1, 1, 199), (9, 9, 0, 1, 200)]),
]


@pytest.fixture
def gestures(tmp_path):
    (tmp_path / 'user01_led.aedat').write_bytes(aedat(TRIAL))
    (tmp_path / 'user01_led_labels.csv').write_text('class,startTime_usec,endTime_usec\n3,100,200\n11,0,60\n')
    (tmp_path / 'user02_led.aedat').write_bytes(aedat([(1, 1, [(1, 2, 0, 1, 10)])]))
    (tmp_path / 'user02_led_labels.csv').write_text(f'class,startTime_usec,endTime_usec\n1,{2**31},{2**31 + 100}\n')
    (tmp_path / 'trials_to_test.txt').write_text('user02_led.aedat\n\n')
    return tmp_path


@pytest.fixture
def digits(tmp_path):
    for digit, name in ((7, '00002'), (0, '00009'), (7, '00001')):
        (tmp_path / str(digit)).mkdir(exist_ok=True)
        (tmp_path / str(digit) / f'{name}.bin').write_bytes(
            camera_bytes([1, 33, 0, 2], [2, 0, 240, 33], [1, 0, 0, 1], [10, 70_000, 0, 70_001])
        )
    return tmp_path


# ---- Reading -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(('kind', 'n_classes'), [(SHD, 20), (SSC, 35)])
def test_spoken_words_are_read_as_they_were_written(kind, n_classes, tmp_path):
    labels = [0, n_classes - 1, 3]
    times, units = heidelberg(tmp_path / 'words.h5', labels, n_classes)
    with kind(tmp_path / 'words.h5') as data:
        assert data.labels.tolist() == labels and len(data) == 3
        assert data.classes[-1] == f'word {n_classes - 1}'
        assert data.speakers.tolist() == [0, 1, 2]
        for k, sample in enumerate(data):
            np.testing.assert_array_equal(sample.times.to_decimal(u.second), times[k].astype(float))
            np.testing.assert_array_equal(sample.units, units[k])
            assert sample.label == labels[k]
        assert data[-1].label == 3
        with pytest.raises(IndexError, match='no sample 3 of 3'):
            data[3]
    with pytest.raises(ParameterError, match='sample 0 cannot be read; the file is closed'):
        data[0]


def test_a_sample_is_read_when_it_is_asked_for(tmp_path):
    heidelberg(tmp_path / 'words.h5', [1, 2], units=[np.arange(3), np.array([0, 700, 1])], times=[np.zeros(3), np.zeros(3)])
    with SHD(tmp_path / 'words.h5') as data:
        assert data[0].units.tolist() == [0, 1, 2]
        with pytest.raises(ParameterError, match='sample 1: units must be from 0 to 699, but are from 0 to 700'):
            data[1]


def test_handwritten_digits_have_rows_columns_polarities_and_times_across_overflows(digits):
    data = NMNIST(digits)
    assert data.labels.tolist() == [0, 7, 7]
    assert [path.stem for path in data.files] == ['00009', '00001', '00002']
    sample = data[1]
    assert np.transpose(np.unravel_index(sample.units, data.size)).tolist() == [[2, 1, 1], [0, 33, 0], [33, 2, 1]]
    assert sample.times.to_decimal(u.us).tolist() == [10, 70_000, 70_001 + 2**13]


def test_gestures_are_the_events_of_their_time_that_are_valid(gestures):
    data = DVSGesture(gestures)
    assert data.labels.tolist() == [2, 10, 0]
    first, second, late = data
    assert np.transpose(np.unravel_index(first.units, data.size)).tolist() == [[6, 5, 0], [0, 127, 1]]
    assert first.times.to_decimal(u.us).tolist() == [0, 99]
    assert np.transpose(np.unravel_index(second.units, data.size)).tolist() == [[4, 3, 1]]
    assert late.times.to_decimal(u.us).tolist() == [10]
    assert data.classes[first.label] == 'left hand wave'
    chosen = DVSGesture(gestures, 'trials_to_test.txt')
    assert len(chosen) == 1 and chosen[0].label == 0


# ---- Files that are wrong ------------------------------------------------------------------------------------------------


def shortened(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def packed(path):
    path.write_bytes(gzip.compress(path.read_bytes()))


WRONG_FILES = {
    'truncated': ({}, shortened, 'no HDF5 file, or truncated'),
    'another kind': ({}, lambda path: path.write_text('a poem'), 'no HDF5 file'),
    'packed': ({}, packed, 'unpack it with gzip'),
    'without labels': ({'without': ['labels']}, None, 'must have spikes/times, spikes/units and labels, but has extra'),
    'a label too few': ({'units': [np.zeros(2)] * 3, 'times': [np.zeros(2)] * 3}, None, 'has 3 samples of times, 3 of units and 2 labels'),
    'a label that there is not': ({'labels': [1, 20]}, None, 'the label of sample 1 is 20, but must be from 0 to 19'),
}


@pytest.mark.parametrize('case', WRONG_FILES)
def test_a_file_of_words_that_is_wrong_is_one_error(case, tmp_path):
    options, spoil, text = WRONG_FILES[case]
    path = tmp_path / 'words.h5'
    heidelberg(path, **({'labels': [1, 2]} | options))
    if spoil is not None:
        spoil(path)
    with pytest.raises(ParameterError) as caught:
        SHD(path)
    assert text in str(caught.value) and 'words.h5' in str(caught.value)


def test_a_file_of_words_with_other_times_than_units_is_an_error(tmp_path):
    heidelberg(tmp_path / 'words.h5', [1, 2], units=[np.zeros(2), np.zeros(3)], times=[np.zeros(3), np.full(3, -1.0)])
    with SHD(tmp_path / 'words.h5') as data:
        with pytest.raises(ShapeError, match=r'sample 0: there are times of shape \(3,\) for units of shape \(2,\)'):
            data[0]
        with pytest.raises(ParameterError, match='sample 1: times must be zero or positive'):
            data[1]


def test_files_of_digits_that_are_wrong_are_errors(digits):
    (digits / '7' / '00001.bin').write_bytes(b'1234567')
    (digits / '7' / '00002.bin').write_bytes(camera_bytes([34], [0], [0], [0]))
    data = NMNIST(digits)
    with pytest.raises(ParameterError, match='00001.bin has 7 bytes, but events have 5: it is truncated'):
        data[1]
    with pytest.raises(ParameterError, match='00002.bin has an event at column 34, but there are 34'):
        data[2]
    (digits / 'others').mkdir()
    (digits / 'others' / '00003.bin').write_bytes(b'')
    with pytest.raises(ParameterError, match='00003.bin has no label: it must lie in one of the folders 0 to 9'):
        NMNIST(digits)
    (digits / 'none').mkdir()
    with pytest.raises(ParameterError, match='has no files .bin'):
        NMNIST(digits / 'none')
    with pytest.raises(FileNotFoundError, match='is no folder'):
        NMNIST(digits / 'nothing')


WRONG_GESTURES = {
    'truncated': (aedat(TRIAL)[:-3], 'is truncated: a packet ends at byte'),
    'truncated in a header': (aedat(TRIAL) + b'1234', 'is truncated at byte'),
    'another kind': (b'#!AER-DAT2.0\r\n1234', 'is no file of AEDAT 3.1'),
    'no end of the header': (b'#!AER-DAT3.1\r\n1234', 'no line #!END-HEADER'),
    'no packets': (aedat([]) + b'\xff' * 40, 'has no packet of AEDAT 3.1 at byte'),
    'a pixel that there is not': (aedat([(1, 0, [(128, 4, 1, 1, 150)])]), 'has an event at column 128, but there are 128'),
}


@pytest.mark.parametrize('case', WRONG_GESTURES)
def test_a_file_of_gestures_that_is_wrong_is_one_error(case, gestures):
    content, text = WRONG_GESTURES[case]
    (gestures / 'user01_led.aedat').write_bytes(content)
    data = DVSGesture(gestures)
    with pytest.raises(ParameterError) as caught:
        data[0]
    assert text in str(caught.value) and 'user01_led.aedat' in str(caught.value)
    assert len(data[2].units) == 1


def test_labels_of_gestures_that_are_wrong_are_errors(gestures):
    table = gestures / 'user01_led_labels.csv'
    for text, expected in (
        ('class,startTime_usec,endTime_usec\n12,0,5\n', 'has class 12 from 0 to 5; classes are from 1 to 11'),
        ('class,startTime_usec,endTime_usec\n1,zero,5\n', 'must have the columns class,startTime_usec,endTime_usec of integers'),
        ('', 'must have the columns'),
    ):
        table.write_text(text)
        with pytest.raises(ParameterError, match=expected):
            DVSGesture(gestures)
    table.unlink()
    with pytest.raises(FileNotFoundError, match='user01_led.aedat has no labels'):
        DVSGesture(gestures)
    (gestures / 'trials.txt').write_text('user03_led.aedat')
    with pytest.raises(FileNotFoundError, match='names user03_led.aedat, which is not in'):
        DVSGesture(gestures, 'trials.txt')


# ---- Spikes of steps -----------------------------------------------------------------------------------------------------


def sample(times, units, label=0):
    return Sample(np.array(times) * u.ms, np.array(units), label)


def test_events_are_spikes_of_their_step_and_unit(dt):
    samples = [sample([0.0, 0.25, 0.3, 0.99, 1.0], [0, 5, 1, 2, 3]), sample([], np.zeros(0, int))]
    spikes = binned(samples, 1.0 * u.ms, (3, 2))
    expected = np.zeros((10, 2, 3, 2), np.float32)
    expected[0, 0, 0, 0] = expected[2, 0, 2, 1] = expected[3, 0, 0, 1] = expected[9, 0, 1, 0] = 1
    np.testing.assert_array_equal(spikes, expected)
    assert spikes.dtype == np.float32


def test_several_events_of_a_step_are_one_spike_or_their_number(dt):
    samples = [sample([0.11, 0.12, 0.19], [1, 1, 1])]
    assert binned(samples, 0.2 * u.ms, 2)[:, 0].tolist() == [[0, 0], [0, 1]]
    assert binned(samples, 0.2 * u.ms, 2, counts=True)[:, 0].tolist() == [[0, 0], [0, 3]]


def test_binning_refuses_what_no_spikes_can_be_made_of(dt):
    with pytest.raises(ParameterError, match='sample 1: units must be from 0 to 2, but are from 3 to 3'):
        binned([sample([0.1], [0]), sample([0.1], [3])], 1.0 * u.ms, 3)
    with pytest.raises(ParameterError, match='times must be zero or positive'):
        binned([sample([-0.1], [0])], 1.0 * u.ms, 3)
    with pytest.raises(ParameterError, match='duration = 0.25 ms must be a multiple of dt'):
        binned([], 0.25 * u.ms, 3)


class Words(EventData):
    """Samples of one event, whose unit is the label."""

    size, classes = (4,), tuple('abcd')

    def __init__(self, n):
        self.labels, self.asked = np.arange(n) % 4, []

    def read(self, i):
        self.asked.append(i)
        return np.array([0.05]) * u.ms, np.array([i % 4])


def test_a_loader_gives_each_sample_once_in_an_order_of_its_own_in_each_epoch(dt):
    data = Words(12)
    loader = Loader(data, 0.2 * u.ms, 4, seed=3)
    batches = loader(0)
    spikes, labels = next(batches)
    assert len(data.asked) == 4  # read when they are needed
    assert spikes.shape == (2, 4, 4)
    np.testing.assert_array_equal(spikes[0].argmax(-1), labels)
    list(batches)
    first = data.asked.copy()
    assert sorted(first) == list(range(12)) and first != sorted(first)
    data.asked.clear()
    assert len(list(loader(1))) == len(loader) == 3 and data.asked != first
    data.asked.clear()
    list(loader)
    assert data.asked == first
    data.asked.clear()
    list(Loader(data, 0.2 * u.ms, 2, chosen=[5, 3, 8], remainder='drop'))
    assert data.asked == [5, 3]


def test_means_over_a_loader_are_over_samples(dt):
    held = Loader(Words(6), 0.2 * u.ms, 4, remainder='keep')
    found = bst.evaluate(lambda spikes, labels: (spikes.sum(), {'label': labels.mean()}), held)
    np.testing.assert_allclose(found['label'], (0 + 1 + 2 + 3 + 0 + 1) / 6, rtol=1e-6)
    np.testing.assert_allclose(found['loss'], (4 * 4 + 2 * 2) / 6, rtol=1e-6)


@pytest.mark.slow  # two seconds, for compiling
def test_fit_takes_a_loader(dt):
    w = bst.ParamState(jnp.zeros((4, 4)))

    def loss(spikes, labels):
        return optax.softmax_cross_entropy_with_integer_labels(spikes.sum(0) @ w.value, labels).mean()

    train, held = Loader(Words(20), 0.2 * u.ms, 5, seed=0), Loader(Words(5), 0.2 * u.ms, 5)
    history = bst.fit(loss, bst.optim.Optimizer(optax.adam(0.3), w), train, epochs=4, validation=held)
    assert history['loss'][-1] < 0.5 * history['loss'][0]
    assert history['validation loss'][-1] < history['validation loss'][0]


def test_loaders_refuse_numbers_that_do_not_fit():
    data = Words(10)
    for options, text in (
        ({'batch_size': 4}, 'batches of 4 do not divide 10 samples, 2 are left over'),
        ({'batch_size': 0}, 'batch_size = 0 must be an integer, 1 or more'),
        ({'batch_size': 11, 'remainder': 'drop'}, 'there is no batch of 11'),
        ({'batch_size': 2, 'remainder': 'pad'}, "remainder is 'pad'"),
        ({'batch_size': 1, 'chosen': [10]}, 'chosen must be places of samples, from 0 to 9'),
        ({'batch_size': 1, 'seed': -1}, 'seed = -1 must be an integer, 0 or more'),
    ):
        with pytest.raises(ParameterError, match=text):
            Loader(data, 1.0 * u.ms, **options)


def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'h5py', None)
    with pytest.raises(ImportError, match=r"SHD needs h5py, which is not installed: pip install 'brainpy-state\[data\]'"):
        SHD(tmp_path / 'words.h5')
