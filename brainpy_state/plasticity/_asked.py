"""What the methods of a rule ask for by the names of their arguments, and whose it is."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .._errors import ModelError
from ..modules import Delay, Dynamics, call_order, delay_steps
from ..numerics import with_unit
from ..state import State

SENT = ('pre', 'post')
NOISE = 'noise'
HAPPENS = ('on_pre', 'on_post', 'on_step')


class Asked:
    """The arguments of a method: the weight, traces, what the two ends send, variables of the target, and what other methods give.

    Attributes
    ----------
    names : tuple of str
    sides : dict of str
        Whose each is: of ``'pre'``, ``'post'``, ``'synapse'``, or ``'global'``.
    """

    def __init__(self, rule: Any, name: str):
        self.rule, self.name = rule, name
        self.names = arguments(getattr(rule, name))
        self.sides = {key: self._side(key) for key in self.names}

    def of(self, *sides: str) -> list[str]:
        """The names of what belongs there."""
        return [key for key, side in self.sides.items() if side in sides]

    @property
    def end(self) -> str:
        """Whose the result is: that of the arguments, which belong to one end."""
        ends = {side for side in self.sides.values() if side != 'global'}
        if len(ends) > 1 or 'synapse' in ends:
            told = ', '.join(f'{key} ({side})' for key, side in self.sides.items())
            raise ModelError(f'{self.rule.label}: {self.name} must give one number for each neuron of one end, but asks for {told}.')
        return ends.pop() if ends else 'global'

    def of_target(self) -> set[str]:
        """Which variables of the target, or its spikes, it takes to call it."""
        traced = [trace.of for key, trace in self.rule.traces.items() if key in self.names and trace.of]
        inner = [key for key in (*self.names, *traced) if is_method(self.rule, key)]
        mine = {key for key in (*self.names, *traced) if key == 'post' or (is_variable(self.rule.post, key) and not self._is_own(key))}
        return mine.union(*(Asked(self.rule, key).of_target() for key in inner))

    def _is_own(self, key: str) -> bool:
        return key == 'w' or key in self.rule.traces or key in SENT or is_method(self.rule, key)

    def _side(self, key: str) -> str:
        rule = self.rule
        if key in rule.traces:
            return rule.traces[key].side
        if key in ('w', NOISE) and self.name in HAPPENS:
            return 'synapse'
        if key in SENT:
            return key
        if is_method(rule, key):
            return Asked(rule, key).end
        if is_variable(rule.post, key):
            return 'post'
        known = ['w', *rule.traces, *SENT, *methods(rule), *variables(rule.post), NOISE]
        raise ModelError(f'{rule.label}: {self.name} asks for {key!r}; there are {", ".join(known)}.')


def arguments(method: Any) -> tuple[str, ...]:
    """The names of the arguments of a method."""
    return tuple(inspect.signature(method).parameters)


def methods(rule: Any) -> list[str]:
    """The methods of a rule that others may ask for: those that its class adds."""
    base = next(cls for cls in type(rule).__mro__ if cls.__name__ == 'SynapticRule')
    added = {name: None for cls in reversed(type(rule).__mro__) if issubclass(cls, base) and cls is not base for name in vars(cls)}
    return [
        name for name in added if isinstance(getattr(type(rule), name), FunctionType) and not hasattr(base, name) and name not in HAPPENS
    ]


def is_method(rule: Any, key: str) -> bool:
    """Whether a name is a method of a rule that others may ask for."""
    return key in methods(rule)


def variables(post: Any) -> list[str]:
    """The names of the variables of a target."""
    own = (key for key, x in vars(post).items() if isinstance(x, State) and not key.endswith('_remainder'))
    return list(dict.fromkeys([*getattr(post, 'variables', {}), *own]))


def is_variable(post: Any, key: str) -> bool:
    """Whether a target has a variable of this name."""
    return key in variables(post)


class Seen(Delay):
    """What the spikes or a variable of the target were some time ago; before the first step, what they are at first.

    Parameters
    ----------
    rule : SynapticRule
    key : str
        ``'post'``, or the name of a variable or of a method of the rule.
    delays : time, shape (D,) or ()
        All delays that there are. What was there so long ago comes one after the other, of shape ``(D * n_post,)``.
    size : tuple of int, optional
        The shape of what a trace follows, if it is called with that; the rule's ``at_first`` knows it.
    """

    graph_invisible_attrs = ('rule',)

    def __init__(self, rule: Any, key: str, delays: Any, size: tuple[int, ...] | None = None):
        post: Dynamics = rule.post
        each = np.asarray(u.get_mantissa(delays)).reshape(-1)  # numbers, also where a program is traced
        super().__init__(post.varshape if size is None else size, with_unit(each.max(), u.get_unit(delays)))
        self.rule, self.key, self.delays, self.is_traces = rule, key, with_unit(each, u.get_unit(delays)), size is not None

    @call_order(1)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for the longest delay."""
        self.initial = self.rule.at_first(self.key) if self.is_traces else self.rule.of_target(self.key)
        super().init_state(batch_size)
        self.each = delay_steps(self.delays, self.made_for, self.label)

    def _past(self, past: Any, now: Any, steps: Any) -> Any:
        """The values of each delay before."""
        if len(self.each) == 1:
            return super()._past(past, now, steps)
        old = past[(self.row.value + len(past) - np.maximum(self.each, 1)) % len(past)]
        return jnp.where((self.each == 0)[:, None], now, old).reshape(-1)
