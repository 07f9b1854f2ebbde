"""What every test starts from and may use."""

from __future__ import annotations

import gc
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import brainunit as u
import jax
import pytest

import brainpy_state as bst
from brainpy_state._frames import stack

ROOT = Path(__file__).parents[1]
MOST_MEMORY = 2 << 30
most_memory = MOST_MEMORY
OPTIMISED = ('test_examples.py', 'test_readme.py')
COMPILED = '/jax/core/compile/backend_compile_duration'


@pytest.fixture(autouse=True)
def clean_world() -> Iterator[None]:
    """Start from seed 0 with nothing set, and leave nothing to the next test."""
    bst.random.seed(0)
    yield
    for key in bst.environ.all():
        bst.environ.pop(key)
    jax.config.update('jax_enable_x64', False)
    assert stack.top is None, 'the test left a trace or a StateTraceStack open'


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow the cases of a test that are not those which its mark `quick` names."""
    for item in items:
        case = getattr(item, 'callspec', None)
        for mark in item.iter_markers('quick'):
            if case is not None and not re.search(mark.args[0], case.id):
                item.add_marker('slow')


def pytest_collection_finish() -> None:
    """Spare searches for garbage what was imported: it stays, and is much."""
    gc.collect()
    gc.freeze()


def memory() -> int:
    """Bytes that the process occupies; 0 where that is not told."""
    statm = Path('/proc/self/statm')
    return int(statm.read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') if statm.exists() else 0


@pytest.fixture(autouse=True, scope='module')
def bounded_memory() -> Iterator[None]:
    """Spare searches for garbage what earlier modules have left, compiled programs above all; forget it when it is gigabytes."""
    global most_memory
    yield
    if memory() > most_memory:
        gc.unfreeze()
        jax.clear_caches()
        gc.collect()
        most_memory = max(MOST_MEMORY, memory() + MOST_MEMORY // 2)  # what was freed may still count, and be used again
    gc.freeze()


@pytest.fixture(autouse=True, scope='module')
def quick_compilation(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let XLA compile without optimising, which is most of the time that small tests take; simulations are better optimised."""
    small = (
        not {'models', 'examples', 'benchmarks'} & set(request.path.relative_to(ROOT / 'tests').parts)
        and request.path.name not in OPTIMISED
    )
    jax.config.update('jax_disable_most_optimizations', small)
    yield
    jax.config.update('jax_disable_most_optimizations', False)


@pytest.fixture
def optimised() -> Iterator[None]:
    """Let XLA optimise the programs of the test, as it does for users."""
    before = jax.config.read('jax_disable_most_optimizations')
    jax.config.update('jax_disable_most_optimizations', False)
    yield
    jax.config.update('jax_disable_most_optimizations', before)


@pytest.fixture
def dt() -> Iterator[Any]:
    """A time step of 0.1 ms, set for the whole test."""
    with bst.environ.context(dt=0.1 * u.ms):
        yield 0.1 * u.ms


@pytest.fixture(params=(32, 64), ids='float{}'.format)
def precision(request: pytest.FixtureRequest) -> Iterator[int]:
    """Run the test with states of 32 and of 64 bits."""
    with bst.environ.context(precision=request.param):
        yield request.param


@pytest.fixture
def x64() -> Iterator[None]:
    """Run the test with states of 64 bits."""
    with bst.environ.context(precision=64):
        yield


@pytest.fixture
def compilations() -> Callable[[], Any]:
    """``with compilations() as found:`` collects one entry for each program that XLA compiles in the block."""

    @contextmanager
    def watch() -> Iterator[list[str]]:
        found: list[str] = []

        def listen(event: str, *args: Any, **kwargs: Any) -> None:
            if event == COMPILED:
                found.append(event)

        jax.monitoring.register_event_duration_secs_listener(listen)
        try:
            yield found
        finally:
            jax.monitoring.unregister_event_duration_listener(listen)

    return watch


@pytest.fixture(scope='session')
def python() -> Callable[..., str]:
    """Run code, or arguments, in a new Python process in the root of the project; returns what it prints."""

    def run(*args: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, *args], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    return run


@pytest.fixture(scope='session')
def together() -> Callable[..., list[Any]]:
    """Run a module in processes that JAX connects, one for each list of arguments; returns what each prints last, from JSON.

    The module begins with `tests.connected.mesh_and_arguments`.
    """

    def run(module: str, *arguments: list[str], devices: int = 1) -> list[Any]:
        with socket.socket() as free:
            free.bind(('localhost', 0))
            port = str(free.getsockname()[1])
        flags = {'JAX_PLATFORMS': 'cpu', 'XLA_FLAGS': f'--xla_force_host_platform_device_count={devices}'}
        started = [
            subprocess.Popen(
                [sys.executable, '-m', module, str(number), str(len(arguments)), port, *given],
                cwd=ROOT, env=os.environ | flags, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for number, given in enumerate(arguments)
        ]  # fmt: skip
        try:
            out, err = zip(*(each.communicate(timeout=280) for each in started), strict=True)
        finally:
            for each in started:
                each.kill()
        assert not any(each.returncode for each in started), err
        return [json.loads(text.splitlines()[-1]) for text in out]

    return run
