"""A step of a network whose populations are divided between devices: its equations, for the part that a device has.

A step is traced as that of the whole network. Of its values, those along neurons are divided; an equation that acts item by item then
needs its own part of each, and one that mixes neurons the whole, which devices gather. What is delivered along synapses is
`event._parts.in_parts`, whose synapses are divided from the start. So no equation is written for parts; results are those of one device.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, jaxpr_as_fun

from ..event._equations import CALLS, ELEMENTWISE, HEAVISIDE, gives_bits
from ..event._fuse import alone, inlined
from ..event._parts import Axis, in_parts_p
from ._divided_rules import LAZY, picked, rule_for
from ._divided_values import Mesh, NotYet, Value

_IDENTITIES = {
    'aged', 'copy', 'copy_p', 'device_put', 'optimization_barrier', 'reshard', 'same_on_all_lanes', 'sharding_constraint', 'stop_gradient',
}  # fmt: skip


def evaluate(
    jaxpr: Jaxpr,
    env: dict[Any, Value],
    mesh: Mesh,
    wanted: Sequence[Any],
    *,
    wholes: Collection[Any] = (),
    passed: Collection[int] = (),
    exchange: bool = True,
) -> list[JaxprEqn]:
    """Find values of a jaxpr, some of which are known.

    What devices exchange goes into as few messages as can be: equations that need no message come first.

    Parameters
    ----------
    jaxpr : Jaxpr
        Without constants.
    env : dict
        What is known, to which is added what is found.
    mesh : Mesh
    wanted : sequence of Var
        What is to be found.
    wholes : collection of Var
        What is also to be known as a whole.
    passed : collection of int
        The `id` of deliveries into rings that are left out.
    exchange : bool
        Whether devices may exchange anything.

    Returns
    -------
    list of equations
        Those that need an exchange, where there is to be none.
    """

    def read(atom: Any) -> Value:
        return Value.of_whole(mesh, atom.val, bool(np.isin(atom.val, (0, 1)).all())) if isinstance(atom, Literal) else env[atom]

    waiting = needed(jaxpr, [*wanted, *wholes], env, passed)
    while True:
        later: list[JaxprEqn] = []
        missing: set[Any] = set()
        for eqn in waiting:
            atoms = eqn.invars[-1:] if id(eqn) in passed else eqn.invars
            if missing.isdisjoint(variables(atoms)):
                operands = [read(v) for v in atoms]
                try:
                    results = operands if id(eqn) in passed else _equation(jaxpr, eqn, operands, mesh)
                    env.update(zip(eqn.outvars, results, strict=True))
                    continue
                except NotYet:
                    pass
            later.append(eqn)
            missing.update(eqn.outvars)
        waiting, unknown = later, False
        for v in wholes:
            if v in env:
                try:
                    env[v].whole()
                except NotYet:
                    unknown = True
        if not exchange or not (waiting or unknown):
            return waiting
        mesh.exchange()


def values_of(jaxpr: Jaxpr, operands: Sequence[Value], mesh: Mesh, wholes: Collection[Any] = ()) -> list[Value]:
    """The results of a jaxpr, of values that are divided or not; some are also to be known as wholes."""
    env = dict(zip(jaxpr.invars, operands, strict=True))
    evaluate(jaxpr, env, mesh, variables(jaxpr.outvars), wholes=wholes)
    return [Value.of_whole(mesh, v.val) if isinstance(v, Literal) else env[v] for v in jaxpr.outvars]


def variables(atoms: Iterable[Any]) -> list[Any]:
    """Those that are no literals."""
    return [v for v in atoms if not isinstance(v, Literal)]


def made(mesh: Mesh, values: Sequence[Value], axes: Sequence[Axis | None]) -> list[Any]:
    """Values, divided as is asked for or as wholes."""
    while True:
        found = []
        for value, axis in zip(values, axes, strict=True):
            with contextlib.suppress(NotYet):
                found.append(value.like(axis))
        if len(found) == len(values):
            return found
        mesh.exchange()


def without_calls(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same with the bodies of all calls in their place, also of those that have a derivative of their own."""
    return inlined(closed, (*CALLS, HEAVISIDE))


def needed(jaxpr: Jaxpr, wanted: Iterable[Any], known: Collection[Any] = (), passed: Collection[int] = ()) -> list[JaxprEqn]:
    """The equations that some values depend on, as far as these are not known, or that have an effect; ``passed`` as in `evaluate`."""
    asked = {v for v in wanted if v not in known}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or not asked.isdisjoint(eqn.outvars):
            kept.append(eqn)
            asked.update(v for v in variables(eqn.invars[-1:] if id(eqn) in passed else eqn.invars) if v not in known)
    return kept[::-1]


def closed_over(closed: ClosedJaxpr) -> tuple[Jaxpr, list[Any]]:
    """A jaxpr whose constants are its first operands, and these."""
    invars = [*closed.jaxpr.constvars, *closed.jaxpr.invars]
    names = closed.jaxpr.debug_info._replace(arg_names=('',) * len(invars))
    return closed.jaxpr.replace(constvars=[], invars=invars, debug_info=names), list(closed.consts)


def _equation(jaxpr: Jaxpr, eqn: JaxprEqn, operands: list[Value], mesh: Mesh) -> list[Value]:
    name = eqn.primitive.name
    if eqn.primitive is in_parts_p:
        own = [x.like(axis) for x, axis in zip(operands, eqn.params['axes'], strict=True)]
        if eqn.params['waits'] and mesh.delivers is not None:
            own[-3] = jnp.where(mesh.delivers, own[-3], jnp.zeros_like(own[-3]))
        results = jaxpr_as_fun(eqn.params['step'])(*own)
        return [Value.of_part(mesh, x, axis) for x, axis in zip(results, eqn.params['made'], strict=True)]
    if name in LAZY:
        return [LAZY[name](eqn, operands, mesh)]
    if name == 'cond':
        return _cond(jaxpr, eqn, operands, mesh)
    if name in _IDENTITIES:
        return operands
    is_bit = gives_bits(eqn, [x.is_bit for x in operands])
    found = rule_for(eqn, operands) if any(x.axis is not None for x in operands) else None
    if found is None:
        if name == 'gather' and (few := picked(eqn, operands, mesh)) is not None:
            return [few]
        results = jaxpr_as_fun(alone(jaxpr, eqn))(*_distinct(eqn, operands))
        return [Value.of_whole(mesh, x, is_bit) for x in results]
    axes, results_axes, params = found
    own = [x.like(axis) for x, axis in zip(operands, axes, strict=True)]
    found_parts: Any = eqn.primitive.bind(*own, **(eqn.params | params(own) if params else eqn.params))
    results = found_parts if eqn.primitive.multiple_results else [found_parts]
    return _results(jaxpr, eqn, operands, list(zip(results, results_axes, strict=True)), mesh, is_bit)


def _results(
    jaxpr: Jaxpr, eqn: JaxprEqn, operands: list[Value], parts: list[tuple[Any, Axis | None]], mesh: Mesh, is_bit: bool = False
) -> list[Value]:
    """The results of an equation, of which parts are made; as wholes they are made anew where all operands can be known as wholes."""
    is_known = all(x.is_known for x in operands)
    follows = is_known or (all(x.follows for x in operands) and not is_bit)
    wholes = functools.cache(lambda: jaxpr_as_fun(alone(jaxpr, eqn))(*_distinct(eqn, operands)))
    values = []
    for k, (x, axis) in enumerate(parts):
        whole = (lambda k=k: wholes()[k]) if follows else None
        known = Value.of_whole(mesh, x, is_bit) if axis is None else Value.of_part(mesh, x, axis, is_bit, follows=follows, whole=whole)
        known.is_known |= is_known
        values.append(known)
    return values


def _distinct(eqn: JaxprEqn, operands: list[Value]) -> list[Any]:
    """The operands of an equation that are no literals, each once, as wholes."""
    pairs = zip(eqn.invars, operands, strict=True)
    return [x.whole() for x in {v: x for v, x in pairs if not isinstance(v, Literal)}.values()]


def _cond(jaxpr: Jaxpr, eqn: JaxprEqn, operands: list[Value], mesh: Mesh) -> list[Value]:
    """A branch, whose results are divided where those of any branch are."""
    index, branches = operands[0].whole(), eqn.params['branches']
    given = operands[1:]
    axes = [x.axis for x in given]
    axes_made: list[Axis | None] = [None] * len(eqn.outvars)

    def of(branch: ClosedJaxpr, mesh: Mesh, leaves: Sequence[Any]) -> list[Value]:
        jaxpr, constants = closed_over(without_calls(branch))
        pairs = zip(leaves, given, strict=True)
        values = [Value.of_whole(mesh, x, of.is_bit) if of.axis is None else Value.of_part(mesh, x, of.axis, of.is_bit) for x, of in pairs]
        return values_of(jaxpr, [*(Value.of_whole(mesh, x) for x in constants), *values], mesh)

    own = [x.like(axis) for x, axis in zip(given, axes, strict=True)]
    for branch in branches:
        found: list[Any] = []
        jax.eval_shape(functools.partial(_noting, mesh.inside(), of, branch, found), own)
        axes_made = [a or b for a, b in zip(axes_made, found, strict=True)]

    def run(branch: ClosedJaxpr) -> Callable:
        return lambda *leaves: made(inner := mesh.inside(), of(branch, inner, leaves), axes_made)

    results = jax.lax.switch(index, [run(branch) for branch in branches], *own)
    return _results(jaxpr, eqn, operands, list(zip(results, axes_made, strict=True)), mesh)


def _noting(mesh: Mesh, of: Callable, branch: ClosedJaxpr, found: list[Any], leaves: Sequence[Any]) -> list[Any]:
    values = of(branch, mesh, leaves)
    found[:] = [x.axis for x in values]
    return made(mesh, values, found)


def populations(jaxpr: Any) -> tuple[set[int], dict[Any, Axis]]:
    """The sizes of populations, from what is delivered between them; and the values of synapses, which are divided as these."""
    sizes: set[int] = set()
    synapses: dict[Any, Axis] = {}
    for eqn in reversed(jaxpr.eqns):
        if eqn.primitive is in_parts_p:
            for v, axis in zip(eqn.invars, eqn.params['axes'], strict=True):
                if axis is None and v.aval.ndim:
                    sizes.add(v.aval.shape[-1])
                elif axis is not None and v.aval.ndim == 1 and not isinstance(v, Literal):
                    synapses.setdefault(v, axis)
            of_synapses = {axis.size for axis in eqn.params['axes'] if axis is not None and not axis.number}
            sizes.update(axis.size for axis in eqn.params['made'] if axis.size not in of_synapses)
        elif eqn.primitive.name in ELEMENTWISE:
            for v in eqn.invars:
                if eqn.outvars[0] in synapses and not isinstance(v, Literal) and v.aval.shape == eqn.outvars[0].aval.shape:
                    synapses.setdefault(v, synapses[eqn.outvars[0]])
    return sizes, synapses
