"""`SynapticRule`: how the weights of a projection change, written as a paper writes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .. import event
from .._errors import ModelError, ParameterError, UnitError
from ..connections import Connection
from ..modules import Dynamics, Option, Param, Parameter, call_order
from ..numerics import brief, plain, with_unit
from ._trace import Trace

_ENDS = {'pre': 'post', 'post': 'pre'}


class SynapticRule(Dynamics):
    """Base of rules by which the weights of a projection change.

    A subclass declares parameters and traces and says what happens. Its methods name what they need: ``w``, the weight; traces;
    ``pre`` and ``post``, the spikes (or other signals) of this step; variables of the target, such as ``V``. They are written for one
    synapse and give its new weight, or a dictionary of what changes (``w`` and traces of synapses).

    ``on_pre``
        for synapses whose source fires,
    ``on_post``
        for synapses whose target fires,
    ``on_step``
        for all synapses in each step, at the cost of all of them.

    Parameters
    ----------
    w_min, w_max : quantity or number
        Limits of the weights, which hold after every change.
    equal_times : {'ignore', 'pre_first', 'post_first'}
        What happens to a synapse whose two ends fire in one step. Neither sees the other's spike (as in NEST), or the one that comes
        first is seen by the other (``'pre_first'`` is the order of Brian2's default).
    delay_is : {'axonal', 'dendritic'}
        Where the delay of the projection acts: before the synapse, so that the source's spike comes late (as in Brian2), or
        behind it, so that what it causes comes late, and so does the target's spike at the synapse (as in NEST).

    Notes
    -----
    In each step, traces decay first. Then, without an order of equal times, come ``on_step``, ``on_post`` and ``on_pre``, which all see
    traces without the spikes of this step; then traces count these. What is delivered has the weight after all this. A target's spike
    is known in the step after it, as it is to other projections.
    """

    w_min: Any = Parameter(0.0, any_unit=True, doc='the least weight')
    w_max: Any = Parameter(None, like=0.0, any_unit=True, doc='the greatest weight; none by default')
    equal_times = Option('ignore', ('ignore', 'pre_first', 'post_first'), 'what two spikes in one step do to each other')
    delay_is = Option('axonal', ('axonal', 'dendritic'), 'where the delay of the projection acts')

    def __init__(self, *, name: str | None = None, **params: Any):
        super().__init__(1, name=name, **params)
        self.varshape = ()  # parameters are numbers
        self.traces = {key: x for key, x in self.variables.items() if isinstance(x, Trace)}
        self.comm: Any = None
        self.post: Any = None

    graph_invisible_attrs = ('_merged', 'comm', 'post')

    def attach(self, comm: Any, post: Any, owner: str) -> None:
        """Rule over the weights of a connection.

        Raises
        ------
        TypeError
            If it is no `Connection` with a weight for each synapse.
        ParameterError, UnitError
            If a weight is out of range, or a limit has another unit.
        ModelError
            If a method asks for something that there is not.
        """
        if self.comm is not None:
            raise ParameterError(
                f'{owner}: the rule {self.label} belongs to another projection; give a description, {type(self).__name__}.desc(...).'
            )
        _check_connection(comm, owner, type(self).__name__)
        self.comm, self.post = comm, post
        pre, n_post = comm.structure.shape
        self.sizes = {'pre': (pre,), 'post': (n_post,), 'synapse': (comm.n_synapses,), 'global': ()}
        self._methods = {name: _Method(self, name) for name in ('on_pre', 'on_post', 'on_step') if hasattr(self, name)}
        self.sources = event.Ends.of_sources(comm.structure)
        self.targets = event.Ends.of_targets(comm.structure) if 'on_post' in self._methods else None
        self._check_weights(owner)

    @call_order(1)  # traces of variables of the target begin with its first values
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Allocate the traces; weights stay as they are."""
        if batch_size is not None:
            raise ParameterError(
                f'{self.label}: batch_size={batch_size}, but each trial would need weights of its own; simulate one, or lanes of `vmap`.'
            )
        super().init_state()

    def _check_weights(self, owner: str) -> None:
        weights = self.comm.acting_weight
        for name in ('w_min', 'w_max'):
            limit = getattr(self, name)
            if limit is not None and not (u.get_unit(limit).is_unitless and not np.any(limit)) and u.get_dim(limit) != u.get_dim(weights):
                raise UnitError(f'{owner}: {name} = {brief(limit)} of {self.label}, but weights have the unit {u.get_unit(weights)}.')
        numbers, (low, high) = np.asarray(u.get_mantissa(weights)), self._limits(weights)
        if (numbers < low).any() or (high is not None and (numbers > high).any()):
            at_most = '' if high is None else f' to {brief(with_unit(high, u.get_unit(weights)))}'
            raise ParameterError(
                f'{owner}: weights go from {brief(with_unit(numbers.min(), u.get_unit(weights)))} to '
                f'{brief(with_unit(numbers.max(), u.get_unit(weights)))}, but {self.label} keeps them from '
                f'{brief(with_unit(float(low), u.get_unit(weights)))}{at_most}; give other weights or limits (w_min=, w_max=).'
            )

    def _limits(self, weights: Any) -> tuple[Any, Any]:
        """The limits as numbers in the unit of the weights."""
        return _in_unit(self.w_min, weights), None if self.w_max is None else _in_unit(self.w_max, weights)

    def of_target(self, name: str) -> Any:
        """A variable of the target."""
        return getattr(self.post, name).value

    def pre_event(self) -> Any:
        """What sets off ``on_pre``: the spikes of the sources. Another array of one number for each may be given instead."""
        return self._pre

    def post_event(self) -> Any:
        """What sets off ``on_post``: the spikes of the targets, or another array of one number for each."""
        return self._post

    def learn(self, pre: Any, post: Any) -> None:
        """Change the weights by the spikes of this step.

        Parameters
        ----------
        pre, post : array, shapes ``(n_pre,)`` and ``(n_post,)``
        """
        self._pre, self._post = pre, post
        try:
            self._decay()
            if 'on_step' in self._methods:
                self._visit('on_step', self.sources, jnp.ones(self.sizes['pre'], bool))
            order = ('pre', 'post') if self.equal_times == 'pre_first' else ('post', 'pre')
            for side in order:
                self._happen(side)
                if self.equal_times != 'ignore':
                    self._count(side)
            if self.equal_times == 'ignore':
                self._count('pre')
                self._count('post')
        finally:
            del self._pre, self._post

    def _decay(self) -> None:
        for name, trace in self.traces.items():
            self.relax(name, getattr(self, trace.tau), to=None if trace.of is None else self.of_target(trace.of))

    def _happen(self, side: str) -> None:
        if f'on_{side}' in self._methods:
            active = self.pre_event() if side == 'pre' else self.post_event()
            self._visit(f'on_{side}', self.sources if side == 'pre' else self.targets, active)

    def _count(self, side: str) -> None:
        spikes = self._pre if side == 'pre' else self._post
        for name, trace in self.traces.items():
            if trace.side == side and trace.of is None:
                state = getattr(self, name)
                counted = spikes.astype(state.value.dtype)
                state.value = (
                    state.value + counted if trace.at_spike == 'add' else jnp.where(counted != 0, 1.0, state.value).astype(counted.dtype)
                )

    def _visit(self, name: str, ends: Any, active: Any) -> None:
        """Change the synapses of those neurons that are active."""
        method = self._methods[name]
        weight = self.comm.acting_weight
        dtype = u.get_mantissa(weight).dtype
        held = {'w': weight} | {key: getattr(self, key).value for key in method.of_synapses}
        given = {key: self._given(key) for key in (*method.own, *method.far)}
        shared = {key: getattr(self, key).value for key in method.shared}
        units = {key: u.get_unit(x) for key, x in (held | given).items()}
        limits = self._limits(weight)

        def rule(*numbers: Any) -> list[Any]:
            values = {key: with_unit(x, units[key]) for key, x in zip((*held, *given), numbers, strict=True)}
            values |= shared
            out = method(**{key: values[key] for key in method.names})
            out = out if isinstance(out, dict) else {'w': out}
            if unknown := out.keys() - held.keys():
                raise ModelError(
                    f'{self.label}: {name} changes {", ".join(sorted(unknown))}, but can change w and traces of synapses only.'
                )
            new = [self._number(name, key, out[key], units[key]) if key in out else u.get_mantissa(values[key]) for key in held]
            if 'w' in out:
                new[0] = jnp.maximum(new[0], limits[0]) if limits[1] is None else jnp.clip(new[0], *limits)
            return new

        def as_type(keys: Sequence[str]) -> list[Any]:
            return [jnp.asarray(u.get_mantissa(given[key])).astype(dtype) for key in keys]

        new = event.revise(ends, active, [u.get_mantissa(x) for x in held.values()], rule, as_type(method.own), as_type(method.far))
        for key, x in zip(held, new, strict=True):
            state = self.comm.weight if key == 'w' else getattr(self, key)
            state.value = with_unit(x.reshape(np.shape(u.get_mantissa(state.value))), units[key])

    def _given(self, key: str) -> Any:
        if key in ('pre', 'post'):
            return self._pre if key == 'pre' else self._post
        return getattr(self, key).value if key in self.traces else self.of_target(key)

    def _number(self, name: str, key: str, value: Any, unit: Any) -> Any:
        if u.get_dim(value) != unit.dim:
            raise UnitError(f'{self.label}: {name} gives {key} the unit {u.get_unit(value)}, but it has {unit}.')
        return _in_unit(value, with_unit(1.0, unit))


class _Method:
    """A method of a rule, and where what it asks for is found."""

    def __init__(self, rule: SynapticRule, name: str):
        self.call: Callable = getattr(rule, name)
        self.names = tuple(inspect.signature(self.call).parameters)
        side = 'post' if name == 'on_post' else 'pre'
        sides = {key: _side_of(rule, name, key) for key in self.names if key != 'w'}
        changed = [key for key, trace in rule.traces.items() if trace.side == 'synapse']
        self.of_synapses = changed
        self.shared = [key for key, where in sides.items() if where == 'global']
        self.own = [key for key, where in sides.items() if where == side]
        self.far = [key for key, where in sides.items() if where == _ENDS[side]]

    def __call__(self, **values: Any) -> Any:
        return self.call(**values)


def _side_of(rule: SynapticRule, method: str, key: str) -> str:
    if key in rule.traces:
        return rule.traces[key].side
    if key in ('pre', 'post'):
        return key
    variables = getattr(rule.post, 'variables', {})
    if key in variables:
        return 'post'
    known = ['w', *rule.traces, 'pre', 'post', *variables]
    raise ModelError(f'{rule.label}: {method} asks for {key!r}; there are {", ".join(known)}.')


def _in_unit(value: Any, like: Any) -> Any:
    """A quantity as a number in the unit of another; zero has any unit."""
    return (
        u.get_mantissa(value)
        if u.get_unit(value).is_unitless and not u.get_unit(like).is_unitless
        else plain(value / with_unit(1.0, u.get_unit(like)))
    )


def _check_connection(comm: Any, owner: str, rule: str) -> None:
    if not isinstance(comm, Connection) or comm.structure.is_drawn:
        what = 'a procedural connection keeps no weights' if isinstance(comm, Connection) else f'comm is {brief(comm)}'
        raise TypeError(f'{owner}: plasticity={rule} needs a Connection with a weight for each synapse, but {what}.')
    if isinstance(comm.weight, Param):
        raise TypeError(f'{owner}: plasticity={rule} writes weights, but they follow from a Param; give an array, and limits to the rule.')
    shape = np.shape(u.get_mantissa(comm.acting_weight))
    if shape != (comm.n_synapses,):
        raise TypeError(
            f'{owner}: plasticity={rule} needs a weight for each synapse, but all {comm.n_synapses} share one; give an array, such as '
            'weight=lambda shape: np.full(shape, 1.) * u.nS.'
        )
    if u.get_mantissa(comm.acting_weight).dtype == np.float16:
        raise TypeError(f'{owner}: plasticity={rule} needs weights of 32 or 64 bits, but they are float16.')
