"""Which implementation runs: native Numba kernels on a CPU, Pallas kernels on an NVIDIA GPU, or plain XLA."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
from collections.abc import Callable, Iterator
from types import ModuleType

import jax

from .._tracebacks import entry
from . import _native

_CHOICES = ('auto', 'numba', 'pallas', 'xla')
_RUNS_ON = {'numba': ('cpu',), 'pallas': ('cuda', 'cpu')}
_TRITON_NEEDS = 8.0  # compute capability
_log = logging.getLogger('brainpy_state.event')

# Choice of a `with` block, part of JAX's own cache keys: a function compiled under one choice is compiled again under another.
_choice = jax.make_user_context(None)
_default = 'auto'


@entry
def set_backend(name: str) -> None:
    """Choose the implementation of every event operation in this process; a change makes JAX forget what it has compiled.

    Parameters
    ----------
    name : 'auto', 'numba', 'pallas' or 'xla'
        'auto' (the default) is native on CPU when Numba is there, Pallas on an NVIDIA GPU of compute capability 8.0 or more, XLA
        otherwise. 'pallas' on CPU interprets the kernels for GPUs: slowly, for tests.

    Raises
    ------
    ValueError
        The name is unknown, or 'numba' or 'pallas' is asked for where its kernels cannot be used.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.event.set_backend('xla')
    >>> bst.event.backend()
    'xla'
    >>> bst.event.set_backend('auto')
    """
    global _default
    _check(name)
    if name != _default:
        _default = name
        jax.clear_caches()


@contextlib.contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Choose the implementation within a `with` block, in this thread; arguments and errors as for `set_backend`.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> with bst.event.use_backend('xla'):
    ...     bst.event.backend()
    'xla'
    """
    _check(name)
    with _choice(name):
        yield


def backend(platform: str | None = None) -> str:
    """The implementation that an operation compiled now would get: 'numba', 'pallas' or 'xla'.

    Parameters
    ----------
    platform : str
        'cpu', 'gpu', 'cuda', …; default the platform that JAX runs on.

    Raises
    ------
    ValueError
        'numba' was chosen and the platform is not 'cpu', or 'pallas' and it is neither 'cpu' nor 'cuda'.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> with bst.event.use_backend('xla'):
    ...     bst.event.backend()
    'xla'
    """
    platform = platform or jax.default_backend()
    return resolve(preference(), 'cuda' if platform == 'gpu' and _cuda_devices() else platform)


def preference() -> str:
    """What was asked for: 'auto', 'numba', 'pallas' or 'xla'.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.event.preference()
    'auto'
    """
    return _choice.value or _default


def resolve(choice: str, platform: str) -> str:
    """The implementation of a choice on a platform; `platform` 'other' stands for any but 'cpu' and 'cuda'."""
    if choice in _RUNS_ON and platform not in (runs_on := _RUNS_ON[choice]):
        allowed = ' and '.join(map(repr, runs_on))
        raise ValueError(
            f"event backend {choice!r} runs on platform {allowed} only, this runs on '{platform}'; use event.set_backend('auto')."
        )
    name = {'cpu': 'numba', 'cuda': 'pallas'}.get(platform, 'xla') if choice == 'auto' else choice
    problem = _PROBLEMS[name]() if name in _PROBLEMS else None
    if problem and choice == name:
        raise ValueError(_impossible(name, problem))
    if name != 'xla' or choice == 'auto':
        _log_once(platform, name, problem)
    return 'xla' if problem else name


def failed(name: str, choice: str, problem: str) -> None:
    """Say once that XLA takes over from one kernel, or raise where the implementation was demanded."""
    if choice == name:
        raise ValueError(_impossible(name, problem))
    _warn_once(problem)


def is_native() -> bool:
    """Whether steps are to become native functions."""
    return preference() in ('auto', 'numba') and jax.default_backend() == 'cpu' and _PROBLEMS['numba']() is None


def pallas() -> ModuleType:
    """The kernels for GPUs, imported when first needed."""
    return importlib.import_module(f'{__package__}.backends.pallas_products')


@functools.cache
def _without_pallas() -> str | None:
    """Why kernels for GPUs cannot be used in this process, or None."""
    try:
        pallas()
    except Exception as error:  # a JAX without them, or with others
        return f'this JAX has no Pallas kernels for Triton ({error})'
    weakest = min((float(device.compute_capability) for device in _cuda_devices()), default=_TRITON_NEEDS)
    return None if weakest >= _TRITON_NEEDS else f'Triton needs compute capability {_TRITON_NEEDS}, the GPU has {weakest}'


def _cuda_devices() -> list[jax.Device]:
    try:
        return jax.local_devices(backend='cuda')
    except RuntimeError:
        return []


# Why an implementation cannot be used, or None.
_PROBLEMS: dict[str, Callable[[], str | None]] = {'numba': _native.problem, 'pallas': _without_pallas}
_PLATFORMS = {'cpu': 'CPU', 'cuda': 'GPU'}
_KERNELS = {
    ('cpu', 'numba'): 'native Numba kernels',
    ('cpu', 'pallas'): 'interpreted Pallas kernels, slowly',
    ('cuda', 'pallas'): 'Pallas kernels',
}


@functools.cache
def _warn_once(problem: str) -> None:
    _log.warning('%s: what needs it runs as XLA, which is slower', problem)


def _check(name: str) -> None:
    if name not in _CHOICES:
        raise ValueError(f'event backend {name!r} is unknown; choose one of {", ".join(map(repr, _CHOICES))}.')
    if name in _PROBLEMS and (problem := _PROBLEMS[name]()):
        raise ValueError(_impossible(name, problem))


def _impossible(name: str, problem: str) -> str:
    return f"event backend {name!r} cannot be used: {problem}. Use event.set_backend('auto') or 'xla'."


@functools.cache
def _log_once(platform: str, name: str, problem: str | None) -> None:
    where = _PLATFORMS.get(platform, 'this platform')
    if problem is None:
        _log.info('event operations on %s run as %s', where, _KERNELS.get((platform, name), 'XLA'))
    else:
        _log.warning('event operations on %s fall back to XLA, which is slower: %s', where, problem)
