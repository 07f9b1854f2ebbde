"""What to differentiate by, and the containers that it comes in."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence, ValuesView
from typing import Any, NamedTuple

import jax

from .._errors import ParameterError
from ..state import State


class Parts(NamedTuple):
    """Values of states and of arguments, in the order in which they were asked for."""

    states: list[Any]
    arguments: list[Any]


class Variables:
    """What to differentiate by: states, positional arguments, or both.

    Parameters
    ----------
    name : str
        The transform, for messages.
    grad_states : State, sequence or mapping of State, or None
        Containers may nest.
    argnums : int, sequence of int, or None
        Positional arguments.
    """

    def __init__(self, name: str, grad_states: Any, argnums: int | Sequence[int] | None):
        self.name = name
        self._container = grad_states
        self.states = tuple(_states_in(name, grad_states))
        if len(set(self.states)) < len(self.states):
            raise TypeError(f'{name}: a state stands twice in grad_states.')
        self._one_argument = argnums is not None and not isinstance(argnums, (list, tuple))
        self.numbers = None if argnums is None else _numbers(name, argnums)

    @property
    def key(self) -> tuple:
        return self.states, _form(self._container), self.numbers, self._one_argument

    def of(self, args: tuple, states: Mapping[State, Any]) -> Parts:
        """The values to differentiate at."""
        numbers = self.numbers or ()
        if numbers and max(numbers) >= len(args):
            raise ParameterError(f'{self.name}: argnums={max(numbers)}, but the call has {len(args)} positional arguments.')
        return Parts([states[s] for s in self.states], [args[n] for n in numbers])

    def label(self, path: tuple) -> str:
        """Which state or argument a path into `Parts` leads to."""
        is_state, index = path[0].name == 'states', path[1].idx
        return self.states[index].label if is_state else f'argument {(self.numbers or ())[index]}'

    def pack(self, parts: Parts, depth: int = 1) -> Any:
        """Put values into the containers of the user; ``depth`` is how many `Parts` lie within each other."""
        if depth > 1:
            parts = Parts(*([self.pack_all(x, depth - 1) for x in part] for part in parts))
        wanted = []
        if self._container is not None:
            wanted.append(_rebuilt(self._container, iter(parts.states)))
        if self.numbers is not None:
            wanted.append(parts.arguments[0] if self._one_argument else tuple(parts.arguments))
        return wanted[0] if len(wanted) == 1 else tuple(wanted)

    def pack_all(self, tree: Any, depth: int) -> Any:
        """The same for every `Parts` of a tree."""
        return jax.tree.map(lambda parts: self.pack(parts, depth), tree, is_leaf=lambda x: isinstance(x, Parts))

    def unpack_states(self, values: Any) -> list[Any]:
        """The entries of a container like ``grad_states``, in the order of the states."""
        return list(_entries(self.name, self._container, values))


def _states_in(name: str, container: Any) -> Iterable[State]:
    if isinstance(container, State):
        yield container
    elif isinstance(container, (Mapping, Sequence, ValuesView)) and not isinstance(container, str):
        for part in container.values() if isinstance(container, Mapping) else container:
            if part is None:
                raise TypeError(f'{name}: grad_states holds states, but one entry is None.')
            yield from _states_in(name, part)
    elif container is not None:
        raise TypeError(f'{name}: grad_states holds states, but {container!r} is a {type(container).__name__}.')


def _rebuilt(container: Any, values: Any) -> Any:
    if isinstance(container, State):
        return next(values)
    if isinstance(container, Mapping):
        return {key: _rebuilt(part, values) for key, part in container.items()}
    parts = [_rebuilt(part, values) for part in container]
    if isinstance(container, ValuesView):
        return parts
    return type(container)(*parts) if hasattr(container, '_fields') else type(container)(parts)


def _form(container: Any) -> Any:
    """A container without its states."""
    if isinstance(container, Mapping):
        return tuple((key, _form(part)) for key, part in container.items())
    if isinstance(container, (Sequence, ValuesView)):
        return type(container), tuple(map(_form, container))
    return type(container) if container is None else State


def _entries(name: str, container: Any, values: Any) -> Iterable[Any]:
    if isinstance(container, State):
        yield values
        return
    keys = list(container) if isinstance(container, Mapping) else list(range(len(container)))
    given = list(values) if isinstance(values, Mapping) else list(range(len(values))) if isinstance(values, Sequence) else None
    if given is None or set(given) != set(keys):
        raise ParameterError(f'{name}: the values for grad_states must come in the same container, with the keys {keys}; given {given}.')
    for key in keys:
        yield from _entries(name, container[key], values[key])


def _numbers(name: str, argnums: Any) -> tuple[int, ...]:
    given = argnums if isinstance(argnums, (list, tuple)) else (argnums,)
    try:
        numbers = tuple(operator.index(n) for n in given if not isinstance(n, bool))
    except TypeError:
        numbers = ()
    if len(numbers) != len(given) or any(n < 0 for n in numbers) or len(set(numbers)) < len(numbers):
        raise ParameterError(f'{name}: argnums is one or more different positions of arguments, counted from 0, but is {argnums!r}.')
    return numbers
