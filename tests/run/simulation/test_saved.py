"""Saving, loading and branching: what goes on from a file is what would have gone on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.record import SpikeMonitor, StateMonitor

from . import growing
from .simulated import DT, Net, same, simulation

HERE = Path(__file__)


@pytest.fixture(scope='module')
def whole():
    sim = simulation()
    sim.run(40.0 * u.ms)
    return sim


@pytest.mark.slow
def test_what_is_loaded_goes_on_bit_for_bit(whole, tmp_path):
    first = simulation()
    first.run(17.3 * u.ms)
    first.save(tmp_path / 'state.npz')
    first.run(22.7 * u.ms)  # saving has changed nothing
    same(first, whole)
    for before in (0, 30):  # in a new simulation, and in one that was elsewhere
        sim = simulation()
        sim.run(before * DT)
        sim.load(tmp_path / 'state.npz')
        assert sim.i == 173
        sim.run(22.7 * u.ms)
        same(sim, whole)


def test_two_branches_of_one_file(tmp_path):
    def one():
        cells = bst.LIF(2, tau=10.0 * u.ms)
        drive = bst.ParamState(jnp.array(20.0))
        record = {'V': StateMonitor(cells, 'V'), 'spikes': SpikeMonitor(cells)}
        return Simulation(lambda: cells(drive.value * u.mA), dt=DT, record=record), drive

    Simulation = bst.Simulation
    sim, _ = one()
    sim.run(5.0 * u.ms)
    sim.save(tmp_path / 'state.npz')
    ends = []
    for value in (20.0, 40.0):
        branch, drive = one()
        branch.load(tmp_path / 'state.npz')
        drive.value = jnp.array(value)
        branch.run(5.0 * u.ms)
        ends.append(branch)
    sim.run(5.0 * u.ms)
    np.testing.assert_array_equal(ends[0]['V'].values.mantissa, sim['V'].values.mantissa)
    np.testing.assert_array_equal(ends[1]['V'].values.mantissa[:50], sim['V'].values.mantissa[:50])
    assert len(ends[1]['spikes']) > len(ends[0]['spikes'])


def test_the_file_is_one_that_numpy_reads(tmp_path):
    sim = simulation()
    sim.run(1.0 * u.ms)
    sim.save(tmp_path / 'state.npz')
    arrays = np.load(tmp_path / 'state.npz', allow_pickle=False)
    np.testing.assert_array_equal(arrays['N.V'], sim.models[0].N.V.value.mantissa)
    about = json.loads(zipfile.ZipFile(tmp_path / 'state.npz').read('about.json'))['about']
    assert about['i'] == 10 and about['made of']['models']['model 0']['N']['tau'] == '10 ms'


class Other(Net):
    """The same with another time constant and other connections of the same number."""

    def __init__(self):
        super().__init__()
        self.N.tau = 11.0 * u.ms
        self.proj.comm.structure = bst.fixed_indegree(20, 20, 5, weight=1.0 * u.mA, seed=6).structure


def test_a_file_of_another_simulation_is_refused_with_what_differs(tmp_path):
    sim = simulation()
    sim.run(1.0 * u.ms)
    sim.save(tmp_path / 'state.npz')

    def refusal(sim):
        V = sim.models[0].N.V.value.mantissa
        with pytest.raises(bst.StateTreeError, match='is of another simulation; nothing was changed') as error:
            sim.load(tmp_path / 'state.npz')
        assert sim.i == 0
        np.testing.assert_array_equal(sim.models[0].N.V.value.mantissa, V)
        return str(error.value)

    found = refusal(simulation(Other()))
    assert "N.tau: '10 ms' in the file, '11 ms' here" in found
    assert 'connections:' in found
    net = Net()
    fewer = bst.Simulation(net, dt=0.2 * u.ms, record={'V': StateMonitor(net.N, 'V', of=[0], every=1.0 * u.ms)})
    found = refusal(fewer)
    assert 'dt: 0.1 ms in the file, 0.2 ms here' in found
    assert 'record.V' in found and 'record.spikes' in found
    assert 'Differences: ' in found


def test_files_that_are_none(tmp_path):
    sim = simulation()
    with pytest.raises(FileNotFoundError):
        sim.load(tmp_path / 'none.npz')
    (tmp_path / 'other.npz').write_bytes(b'\x89PNG rest')
    with pytest.raises(bst.BrainStateError, match='is no file of states'):
        sim.load(tmp_path / 'other.npz')
    sim.save(tmp_path / 'state.npz')
    whole = (tmp_path / 'state.npz').read_bytes()
    (tmp_path / 'short.npz').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(bst.BrainStateError, match='is damaged'):
        sim.load(tmp_path / 'short.npz')
    with pytest.raises(OSError, match='nowhere'):
        sim.save(tmp_path / 'nowhere' / 'state.npz')


@pytest.mark.slow
@pytest.mark.parametrize('precision', [32, 64])
def test_a_new_process_with_other_threads_and_backend_goes_on(precision, tmp_path):
    code = f"""
import sys; sys.path.insert(0, {str(HERE.parents[3])!r})
import brainpy_state as bst, brainunit as u
bst.environ.set(precision={precision})
from tests.run.simulation import growing
"""
    rest = "bst.event.set_threads(1); sim = growing.build(); sim.load('state.npz'); sim.run(20. * u.ms); sim.save('end.npz')"
    first = "bst.event.set_threads(2); sim = growing.build(); sim.run(30. * u.ms); sim.save('state.npz'); "
    first += "sim.run(20. * u.ms); sim.save('whole.npz')"
    for part in (first, rest):
        subprocess.run([sys.executable, '-c', code + part], cwd=tmp_path, check=True)
    whole, end = (np.load(tmp_path / name) for name in ('whole.npz', 'end.npz'))
    assert whole.files == end.files
    for name in whole.files:
        if name.endswith('.json'):
            continue
        np.testing.assert_array_equal(whole[name], end[name], name)
    assert len(whole['extra/spikes/step']) > 500


@pytest.mark.slow
def test_what_is_killed_goes_on_as_if_it_had_not_been(tmp_path):
    steps = 300_000
    draw = random.Random(1)
    kills = 0
    env = os.environ | {'PYTHONPATH': str(HERE.parents[3])}
    command = [sys.executable, '-m', 'tests.run.simulation.growing', str(tmp_path), str(steps)]
    for _ in range(20):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=HERE.parents[3]) as process:
            process.stdout.readline()
            if kills < 4:
                time.sleep(draw.uniform(0.0, 0.5))
                process.send_signal(signal.SIGKILL)
        kills += process.returncode != 0
        if process.returncode == 0:
            break
        if (tmp_path / 'run.zarr').exists() and (tmp_path / 'run.zarr' / 'zarr.json').exists():
            records = bst.record.open(tmp_path / 'run.zarr')  # every file opens
            if 'V' in records:  # else it was killed while it began
                assert records['V'].trace().step.tolist() == list(range(0, records.stop, 10))
    else:
        pytest.fail('it has not come to its end')
    whole = growing.build()
    whole.run(steps * whole.dt)
    records = bst.record.open(tmp_path / 'run.zarr')
    spikes = records['spikes'].spikes()
    np.testing.assert_array_equal(spikes.step, whole['spikes'].step)
    np.testing.assert_array_equal(spikes.i, whole['spikes'].i)
    for name in ('V', 'rate'):
        np.testing.assert_array_equal(u.get_mantissa(records[name].trace().values), u.get_mantissa(whole[name].values))
    assert kills == 4
