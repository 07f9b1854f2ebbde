"""A process that is killed or hangs ends the others, which name it; the simulation goes on from its file."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT
from tests.run.divided.killed import run

WORKER = 'tests.run.divided.killed'


def start(folder):
    with socket.socket() as free:
        free.bind(('localhost', 0))
        port = str(free.getsockname()[1])
    started = []
    for k in range(2):
        with (folder / f'told {k}').open('w') as told:
            command = [sys.executable, '-m', WORKER, str(k), '2', port, str(folder)]
            started.append(
                subprocess.Popen(command, cwd=ROOT, env=os.environ | {'JAX_PLATFORMS': 'cpu', 'XLA_FLAGS': ''}, stdout=told, stderr=told)
            )
    return started


@pytest.mark.slow
@pytest.mark.parametrize('how', [signal.SIGKILL, signal.SIGSTOP])
def test_the_others_end_and_the_run_goes_on_from_its_file(together, tmp_path, how):
    processes, file = start(tmp_path), tmp_path / 'run.npz'
    try:
        end = time.monotonic() + 200
        while not file.exists():  # which is written at the beginning
            assert time.monotonic() < end, [p.poll() for p in processes]
            time.sleep(0.2)
        time.sleep(1.0)
        os.kill(processes[1].pid, how)
        processes[0].wait(timeout=60)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert processes[0].returncode != 0
    told = (tmp_path / 'told 0').read_text()
    assert 'unhealthy (stopped sending heartbeats):\n1' in told or 'task:1' in told or 'Task 1' in told, told[-2000:]
    whole = tmp_path / 'whole'
    whole.mkdir()
    spikes, checksum, _ = run(whole)
    again = together(WORKER, [str(tmp_path)], [str(tmp_path)])
    assert [x[:2] for x in again] == [[spikes, checksum]] * 2
    assert spikes > 1000
