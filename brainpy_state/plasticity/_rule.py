"""`SynapticRule`: how the weights of a projection change, written as a paper writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .. import event, random
from .._errors import ModelError, ParameterError, ShapeError, UnitError
from ..event._revise import moved
from ..modules import Delay, Dynamics, Option, Parameter, Variable, call_order, delay_steps, positive
from ..numerics import brief, plain, with_unit
from ..random._keys import Seed, check_seed
from ._asked import HAPPENS, NOISE, Asked, Seen, arguments, is_method, is_variable, variables
from ._attach import check_connection, check_weights, in_unit, limits, seen_by
from ._trace import Trace

_FAR = {'pre': 'post', 'post': 'pre'}


class SynapticRule(Dynamics):
    """Base of rules by which the weights of a projection change.

    A subclass declares parameters and traces and says what happens. Its methods name what they need:

    - ``w``, the weight, and traces;
    - ``pre`` and ``post``, what the two ends send in this step: spikes, or graded signals;
    - variables of the target, such as ``V``;
    - methods of the rule that give a number for each neuron of one end from what they name in the same way;
    - ``noise``, a normal random number for each synapse, a new one each time.

    They are written for one synapse and give its new weight, or a dictionary of what changes: ``w`` and traces of synapses, among what
    they name.

    ``on_pre``
        for synapses whose source fires,
    ``on_post``
        for synapses whose target fires,
    ``on_step``
        for all synapses in each step, or after each ``interval``, at the cost of all of them.

    Parameters
    ----------
    w_min, w_max : quantity or number
        Limits of the weights, which hold after every change.
    interval : time
        How often ``on_step`` happens; in each step by default. ``elapsed`` is the time that it stands for.
    equal_times : {'ignore', 'pre_first', 'post_first'}
        What happens to a synapse whose two ends fire in one step. Neither sees the other's spike (as in NEST), or the one that comes
        first is seen by the other (``'pre_first'`` is the order of Brian2's default).
    delay_is : {'axonal', 'dendritic'}
        Where the delay of the projection acts: before the synapse, so that the source's spike comes late (as in Brian2), or
        behind it, so that what it causes comes late, and so does what the synapse knows of the target (as in NEST). Behind it, each
        synapse can have its own.
    post_signal : str
        The name of the variable of the target that it sends, in the place of its spikes.
    seed : int, str or tuple of them
        The name of the random numbers of a rule with ``noise``.

    Notes
    -----
    In each step, traces decay first. Then, without an order of equal times, come ``on_step``, ``on_post`` and ``on_pre``, which all see
    traces without the spikes of this step; then traces count these, and those that follow something go towards what it is now until the
    next step. What is delivered has the weight after all this. A target's spike
    is known in the step after it, as it is to other projections. With short-term plasticity, a rule sees the spikes, and not what they
    release.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Used(bst.plasticity.SynapticRule):
    ...     def on_pre(self, w):
    ...         return 0.9 * w
    >>> comm, post = bst.all_to_all(2, 1, weight=lambda shape: np.full(shape, 0.5) * u.mV), bst.LIF(1)
    >>> proj = bst.DeltaProj(comm=comm, post=post, plasticity=Used.desc())
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))
    >>> comm.weight.value
    Quantity([0.4499... 0.5 ], "mV")
    """

    w_min: Any = Parameter(0.0, any_unit=True, doc='the least weight')
    w_max: Any = Parameter(None, like=0.0, any_unit=True, doc='the greatest weight; none by default')
    interval: Any = Parameter(None, positive, 'how often ``on_step`` happens; in each step by default', like=1.0 * u.ms)
    equal_times = Option('ignore', ('ignore', 'pre_first', 'post_first'), 'what two spikes in one step do to each other')
    delay_is = Option('axonal', ('axonal', 'dendritic'), 'where the delay of the projection acts')
    post_signal = Option(None, doc='the variable of the target that stands in the place of its spikes')

    waited = Variable(0, 'steps since ``on_step`` has happened', when='interval', dtype=np.int32)

    of_weight: tuple[str, ...] = ('w_min', 'w_max')
    """Parameters that have the unit of the weights."""
    graph_invisible_attrs = ('_merged', 'comm', 'post')
    shape_of_variables = '()'

    def __init__(self, *, seed: Seed = None, name: str | None = None, **params: Any):
        super().__init__(1, name=name, **params)
        self.varshape = ()  # parameters are numbers
        self.traces = {key: x for key, x in self.variables.items() if isinstance(x, Trace)}
        self.comm: Any = None
        self.post: Any = None
        happens = [key for key in HAPPENS if hasattr(self, key)]
        if self.interval is not None and 'on_step' not in happens:
            raise ParameterError(f'{self.label}: interval = {brief(self.interval)} is given, but the rule has no on_step.')
        if self.equal_times != 'ignore' and happens == ['on_step']:
            raise ParameterError(
                f'{self.label}: equal_times={self.equal_times!r} is given, but the rule has neither on_pre nor on_post, and on_step comes '
                "before the spikes of the step; leave it at 'ignore'."
            )
        self.stream = None
        if any(NOISE in arguments(getattr(self, key)) for key in happens):
            check_seed(seed, self.label)
            self.stream = random.Stream(seed)
        elif seed is not None:
            raise ParameterError(f'{self.label}: seed={seed!r} is given, but the rule draws nothing.')

    def attach(self, comm: Any, post: Any, owner: str, delays: Any = None) -> None:
        """Rule over the weights of a connection.

        Parameters
        ----------
        comm : Connection
        post : Dynamics
            The target.
        owner : str
            The projection, for messages.
        delays : time, shape (n_synapses,), optional
            How much later each synapse knows what the target does.

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
        check_connection(comm, owner, type(self).__name__)
        try:
            self._attach(comm, post, owner, delays)
        except Exception:
            self.comm = None  # it still belongs to nobody
            raise

    def _attach(self, comm: Any, post: Any, owner: str, delays: Any) -> None:
        self.comm, self.post, self._structure = comm, post, comm.structure
        delays, ends = seen_by(comm.structure, delays)
        (pre, seen), (_, n_post) = ends.shape, comm.structure.shape
        self.sizes = {'pre': (pre,), 'post': (seen,), 'synapse': comm.structure.weight_shape, 'global': (), 'target': (n_post,)}
        self.asked = {name: Asked(self, name) for name in HAPPENS if hasattr(self, name)}
        for name, asked in self.asked.items():
            if not [key for key in asked.of('synapse') if key != NOISE]:
                raise ModelError(
                    f'{self.label}: {name} must name what it changes, w or traces of synapses, but names {", ".join(asked.names)}.'
                )
        for side, name in (('pre', 'pre_event'), ('post', 'post_event')):
            if f'on_{side}' in self.asked and Asked(self, name).end != side:
                raise ModelError(
                    f'{self.label}: {name} must ask for what belongs to {side}, but asks for {", ".join(arguments(getattr(self, name)))}.'
                )
        self.sources = event.Ends.of_sources(ends)
        self.targets = event.Ends.of_targets(ends) if 'on_post' in self.asked else None
        is_divided = self.stream is not None and isinstance(comm.structure, event.Parts)
        self.numbers = comm.structure.numbers() if is_divided else None  # of synapses that are not all here
        self._of_target = self._needed()
        self.lines: dict[str, Delay] = {f'{key} seen': Seen(self, key, delays) for key in self._of_target if delays is not None}
        for name, trace in self.traces.items():
            if trace.delay is not None and (late := getattr(self, trace.delay)) is not None:
                size, key = self.sizes[trace.side], trace.of if trace.side == 'post' else None
                self.lines[name] = Delay(size, late, initial=trace.init) if key is None else Seen(self, key, late, size)
        check_weights(self, owner)

    def _needed(self) -> list[str]:
        """Which variables of the target are to be looked at, and whether its spikes are."""
        needed: set[str] = set()
        for name in [*self.asked, *(f'{x}_event' for x in ('pre', 'post') if f'on_{x}' in self.asked)]:
            needed |= Asked(self, name).of_target()
        for trace in self.traces.values():
            if (trace.counts and trace.side == 'post') or trace.of == 'post':
                needed.add('post')
            elif trace.of is not None and trace.of != 'pre':
                needed |= Asked(self, trace.of).of_target() if is_method(self, trace.of) else {self._variable(trace.of)}
        if 'post' not in needed and self.post_signal is not None:
            raise ParameterError(
                f'{self.label}: post_signal={self.post_signal!r} is given, but the rule does not ask for what the target sends.'
            )
        if 'post' in needed:
            if self.post_signal is not None:
                self._variable(self.post_signal)
            elif not hasattr(self.post, 'get_spike'):
                told = ', '.join(variables(self.post)) or 'none'
                raise ModelError(
                    f'{self.label}: the rule needs what the target sends, but {self.post.label} has no get_spike; name one of its '
                    f'variables by post_signal=... (it has {told}).'
                )
        return sorted(needed)

    def _variable(self, key: str) -> str:
        if not is_variable(self.post, key):
            raise ModelError(
                f'{self.label}: {key!r} is no variable of {self.post.label}; it has {", ".join(variables(self.post)) or "none"}.'
            )
        return key

    @call_order(1)  # traces of variables of the target begin with its first values
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Allocate the traces; weights stay as they are."""
        if batch_size is not None:
            raise ParameterError(
                f'{self.label}: batch_size={batch_size}, but each trial would need weights of its own; simulate one, or lanes of `vmap`.'
            )
        super().init_state()
        if self.stream is not None:
            self.stream.restart()

    def relaxations(self) -> list[Any]:
        """The time constants of traces."""
        return [getattr(self, trace.tau) for trace in self.traces.values() if trace.tau is not None]

    def of_target(self, key: str) -> Any:
        """A variable of the target, or what it sends."""
        if key != 'post':
            return getattr(self.post, key).value
        return self.post.get_spike() if self.post_signal is None else getattr(self.post, self.post_signal).value

    def at_first(self, key: str) -> Any:
        """What a trace follows, before the first step."""
        copies = self.sizes['post'][0] // max(1, self.sizes['target'][0])  # one for each delay
        first = {name: self.of_target(name) for name in self._of_target}
        self._seen = {name: with_unit(jnp.tile(u.get_mantissa(x), copies), u.get_unit(x)) for name, x in first.items()}
        try:
            return self._find(key)
        finally:
            del self._seen

    def pre_event(self, pre: Any) -> Any:
        """What sets off ``on_pre``: the spikes of the sources. Another array of one number for each may be given instead."""
        return pre

    def post_event(self, post: Any) -> Any:
        """What sets off ``on_post``: the spikes of the targets, or another array of one number for each."""
        return post

    @property
    def is_noisy(self) -> bool:
        """Whether ``noise`` is drawn, or 0."""
        return True

    @property
    def elapsed(self) -> Any:
        """The time that one ``on_step`` stands for."""
        return self.get_dt() if self.interval is None else self.interval

    def since_last(self, *taus: Any) -> Any:
        r"""The integral over the time that one ``on_step`` stands for of a product of traces, in parts of its value at the end.

        .. math:: \int_0^T e^{(T - s) r}\,ds = \frac{e^{T r} - 1}{r}, \qquad r = \sum 1 / \tau

        Exact where no spike has come within that time.

        Parameters
        ----------
        *taus : time
            The time constant of each factor.
        """
        rate = sum(1 / tau for tau in taus[1:]) + 1 / taus[0] if len(taus) > 1 else 1 / taus[0]
        return u.math.expm1(plain(self.elapsed * rate)) / rate

    def learn(self, pre: Any) -> None:
        """Change the weights by what happens in this step.

        Parameters
        ----------
        pre : array or quantity, shape ``(n_pre,)``
            What the sources send, as it comes to the synapses.
        """
        if self.comm.structure is not self._structure:
            raise ParameterError(
                f'{self.label}: other neurons are connected by comm than when the projection was made; make another projection.'
            )
        seen = {key: self.of_target(key) for key in self._of_target}
        for key, value in seen.items():
            if np.shape(u.get_mantissa(value)) != self.sizes['target']:
                raise ShapeError(
                    f'{self.label}: a plastic projection takes no batch, but {key} of {self.post.label} has shape '
                    f'{np.shape(u.get_mantissa(value))}, expected {self.sizes["target"]}.'
                )
        for side in {trace.side for trace in self.traces.values() if trace.counts}:
            self._spikes({'pre': pre, **seen}[side])
        late = {key: self.lines.get(f'{key} seen') for key in seen}
        self._seen = {'pre': pre, **{key: x if (line := late[key]) is None else line(x) for key, x in seen.items()}}
        try:
            for name, trace in self.traces.items():
                if trace.tau is not None and trace.of is None:
                    self.relax(name, getattr(self, trace.tau))
            self._on_step()
            for side in ('pre', 'post') if self.equal_times == 'pre_first' else ('post', 'pre'):
                if f'on_{side}' in self.asked:
                    self._visit(f'on_{side}', self.sources if side == 'pre' else self.targets, self._spikes(self._call(f'{side}_event')))
                if self.equal_times != 'ignore':
                    self._count(side)
            if self.equal_times == 'ignore':
                self._count('pre')
                self._count('post')
            for name, trace in self.traces.items():
                if trace.of is not None and trace.tau is not None:
                    self.relax(name, getattr(self, trace.tau), to=self._late(name, self._find(trace.of)))
        finally:
            del self._seen

    def _find(self, key: str) -> Any:
        """What a name stands for in this step, for each neuron of its end."""
        if key in self._seen:
            return self._seen[key]
        return getattr(self, key).value if key in self.traces else self._call(key)

    def _call(self, name: str) -> Any:
        method = getattr(self, name)
        return method(**{key: self._find(key) for key in arguments(method)})

    def _spikes(self, x: Any) -> Any:
        if not u.get_unit(x).is_unitless:
            raise UnitError(f'{self.label}: what happens at spikes needs numbers without a unit, but they have {u.get_unit(x)}.')
        return u.get_mantissa(x)

    def _count(self, side: str) -> None:
        for name, trace in self.traces.items():
            if trace.side == side and trace.counts:
                state = getattr(self, name)
                spikes = self._spikes(self._seen[side])
                counted = self._late(name, spikes.astype(state.value.dtype)).astype(state.value.dtype)
                if trace.at_spike == 'add':
                    state.value = state.value + counted
                else:  # a part of a spike goes a part of the way; several count as one
                    state.value = moved(jnp.where(counted > 1.5, jnp.ones_like(counted), counted), state.value, jnp.ones_like(counted))

    def _late(self, name: str, x: Any) -> Any:
        """What a trace takes in, after its delay."""
        line = self.lines.get(name)
        return x if line is None else line(x)

    def _on_step(self) -> None:
        if 'on_step' not in self.asked:
            return
        due: Any = True
        if self.interval is not None:
            every = int(delay_steps(self.interval, self.get_dt(), f'{self.label}: interval'))
            waited = self.waited.value + 1
            due = waited == every
            self.waited.value = jnp.where(due, 0, waited).astype(np.int32)
        self._visit('on_step', self.sources, jnp.broadcast_to(due, self.sizes['pre']))

    def _visit(self, name: str, ends: Any, active: Any) -> None:
        """Change the synapses of those neurons that are active."""
        asked = self.asked[name]
        near = 'post' if name == 'on_post' else 'pre'
        weight = self.comm.acting_weight
        dtype = u.get_mantissa(weight).dtype
        held = {key: self._of_synapses(key, weight) for key in asked.of('synapse') if key != NOISE or self.is_noisy}
        given = {key: self._find(key) for key in (*asked.of(near), *asked.of(_FAR[near]))}
        shared = {key: self._find(key) for key in asked.of('global')} | {NOISE: 0.0}
        units = {key: u.get_unit(x) for key, x in (held | given).items()}
        low, high = limits(self, weight)

        def rule(*numbers: Any) -> list[Any]:
            values = shared | {key: with_unit(x, units[key]) for key, x in zip((*held, *given), numbers, strict=True)}
            out = getattr(self, name)(**{key: values[key] for key in asked.names})
            out = out if isinstance(out, dict) else {'w': out}
            if unknown := [key for key in out if key not in held or key == NOISE]:
                raise ModelError(
                    f'{self.label}: {name} changes {", ".join(sorted(unknown))}, but can change w and traces of synapses that it names '
                    f'({", ".join(asked.names)}).'
                )
            new = {key: self._number(name, key, out[key], units[key]) if key in out else u.get_mantissa(values[key]) for key in held}
            if 'w' in out:
                new['w'] = new['w'] if low is None else jnp.maximum(new['w'], low)
                new['w'] = new['w'] if high is None else jnp.minimum(new['w'], high)
            return [new[key] for key in held]

        def as_type(keys: Sequence[str]) -> list[Any]:
            return [jnp.asarray(u.get_mantissa(given[key])).astype(dtype) for key in keys]

        values = [jnp.asarray(u.get_mantissa(x)).astype(dtype) for x in held.values()]
        new = event.revise(ends, active, values, rule, as_type(asked.of(near)), as_type(asked.of(_FAR[near])))
        for key, x in zip(held, new, strict=True):
            if key != NOISE:
                state = self.comm.weight if key == 'w' else getattr(self, key)
                state.value = with_unit(
                    x.reshape(np.shape(u.get_mantissa(state.value))).astype(u.get_mantissa(state.value).dtype), units[key]
                )

    def _of_synapses(self, key: str, weight: Any) -> Any:
        if key == NOISE:
            return self.stream.standard_normal(self.sizes['synapse'], elements=self.numbers)  # type: ignore[union-attr]
        return weight if key == 'w' else getattr(self, key).value

    def _number(self, name: str, key: str, value: Any, unit: Any) -> Any:
        if u.get_dim(value) != unit.dim:
            raise UnitError(f'{self.label}: {name} gives {key} = {brief(value)} the unit {u.get_unit(value)}, but it has {unit}.')
        return in_unit(value, unit)
