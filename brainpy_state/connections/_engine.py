"""Which functions draw connections: those of `_compiled`, or of `_sampling` where native kernels cannot be had or would not pay."""

from __future__ import annotations

from types import ModuleType

from .. import event
from ..event import _backend, _native
from . import _compiled, _sampling

_WORTH = 1 << 16  # draws for which kernels are loaded


def engine(draws: int, *kernels: tuple[str, ...]) -> ModuleType:
    """The functions for about as many draws, which need these kernels; both give the same bits."""
    choice = event.preference()
    if choice == 'auto' and draws < _WORTH:
        return _sampling
    try:
        if _backend.resolve(choice, 'cpu') == 'xla':
            return _sampling
        for kernel in kernels:
            _native.function(*kernel)
    except _native.Unavailable as problem:
        _backend.failed('numba', choice, str(problem))
        return _sampling
    return _compiled
