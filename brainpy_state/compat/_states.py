"""States that hold several variables at once, and blocks that watch states, under their older names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import state
from .._errors import ParameterError, ShapeError
from ..numerics import with_unit
from ..state import HiddenState, State

_ARRAYS = (jax.Array, np.ndarray, u.Quantity)


class HiddenGroupState(HiddenState):
    """Several variables of one unit in one array, whose last axis numbers them.

    Parameters
    ----------
    value : array or quantity, shape ``(..., num_state)``
        Their first values.
    name : str, optional
        A label.

    Raises
    ------
    TypeError
        If the value is no array or quantity.
    ValueError
        If it has fewer than two axes.
    """

    name2index: dict[str, int]

    def __init__(self, value: Any, name: str | None = None, **metadata: Any):
        super().__init__(self._stored(value), name, **metadata)

    def _stored(self, value: Any) -> Any:
        if not isinstance(value, _ARRAYS):
            raise TypeError(f'{type(self).__name__} holds an array or a quantity, but was given a {type(value).__name__}: {value!r}')
        if value.ndim < 2:
            raise ShapeError(
                f'{type(self).__name__}: the last axis numbers the variables, so there are two or more, but the shape is {value.shape}.'
            )
        self.name2index = {str(k): k for k in range(value.shape[-1])}
        return value

    @property
    def varshape(self) -> tuple[int, ...]:
        """The shape of each variable."""
        return tuple(self.value.shape[:-1])

    @property
    def num_state(self) -> int:
        """How many there are."""
        return int(self.value.shape[-1])

    def get_value(self, item: int | str) -> Any:
        """One of the variables, by number or name, shape ``varshape``.

        Raises
        ------
        IndexError, KeyError
            If there is no such number or name.
        """
        return self.value[..., self._index(item)]

    def set_value(self, val: Mapping[int | str, Any] | Sequence[Any]) -> None:
        """Write some of the variables, given by number or name, or all in their order.

        Raises
        ------
        TypeError, ValueError, KeyError
            If a key or a value does not fit; then none is written.
        """
        if not isinstance(val, (Mapping, tuple, list)):
            raise TypeError(
                f'{type(self).__name__}.set_value takes a dictionary of hidden states or a sequence of them, but was given {val!r}'
            )
        new = u.math.asarray(self.value)
        for key, x in (val if isinstance(val, Mapping) else dict(enumerate(val))).items():
            if isinstance(key, int) and not 0 <= key < self.num_state:
                raise ParameterError(f'{self.label}: there is no variable {key}; they are numbered from 0 to {self.num_state - 1}.')
            index = self._index(key)
            if np.shape(u.get_mantissa(x)) != self.varshape:
                raise ShapeError(
                    f'{self.label}: the shape of the hidden state {key!r} is {self.varshape}, not {np.shape(u.get_mantissa(x))}.'
                )
            new = self._written(new, index, x)
        self.value = new

    def _written(self, value: Any, index: int, x: Any) -> Any:
        unit = u.get_unit(value)
        mantissa = x if unit.is_unitless else u.Quantity(x).to_decimal(unit)
        return with_unit(jnp.asarray(u.get_mantissa(value)).at[..., index].set(mantissa), unit)

    def _index(self, item: int | str) -> int:
        if isinstance(item, str):
            if item not in self.name2index:
                raise KeyError(f'{self.label}: hidden state {item!r} not found; there are {", ".join(self.name2index)}.')
            return self.name2index[item]
        if not isinstance(item, int):
            raise TypeError(f'{self.label}: a key should be int or str, but is {item!r}.')
        if not -self.num_state <= item < self.num_state:
            raise IndexError(f'{self.label}: {item} is out of range, there are {self.num_state} hidden states.')
        return item % self.num_state


class HiddenTreeState(HiddenGroupState):
    """Several variables of one shape, each with a unit of its own; kept as one plain array.

    Parameters
    ----------
    value : dict or sequence of arrays or quantities
        First values by name, or in order.
    name : str, optional
        A label.

    Raises
    ------
    TypeError
        If the value is neither, or one of them is no array or quantity.
    ValueError
        If their shapes differ.
    """

    name2unit: dict[str, Any]

    def _stored(self, value: Any) -> Any:
        if not isinstance(value, (dict, tuple, list)):
            raise TypeError(f'{type(self).__name__} takes a dictionary/sequence of hidden states, but was given {value!r}')
        named = value if isinstance(value, dict) else {str(k): x for k, x in enumerate(value)}
        for key, x in named.items():
            if not isinstance(x, _ARRAYS):
                raise TypeError(f'{type(self).__name__}: {key!r} is an array or a quantity, but was given as a {type(x).__name__}: {x!r}')
        if len({x.shape for x in named.values()}) != 1:
            raise ShapeError(f'{type(self).__name__}: all have one shape, but theirs are { {key: x.shape for key, x in named.items()} }.')
        self.name2unit = {key: u.get_unit(x) for key, x in named.items()}
        self.name2index = {key: k for k, key in enumerate(named)}
        return jnp.stack([u.get_mantissa(x) for x in named.values()], axis=-1)

    @property
    def index2unit(self) -> dict[int, Any]:
        """Units by number."""
        return dict(enumerate(self.name2unit.values()))

    @property
    def index2name(self) -> dict[int, str]:
        """Names by number."""
        return {k: name for name, k in self.name2index.items()}

    def get_value(self, item: int | str) -> Any:
        """One of the variables in its unit, by number or name, shape ``varshape``; errors as of `HiddenGroupState`."""
        index = self._index(item)
        return with_unit(self.value[..., index], self.index2unit[index])

    def _written(self, value: Any, index: int, x: Any) -> Any:
        unit = self.index2unit[index]
        return value.at[..., index].set(x if unit.is_unitless else u.Quantity(x).to_decimal(unit))


class FakeState:
    """A cell that transforms do not see.

    Parameters
    ----------
    value : Any
        What it holds.
    name : str, optional
        A label.
    """

    def __init__(self, value: Any, name: str | None = None):
        self.value, self.name = value, name

    def __repr__(self) -> str:
        return f'FakedState(value={self.value!r})'


class StateTraceStack(state.StateTraceStack):
    """See `brainpy_state.StateTraceStack`; also keeps what the states held before.

    Parameters
    ----------
    name : str, optional
        A label.
    """

    def __init__(self, name: str | None = None):
        super().__init__()
        self.name = name
        self._before: dict[State, Any] = {}

    def read(self, state: State) -> Any:
        """Note what a state held."""
        value = super().read(state)
        self._before.setdefault(state, value)
        return value

    def write(self, state: State, value: Any) -> None:
        """Note what a state held."""
        if state not in self._before:
            self._before[state] = super().read(state)
        super().write(state, value)

    @property
    def been_writen(self) -> list[bool]:
        """Of each of ``states``, whether it was written."""
        written = set(self.get_write_states())
        return [s in written for s in self.states]

    @property
    def original_state_values(self) -> tuple[Any, ...]:
        """What each of ``states`` held before."""
        return tuple(self._before[s] for s in self.states)

    def get_state_values(self, separate: bool = False, replace: bool = False) -> Any:
        """What ``states`` hold now; with ``separate``, of those that were written and of those that were read only.

        With ``replace``, None stands in the place of what belongs to the other group.
        """
        if not separate:
            return tuple(s.value for s in self.states)
        groups = tuple(zip(self.been_writen, self.states, strict=True))
        if replace:
            return tuple(s.value if w else None for w, s in groups), tuple(None if w else s.value for w, s in groups)
        return tuple(s.value for w, s in groups if w), tuple(s.value for w, s in groups if not w)

    def recovery_original_values(self) -> None:
        """Put back what ``states`` held before."""
        for s in self.states:
            s.restore_value(self._before[s])
