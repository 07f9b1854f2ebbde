"""`State`: a mutable cell that the transforms of this package can see."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Self

import jax
import numpy as np

from .._errors import TraceContextError
from .._frames import EAGER, Escaped, current_trace, stack
from .._tracebacks import shorten
from ._checks import check_tree, check_value
from ._fire import assign, tell_made, tell_read, tell_restored
from ._hooks import Hookable
from ._show import show
from ._site import Site, creation_site, site_text

_RAW_WRITE = """\
A state was written inside a raw JAX transform, where the new value would be lost or leak: {state}
Use the transform of the same name from this package, which knows states:
    wrong:  jax.jit(step)(x)
    right:  brainpy_state.transform.jit(step)(x)"""

_ESCAPED = """\
{state} was created inside {where}, which has ended, so it holds no value; created at {site}.
Create the state outside, or assign a new value to it before it is read."""

_REVIVED = """\
{state} was made inside a JAX trace, but is written outside of it, which `check_state_jax_tracer` forbids.
Make the state outside of the function that is traced."""

_UNSET: Any = object()
_OF_THE_CELL = ('_value', '_home', '_birth', '_hooks')  # what a copy does not share


class State(Hookable):
    """A mutable cell holding any pytree; read and replaced through ``.value``.

    A state is compared and hashed by identity. It is not a pytree node: functions read it where
    they need it, and the transforms of this package thread it through the compiled program.
    It can be copied and pickled: a copy is a state of its own with the same value, name, tags and
    metadata, and without hooks.

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

    lanes: Callable[[Any, int], tuple[Any, Any]] | None = None  # of a random state: (value, n) -> (next value, values for n lanes)
    with_key: Callable[[Any, Callable], Any] | None = None  # of a random state: (value, change) -> the value with its key changed
    rejoin: Callable[[Any, Any], Any] | None = None  # of one that never has a lane axis: (next value, those of lanes after) -> next value

    _accepts: Any = object  # classes of a first value
    _place: str | None = None  # in the tree that was last initialised
    _birth: Callable[[], Any] | None  # weak reference to the JAX trace in which it was made
    _guard: Any = None  # of a model's variable: raises if a value has another unit or shape

    def __init__(self, value: Any, name: str | None = None, *, tag: str | set[str] | None = None, **metadata: Any):
        if isinstance(value, State):
            value = value.value
        if self._accepts is not object:
            self._refuse(value)
        self.name = name
        self.tag = set() if tag is None else _tags(tag)
        self._site: Site = creation_site()
        if metadata:
            self.__dict__.update(metadata)
        self._begin(value, metadata)

    def _begin(self, value: Any, metadata: dict[str, Any]) -> None:
        self.enter(value)
        if self._hooks is not None:
            tell_made(self, value, metadata)
        if self._home is not None:
            self._home.adopt(self)

    def enter(self, value: Any) -> None:
        """Hold a value as if made here and now, in this frame and trace; for transforms, which then let the frame adopt it."""
        self._value = value
        self._home = stack.top
        self._birth = None if (trace := current_trace()) is EAGER else weakref.ref(trace)

    def _refuse(self, value: Any) -> None:
        """Raise if this kind of state cannot start from a value."""
        if not isinstance(value, self._accepts):
            raise TypeError(f'{type(self).__name__} holds an array or a quantity, but was given a {type(value).__name__}: {value!r}')

    @property
    def value(self) -> Any:
        if self._hooks is not None:
            value = self.peek()
            tell_read(self, value)
            return value
        top = stack.top
        if top is not None:
            return top.read(self)
        value = self._value
        return self.local_value if value.__class__ is Escaped else value

    @value.setter
    def value(self, value: Any) -> None:
        if self._guard is not None:
            try:
                self._guard(self, value)
            except Exception as error:
                shorten(error)
                raise
        elif self._hooks is None and stack.top is None and not stack.checks and not isinstance(value, State):
            self.write_local(value)  # `begin_with` in the common case, without its price
            return
        self.begin_with(value)

    def begin_with(self, value: Any) -> None:
        """Replace the value by one that may have another unit or shape, also where a model has declared the state."""
        if self._hooks is not None:
            assign((self,), (value,))
        else:
            self.poke(value)

    def peek(self) -> Any:
        """The value without telling hooks; for transforms, not for models."""
        top = stack.top
        return self.local_value if top is None else top.read(self)

    def poke(self, value: Any) -> None:
        """Replace the value without telling hooks; for transforms, not for models."""
        if stack.checks or isinstance(value, State):
            self.check(value)
        top = stack.top
        if top is None:
            self.write_local(value)
        else:
            top.write(self, value)

    def check(self, value: Any) -> None:
        """Raise if a value may not be written: a `State`, or what the checks in force forbid."""
        if isinstance(value, State):
            raise ValueError(f'A State cannot hold a State: assign its `.value` instead. Given: {value}')
        if self._value.__class__ is not Escaped:
            check_value(self, value)

    @property
    def local_value(self) -> Any:
        """The value outside of every open frame; for frames, not for models."""
        value = self._value
        if value.__class__ is Escaped:
            raise TraceContextError(_ESCAPED.format(state=self.label, where=value.where, site=self.source_info))
        return value

    def write_local(self, value: Any) -> None:
        """Replace the value outside of every open frame; for frames, not for models."""
        if (trace := current_trace()) is not EAGER:
            if not self.born_in(trace):
                raise TraceContextError(_RAW_WRITE.format(state=self.describe()))
        elif self._birth is not None and 'tracer' in stack.checks:
            raise TraceContextError(_REVIVED.format(state=self.describe()))
        self._value = value

    def born_in(self, trace: Any) -> bool:
        """Whether the state was made while a JAX trace was the current one."""
        return self._birth is not None and self._birth() is trace

    def restore_value(self, value: Any) -> None:
        """Put a value back, as from a checkpoint: its pytree must be the present one.

        Only ``restore`` hooks are called. In a `StateTraceStack` it counts as a read.

        Raises
        ------
        StateTreeError
            A ValueError, if the value has another tree.
        """
        self.check(value)
        old = self.peek()
        check_tree(old, value)
        self.refuse(value)
        top = stack.top
        if top is None:
            self.write_local(value)
        else:
            top.put_back(self, value)
        if self._hooks is not None:
            tell_restored(self, value, old)

    def copy(self) -> Self:
        """A state of its own with the same value and attributes."""
        return self.replace()

    __copy__ = copy

    def replace(self, value: Any = _UNSET, **attributes: Any) -> Self:
        """A new state like this one, with another value or other attributes.

        Parameters
        ----------
        value : pytree, optional
            Its value.
        **attributes
            ``name``, ``tag`` or metadata.

        Raises
        ------
        ValueError
            If the value is taken from a state of another class.
        """
        if isinstance(value, State) and type(value) is not type(self):
            raise ValueError(f'{self.label}.replace takes a value, or a {type(self).__name__} that holds it, but was given {value!r}.')
        value = self.value if value is _UNSET else value.value if isinstance(value, State) else value
        self._refuse(value)
        if 'tag' in attributes:
            attributes['tag'] = _tags(attributes['tag'])
        new = object.__new__(type(self))
        new.__setstate__({**self._attributes(), **attributes, '_guard': None, '_value': _rebuilt(value)})
        return new

    def copy_from(self, other: State) -> None:
        """Take over value, name, tags and metadata of a state of the same class.

        Raises
        ------
        ValueError
            If the classes differ.
        """
        if type(other) is not type(self):
            raise ValueError(f'{self.label}.copy_from takes a {type(self).__name__}, but was given {other!r}.')
        self.value = _rebuilt(other.value)
        vars(self).update({k: v for k, v in other._attributes().items() if k[0] != '_'})

    def _attributes(self) -> dict[str, Any]:
        kept = {k: v for k, v in vars(self).items() if k not in _OF_THE_CELL}
        return kept | {'tag': set(self.tag), '_site': self.source_info}

    def __getstate__(self) -> dict[str, Any]:
        return {**self._attributes(), '_value': self.value}

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        value = attributes['_value']
        vars(self).update({k: v for k, v in attributes.items() if k != '_value'})
        self._begin(value, {k: v for k, v in attributes.items() if k[0] != '_' and k not in ('name', 'tag')})

    def to_state_ref(self) -> Any:
        """The state taken apart, as a tree of JAX whose leaves are those of its value; see `graph.TreefyState`."""
        from ._treefy import TreefyState  # which is made of states

        return TreefyState.of(self)

    def update_from_ref(self, ref: Any) -> None:
        """Take over the value and the tags of a state that was taken apart."""
        self.value = _rebuilt(ref.value)
        self.tag = set(ref.tag)

    def value_call(self, fn: Callable[[Any], Any]) -> Any:
        """``fn`` of each array of the value, in the tree of the value."""
        return jax.tree.map(fn, self.value)

    def numel(self) -> int:
        """How many numbers the value consists of."""
        return sum(int(np.size(leaf)) for leaf in jax.tree.leaves(self.value))

    def add_tag(self, tag: str | set[str]) -> None:
        """Add a tag, or a set of them."""
        self.tag |= _tags(tag)

    def guard_with(self, guard: Any) -> None:
        """Let ``guard(state, value)`` raise at the assignment of what a variable of a model cannot hold; a copy has no guard."""
        self._guard = guard

    def refuse(self, value: Any) -> None:
        """Raise if a model's variable cannot hold a value."""
        if self._guard is not None:
            self._guard(self, value)

    @property
    def place(self) -> str | None:
        """The name, or the place in the tree of modules."""
        return self.name or self._place

    @property
    def label(self) -> str:
        """Class and name, or place in the module tree, or else where it was made, for messages."""
        place = self.place
        return f'{type(self).__name__} (made at {self.source_info})' if place is None else f'{type(self).__name__} {place!r}'

    def stand_at(self, place: str) -> None:
        """Note the place in a tree of modules, unless a longer one is known."""
        if self._place is None or place.endswith(f'.{self._place}'):
            self._place = place

    @property
    def source_info(self) -> str:
        """Where in the user's code the state was made, such as ``'model.py:12, in build'``; of a copy, where the first one was."""
        return site_text(self._site)

    def describe(self) -> str:
        """Label and place of making, for messages."""
        return self.label if self.place is None else f'{self.label} (made at {self.source_info})'

    def __repr__(self) -> str:
        value = self._value
        shown = '<no value>' if value.__class__ is Escaped else show(value)
        lines = [f'value={shown}']
        shown_besides = {k: v for k, v in vars(self).items() if k[0] != '_' and v is not None and not (k == 'tag' and not v)}
        lines += [f'{k}={show(v)}' for k, v in shown_besides.items()]
        return f'{type(self).__name__}(\n' + ',\n'.join('  ' + line for line in lines) + '\n)'


def _tags(tag: str | set[str] | None) -> set[str]:
    return {tag} if isinstance(tag, str) else set(tag or ())


def _rebuilt(value: Any) -> Any:
    """The same leaves in containers of their own."""
    return jax.tree.map(lambda x: x, value)


def maybe_state(x: Any) -> Any:
    """The value of a `State`; anything else unchanged.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.maybe_state(bst.State(2.)), bst.maybe_state(3.)
    (2.0, 3.0)
    """
    return x.value if isinstance(x, State) else x
