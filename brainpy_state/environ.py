"""The clock and other settings that a simulation reads from around it.

``context`` sets values for a block of code of this thread, ``set`` sets them for the whole process.
Inside a compiled function a numeric setting such as ``t`` or ``i`` is an input of the program, so
its next value is seen without compiling again; ``dt`` and settings that are no numbers (``fit``,
``precision``, …) decide what is compiled, so another value compiles another program.

Whoever sets ``i`` sets ``t`` as well: a quantity that knows the number of its step, so it is exact in numbers of 32 bits however long
a simulation has run (`numerics.Time`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ._errors import MissingSettingError
from ._frames import MISSING, Setting, stack
from ._tracebacks import entry
from .numerics import LAST_STEP, Time

__all__ = ['all', 'context', 'dctype', 'dftype', 'ditype', 'dutype', 'get', 'get_dt', 'get_precision', 'pop', 'set']

_OF_THE_PROCESS = frozenset({'platform', 'host_device_count'})
_STATIC_KEYS = frozenset({'dt', 'precision', 'fit'}) | _OF_THE_PROCESS
_X64 = {32: False, 64: True}

_HOW_TO_SET = (
    '{key!r} is not set{desc}: wrap the run in `with brainpy_state.environ.context({key}={example}):`, '
    'or call `brainpy_state.environ.set({key}={example})`.'
)
_NO_PLATFORM = """\
environ.set: platform = {name!r}, but JAX finds no such device here, only {found}. Install JAX for it, or leave the platform out."""
_ONLY_SET = """\
environ.context: {key!r} holds for the whole process: call `brainpy_state.environ.set({key}=...)` at the beginning of the program. \
For a block of code on another device there is `with jax.default_device(jax.devices(...)[0]):`."""
_EXAMPLES = {'dt': '0.1 * u.ms', 't': '0. * u.ms', 'i': '0', 'fit': 'True'}


class _Contexts(threading.local):
    def __init__(self) -> None:
        self.settings: dict[str, Setting] = {}


_global: dict[str, Setting] = {}
_contexts = _Contexts()


def _checked(key: str, value: Any) -> bool:
    """Raise unless a setting may have this value; tells whether it is static."""
    numeric = _is_numeric(value)
    static = key in _STATIC_KEYS or not numeric
    if static and any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
        raise TypeError(f'environ: {key!r} must be a concrete value, because compiling depends on it; a traced value was given: {value}')
    if key == 'dt':
        _check_dt(value)
    elif key == 'precision' and value not in _X64:
        raise ValueError(f'environ: precision is {value!r}, but must be 32 or 64.')
    elif key == 'i' and _is_step(value) and not isinstance(value, jax.core.Tracer) and np.any(np.abs(np.asarray(value)) > LAST_STEP):
        raise ValueError(f'environ: the number i of the step is {value}, but must be below 2^31.')
    return static


def _settings(values: dict[str, Any]) -> dict[str, Setting]:
    return {key: Setting(key, value, _checked(key, value)) for key, value in values.items()}


def _is_numeric(value: Any) -> bool:
    """Whether every leaf is a number or an array of numbers (a bool is a switch, not a number)."""
    leaves = jax.tree.leaves(value)
    return bool(leaves) and not any(
        isinstance(leaf, bool) or not isinstance(leaf, (int, float, complex, np.ndarray, np.generic, jax.Array)) for leaf in leaves
    )


def _is_step(value: Any) -> bool:
    is_number = isinstance(value, (int, np.ndarray, np.generic, jax.Array)) and not isinstance(value, bool)
    return is_number and jnp.issubdtype(jnp.result_type(value), jnp.integer)


def _time_of(i: Any) -> dict[str, Any]:
    """The time of a step, as settings."""
    dt = peek('dt')
    if dt is MISSING or not _is_step(i):
        return {}
    return {'t': Time(i, float(dt.mantissa), dt.unit) if isinstance(dt, u.Quantity) else i * dt}


def _check_dt(dt: Any) -> None:
    mantissa = u.get_mantissa(dt)
    if not _is_numeric(dt) or np.ndim(mantissa) != 0:
        raise TypeError(f'environ: dt must be one number with a unit of time, such as 0.1 * u.ms, but is {dt!r}.')
    if not mantissa > 0:
        raise ValueError(f'environ: dt must be positive, but is {dt}.')


def _use(settings: dict[str, Any]) -> None:
    """Let JAX follow the settings that it has a part in."""
    if 'host_device_count' in settings:
        count = settings['host_device_count']
        if not isinstance(count, int) or count < 1:
            raise ValueError(f'environ.set: host_device_count is {count!r}, but must be a whole number from 1 on.')
        try:
            jax.config.update('jax_num_cpu_devices', count)
        except RuntimeError as error:
            raise ValueError('environ.set: host_device_count is to be set at the beginning of a program, before JAX is used.') from error
    if 'platform' in settings:
        name = settings['platform']
        try:
            device = jax.devices(str(name))[0]
        except RuntimeError:
            found = ', '.join(sorted({'cpu', *(device.platform for device in jax.devices())}))
            raise ValueError(_NO_PLATFORM.format(name=name, found=found)) from None
        jax.config.update('jax_default_device', device)
    if 'precision' in settings:
        jax.config.update('jax_enable_x64', _X64[settings['precision']])


@entry
def context(**settings: Any) -> AbstractContextManager[dict[str, Any]]:
    """Set values for a block of code in this thread; the innermost block wins.

    Parameters
    ----------
    **settings
        ``dt`` (the time step), ``i`` (the step's number), ``t`` (the time; ``i * dt`` where only ``i`` is given),
        ``fit`` (training or not), ``precision`` (32 or 64, which also switches JAX's 64-bit mode for the block), or any
        other name.

    Yields
    ------
    dict
        All settings as they hold in the block.

    Raises
    ------
    TypeError
        If ``dt`` is not one concrete number.
    ValueError
        If ``dt`` is not positive, ``precision`` is unknown, or ``i`` does not fit 32 bits; for what `set` alone can set.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     print(bst.environ.get_dt())
    0.1 ms
    """
    for key in _OF_THE_PROCESS.intersection(settings):
        raise ValueError(_ONLY_SET.format(key=key))
    return _in_force(settings, {key: _checked(key, value) for key, value in settings.items()})


@contextmanager
def _in_force(settings: dict[str, Any], static: dict[str, bool]) -> Iterator[dict[str, Any]]:
    new = {key: Setting(key, value, static[key]) for key, value in settings.items()}
    outer = _contexts.settings
    with ExitStack() as exits:
        if 'precision' in settings:
            exits.enter_context(jax.enable_x64(_X64[settings['precision']]))
        exits.callback(setattr, _contexts, 'settings', outer)
        _contexts.settings = {**outer, **new}
        if 'i' in settings and 't' not in settings:
            _contexts.settings |= _settings(_time_of(settings['i']))
        yield all()


@entry
def set(**settings: Any) -> None:
    """Set values for the whole process, visible from every thread; ``context`` overrides them.

    Parameters
    ----------
    **settings
        As of `context`, and ``platform`` ('cpu', 'gpu', 'tpu', ...), on whose first device everything is computed from then on,
        and ``host_device_count``, how many devices JAX makes of the processor, for `transform.shard_map`.

    Raises
    ------
    TypeError
        For a traced value, and as `context`.
    ValueError
        As `context`; if there is no device of the platform; if it is too late for ``host_device_count``. All settings stay as they were
        then.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.environ.set(my_gain=2.)
    >>> bst.environ.get('my_gain')
    2.0
    >>> bst.environ.pop('my_gain')
    2.0
    """
    new = _settings(settings)
    traced = [key for key, s in new.items() if any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(s.value))]
    if traced:
        raise TypeError(
            f'environ.set: {traced[0]!r} is a traced value, which ends with its trace; use `environ.context` inside compiled code.'
        )
    _use(settings)
    _global.update(new)


def lookup(key: str) -> Setting | None:
    """The setting in force, or None. For the transforms; users call `get`."""
    found = _contexts.settings.get(key)
    return _global.get(key) if found is None else found


def peek(key: str) -> Any:
    """The value in force, or `MISSING`; the open frames are told either way. For the transforms; users call `get`."""
    found = lookup(key) or Setting(key, MISSING, static=True)
    return found.value if stack.top is None else stack.top.read_setting(found)


@entry
def get(key: str, default: Any = MISSING, desc: str | None = None) -> Any:
    """The value of a setting.

    Parameters
    ----------
    key : str
        Its name.
    default : Any, optional
        What to return when it is not set.
    desc : str, optional
        What the setting is for, used in the error.

    Raises
    ------
    KeyError
        If it is not set and there is no default.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> with bst.environ.context(my_gain=2.):
    ...     bst.environ.get('my_gain')
    2.0
    """
    value = peek(key)
    if value is not MISSING:
        return value
    if default is MISSING:
        desc = '' if desc is None else f' ({desc})'
        raise MissingSettingError(_HOW_TO_SET.format(key=key, desc=desc, example=_EXAMPLES.get(key, '...')))
    return default


@entry
def get_dt() -> Any:
    """The time step, usually a quantity of time.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.environ.get_dt()
    Quantity(0.1, "ms")
    """
    return get('dt', desc='the time step of the simulation')


def all() -> dict[str, Any]:
    """A copy of every setting in force.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> with bst.environ.context(my_gain=2.):
    ...     'my_gain' in bst.environ.all()
    True
    """
    return {key: s.value for key, s in {**_global, **_contexts.settings}.items()}


@entry
def pop(key: str, default: Any = MISSING) -> Any:
    """Remove a process-wide setting and return it.

    Raises
    ------
    ValueError
        While a context sets the same key.
    KeyError
        If it is not set and there is no default.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.environ.set(my_gain=2.)
    >>> bst.environ.pop('my_gain')
    2.0
    >>> bst.environ.pop('my_gain', None)
    """
    if key in _contexts.settings:
        raise ValueError(f'environ.pop: {key!r} is set by a context that is still open; leave the context first.')
    found = _global.pop(key, None)
    if found is not None:
        if key == 'platform':
            jax.config.update('jax_default_device', None)
        return found.value
    if default is MISSING:
        raise MissingSettingError(f'environ.pop: {key!r} is not set.')
    return default


def get_precision() -> int:
    """Bits of a number, 32 or 64, by JAX's 64-bit mode; ``set`` and ``context`` change it by ``precision``.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> with bst.environ.context(precision=64):
    ...     bst.environ.get_precision()
    64
    """
    return 8 * dftype().itemsize


def dftype() -> Any:
    """The floating-point type of new states: float64 where JAX's 64-bit mode is on, else float32.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> with bst.environ.context(precision=64):
    ...     np.dtype(bst.environ.dftype()).name
    'float64'
    """
    return jnp.result_type(float)


def ditype() -> Any:
    """The integer type of new states: int64 where JAX's 64-bit mode is on, else int32.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> with bst.environ.context(precision=64):
    ...     np.dtype(bst.environ.ditype()).name
    'int64'
    """
    return jnp.result_type(int)


def dutype() -> Any:
    """The type of numbers that count from zero: uint64 where JAX's 64-bit mode is on, else uint32.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> with bst.environ.context(precision=64):
    ...     np.dtype(bst.environ.dutype()).name
    'uint64'
    """
    return jnp.dtype(f'uint{get_precision()}')


def dctype() -> Any:
    """The type of complex numbers: complex128 where JAX's 64-bit mode is on, else complex64.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> with bst.environ.context(precision=64):
    ...     np.dtype(bst.environ.dctype()).name
    'complex128'
    """
    return jnp.result_type(complex)
