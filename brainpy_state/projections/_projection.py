"""Projections: how what a connection delivers reaches its target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._errors import ParameterError, ShapeError, UnitError
from ..connections import Connection
from ..modules import Delay, Dynamics, Module, call_order, check_unit, longest_delay, read
from ..neurons import Neuron
from ..numerics import with_unit
from ..plasticity import SynapticRule
from ..state import State
from ..synapses import GatedSynapse, ShortTermPlasticity, Synapse, SynOut
from ..transform import eval_shape
from ._delayed import DelayBehind, DelayedConnection, of_synapses
from ._receptors import Arrival, Description, add_receptor, as_it_is, build, shared_receptor


class Projection(Module):
    """Base of projections: the way from the source's spikes to what arrives at the target.

    Spikes pass through ``stp``, wait for the ``delay``, and pass through ``comm``.

    Parameters
    ----------
    comm : callable
        From the source ``(..., n_pre)`` to the target ``(..., n_post)``, such as a `Connection`.
    post : Neuron or Dynamics
        The target. One that gives its own ``update`` takes what arrives by `Dynamics.sum_current_inputs` and `sum_delta_inputs`.
    delay : time or Param, optional
        One for all; or one for each source, of shape ``(n_pre,)``; or one for each synapse of a `Connection`,
        of shape ``(n_synapses,)`` in the order of its ``sources``, between all pairs also ``(n_pre, n_post)``. A multiple of ``dt``. A
        delay of k steps is k steps on top of what a projection without delay takes. A `Connection` whose rule has drawn delays brings
        its own. A `Param` is trained, within a range such as ``t=ClipT(0. * u.ms, 20. * u.ms)``: its delays need not be whole steps,
        and a spike then arrives in the two steps around it, its weight shared between them.
    stp : ShortTermPlasticity or description, optional
        From spikes to what each releases, such as ``STP.desc()``; of the size of the source.
    plasticity : SynapticRule or description, optional
        How weights change, such as ``plasticity.PairSTDP.desc(w_max=1. * u.nS)``; ``comm`` is then a `Connection` with a weight for each
        synapse. A ``delay`` before synapses that change is one, or one for each source; behind them, it may be one for each synapse.
    label : str, optional
        Tells apart what arrives at a target that gives its own ``update``; a `Neuron` knows itself where inputs go.
    name : str, optional
        A label for messages.

    Raises
    ------
    TypeError
        If ``post`` is no `Dynamics`.
    ParameterError, UnitError, ShapeError
        If a delay is negative or no time, its shape fits neither sources nor synapses, or the connection has delays too; if a
        trained one has no range.

    Notes
    -----
    The derivative by a trained delay is that of the interpolation: it sees what would change if the spike came within the same step.
    A synapse with a time constant lets it see farther. `Param.set_value` rounds delays to whole steps for an evaluation.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> first = np.random.default_rng(0).uniform(0., 20., (4, 3)) * u.ms
    >>> delay = bst.nn.Param(first, t=bst.nn.ClipT(0. * u.ms, 20. * u.ms))
    >>> proj = bst.DeltaProj(comm=bst.all_to_all(4, 3, weight=1. * u.mV), post=bst.LIF(3), delay=delay)
    >>> sorted(proj.states(bst.ParamState))
    [('comm', 'weight'), ('line', 'time', 'val')]
    >>> dt = 0.1 * u.ms
    >>> delay.set_value(u.math.round(delay.value() / dt) * dt)
    """

    graph_invisible_attrs: tuple[str, ...] = ('post', 'receptor')

    def __init__(
        self,
        *,
        comm: Callable[[Any], Any],
        post: Dynamics,
        delay: Any = None,
        stp: Any = None,
        plasticity: Any = None,
        label: str | None = None,
        name: str | None = None,
    ):
        super().__init__(name)
        if not isinstance(post, Dynamics):
            raise TypeError(f'{self.label}: post must be a Neuron, or another Dynamics, but is {post!r}.')
        if label is not None and steps_itself(post):
            raise ParameterError(f'{self.label}: label={label!r} is given, but {post.label} has no update of its own to ask for it.')
        self.comm, self.tag = comm, label
        self.post: Any = post
        if isinstance(comm, Connection):
            self._check_shape(comm.structure.shape[1:], post.varshape)
        self.stp = build(stp, lambda: self.sources)
        if not (self.stp is None or isinstance(self.stp, ShortTermPlasticity)):
            raise TypeError(f'{self.label}: stp must be short-term plasticity, such as STP, or a description of it, but is {stp!r}.')
        self.plasticity = plasticity() if isinstance(plasticity, Description) else plasticity
        self.behind: DelayBehind | None = None
        self.line = self._line_for(delay) if self.plasticity is None else self._plastic_line(self.plasticity, delay)

    @property
    def sources(self) -> tuple[int, ...]:
        """The shape of the source, from ``comm``."""
        if isinstance(self.comm, Connection):
            return self.comm.structure.shape[:1]
        size = getattr(self.comm, 'in_size', None)
        if size is None:
            raise ParameterError(f'{self.label}: the number of sources is needed here, but comm does not tell; give it an `in_size`.')
        return tuple(size)

    @property
    def delays(self) -> Any:
        """The delay of each synapse of a `Connection`, in the order of its ``sources``; None where there is none."""
        line = self.line if self.behind is None else self.behind
        if line is None or isinstance(line, DelayedConnection):
            return None if line is None else line.delays
        time = read(line.time)
        each = jnp.broadcast_to(u.get_mantissa(time), self.sources)
        return with_unit(each[self.comm.sources] if isinstance(self.comm, Connection) else each, u.get_unit(time))

    def _line_for(self, delay: Any) -> Delay | DelayedConnection | None:
        if isinstance(self.comm, Connection) and self.comm.has_delays:
            if delay is not None:
                raise ParameterError(f'{self.label}: delay = {delay} is given, but synapses of comm have delays of their own; drop one.')
            return self._delayed(self.comm, None)
        if delay is None:
            return None
        is_trained = longest_delay(delay, self.label) is not None
        shape, sources = np.shape(u.get_mantissa(read(delay))), self.sources
        synapses = ''
        if isinstance(self.comm, Connection) and not self.comm.structure.is_drawn:
            if shape == (self.comm.n_synapses,) == sources and (self.comm.outdegree != 1).any():
                raise ParameterError(
                    f'{self.label}: a delay of shape {shape} could be one for each source or one for each synapse, '
                    'as there are equally many of them; use two projections.'
                )
            structure = self.comm.structure
            is_matrix = isinstance(structure, event.AllToAll) and structure.own and shape == structure.shape
            if is_matrix or shape == (self.comm.n_synapses,) != sources:
                return self._delayed(self.comm, delay)
            synapses = f', or {(self.comm.n_synapses,)}: one for each synapse'
        if shape not in ((), sources):
            raise ShapeError(f'{self.label}: delay has shape {shape}, expected (): one for all, {sources}: one for each source{synapses}.')
        return Delay(sources, delay, interpolate=is_trained)

    def _plastic_line(self, rule: Any, delay: Any) -> Delay | DelayedConnection | None:
        """Let a rule change the weights; the delay, before the synapses or behind them."""
        if not isinstance(rule, SynapticRule):
            raise TypeError(f'{self.label}: plasticity must be a SynapticRule or a description of one, but is {rule!r}.')
        if delay is not None and longest_delay(delay, self.label) is not None:
            raise ParameterError(f'{self.label}: a plastic projection takes a delay of whole steps, but it is trained.')
        line, comm = self._line_for(delay), self.comm
        is_behind = rule.delay_is == 'dendritic' and line is not None
        if isinstance(line, DelayedConnection) and not is_behind:
            raise ParameterError(
                f'{self.label}: each synapse has its own delay, but before synapses that change there can be one, or one for each source. '
                "Delays behind the synapses, delay_is='dendritic' of the rule, can be those of synapses."
            )
        known = isinstance(comm, Connection) and not comm.structure.is_drawn  # others the rule refuses
        one = is_behind and isinstance(line, Delay) and np.ndim(u.get_mantissa(line.time)) == 0  # for all synapses
        delays = None if not (is_behind and known) else line.time if one else of_synapses(line, comm)  # type: ignore[union-attr]
        rule.attach(comm, self.post, self.label, delays)
        if one:
            self.behind = DelayBehind(delays, self)
            return None
        return self._delayed(comm, delays) if isinstance(line, Delay) and is_behind else line  # type: ignore[arg-type]

    def _learn(self, x: Any) -> None:
        """Change the weights by what the source sends, as it reaches the synapses in this step."""
        shape = np.shape(u.get_mantissa(x))
        if shape != self.sources:
            told = 'no batch, so spikes' if len(shape) > 1 else 'spikes'
            raise ShapeError(f'{self.label}: a plastic projection takes {told} of shape {self.sources}, but they have {shape}.')
        self.plasticity.learn(x)

    def _delayed(self, comm: Connection, delay: Any) -> DelayedConnection:
        return DelayedConnection(comm, delay, self)

    def not_allocated(self) -> list[str]:
        """Names of what `init_all_states` has still to make, also ``receptor``, in which what is delivered waits for the target."""
        receptor = vars(self).get('receptor')
        return [*super().not_allocated(), *(() if receptor is None or not receptor.not_allocated() else ('receptor',))]

    def signal(self) -> Any:
        """Something of the unit of what ``comm`` receives."""
        return 1.0

    def _leave(self, x: Any) -> Any:
        """What leaves the source in this step, after short-term plasticity and its delay."""
        if self.plasticity is not None:  # which sees spikes; in whole steps, a delay may as well come before their releases
            x = self.line(x) if isinstance(self.line, Delay) else x
            self._learn(x)
            return x if self.stp is None else self.stp(x)
        x = x if self.stp is None else self.stp(x)
        return self.line(x) if isinstance(self.line, Delay) else x

    def _arrive(self, x: Any) -> Any:
        """What arrives at the targets in this step."""
        x = self.line(x) if isinstance(self.line, DelayedConnection) else self.comm(x)
        return x if self.behind is None else self.behind(x)

    def transmit(self, x: Any) -> Any:
        """What arrives at the targets in this step, from the source's output in this step."""
        return self._arrive(self._leave(x))

    def _check(self, x: Any, like: Any) -> Any:
        check_unit(x, like, self.label, 'weight')
        self._check_shape(np.shape(u.get_mantissa(x)), np.shape(u.get_mantissa(like)))
        return x

    def _check_shape(self, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
        if given != expected:
            raise ShapeError(f'{self.label}: comm delivers shape {given}, but its target {self.post.label} has shape {expected}.')


class AlignPostProj(Projection):
    """Spikes through a connection into synapses that are kept once for each target neuron.

    Call it with the spikes of the source, then call the target. What it delivers raises the
    conductance in the target's next step. The synapses belong to the target: projections with the
    same ``syn`` and ``out`` share them.

    Parameters
    ----------
    comm, post, delay, stp, label, name
        See `Projection`.
    syn : description or Synapse
        Such as ``Expon.desc(tau=5. * u.ms)``; its size is that of the target unless given.
    out : description or SynOut
        Such as ``COBA.desc(E=0. * u.mV)``.

    Raises
    ------
    TypeError
        If ``syn`` or ``out`` is not a linear synapse and an output, or a description of them.

    Notes
    -----
    Called several times before the target, deliveries add up.

    Examples
    --------
    >>> import brainunit as u
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> post = bst.LIF(2)
    >>> proj = bst.AlignPostProj(comm=bst.one_to_one(2, 2, weight=1. * u.mS),
    ...                          syn=bst.Expon.desc(), out=bst.CUBA.desc(), post=post)
    >>> post = bst.nn.init_all_states(post)
    >>> proj(jnp.array([1., 0.]))
    """

    def __init__(self, *, comm: Callable[[Any], Any], syn: Any, out: Any, post: Dynamics, **options: Any):
        super().__init__(comm=comm, post=post, **options)
        _check_description(self, 'syn', syn, Synapse)
        _check_description(self, 'out', out, SynOut)
        self.receptor = shared_receptor(post, syn, out, self.tag)
        self.receptor.add(self)

    def update(self, spikes: Any) -> None:
        """Deliver the spikes of the source, shape ``(batch, n_pre)``."""
        x, g = self._leave(spikes), self.receptor.syn.g.value
        if isinstance(self.line, DelayedConnection):
            self._check_weight(self.line.comm.acting_weight, g)
            self.line.send(x)
        else:
            arrived = self._arrive(x)
            self._check_weight(arrived, g)
            self.receptor.syn.receive(self._check(arrived, g))

    def _check_weight(self, weight: Any, g: Any) -> None:
        try:
            check_unit(weight, g, self.label, 'weight')
        except UnitError as error:
            unit = u.get_unit(weight)
            first = '0.' if unit.is_unitless else f'0. * u.{unit}'
            raise UnitError(f'{error} Weights have the unit of the synapse, which g_initializer={first} would change.') from None


class AlignPreProj(Projection):
    """Spikes through synapses that are kept once for each source, and their conductances through a connection.

    For synapses that are not linear in their input, such as `BioNMDA`. Call it with the spikes of the source, then
    call the target; what it delivers acts during the target's next step.

    Parameters
    ----------
    comm, post, delay, stp, label, name
        See `Projection`; ``comm`` weighs the conductances of the synapses.
    syn : module or description
        From spikes to conductances, of the size of the source; its state ``g`` is what it gives.
    out : SynOut or description
        Such as ``MgBlock()`` or ``COBA.desc(E=0. * u.mV)``.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(2)
    >>> proj = bst.AlignPreProj(comm=bst.one_to_one(2, 2, weight=1. * u.siemens), syn=bst.AMPA.desc(2, g_max=1.),
    ...                          out=bst.COBA.desc(E=1. * u.mV), post=post)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     for spikes in ([1., 0.], [0., 0.]):
    ...         proj(np.array(spikes))
    ...         _ = post()
    >>> bool(post.V.value[0] > post.V.value[1])
    True
    """

    def __init__(self, *, comm: Callable[[Any], Any], syn: Any, out: Any, post: Dynamics, **options: Any):
        super().__init__(comm=comm, post=post, **options)
        syn = build(syn, lambda: self.sources)
        out = _output(self, out)
        if not isinstance(syn, Module) or not isinstance(out, SynOut):
            raise TypeError(
                f'{self.label}: syn and out must be a synapse and a SynOut, or descriptions of them, but are {syn!r} and {out!r}.'
            )
        if isinstance(self.line, Delay) and self.line.longest is not None and isinstance(syn, GatedSynapse):
            raise ParameterError(
                f'{self.label}: a trained delay of each source, or one for all, brings parts of spikes to {syn.label}, whose pulses '
                'begin with whole ones; give one for each synapse of a Connection, which delays its conductance.'
            )
        self.syn: Any = syn
        self.receptor = Arrival(out.current, out, self.tag)
        add_receptor(post, self.receptor)

    def signal(self) -> Any:
        if not isinstance(getattr(self.syn, 'g', None), State):
            raise TypeError(f'{self.label}: syn must keep what it gives, its conductance, in a state g, but {self.syn.label} has none.')
        return self.syn.g.value

    @call_order(1)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make the state in which conductances wait for the target."""
        self.receptor.wait_with(self.comm(u.math.zeros_like(self.signal())))

    def update(self, spikes: Any) -> None:
        """Deliver the spikes of the source, shape ``(batch, n_pre)``."""
        self.receptor.receive(self._check(self._arrive(self.syn(self._leave(spikes))), self.receptor.waiting.value))


class DeltaProj(Projection):
    """Spikes through a connection into jumps of the target's potential.

    Parameters
    ----------
    comm, post, delay, stp, label, name
        See `Projection`; the weights have the unit of what jumps, which is V for most models. A refractory neuron
        ignores jumps of V.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(2)
    >>> proj = bst.DeltaProj(comm=bst.one_to_one(2, 2, weight=0.5 * u.mV), post=post)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([1., 0.]))
    ...     _ = post()
    >>> post.V.value
    Quantity([0.5 0. ], "mV")
    """

    def __init__(self, *, comm: Callable[[Any], Any], post: Dynamics, **options: Any):
        super().__init__(comm=comm, post=post, **options)
        self.receptor: Arrival | None = None
        if steps_itself(post):
            post.receives = True
        else:
            self.receptor = Arrival(as_it_is, tag=self.tag, kind='delta')
            add_receptor(post, self.receptor)

    @call_order(1)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make the state in which jumps wait for a target that gives its own ``update``."""
        if self.receptor is not None:
            self.receptor.wait_with(_nothing(lambda: self.comm(_zeros(self.sources, batch_size))))

    def update(self, spikes: Any) -> None:
        """Deliver the spikes of the source, shape ``(batch, n_pre)``."""
        if self.receptor is not None:
            self.receptor.receive(self._check(self.transmit(spikes), self.receptor.waiting.value))
        else:
            self.post.receive(self._check(self.transmit(spikes), self.post.delta.value))


class CurrentProj(Projection):
    """Graded signals, such as rates or potentials, through a connection into a current during the target's next step.

    Parameters
    ----------
    comm, post, delay, stp, label, name
        See `Projection`.
    out : SynOut or description, optional
        What makes a current of what arrives; without it, a current arrives.
    initial : quantity or number
        The signal before the first step, where there is a delay; it has the signal's unit.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> post = bst.LIF(2)
    >>> proj = bst.CurrentProj(comm=bst.one_to_one(2, 2, weight=2. * u.mA), post=post)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([proj, post])
    ...     proj(np.array([0.5, 0.]))
    ...     _ = post()
    >>> post.V.value
    Quantity([0.0198... 0.        ], "mV")
    """

    def __init__(self, *, comm: Callable[[Any], Any], post: Dynamics, out: Any = None, initial: Any = 0.0, **options: Any):
        super().__init__(comm=comm, post=post, **options)
        if isinstance(self.line, Delay):
            self.line.initial = initial
        self.initial = initial
        out = _output(self, out)
        self.receptor = Arrival(as_it_is if out is None else out.current, out, self.tag)
        add_receptor(post, self.receptor)

    def signal(self) -> Any:
        return self.initial

    @call_order(1)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make the state in which the current waits for the target."""
        self.receptor.wait_with(_nothing(lambda: self.comm(with_unit(_zeros(self.sources, batch_size), u.get_unit(self.initial)))))

    def update(self, x: Any) -> None:
        """Deliver the signal of the source, shape ``(batch, n_pre)``."""
        self.receptor.receive(self._check(self.transmit(x), self.receptor.waiting.value))


def steps_itself(post: Dynamics) -> bool:
    """Whether a target is a model by equations, which knows where inputs go."""
    return isinstance(post, Neuron) and type(post).update is Neuron.update


def _zeros(sources: tuple[int, ...], batch_size: int | None) -> Any:
    return jnp.zeros((*(() if batch_size is None else (batch_size,)), *sources), environ.dftype())


def _nothing(arrives: Callable[[], Any]) -> Any:
    """Zeros of the shape and unit of what arrives, which is not computed for that."""
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), eval_shape(arrives))


def _output(owner: Projection, out: Any) -> Any:
    """An output, also from its description."""
    if not isinstance(out, Description):
        return out
    _check_description(owner, 'out', out, SynOut)
    return build(out, lambda: owner.post.varshape)


def _check_description(owner: Projection, role: str, given: Any, base: type) -> None:
    described = isinstance(given, Description) and isinstance(given.func, type) and issubclass(given.func, base)
    if not (described or isinstance(given, base)):
        raise TypeError(f'{owner.label}: {role} must be a {base.__name__} or its description, such as `Class.desc(...)`, but is {given!r}.')
