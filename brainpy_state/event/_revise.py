"""Changing the weights of the synapses of neurons that fire, seen from either end."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.extend.core as jex_core
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import ShapedArray
from jax.extend.core import ClosedJaxpr, Jaxpr

from .._arrays import put
from .._tracebacks import entry
from . import _backend, _lowering
from ._csr import CSR
from ._equations import refusal
from ._explain import say
from ._operation import Operation
from ._parts import Axis, Parts, in_parts

_MOST_VALUES = 4


class Divided(NamedTuple):
    """How the synapses of `Ends` are divided.

    Attributes
    ----------
    parts : int
        On how many devices, each with those onto its own targets.
    targets : int
        How many targets there are.
    from_targets : bool
        Whether it is targets that fire.
    """

    parts: int
    targets: int
    from_targets: bool


class Ends(NamedTuple):
    """The synapses of a population, listed neuron by neuron, seen from one end.

    Attributes
    ----------
    starts : int32, shape (n + 1,)
        Where the list of each neuron begins.
    others : int32, shape (nnz,)
        The neuron at the other end of each synapse.
    places : int32, shape (nnz,), optional
        The number of each synapse, by which its values are found; None where it is its place in the list.
    divided : Divided, optional
        Between how many devices; the arrays have then the parts of all, one after the other.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> csr = bst.event.CSR(jnp.array([0, 2, 3], jnp.int32), jnp.array([0, 1, 1], jnp.int32), (2, 2))
    >>> bst.event.Ends.of_targets(csr).others.tolist()
    [0, 0, 1]
    """

    starts: Array
    others: Array
    places: Array | None = None
    divided: Divided | None = None

    @classmethod
    def of_sources(cls, structure: Any) -> Ends:
        """The synapses of each source."""
        if isinstance(structure, Parts):
            return cls(structure.indptr, structure.indices, None, Divided(structure.parts, structure.shape[1], False))
        if isinstance(structure, CSR):
            return cls(structure.indptr, structure.indices)
        starts = np.concatenate([[0], np.cumsum(structure.row_lengths())]).astype(np.int32)
        return cls(put(starts), put(np.asarray(structure.indices, np.int32)))

    @classmethod
    def of_targets(cls, structure: Any) -> Ends:
        """The synapses of each target, in the order of their sources; 8 bytes a synapse."""
        if isinstance(structure, Parts):
            starts, others, places = structure.mapped(_columns, beyond=structure.nnz // structure.parts)
            return cls(starts, others, places, Divided(structure.parts, structure.shape[1], True))
        targets, lengths = np.asarray(structure.indices), structure.row_lengths()
        starts, others, places = map(put, _columns(lengths, targets, structure.shape[1]))
        return cls(starts, others, places)


def _columns(lengths: np.ndarray, targets: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the synapses of each target begin, their sources, and their places in the list by sources."""
    sources = np.repeat(np.arange(lengths.size, dtype=np.int32), lengths)
    order = CSR.row_order(targets).astype(np.int32)
    starts = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(targets, minlength=n), out=starts[1:])
    return starts, sources[order], order


@dataclass(frozen=True, eq=False)
class Change:
    """A rule as an equation of scalars; equal to another of the same text.

    Attributes
    ----------
    closed : ClosedJaxpr
        Without constants, from values of a synapse, and of its two ends, and shared numbers, to the values afterwards.
    values, own, far : int
        How many there are of each; the others are shared.
    """

    closed: ClosedJaxpr
    values: int
    own: int
    far: int

    @functools.cached_property
    def text(self) -> str:
        return f'{self.values} {self.own} {self.far} {self.closed}'

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Change) and self.text == other.text

    def __lt__(self, other: Change) -> bool:
        return self.text < other.text

    def __call__(self, *operands: Any) -> list[Any]:
        return jex_core.jaxpr_as_fun(self.closed)(*operands)


@entry
def revise(
    ends: Ends,
    spikes: Array,
    values: Sequence[Array],
    rule: Callable[..., Any],
    own: Sequence[Array] = (),
    far: Sequence[Array] = (),
) -> list[Array]:
    """Change what belongs to the synapses of the neurons that fire; in place inside of a compiled loop.

    Parameters
    ----------
    ends : Ends
        The synapses, from the end that fires.
    spikes : bool or float, shape (n,)
        Nonzero where a neuron fires. A float s that is not 1 changes a value by s times as much.
    values : sequence of float arrays, shape (nnz,)
        What each synapse has, such as its weight; up to four, of one type.
    rule : callable
        ``rule(*values, *own, *far)`` of scalars gives the values afterwards, a sequence of as many. Scalars that it closes over may be
        traced.
    own : sequence of float arrays, shape (n,)
        Of the neuron that fires.
    far : sequence of float arrays
        Of the neuron at the other end of each synapse.

    Returns
    -------
    list of arrays, shape (nnz,)

    Raises
    ------
    TypeError
        A dtype is another than that of the first value, or the rule gives another number of values.
    ValueError
        A shape does not fit, or the rule closes over an array.

    Notes
    -----
    Only synapses of neurons that fire are visited. Each is changed by itself, so the result does not depend on threads. Differentiable:
    the derivative looks at all synapses.

    Examples
    --------
    >>> from brainpy_state.event import CSR
    >>> csr = CSR.from_pairs([0, 0, 2], [1, 3, 0], (3, 4))
    >>> spikes, far = jnp.array([True, False, False]), jnp.array([1., 2., 3., 4.])
    >>> (weight,) = revise(Ends.of_sources(csr), spikes, [jnp.zeros(3)], lambda w, y: [w + y], far=[far])
    >>> weight.tolist()
    [2.0, 4.0, 0.0]
    """
    spikes, values, own, far = jnp.asarray(spikes), [*map(jnp.asarray, values)], [*map(jnp.asarray, own)], [*map(jnp.asarray, far)]
    if ends.divided is not None:
        return _revise_parts(ends, ends.divided, spikes, values, rule, own, far)
    n, nnz = ends.starts.shape[0] - 1, ends.others.shape[0]
    _check(spikes, values, own, n, nnz)
    dtype = values[0].dtype
    for what, x in (('values', values), ('own', own), ('far', far)):
        if any(each.dtype != dtype for each in x):
            raise TypeError(f'event.revise: {what} have the types {", ".join(str(each.dtype) for each in x)}, expected {dtype} for all.')
    if any(x.ndim != 1 for x in far):
        raise ValueError(f'event.revise: far has arrays of shape {", ".join(str(x.shape) for x in far)}, expected one axis.')
    made, shared = _made(rule, len(values), len(own), len(far), dtype)
    if spikes.dtype != np.bool_:
        spikes = spikes.astype(dtype)
    structure = [ends.starts, ends.others, *([] if ends.places is None else [ends.places])]
    operands = [*structure, spikes, *values, *own, *far, *shared]
    refused = next(((eqn, reason) for eqn in made.closed.jaxpr.eqns if (reason := refusal(eqn))), None)
    if refused is not None:
        say(*refused)
        return _portable(*operands, rule=made, placed=ends.places is not None)
    primitive = revise_rows_p if ends.places is None else revise_columns_p
    return primitive.bind(*operands, rule=made, placed=ends.places is not None, backend=_backend.preference())


def _revise_parts(
    ends: Ends, divided: Divided, spikes: Array, values: list[Array], rule: Callable, own: list[Array], far: list[Array]
) -> list[Array]:
    """`revise` on each device, of the synapses onto its own targets."""
    parts, targets, from_targets = divided
    made, shared = _made(rule, len(values), len(own), len(far), values[0].dtype)
    structure = [ends.starts, ends.others, *([] if ends.places is None else [ends.places])]
    sizes = len(structure), len(values), len(own), len(far)
    firing, others = Axis(0, targets) if from_targets else None, None if from_targets else Axis(0, targets)

    def of_part(spikes: Any, *operands: Any) -> list[Any]:
        rest = iter(operands)
        here, values, own, far = ([next(rest) for _ in range(n)] for n in sizes)
        shared = list(rest)
        return revise(Ends(*here), spikes, values, lambda *numbers: made(*numbers, *shared), own, far)

    each = Axis(0, ends.others.shape[0])
    axes = [firing, *(Axis(0, x.shape[0]) for x in structure), *[each] * len(values), *[firing] * len(own), *[others] * len(far)]
    operands = [spikes, *structure, *values, *own, *far, *shared]
    return in_parts(of_part, operands, [*axes, *[None] * len(shared)], [each] * len(values), parts)


def _check(spikes: Array, values: Sequence[Array], own: Sequence[Array], n: int, nnz: int) -> None:
    if not 1 <= len(values) <= _MOST_VALUES:
        raise ValueError(f'event.revise: {len(values)} values are given, expected 1 to {_MOST_VALUES}.')
    if values[0].dtype not in (np.float32, np.float64):
        raise TypeError(f'event.revise: values have the type {values[0].dtype}, expected float32 or float64.')
    if spikes.dtype != np.bool_ and not jnp.issubdtype(spikes.dtype, jnp.floating):
        raise TypeError(f'event.revise: spikes have the type {spikes.dtype}, expected bool or a float.')
    for what, arrays, size in (('spikes', [spikes], n), ('values', values, nnz), ('own', own, n)):
        for x in arrays:
            if x.shape != (size,):
                raise ValueError(f'event.revise: {what} have shape {x.shape}, expected ({size},).')


def _made(rule: Callable, values: int, own: int, far: int, dtype: Any) -> tuple[Change, list[Array]]:
    """A rule without what it closes over, and that."""
    scalars = [jax.ShapeDtypeStruct((), dtype)] * (values + own + far)

    def flat(*operands: Any) -> list[Any]:
        results = list(rule(*operands))
        if len(results) != values:
            raise TypeError(f'event.revise: the rule gives {len(results)} values, expected {values}.')
        return [jnp.asarray(x, dtype) for x in results]

    closed = jax.make_jaxpr(flat)(*scalars)
    for x in closed.consts:
        if np.ndim(x):
            raise ValueError(f'event.revise: the rule closes over an array of shape {np.shape(x)}; give it as own or far.')
    if any(np.ndim(aval) for aval in closed.out_avals):
        raise ValueError('event.revise: the rule gives an array, expected one number for each value.')
    jaxpr: Jaxpr = closed.jaxpr
    invars = [*jaxpr.invars, *jaxpr.constvars]
    debug = jaxpr.debug_info._replace(arg_names=('',) * len(invars))
    pure = ClosedJaxpr(jaxpr.replace(constvars=[], invars=invars, debug_info=debug), ())
    return Change(pure, values, own, far), [jnp.asarray(x) for x in closed.consts]


def _split(operands: Sequence[Any], rule: Change, placed: bool) -> tuple[Any, ...]:
    """Starts, others and places; spikes; and the operands of the rule by kind."""
    starts, others, *rest = operands
    places = rest.pop(0) if placed else None
    spikes, *rest = rest
    a, b, c = rule.values, rule.values + rule.own, rule.values + rule.own + rule.far
    return starts, others, places, spikes, rest[:a], rest[a:b], rest[b:c], rest[c:]


def _portable(*operands: Any, rule: Change, placed: bool) -> list[Any]:
    """All synapses at once."""
    starts, others, places, spikes, values, own, far, shared = _split(operands, rule, placed)
    firing = jnp.repeat(jnp.arange(starts.shape[0] - 1), jnp.diff(starts), total_repeat_length=others.shape[0])
    before = [x if places is None else x[places] for x in values]
    new = jax.vmap(rule, in_axes=[0] * (rule.values + rule.own + rule.far) + [None] * len(shared))(
        *before, *(x[firing] for x in own), *(x[others] for x in far), *shared
    )
    s = spikes.astype(values[0].dtype)[firing]
    after = [moved(s, w, x) for w, x in zip(before, new, strict=True)]
    return after if places is None else [w.at[places].set(x, unique_indices=True) for w, x in zip(values, after, strict=True)]


def moved(s: Any, before: Any, after: Any) -> Any:
    """From one value to another by a share, and exactly there for 1; its derivative by the share is the way, there too."""
    way = after - before
    nothing = s - jax.lax.stop_gradient(s)
    return jnp.where(s == 1, after + nothing * jax.lax.stop_gradient(way), before + s * way)


def _aval(*operands: Any, rule: Change, placed: bool, **_: Any) -> list[Any]:
    values = _split(operands, rule, placed)[4]
    return [ShapedArray(x.shape, x.dtype) for x in values]


def _define(name: str, first: int) -> Any:
    return _lowering.define(
        Operation(
            name,
            native='llvm_rules.revise',
            spikes=first - 1,
            in_place={k: first + k for k in range(_MOST_VALUES)},
            aval=_aval,
            portable=_portable,
            multiple_results=True,
        )
    )


revise_rows_p = _define('event_revise_rows', 3)
revise_columns_p = _define('event_revise_columns', 4)
