"""Checks of writes that are off unless asked for, in this thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from .._errors import StateTreeError
from .._frames import stack

_TREE = 'The given value {new} does not match with the origin tree structure {old}.'
_SIGNATURE = '{state} holds {old}, but was given {new}; within `check_state_value_tree(signature=True)`, shape and type stay as they are.'


@contextmanager
def _checking(val: bool, *names: str) -> Iterator[None]:
    outer = stack.checks
    stack.checks = outer.union(names) if val else outer.difference(names)
    try:
        yield
    finally:
        stack.checks = outer


@contextmanager
def check_state_value_tree(val: bool = True, *, signature: bool = False) -> Iterator[None]:
    """Within the block, a state accepts only values of the pytree that it holds.

    The check holds for this thread, also inside of transforms; what was compiled without it is
    traced again under it.

    Parameters
    ----------
    val : bool
        False switches the check off for the block.
    signature : bool
        Whether the shape and type of every array must stay as well.

    Raises
    ------
    StateTreeError
        A ValueError, at the write of a value of another tree (shape, type).

    Examples
    --------
    >>> import brainpy_state as bst
    >>> s = bst.State(1.)
    >>> with bst.check_state_value_tree():
    ...     s.value = (1., 2.)
    Traceback (most recent call last):
    brainpy_state._errors.StateTreeError: The given value PyTreeDef((*, *)) does not match with the origin tree structure PyTreeDef(*).
    """
    with _checking(val, 'tree', *(('signature',) if signature or not val else ())):
        yield


@contextmanager
def check_state_jax_tracer(val: bool = True) -> Iterator[None]:
    """Within the block, a state that was made inside a JAX trace can be written in that trace only.

    A write from inside a raw JAX transform to a state from outside of it is always an error. Besides,
    a state that outlives the trace in which it was made comes back to life when a value is assigned to
    it; within this block, that is an error as well, since it mostly shows that a state has leaked.

    Parameters
    ----------
    val : bool
        False switches the check off for the block.

    Raises
    ------
    TraceContextError
        At the write.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> leaked = []
    >>> _ = bst.transform.jit(lambda x: leaked.append(bst.State(x)))(1.)
    >>> with bst.check_state_jax_tracer():
    ...     leaked[0].value = 2.
    Traceback (most recent call last):
    brainpy_state._errors.TraceContextError: State (made at ...) was made inside a JAX trace, but is written outside of it...
    """
    with _checking(val, 'tracer'):
        yield


def check_tree(old: Any, new: Any) -> None:
    """Raise if two values differ in their trees."""
    given: Any = jax.tree.structure(new)
    held: Any = jax.tree.structure(old)
    if given != held:
        raise StateTreeError(_TREE.format(new=given, old=held))


def check_value(state: Any, value: Any) -> None:
    """Raise if the checks in force forbid to write a value."""
    if 'tree' not in stack.checks:
        return
    held = state.peek()
    check_tree(held, value)
    if 'signature' in stack.checks and (old := _signature(held)) != (new := _signature(value)):
        raise StateTreeError(_SIGNATURE.format(state=state.describe(), old=old, new=new))


def _signature(value: Any) -> str:
    shown = jax.tree.map(_shape_and_type, value)
    return str(shown).replace("'", '')


def _shape_and_type(x: Any) -> str:
    try:
        aval = jax.typeof(x)
    except TypeError:
        return type(x).__name__
    return f'{aval.dtype}[{",".join(map(str, aval.shape))}]'
