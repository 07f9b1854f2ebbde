"""Libraries that take their clock and randomness from the package ``brainstate`` get ours from it.

``braintools`` asks ``brainstate.environ`` for ``dt`` and ``brainstate.random`` for numbers. As soon as that package is imported, by
whom and in whatever order, it is connected:

- A setting that it does not have itself is looked up in our `environ`. Its precision is that of JAX's 64-bit mode, which both
  packages switch.
- The key of its default generator is the key of ours, so both seed and advance the same one.

Nothing here imports it. An installed version with other inner names is left as it is, which is logged.
"""

from __future__ import annotations

import functools
import importlib.abc
import logging
import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import jax
import numpy as np

from . import environ, random
from ._frames import EAGER, MISSING, current_trace, stack
from .random._keys import key_data, typed

_NAME = 'brainstate'


def connect(package: ModuleType, adopt_key: bool = False) -> None:
    """Let a package read our settings and share our default generator, which may go on from its key.

    If the package is not as expected, it is left alone, which is logged.
    """
    try:
        # everything that may be missing is looked up before anything is changed
        settings, generators = package.environ, package.random
        get, kind, shared = settings.get, generators.RandomState, generators.DEFAULT
        get('dt', None, None, env=None)
        key = key_data(vars(shared)['_value'])
        read, write = kind.value.fget, kind.value.fset
        if not (callable(read) and callable(write)):
            raise TypeError('value cannot be written')
    except Exception as error:
        version = getattr(package, '__version__', 'of unknown version')
        message = '%s %s is not as expected (%s: %s); it does not see the settings and the generator of %s.'
        logging.getLogger(__package__).warning(message, package.__name__, version, type(error).__name__, error, __package__)
        return
    settings.get = _read_through(get)
    kind._value = _SharedKey(shared)
    kind.value = _shared_value(shared, read, write)
    if adopt_key:
        random.set_key(key)


def _read_through(get: Callable) -> Callable:
    """Their lookup, which goes on in our settings."""

    @functools.wraps(get)
    def lookup(key: str, default: Any = MISSING, desc: str | None = None, *, env: Any = None) -> Any:
        if env is not None:  # an environment of its own
            return get(key, desc=desc, env=env) if default is MISSING else get(key, default, desc, env=env)
        value = get(key, MISSING, desc)
        if value is MISSING:
            return environ.get(key, default, desc)
        if key == 'precision' and str(value) in ('32', '64'):
            return 8 * environ.dftype().itemsize
        return value

    return lookup


def _is_foreign() -> bool:
    """Whether a trace runs that is none of ours: their transforms then keep the key themselves, until they are done."""
    return stack.top is None and current_trace() is not EAGER


class _SharedKey:
    """Where a generator of theirs keeps its key: for their default generator, in ours."""

    def __init__(self, shared: Any):
        self.shared = shared

    def __get__(self, state: Any, owner: Any = None) -> Any:
        if state is None:
            return self
        if state is not self.shared:
            return vars(state)['_value']
        if not _is_foreign():
            return typed(random.get_key())
        value, base = vars(state).get('_traced', (None, None))
        if base is random.DEFAULT.local_value:  # not outdated by draws since then
            return value
        with jax.ensure_compile_time_eval():  # it outlives the trace
            return typed(random.get_key())

    def __set__(self, state: Any, value: Any) -> None:
        if state is not self.shared:
            vars(state)['_value'] = value
        elif _is_foreign():
            vars(state)['_traced'] = value, random.DEFAULT.local_value
        else:
            random.set_key(value)


def _shared_value(shared: Any, read: Callable, write: Callable) -> property:
    """Their ``value``, which within our frames leaves all bookkeeping to ours."""

    def get(state: Any) -> Any:
        return typed(random.get_key()) if state is shared and stack.top is not None else read(state)

    def set(state: Any, new: Any) -> None:
        if state is shared and stack.top is not None:
            random.set_key(new)
        else:
            write(state, new)

    return property(get, set, doc='The value.')


class _Finder(importlib.abc.MetaPathFinder):
    """Finds nothing itself; it has the package connected at the end of its import, and is gone then."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != _NAME:
            return None
        others = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, others), None)
        if spec is not None and spec.loader is not None:
            vars(spec.loader)['exec_module'] = functools.partial(self._execute, spec.loader.exec_module)
        return spec

    def _execute(self, exec_module: Any, module: ModuleType) -> None:
        # the import switches 64-bit mode off and draws from NumPy's generator
        x64, of_numpy = _process_x64(), np.random.get_state()  # noqa: NPY002
        try:
            exec_module(module)
        finally:
            jax.config.update('jax_enable_x64', x64)
            np.random.set_state(of_numpy)  # noqa: NPY002
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            connect(module)


def _process_x64() -> bool:
    """64-bit mode as set for the process, whatever a context of this thread says: a new thread has none."""
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(environ.dftype() == np.float64))
    thread.start()
    thread.join()
    return found[0]


if _NAME in sys.modules:
    connect(sys.modules[_NAME], adopt_key=True)  # whoever seeded it goes on undisturbed
else:
    sys.meta_path.insert(0, _Finder())
