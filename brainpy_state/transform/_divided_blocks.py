"""Steps of a divided network in blocks, between which devices exchange what they did: once for the shortest delay, not in each step.

What is delivered into a ring of coming steps, or read from a delay, is not needed before its time, and what is recorded is not at all.
So a block does its steps without any of these, each device for itself, and keeps what the others will want to know; then one message tells
all devices what all have done, and the rest of the equations follows, step by step in order. Sums have the order that they have without.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from .. import event
from ..event._parts import aged_p, in_parts_p
from ._divided import evaluate, made, needed, variables
from ._divided_values import Form, Mesh, NotYet, Value

MOST_STEPS = 8  # of a block; recorders have room for as many
_FEW = 64  # items of what is kept of the start of each step


class Plan(NamedTuple):
    """How a step is taken apart.

    Attributes
    ----------
    steps : int
        Of a block.
    deliveries : set of int
        The `id` of equations that deliver into rings.
    ends : dict
        Of the number of a ring in the carry, the value after all deliveries.
    later : list of int
        What is carried that follows from what others do, and what is recorded.
    twins : list of int
        What is carried of which all devices keep the whole, as it was exchanged last.
    aged : dict
        Of the number of a delay in the carry, the values that are read from it.
    late : list of Var
        What devices exchange.
    kept : list of int
        What is carried of which the start of each step is kept.
    """

    steps: int
    deliveries: set[int]
    ends: dict[int, Any]
    later: list[int]
    twins: list[int]
    aged: dict[int, list[Any]]
    late: list[Any]
    kept: list[int]


def plan(step: Any) -> Plan | None:
    """How to take a step apart, None if each step needs what others did in the one before."""
    jaxpr, n, first = step.jaxpr, len(step.carried), len(step.jaxpr.invars) - len(step.carried)
    carry, out = jaxpr.invars[first:], jaxpr.outvars[:n]
    if len(jaxpr.outvars) > n or any(isinstance(v, Literal) for v in out):
        return None
    made_by = {v: eqn for eqn in jaxpr.eqns for v in eqn.outvars}
    deliveries, ends = _deliveries(jaxpr, carry, out)
    aged: dict[int, list[Any]] = {}
    least = [1 + eqn.params['waits'] for eqn in jaxpr.eqns if id(eqn) in deliveries]
    for eqn in jaxpr.eqns:
        if eqn.primitive is aged_p and eqn.invars[0] in carry:
            k = carry.index(eqn.invars[0])
            aged.setdefault(k, []).append(eqn.outvars[0])
            last = made_by.get(out[k])
            once = last is not None and last.primitive.name == 'dynamic_update_slice' and last.invars[0] is carry[k]
            least.append(eqn.params['least'] if once else 0)  # steps, where the delay is called once in each
    steps = min([*least, MOST_STEPS])
    if steps < 2:
        return None
    found = _Found(step, deliveries, ends, aged)
    if not found.fits:
        return None
    return Plan(steps, deliveries, ends, found.later, found.twins, found.aged, found.late, found.kept)


def _deliveries(jaxpr: Any, carry: Sequence[Any], out: Sequence[Any]) -> tuple[set[int], dict[int, Any]]:
    """Equations that deliver into rings that are carried, and the rings after them, of which what is due is taken next, once in a step."""
    readers: dict[Any, list[Any]] = {}
    for eqn in needed(jaxpr, jaxpr.outvars):
        for v in set(variables(eqn.invars)):
            readers.setdefault(v, []).append(eqn)
    deliveries: set[int] = set()
    ends: dict[int, Any] = {}
    for k, v in enumerate(carry):
        here = []
        while len(by := readers.get(v, [])) == 1 and by[0].primitive is in_parts_p and by[0].params['waits'] and by[0].invars[-1] is v:
            here.append(by[0])
            v = by[0].outvars[0]
        after = readers.get(v, [])
        if here and len(after) == 1 and after[0].primitive.name == 'event_due' and after[0].outvars[0] is out[k]:
            ends[k] = v
            deliveries.update(map(id, here))
    return deliveries, ends


class _Found:
    """What follows from the equations of a step."""

    def __init__(self, step: Any, deliveries: set[int], ends: dict[int, Any], aged: dict[int, list[Any]]):
        self.step, self.deliveries, self.ends, self.aged = step, deliveries, ends, aged
        self.first = len(step.jaxpr.invars) - len(step.carried)
        self.carry, self.out = step.jaxpr.invars[self.first :], step.jaxpr.outvars
        self.later: list[int] = []
        self.twins: list[int] = []
        self.late: list[Any] = []
        self.kept: list[int] = []
        shapes = [v.aval.shape if axis is None else axis.local(v.aval.shape, step.mesh.size) for v, axis in self._operands()]
        avals = [jax.ShapeDtypeStruct(shape, v.aval.dtype) for shape, (v, _) in zip(shapes, self._operands(), strict=True)]
        self.fits = True
        jax.make_jaxpr(self._look, axis_env=list(step.mesh.shape.items()))(*avals)

    def _operands(self) -> list[tuple[Any, Any]]:
        n = self.first
        return list(zip(self.step.jaxpr.invars, [*self.step.fixed[:n], *self.step.carried], strict=True))

    def _env(self, leaves: Sequence[Any], mesh: Mesh) -> dict[Any, Value]:
        pairs = zip(self._operands(), leaves, strict=True)
        env = {v: Value.of(mesh, x, axis) for (v, axis), x in pairs}
        for v, follows in zip(self.carry, self.step.follow, strict=True):
            env[v].follows |= follows
        return env

    def _look(self, *leaves: Any) -> list[Any]:
        jaxpr, mesh = self.step.jaxpr, self.step.devices()
        env = self._env(leaves, mesh)
        self._know_delays(env, mesh)
        evaluate(jaxpr, env, mesh, self.out, passed=self.deliveries, exchange=False)
        self.aged = {k: vs for k, vs in self.aged.items() if any(v in env and env[v].was_asked for v in vs)}
        self.later = [k for k, v in enumerate(self.out) if v not in env or not _can(env[v], self.step.carried[k])]
        known = {v for vs in self.aged.values() for v in vs}
        now = [v for k, v in enumerate(self.out) if k not in self.later]
        self.fits = not (self._read(now, known) & {self.carry[k] for k in self.later}) and self._look_later(leaves)
        return []

    def _know_delays(self, env: dict[Any, Value], mesh: Mesh) -> None:
        """Let what is read from delays be known as a whole."""
        for k, vs in self.aged.items():
            v = self.carry[k]
            for read in vs:
                own = env[v]
                known = Value(mesh) if own.axis is None else Value(mesh, own.axis, part=own.part)
                env[read] = known.also(own.whole() if own.axis is None else jnp.zeros(v.aval.shape, v.aval.dtype))

    def _look_later(self, leaves: Sequence[Any]) -> bool:
        """What the second part of a step needs; whether it can be had."""
        jaxpr = self.step.jaxpr
        wanted = [*self.ends.values(), *(self.out[k] for k in self.later)]
        twins = [k for k in self.aged if self.step.carried[k] is not None]
        while True:
            mesh = self.step.devices()
            env = self._env(leaves, mesh)
            for k in twins:
                env[self.carry[k]].also(jnp.zeros(self.carry[k].aval.shape, self.carry[k].aval.dtype))
            evaluate(jaxpr, env, mesh, wanted, wholes=[self.out[k] for k in twins])
            of = {id(x): v for v, x in reversed(list(env.items()))}
            late = [of[id(x)] for x in mesh.exchanged]
            more = [k for k, v in enumerate(self.carry) if v in late and k not in twins]
            if not more:
                break
            twins = sorted([*twins, *more])
        self.twins, self.late = twins, late
        known = {*late, *jaxpr.invars[: self.first], *self.carry}
        read = {v for eqn in needed(jaxpr, [*wanted, *(self.out[k] for k in twins)], known) for v in variables(eqn.invars)}
        given = {*twins, *self.later, *self.ends}
        self.kept = [k for k, v in enumerate(self.carry) if v in read and k not in given]
        if self._read(late, {v for vs in self.aged.values() for v in vs}) & {self.carry[k] for k in self.later}:
            return False
        few = all(self.step.carried[k] is None and self.carry[k].aval.size <= _FEW for k in self.kept)
        return few and not any(v in jaxpr.invars for v in late)

    def _read(self, wanted: Sequence[Any], known: Collection[Any]) -> set[Any]:
        """What is read to find some values without deliveries."""
        eqns = needed(self.step.jaxpr, wanted, known, self.deliveries)
        return {v for eqn in eqns for v in variables(eqn.invars[-1:] if id(eqn) in self.deliveries else eqn.invars)}


def _can(value: Value, axis: Any) -> bool:
    """Whether a value can be had now, in parts or as a whole."""
    try:
        value.like(axis)
    except NotYet:
        return False
    return True


class Blocks:
    """Steps of one device, in blocks.

    Parameters
    ----------
    step : _Step
    plan : Plan
    """

    def __init__(self, step: Any, plan: Plan):
        self.step, self.plan, self.jaxpr = step, plan, step.jaxpr
        self.first = len(step.jaxpr.invars) - len(step.carried)
        self.carry, self.out = step.jaxpr.invars[self.first :], step.jaxpr.outvars
        self.forms: list[Form] = []

    def run(self, fixed: Sequence[Any], leaves: Sequence[Any], twins: Sequence[Any], goes_on: Any) -> list[Any]:
        """What is carried, after as many steps as there are to do."""

        def block(state: Any) -> Any:
            leaves, twins = state
            rings = [leaves[k] for k in self.plan.ends]
            rings, _ = event.scan(lambda rings, _: (self._delivered(fixed, leaves, rings, twins), None), rings, None, 1, short=True)
            new = dict(zip(self.plan.ends, rings, strict=True))
            leaves = [new.get(k, x) for k, x in enumerate(leaves)]
            (after, done), (words, kept) = event.scan(
                lambda state, _: self._ahead(fixed, state, twins),
                (leaves, jnp.int32(0)),
                None,
                self.plan.steps,
                goes_on=lambda state: goes_on(state[0]),
                short=True,
            )
            told = jnp.moveaxis(self.step.devices().told(words), 0, 1)
            changing = self._changing(after)
            (changing, twins, _), _ = event.scan(
                lambda state, x: (self._behind(fixed, state, x), None),
                (changing, twins, jnp.int32(0)),
                (told, kept),
                self.plan.steps,
                goes_on=lambda state: state[2] < done,
                short=True,
            )
            return self._with(after, changing), twins

        leaves, _ = jax.lax.while_loop(lambda state: goes_on(state[0]), block, (list(leaves), list(twins)))
        return leaves

    def _changing(self, leaves: Sequence[Any]) -> list[Any]:
        return [leaves[k] for k in (*self.plan.ends, *self.plan.later)]

    def _with(self, leaves: Sequence[Any], changing: Sequence[Any]) -> list[Any]:
        new = dict(zip((*self.plan.ends, *self.plan.later), changing, strict=True))
        return [new.get(k, x) for k, x in enumerate(leaves)]

    def _env(self, fixed: Sequence[Any], mesh: Mesh) -> dict[Any, Value]:
        return dict(zip(self.jaxpr.invars[: self.first], self.step.constants(fixed, mesh), strict=True))

    def _leaf(self, mesh: Mesh, k: int, x: Any) -> Value:
        return Value.of(mesh, x, self.step.carried[k])

    def _delivered(self, fixed: Sequence[Any], leaves: Sequence[Any], rings: Sequence[Any], twins: Sequence[Any]) -> list[Any]:
        """Rings with what was sent into them in the last step of the block before."""
        mesh, ends = self.step.devices(), self.plan.ends
        env = self._env(fixed, mesh) | {v: self._leaf(mesh, k, x) for k, (v, x) in enumerate(zip(self.carry, leaves, strict=True))}
        env |= {self.carry[k]: self._leaf(mesh, k, x) for k, x in zip(ends, rings, strict=True)}
        for k, x in zip(self.plan.twins, twins, strict=True):
            env[self.carry[k]].also(x)
        evaluate(self.jaxpr, env, mesh, list(ends.values()))
        return made(mesh, [env[v] for v in ends.values()], [self.step.carried[k] for k in ends])

    def _ahead(self, fixed: Sequence[Any], state: Any, twins: Sequence[Any]) -> Any:
        """A step, as far as a device can do it by itself; and what it has to tell, and what is kept."""
        (leaves, done), mesh, plan = state, self.step.devices(), self.plan
        env = self._env(fixed, mesh) | {v: self._leaf(mesh, k, x) for k, (v, x) in enumerate(zip(self.carry, leaves, strict=True))}
        known = dict(zip(plan.twins, twins, strict=True))
        for k, vs in plan.aged.items():
            own = env[self.carry[k]]
            for v in vs:
                env[v] = own if own.axis is None else Value(mesh, own.axis, part=own.part).also(known[k])
        now = [k for k in range(len(leaves)) if k not in plan.later]
        evaluate(self.jaxpr, env, mesh, [*(self.out[k] for k in now), *plan.late], passed=plan.deliveries, exchange=False)
        new = dict(zip(now, made(mesh, [env[self.out[k]] for k in now], [self.step.carried[k] for k in now]), strict=True))
        late = [env[v] for v in plan.late]
        self.forms = [x.form for x in late]
        words = [x.to_send for x in late] or [jnp.zeros(1, jnp.uint32)]
        told = jnp.concatenate(words) if len(words) > 1 else words[0]
        return ([new.get(k, x) for k, x in enumerate(leaves)], done + 1), (told, [leaves[k] for k in plan.kept])

    def _behind(self, fixed: Sequence[Any], state: Any, x: Any) -> Any:
        """The rest of a step, by what all devices tell."""
        (changing, twins, number), (told, kept), plan = state, x, self.plan
        mesh = self.step.devices()
        mesh.delivers = number > 0  # what comes first was delivered before the block
        env = self._env(fixed, mesh)
        pairs = [*zip((*plan.ends, *plan.later), changing, strict=True), *zip(plan.kept, kept, strict=True)]
        env |= {self.carry[k]: self._leaf(mesh, k, x) for k, x in pairs}
        env |= {self.carry[k]: Value.of_whole(mesh, x) for k, x in zip(plan.twins, twins, strict=True)}
        start = 0
        for v, form in zip(plan.late, self.forms, strict=True):
            env[v], start = Value.of_whole(mesh, form.read(told[:, start : start + form.words])), start + form.words
        outs = [self.out[k] for k in plan.twins]
        keys = (*plan.ends, *plan.later)
        wanted = [*plan.ends.values(), *(self.out[k] for k in plan.later)]
        evaluate(self.jaxpr, env, mesh, [*wanted, *outs], wholes=outs)
        values = made(mesh, [env[v] for v in (*wanted, *outs)], [*(self.step.carried[k] for k in keys), *[None] * len(outs)])
        return values[: len(keys)], values[len(keys) :], number + 1
