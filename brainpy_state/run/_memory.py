"""What takes memory in a compiled program: arrays that are there, and what it makes while it runs."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from jax.tree_util import FlattenedIndexKey, keystr, tree_leaves_with_path

from .._errors import BrainStateError
from .._frames import Escaped
from ..connections import Connection
from ..projections._delayed import DelayedConnection
from ..record import Recorder
from ..state import DelayState, ParamState, State
from ..transform._args import describe_place
from ..transform._program import Program

_ARRAYS = (jax.Array, np.ndarray, jax.ShapeDtypeStruct)


class Item(NamedTuple):
    """Something that takes memory: what kind it is of, where it is found, and its bytes."""

    kind: str
    path: str
    bytes: int


class Messages(NamedTuple):
    """What devices tell each other while a divided network runs.

    Attributes
    ----------
    bytes : int
        That each device sends to each other one at a time.
    number : int
        Of messages to each, one after the other.
    steps : int
        From one time to the next.
    """

    bytes: int
    number: int
    steps: int


def size_of(x: Any) -> int:
    """The bytes of an array, or of one of this shape and type; of what is divided between processes, those of this one."""
    if isinstance(x, jax.Array) and not isinstance(x, jax.core.Tracer) and not x.is_fully_replicated:
        return sum(shard.data.nbytes for shard in x.addressable_shards)
    return math.prod(x.shape) * x.dtype.itemsize


def messages(program: Program, args: Any) -> Messages | None:
    """What devices tell each other in the loop of a program; None if nothing."""
    told = [v.aval for v in _told(program.trace(args).jaxpr.jaxpr, in_loop=False)]
    if not told:
        return None
    steps = max(aval.shape[1] if aval.ndim == 3 else 1 for aval in told)  # devices, steps and words, or devices and words
    return Messages(sum(size_of(aval) // aval.shape[0] for aval in told), len(told), steps)


def _told(jaxpr: Jaxpr, in_loop: bool) -> Iterator[Any]:
    for eqn in jaxpr.eqns:
        if in_loop and eqn.primitive.name == 'all_to_all':
            yield eqn.invars[0]
        for inner in _bodies(eqn.params):
            yield from _told(inner, in_loop or eqn.primitive.name in ('scan', 'native_loop', 'while'))


def existing(program: Program, args: Any) -> list[Item]:
    """The arrays that a program is about, each once: of the modules and states that it uses, and its arguments."""
    places = [(owner, f'{owner.label}.{name}', value) for owner in program.world.models() for name, value in vars(owner).items()]
    places += [(None, state.label, state) for state in program.reads]
    places += [(None, f'{x.dtype}{list(x.shape)} from outside', x) for x in jax.tree.leaves(program.captured)]
    places += [(None, f'argument {describe_place(args, path)}', x) for path, x in _leaves(args)]
    seen: set[int] = set()
    sizes: Counter[tuple[str, str]] = Counter()
    for owner, path, value in places:
        for leaf in jax.tree.leaves(value):
            if isinstance(leaf, State) and isinstance(leaf._value, Escaped):  # was made while the program was traced
                continue
            arrays = [x for x in jax.tree.leaves(leaf.peek() if isinstance(leaf, State) else leaf) if isinstance(x, _ARRAYS)]
            new = [x for x in arrays if id(x) not in seen]
            seen.update(map(id, new))
            sizes[_kind(owner, leaf), path] += sum(map(size_of, new))
    return [Item(*place, size) for place, size in sizes.items()]


def _kind(owner: Any, value: Any) -> str:
    if isinstance(value, DelayState):
        return 'delays'
    if isinstance(owner, Recorder):
        return 'recorders'
    if isinstance(owner, (Connection, DelayedConnection)):
        return 'connectivity'
    if isinstance(value, State):
        return 'parameters' if isinstance(value, ParamState) else 'states'
    return 'inputs' if owner is None else 'parameters'


def made(program: Program, args: Any) -> tuple[Any, list[Item]]:
    """The result of a program, abstract, and what it needs besides while it runs; compiles it."""
    traced = program.trace(args)
    stats = traced.lower().compile().memory_analysis()
    if stats is None:
        raise BrainStateError(f'forecast: the platform {jax.default_backend()!r} does not tell how much memory a program needs.')
    out, new = traced.out_info
    items, temporary = [], stats.temp_size_in_bytes
    jaxpr = traced.jaxpr.jaxpr
    for aval in sorted(_stacked(jaxpr, set(_vars(jaxpr.outvars))), key=size_of, reverse=True):
        if size_of(aval) <= temporary:  # XLA may have found a way without some of them
            items.append(Item('residuals', f'{aval.dtype}{list(aval.shape)}', size_of(aval)))
            temporary -= size_of(aval)
    copied = sum(x.nbytes for x in jax.tree.leaves(args) if isinstance(x, np.ndarray))
    items.append(Item('working', 'temporary arrays', temporary))
    items.append(Item('working', 'next values of states', sum(map(size_of, jax.tree.leaves(new))) - stats.alias_size_in_bytes))
    return out, [*items, Item('working', 'copies of NumPy arrays', copied)]


def _stacked(jaxpr: Jaxpr, results: set[Any]) -> Iterator[Any]:
    """The types of what loops stack step by step, but for what are results or used by nobody."""
    used = set(_vars(itertools.chain(jaxpr.outvars, *(eqn.invars for eqn in jaxpr.eqns))))
    for eqn in jaxpr.eqns:
        is_scan = eqn.primitive.name in ('scan', 'native_loop')
        is_loop = is_scan or eqn.primitive.name == 'while'
        if is_scan:
            (body,) = _bodies(eqn.params)
            pairs: Any = zip(eqn.outvars, body.outvars, strict=True)
            stacked = (v for v, each in pairs if v.aval.shape != each.aval.shape)
            yield from (v.aval for v in stacked if v in used and v not in results)
        for inner in _bodies(eqn.params):
            # what a step of a loop gives is written to its place in the stack
            given = inner.outvars if is_loop else [v for v, out in zip(inner.outvars, eqn.outvars, strict=False) if out in results]
            yield from _stacked(inner, set(_vars(given)))


def _vars(atoms: Any) -> Iterator[Any]:
    return (atom for atom in atoms if not isinstance(atom, Literal))


def _bodies(params: dict[str, Any]) -> Iterator[Jaxpr]:
    for x in itertools.chain(*(value if isinstance(value, (tuple, list)) else (value,) for value in params.values())):
        if isinstance(x, (ClosedJaxpr, Jaxpr)):
            yield x.jaxpr if isinstance(x, ClosedJaxpr) else x


def outputs(out: Any) -> list[Item]:
    """What a call returns, by place."""
    return [Item('outputs', f'result{keystr(path)}', size_of(x)) for path, x in _leaves(out)]


def _leaves(tree: Any) -> Iterator[tuple[tuple, Any]]:
    """The leaves with their paths, without the key by which JAX finds the number of a quantity."""
    return ((tuple(key for key in path if not isinstance(key, FlattenedIndexKey)), x) for path, x in tree_leaves_with_path(tree))
