"""Which implementation runs, and what happens where the native one cannot."""

from __future__ import annotations

import importlib.util
import logging
import re
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainpy_state import event
from brainpy_state.event import _backend, _native


@pytest.fixture(autouse=True)
def fresh_choice():
    """Forget what was logged, before and after."""
    logged = (_backend._log_once, _backend._warn_once, _backend._without_pallas)
    for once in logged:
        once.cache_clear()
    yield
    event.set_backend('auto')
    for once in logged:
        once.cache_clear()


@pytest.fixture
def without_numba(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name, *rest: None if name == 'numba' else find(name, *rest))
    _native._missing.cache_clear()
    yield
    _native._missing.cache_clear()


def uses_native_code(call, *arguments):
    return 'brainpy_state_' in jax.jit(call).lower(*arguments).as_text()


def deliver(csr):
    return lambda s: event.product(csr, 1.0, s)


def test_cpu_is_native_and_cuda_has_kernels():
    assert event.backend() == 'numba'
    assert [event.backend(platform) for platform in ('cpu', 'cuda', 'rocm', 'tpu')] == ['numba', 'pallas', 'xla', 'xla']


def test_choice_is_seen_in_the_compiled_code(small):
    spikes = jnp.ones(4)
    assert uses_native_code(deliver(small), spikes)
    with event.use_backend('xla'):
        assert event.backend() == 'xla'
        assert not uses_native_code(deliver(small), spikes)
    assert uses_native_code(deliver(small), spikes)


@pytest.mark.slow
def test_a_new_choice_reaches_functions_that_are_compiled_already(small):
    traced = []

    @jax.jit
    def call(spikes):
        traced.append(event.backend())
        return event.product(small, 1.0, spikes)

    for name in ('numba', 'xla', 'numba'):
        event.set_backend(name)
        call(jnp.ones(4))
    assert traced == ['numba', 'xla', 'numba']


def test_unknown_backend_is_named():
    with pytest.raises(ValueError, match=r"'cython' is unknown; choose one of 'auto', 'numba', 'pallas', 'xla'"):
        event.set_backend('cython')


def test_numba_on_another_platform_is_an_error():
    with event.use_backend('numba'), pytest.raises(ValueError, match=r"'numba' runs on platform 'cpu' only, this runs on 'cuda'"):
        event.backend('cuda')


def no_module():
    raise ImportError('no such module')


@pytest.mark.parametrize(
    ('part', 'instead', 'reason'),
    [
        ('pallas', no_module, r'this JAX has no Pallas kernels for Triton (no such module)'),
        ('_cuda_devices', lambda: [SimpleNamespace(compute_capability='7.5')], 'Triton needs compute capability 8.0, the GPU has 7.5'),
    ],
    ids=['old JAX', 'old GPU'],
)
def test_a_gpu_without_triton_has_xla_and_says_so_once(monkeypatch, caplog, part, instead, reason):
    monkeypatch.setattr(_backend, part, instead)
    _backend._without_pallas.cache_clear()
    with caplog.at_level(logging.INFO, 'brainpy_state.event'):
        assert [event.backend('cuda'), event.backend('cuda')] == ['xla', 'xla']
    assert [r.getMessage() for r in caplog.records] == [f'event operations on GPU fall back to XLA, which is slower: {reason}']
    with pytest.raises(ValueError, match=f"event backend 'pallas' cannot be used: {re.escape(reason)}"):
        event.set_backend('pallas')


@pytest.mark.slow
def test_missing_numba_falls_back_and_says_so_once(without_numba, small, caplog):
    jax.clear_caches()
    with caplog.at_level(logging.INFO, 'brainpy_state.event'):
        for size in (4, 4):
            found = jax.jit(deliver(small))(jnp.ones((2, size)))
    assert event.backend() == 'xla'
    assert np.array_equal(found, jnp.ones((2, 4)) @ small.to_dense())
    assert [r.getMessage() for r in caplog.records if r.name == 'brainpy_state.event'] == [
        'event operations on CPU fall back to XLA, which is slower: Numba is not installed: pip install numba'
    ]


@pytest.mark.parametrize('choose', [event.set_backend, lambda name: event.use_backend(name).__enter__()], ids=['set', 'use'])
def test_asking_for_missing_numba_is_an_error(without_numba, choose):
    with pytest.raises(ValueError, match=r"event backend 'numba' cannot be used: Numba is not installed: pip install numba"):
        choose('numba')


@pytest.fixture
def broken(monkeypatch):
    """``broken('deliver')``: the native function of this name cannot be compiled."""
    build, names = _native._build, []

    def builds_not(module, builder, options):
        if builder in names:
            raise RuntimeError('no compiler')
        return build(module, builder, options)

    monkeypatch.setattr(_native, '_failures', {})
    monkeypatch.setattr(_native, '_functions', {})
    monkeypatch.setattr(_native, '_build', builds_not)
    yield names.append
    jax.clear_caches()


@pytest.mark.slow
def test_a_kernel_that_cannot_be_built_concerns_itself_alone(broken, small, caplog):
    broken('deliver')
    x = jnp.linspace(-1, 1, 300)

    def step(x):
        sent = event.product(small, 2.0, jnp.tanh(x)[:4])
        return [jnp.exp(x) + sent[0], event.to_pre(small, None, sent)]

    with caplog.at_level(logging.INFO, 'brainpy_state.event'):
        for _ in range(2):
            text = jax.jit(lambda x: event.fuse(step, 0)(x)).lower(x).as_text()
        assert not uses_native_code(deliver(small), jnp.ones((7, 4)))
        assert uses_native_code(lambda v: event.to_pre(small, None, v), jnp.ones(3))
    assert text.count('custom_call @brainpy_state_') == 2 and 'tanh' not in text
    for native, plain in zip(jax.jit(event.fuse(step, 0))(x), step(x), strict=True):
        np.testing.assert_allclose(native, plain, rtol=1e-6)
    assert event.backend() == 'numba'
    assert [r.getMessage() for r in caplog.records if r.levelname == 'WARNING'] == [
        'the native function deliver cannot be compiled (no compiler): what needs it runs as XLA, which is slower'
    ]
    report = event.explain(step, x)
    assert [left.what for left in report.left] == ['event_to_post float32[3]'] and len(report.native) == 2
    assert report.left[0].reason == 'the native function deliver cannot be compiled (no compiler)'
    event.set_backend('numba')  # native code can be had
    with pytest.raises(ValueError, match='no compiler'):
        jax.jit(deliver(small)).lower(jnp.ones((7, 4)))


def test_choice_of_native_code_is_logged_once(small, caplog):
    with caplog.at_level(logging.INFO, 'brainpy_state.event'):
        for n in (2, 3):
            jax.jit(deliver(small))(jnp.ones((n, 4)))
    messages = [r.getMessage() for r in caplog.records if r.name == 'brainpy_state.event']
    assert messages == ['event operations on CPU run as native Numba kernels']


def test_what_stays_with_xla_is_logged_once_with_its_place(caplog):
    def step(x):
        return [jnp.sort(x) + jnp.exp(x)]

    x = jnp.arange(300.0)
    line = step.__code__.co_firstlineno + 1
    with caplog.at_level(logging.INFO, 'brainpy_state.event'):
        for _ in range(2):
            jax.jit(lambda x: event.fuse(step, 0)(x)).lower(x)
    assert [r.getMessage() for r in caplog.records if 'sort' in r.getMessage()] == [
        f'XLA: sort float32[300] at test_event_backend.py:{line} (step): it has no native version'
    ]
