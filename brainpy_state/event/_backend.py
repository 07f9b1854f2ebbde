"""Which implementation runs: native Numba kernels or plain XLA."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterator

import jax

from . import _native

_CHOICES = ('auto', 'numba', 'xla')
_log = logging.getLogger('brainpy_state.event')

# Choice of a `with` block, part of JAX's own cache keys: a function compiled under one choice is compiled again under another.
_choice = jax.make_user_context(None)
_default = 'auto'


def set_backend(name: str) -> None:
    """Choose the implementation of every event operation in this process; a change makes JAX forget what it has compiled.

    Parameters
    ----------
    name : 'auto', 'numba' or 'xla' -- 'auto' (the default) is native on CPU when Numba is there, XLA otherwise

    Raises
    ------
    ValueError
        The name is unknown, or 'numba' is asked for where native kernels cannot be used.
    """
    global _default
    _check(name)
    if name != _default:
        _default = name
        jax.clear_caches()


@contextlib.contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Choose the implementation within a `with` block, in this thread; arguments and errors as for `set_backend`."""
    _check(name)
    with _choice(name):
        yield


def backend(platform: str | None = None) -> str:
    """The implementation that an operation compiled now would get: 'numba' or 'xla'.

    Parameters
    ----------
    platform : str -- 'cpu', 'gpu', …; default the platform that JAX runs on

    Raises
    ------
    ValueError
        'numba' was chosen and the platform is another one than 'cpu'.
    """
    return resolve(preference(), platform or jax.default_backend())


def preference() -> str:
    """What was asked for: 'auto', 'numba' or 'xla'."""
    return _choice.value or _default


def resolve(choice: str, platform: str) -> str:
    """The implementation of a choice on a platform; `platform` 'other' stands for any but 'cpu'."""
    if choice == 'numba' and platform != 'cpu':
        raise ValueError(f"event backend 'numba' runs on platform 'cpu' only, this runs on '{platform}'; use event.set_backend('auto').")
    if choice == 'xla' or platform != 'cpu':
        return 'xla'
    problem = _native.problem()
    if choice == 'numba' and problem:
        raise ValueError(_impossible(problem))
    _log_once(problem)
    return 'xla' if problem else 'numba'


def without_native(choice: str, problem: str) -> None:
    """Say once that XLA takes over, or raise where native kernels were demanded."""
    if choice == 'numba':
        raise ValueError(_impossible(problem))
    _log_once(problem)


@functools.cache
def left_to_xla(reason: str) -> None:
    """Say once for each reason that equations are not one native function."""
    _log.info('equations of a step run as XLA, with native event operations, not as one native function: %s', reason)


def _check(name: str) -> None:
    if name not in _CHOICES:
        raise ValueError(f'event backend {name!r} is unknown; choose one of {", ".join(map(repr, _CHOICES))}.')
    if name == 'numba' and (problem := _native.problem()):
        raise ValueError(_impossible(problem))


def _impossible(problem: str) -> str:
    return f"event backend 'numba' cannot be used: {problem}. Use event.set_backend('auto') or 'xla'."


@functools.cache
def _log_once(problem: str | None) -> None:
    if problem is None:
        _log.info('event operations on CPU run as native Numba kernels')
    else:
        _log.warning('event operations on CPU fall back to XLA, which is slower: %s', problem)
