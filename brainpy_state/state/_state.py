"""`State`: a mutable cell that the transforms of this package can see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import numpy as np

from .._errors import TraceContextError
from .._frames import EAGER, Escaped, current_trace, stack

_RAW_WRITE = """\
A state was written inside a raw JAX transform, where the new value would be lost or leak: {state}
Use the transform of the same name from this package, which knows states:
    wrong:  jax.jit(step)(x)
    right:  brainpy_state.transform.jit(step)(x)"""

_ESCAPED = """\
{kind} was created inside {where}, which has ended, so it holds no value.
Create the state outside, or assign a new value to it before it is read."""


class State:
    """A mutable cell holding any pytree; read and replaced through ``.value``.

    A state is compared and hashed by identity. It is not a pytree node: functions read it where
    they need it, and the transforms of this package thread it through the compiled program.

    Parameters
    ----------
    value : pytree
        The first value; arrays and quantities, or any Python object.
    name : str, optional
        A label, shown in the representation.
    tag : str or set of str, optional
        Labels that a filter can select by.
    **metadata
        Kept as attributes of the state.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> s = bst.State(jnp.zeros(3))
    >>> s.value = s.value + 1.
    >>> s.value
    Array([1., 1., 1.], dtype=float32)
    """

    _place: str | None = None  # in the tree that was last initialised
    lanes: Callable[[Any, int], tuple[Any, Any]] | None = None  # of random states: (value, n) -> (next value, values for n lanes)
    _birth_trace: Any = None  # set only for a state created inside a raw JAX transform

    def __init__(self, value: Any, name: str | None = None, *, tag: str | set[str] | None = None, **metadata: Any):
        if isinstance(value, State):
            value = value.value
        self._value = value
        self._home = home = stack.top
        if home is not None:
            home.adopt(self)
        elif (trace := current_trace()) is not EAGER:
            self._birth_trace = trace
        self.name = name
        self.tag = {tag} if isinstance(tag, str) else set(tag or ())
        if metadata:
            self.__dict__.update(metadata)

    @property
    def value(self) -> Any:
        top = stack.top
        if top is not None:
            return top.read(self)
        return self.local_value

    @value.setter
    def value(self, value: Any) -> None:
        if isinstance(value, State):
            raise ValueError(f'A State cannot hold a State: assign its `.value` instead. Given: {value}')
        top = stack.top
        if top is not None:
            top.write(self, value)
            return
        if (trace := current_trace()) is not EAGER and trace is not self._birth_trace:
            raise TraceContextError(_RAW_WRITE.format(state=self))
        self._value = value

    @property
    def local_value(self) -> Any:
        """The value outside of every open frame; for frames, not for models."""
        value = self._value
        if value.__class__ is Escaped:
            raise TraceContextError(_ESCAPED.format(kind=self.label, where=value.where))
        return value

    @property
    def label(self) -> str:
        """Class and name, or place in the module tree, for messages."""
        name = self.name or self._place
        return type(self).__name__ if name is None else f'{type(self).__name__} {name!r}'

    def __repr__(self) -> str:
        value = self._value
        shown = '<no value>' if value.__class__ is Escaped else _show(value, 1)
        lines = [f'value={shown}']
        lines += [f'{k}={v!r}' for k, v in self.__dict__.items() if k[0] != '_' and v not in (None, set())]
        return f'{type(self).__name__}(\n' + ',\n'.join('  ' + line for line in lines) + '\n)'


def _show(value: Any, depth: int) -> str:
    """A value by its abstract arrays, indented as a tree."""
    pad = '  ' * (depth + 1)
    if isinstance(value, dict):
        items = [f'{k!r}: {_show(v, depth + 1)}' for k, v in value.items()]
        brackets = '{}'
    elif type(value) in (list, tuple):
        items = [_show(v, depth + 1) for v in value]
        brackets = '[]' if isinstance(value, list) else '()'
    elif isinstance(value, u.Quantity):
        return f'Quantity({jax.typeof(value.mantissa)}, "{value.unit}")'
    elif isinstance(value, (jax.Array, np.ndarray)):
        return repr(jax.typeof(value))
    else:
        return repr(value)
    if not items:
        return brackets
    return brackets[0] + '\n' + ',\n'.join(pad + item for item in items) + '\n' + '  ' * depth + brackets[1]


class ShortTermState(State):
    """A transient value, such as the input of one step or the time of the last spike."""


class LongTermState(State):
    """A persistent value, such as a running average or a momentum."""


class ParamState(LongTermState):
    """A trainable parameter."""


class BatchState(LongTermState):
    """A value whose leading axis is a batch axis."""


class HiddenState(ShortTermState):
    """A dynamical variable, such as a membrane potential or a conductance.

    Raises
    ------
    TypeError
        If the first value is not an array or a quantity.
    """

    def __init__(self, value: Any, name: str | None = None, **kwargs: Any):
        if isinstance(value, State):
            value = value.value
        if not isinstance(value, (jax.Array, np.ndarray, u.Quantity)):
            raise TypeError(f'{type(self).__name__} holds an array or a quantity, but was given a {type(value).__name__}: {value!r}')
        super().__init__(value, name, **kwargs)

    @property
    def varshape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)
