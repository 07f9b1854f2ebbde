"""Lanes of native loops: what `jax.vmap` makes of one.

Where the arrays of a step are long enough, each lane runs its own loop, at the speed of a single one, and threads share the lanes. Else,
and on other platforms, one loop does a step of all lanes together.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Primitive, jaxpr_as_fun
from jax.interpreters import ad

from . import _lowering
from ._equations import called
from ._plan import Apart, Loop, Plan, plan
from ._record import record_p
from ._revise import revise_columns_p, revise_rows_p
from ._scan import loop, loop_p, portable

LEAST = 64  # items: with fewer, vectors across lanes pay

lanes_p = Primitive('native_lanes')
lanes_p.multiple_results = True


def _batch(
    operands: Any, axes: Any, *, step: ClosedJaxpr, same: int, carried: int, stops: bool, backend: str, listens: bool, **options: Any
) -> tuple[Any, Any]:
    if stops:  # lanes may end in different steps
        whole = functools.partial(portable, step=step, same=same, carried=carried, stops=stops, **options)
        return _lowering.mapped(whole, operands, axes)
    lanes = next(x.shape[axis] for x, axis in zip(operands, axes, strict=True) if axis is not None)
    differs, made = _differing(step, same, carried, [axis is not None for axis in axes[:-1]], lanes)
    carry = range(same, same + carried)
    shared = _written_by_all(step.jaxpr, carry, differs) if backend != 'xla' and options['tell'] is None and _is_worth_it(step) else None
    own = differs if shared is None else [d or (k in carry and k - same not in shared) for k, d in enumerate(differs)]
    values = [
        x if not mine else jnp.broadcast_to(x, (lanes, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis, mine in zip(operands[:-1], axes[:-1], own, strict=True)
    ]
    parameters = {'step': step, 'same': same, 'carried': carried, **options}
    if shared is None:
        results = _together(values, own, made, **parameters)
    else:
        found = lanes_p.bind(*values, operands[-1], own=tuple(own), lanes=lanes, backend=backend, **parameters)
        results = [
            # what all lanes share may be seen by one before another has changed it: then it is the last word that counts
            x if m or k in shared else x.any(0) if x.dtype == bool else x[0]
            for k, (x, m) in enumerate(zip(found, made, strict=True))
        ]
    return results, [0 if m else None for m in made]


def _differing(step: ClosedJaxpr, same: int, carried: int, mapped: Sequence[bool], lanes: int) -> tuple[list[bool], list[bool]]:
    """Which operands and results of a step differ between lanes, if these do before the first."""
    differs = list(mapped)
    while True:
        avals = [
            jax.ShapeDtypeStruct((lanes, *v.shape) if d else v.shape, v.dtype, weak_type=v.weak_type)
            for v, d in zip(step.in_avals, differs, strict=True)
        ]
        made = _lowering.differing(jaxpr_as_fun(step), avals, [0 if d else None for d in differs])
        new = [same + k for k in range(carried) if made[k] and not differs[same + k]]
        if not new:
            return differs, [*differs[same : same + carried], *made[carried:]]
        for k in new:
            differs[k] = True


def _is_worth_it(step: ClosedJaxpr) -> bool:
    """Whether lanes are better off with loops of their own: not where they share the matrix of a product, or have hardly any items.

    Of synapses that change, the form for all lanes looks at all of them.
    """
    eqns = step.jaxpr.eqns
    changes_synapses = any(eqn.primitive in (revise_rows_p, revise_columns_p) for eqn in eqns)
    made = (cast('Any', v.aval).size for eqn in eqns if eqn.primitive is not record_p for v in eqn.outvars)
    return (changes_synapses or max(made, default=0) >= LEAST) and not any(eqn.primitive.name == 'dot_general' for eqn in eqns)


def _written_by_all(jaxpr: Jaxpr, carry: range, differs: Sequence[bool]) -> frozenset[int] | None:
    """Which items of the carry are buffers that all lanes record to, and their counts; None where lanes have to go step by step.

    What else depends on how much others have recorded may only be flags.
    """
    places: dict[Any, int] = {jaxpr.invars[k]: k - carry.start for k in carry if not differs[k]}
    shared: set[int] = set()
    for eqn in jaxpr.eqns:
        inner = called(eqn)
        if inner is not None and any(e.primitive is record_p for e in inner.jaxpr.eqns):
            return None
        for operand, result in ((2, 0), (3, 1)) if eqn.primitive is record_p else ():
            if (place := places.get(eqn.invars[operand])) is not None:
                places[eqn.outvars[result]] = place
                shared.add(place)
    recorded = {v for v, place in places.items() if place in shared}
    for eqn in jaxpr.eqns:
        if eqn.primitive is not record_p and any(v in recorded for v in eqn.invars if not isinstance(v, Literal)):
            recorded.update(eqn.outvars)
    for k, v in enumerate(jaxpr.outvars):
        if k in shared and places.get(v) != k:
            return None
        if k not in shared and v in recorded and cast('Any', v.aval).dtype != bool:
            return None
    return frozenset(shared)


def _together(
    values: Sequence[Any], differs: Sequence[bool], made: Sequence[bool], *, step: ClosedJaxpr, same: int, carried: int, **options: Any
) -> list[Any]:
    """One loop for all lanes, whose axis is the first; so it is of results that differ between lanes, others have none."""
    first_row, n = same + carried, len(values)
    rows = [jnp.moveaxis(values[k], 0, 1) if differs[k] else values[k] for k in range(first_row, n)]
    in_axes, out_axes = ([0 if d else None for d in flags] for flags in (differs, made))
    all_lanes = functools.partial(jax.vmap(jaxpr_as_fun(step), in_axes, out_axes), *values[:same])
    results = loop(all_lanes, values[same:first_row], rows, stops=False, **options)
    return [*results[:carried], *(jnp.moveaxis(y, 1, 0) if m else y for y, m in zip(results[carried:], made[carried:], strict=True))]


def _portable(*operands: Any, own: Sequence[bool], lanes: int, step: ClosedJaxpr, same: int, carried: int, **options: Any) -> list[Any]:
    differs, made = _differing(step, same, carried, own, lanes)
    results = _together(operands[:-1], differs, made, step=step, same=same, carried=carried, **options)
    apart = [*own[same : same + carried], *(True for _ in results[carried:])]
    return [x if m or not mine else jnp.broadcast_to(x, (lanes, *x.shape)) for x, m, mine in zip(results, made, apart, strict=True)]


def _avals(*operands: Any, step: ClosedJaxpr, same: int, carried: int, length: int, lanes: int, **_: Any) -> list[Any]:
    carry = operands[same : same + carried]
    ys = [v.aval for v in step.jaxpr.outvars[carried:]]
    return [
        *(jax.core.ShapedArray(x.shape, x.dtype) for x in carry),
        *(jax.core.ShapedArray((lanes, length, *y.shape), y.dtype) for y in ys),
    ]


def _planned(*_: Any, step: ClosedJaxpr, same: int, carried: int, reverse: bool, own: Collection[bool], lanes: int, **__: Any) -> Plan:
    rows, made = range(same + carried, len(step.jaxpr.invars)), range(carried, len(step.jaxpr.outvars))
    shared = frozenset(k for k, mine in enumerate(own) if not mine)
    apart = Apart(lanes, shared, frozenset(k - same for k in shared if same <= k < same + carried))
    return plan(step, {same + k: k for k in range(carried)}, Loop(rows, made, reverse, None, apart))


def _tangent(primals: Any, tangents: Any, *, backend: str, **parameters: Any) -> tuple[Any, Any]:
    return _lowering.tangent_of(functools.partial(_portable, **parameters), primals, tangents, True)


def _batch_again(operands: Any, axes: Any, *, backend: str, **parameters: Any) -> tuple[Any, Any]:
    return _lowering.mapped(functools.partial(_portable, **parameters), operands, axes)


lanes_p.def_abstract_eval(_avals)
ad.primitive_jvps[lanes_p] = _tangent
_lowering.set_batching(lanes_p, _batch_again)
_lowering.set_batching(loop_p, _batch)
_lowering.install(lanes_p, _portable, planned=_planned)
