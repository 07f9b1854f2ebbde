"""Reports of what is native in a function, what XLA keeps, and why."""

from __future__ import annotations

import functools
import logging
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from ._operation import OPERATIONS

_log = logging.getLogger('brainpy_state.event')
# Where lines are not a user's: this package, and what is installed beside JAX.
_LIBRARIES = os.path.dirname(os.path.dirname(__file__)), os.path.dirname(os.path.dirname(str(jax.__file__)))


@dataclass(frozen=True)
class Native:
    """One native function.

    Attributes
    ----------
    equations : int
        How many there are in it.
    items : int
        The largest array that it works on.
    operations : tuple of str
        Its event operations, in their order.
    """

    equations: int
    items: int
    operations: tuple[str, ...]

    def __str__(self) -> str:
        operations = f'; {", ".join(self.operations)}' if self.operations else ''
        plural = 's' if self.equations > 1 else ''
        return f'native: {self.equations} equation{plural} on up to {self.items} items{operations}'


@dataclass(frozen=True)
class Left:
    """Equations that XLA keeps.

    Attributes
    ----------
    what : str
        The operation and the type of its first result.
    where : str
        File, line and function of the user's code, '' where JAX does not tell.
    reason : str
    count : int
        How many there are of this kind.
    """

    what: str
    where: str
    reason: str
    count: int = 1

    def __str__(self) -> str:
        times, where = f' ({self.count} times)' if self.count > 1 else '', f' at {self.where}' if self.where else ''
        return f'XLA: {self.what}{times}{where}: {self.reason}'


@dataclass(frozen=True)
class Report:
    """What runs natively and what does not; printed, a line for each.

    Attributes
    ----------
    native : tuple of Native
        In the order in which they run.
    left : tuple of Left

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> net = bst.nn.init_all_states(bst.LIF(3))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     type(bst.explain(net)).__name__
    'Report'
    """

    native: tuple[Native, ...]
    left: tuple[Left, ...]

    def __str__(self) -> str:
        return '\n'.join(map(str, (*self.native, *self.left))) or 'nothing to compute'


def report(groups: list[Any], reason_of: Callable[[Any], str]) -> Report:
    """The report of native groups of equations, as lists, and single equations that XLA keeps."""
    native = tuple(_native(group) for group in groups if isinstance(group, list))
    left = Counter((_what(eqn), where(eqn), reason_of(eqn)) for eqn in groups if not isinstance(eqn, list))
    return Report(native, tuple(Left(*kind, count) for kind, count in left.items()))


def _native(eqns: list[Any]) -> Native:
    names = (eqn.primitive.name for eqn in eqns)
    return Native(len(eqns), max(map(items, eqns)), tuple(name.removeprefix('event_') for name in names if name in OPERATIONS))


def items(eqn: Any) -> int:
    """The size of the largest array of an equation."""
    return max((v.aval.size for v in (*eqn.invars, *eqn.outvars) if hasattr(v.aval, 'size')), default=0)


def _what(eqn: Any) -> str:
    name = eqn.primitive.name
    return f'{name} {eqn.outvars[0].aval.str_short()}' if eqn.outvars else name


def where(eqn: Any) -> str:
    """File, line and function of the user's code that an equation comes from, or ''."""
    traceback = eqn.source_info.traceback
    for frame in traceback.frames if traceback else ():
        if not frame.file_name.startswith((*_LIBRARIES, '<frozen')):
            name = frame.function_name.rpartition('.')[2]
            return f'{os.path.basename(frame.file_name)}:{frame.line_num} ({name})'
    return ''


@functools.cache
def say_once(what: str, place: str, reason: str) -> None:
    """Log that an equation stays with XLA."""
    _log.info('%s', Left(what, place, reason))


def say(eqn: Any, reason: str) -> None:
    """Log once for each kind that an equation stays with XLA."""
    say_once(_what(eqn), where(eqn), reason)
