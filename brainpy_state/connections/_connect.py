"""`Connection`: sparse synapses from one population to another."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._arrays import put
from .._errors import ParameterError, ShapeError
from .._typing import Initializer
from ..event._parts import on_host
from ..modules import Module, Param, short
from ..numerics import with_unit
from ..random._keys import Seed
from ..state import ParamState, State
from . import _check, _parallel
from ._divided import divided
from ._pairs import Found, Pairs
from ._positions import Space
from ._rows import Rows, count, in_slots, starts_of, values_of
from ._sampling import keys
from .drawn import Drawn, in_steps


class Connection(Module):
    """Sparse synapses from one population to another.

    Calling it with spikes gives what arrives at each target: the sum of the weights of the
    synapses whose source has spiked. Differentiable by the weights and by the spikes.

    Synapses are listed by source, and those of one source by target; where a rule has drawn a delay for each, by delay and then by
    target. A projection delivers after these delays.

    Parameters
    ----------
    structure : event.CSR, event.Delayed, event.OneToOne or event.AllToAll
        Which source connects to which target.
    weight : quantity, number, array, callable, State or Param
        One weight for all synapses; or one for each, of shape ``(n_synapses,)`` in the order
        of ``sources`` and ``targets``, between all pairs also ``(n_pre, n_post)``; or a callable from the former shape. Kept as
        a `ParamState`. A state is kept as it is, so several connections may share one; a `Param` gives weights of its range.
    name : str, optional
        A label for messages.
    space : Space, optional
        Where the neurons are; the rules that depend on distance give it.
    delay_steps : uint8 or uint16, (n_synapses,), optional
        Delay of each synapse in time steps of the ``dt`` that is set; the rules that draw delays give it.

    Notes
    -----
    Any initializer of ``braintools.init`` is such a callable. With a generator of its own, the
    weights depend on that seed alone and not on what was drawn before, as in the example; without
    one, they come from the global generator that ``random.seed`` sets. ``init.Clipped`` and
    ``init.TruncatedNormal`` keep weights within limits. For large networks, `drawn` has weights that rules draw by the
    projection's seed, on all processors and without temporary arrays.

    Examples
    --------
    >>> from functools import partial
    >>> import brainunit as u
    >>> import numpy as np
    >>> from braintools import init
    >>> import brainpy_state as bst
    >>> lognormal = partial(init.LogNormal(2. * u.nS, 1. * u.nS), rng=np.random.default_rng(1))
    >>> conn = bst.fixed_indegree(100, 50, 10, weight=lognormal, seed=1)
    >>> len(conn), conn.weights.shape, conn(np.ones(100)).shape
    (500, (500,), (50,))
    """

    def __init__(
        self,
        structure: event.Structure,
        weight: Initializer,
        name: str | None = None,
        *,
        space: Space | None = None,
        delay_steps: Any = None,
    ):
        super().__init__(name)
        self.structure: Any = structure
        self.space = space
        shape: tuple[int, ...] = structure.weight_shape
        if delay_steps is not None:
            found, is_steps = np.shape(delay_steps), getattr(delay_steps, 'dtype', None) in (np.uint8, np.uint16)
            if found != shape or not is_steps:
                given = f'{getattr(delay_steps, "dtype", type(delay_steps).__name__)} {found}'
                raise ShapeError(f'{self.label}: delay_steps are {given}, expected uint8 or uint16 of shape {shape}.')
            _check.slots(self.label, int(np.max(delay_steps, initial=0)) + 1, structure.shape[1])
            self.structure = _late(structure, np.asarray(delay_steps))
        if self.has_delays:
            self.made_for = environ.get('dt', desc=f'{self.label} counts delays in time steps')
        if isinstance(weight, Drawn):
            raise ParameterError(f'{self.label}: weights are drawn by a rule, which has a seed, such as explicit_edges(..., seed=1).')
        self.weight: Any = weight
        if not is_trained(weight):
            value = weight(shape) if callable(weight) else weight
            mantissa, unit = u.get_mantissa(value), u.get_unit(value)
            if getattr(mantissa, 'dtype', None) != np.float16 or not np.ndim(mantissa):
                is_given = isinstance(mantissa, jax.Array)
                mantissa = jnp.asarray(mantissa, environ.dftype()) if is_given else put(np.array(mantissa, environ.dftype()))
            self.weight = ParamState(with_unit(mantissa, unit))
        found, allowed = np.shape(u.get_mantissa(self._weight())), [(), shape]
        if isinstance(structure, event.AllToAll) and structure.own:
            allowed.append(structure.shape)
        if found not in allowed:
            raise ShapeError(_check.weight_shape(self.label, found, shape[0], *allowed[2:]))

    def _weight(self) -> Any:
        return self.weight.value() if isinstance(self.weight, Param) else self.weight.value

    @property
    def acting_weight(self) -> Any:
        """The weight as it is now, with its unit: one number, or one for each synapse, ``(n_synapses,)``."""
        weight = self._weight()
        return weight.reshape(-1) if np.ndim(u.get_mantissa(weight)) == 2 else weight

    @property
    def has_delays(self) -> bool:
        """Whether its rule has drawn a delay for each synapse."""
        return isinstance(self.structure, (event.Delayed, event.DelayedParts))

    @property
    def delay_steps(self) -> Any:
        """The delay of each synapse in time steps, uint8 or uint16; None unless its rule has drawn them."""
        return self.structure.steps if self.has_delays else None

    @property
    def n_synapses(self) -> int:
        """The number of synapses."""
        return self.structure.total if isinstance(self.structure, event.Parts) else self.structure.nnz

    def __len__(self) -> int:
        return self.n_synapses

    def __bool__(self) -> bool:
        return True  # as of every module, also where there are no synapses

    @property
    def sources(self) -> np.ndarray:
        """The source of each synapse, int32, shape ``(n_synapses,)``, rising."""
        return np.repeat(np.arange(self.structure.shape[0], dtype=np.int32), self.outdegree)

    @property
    def targets(self) -> np.ndarray:
        """The target of each synapse, int32, shape ``(n_synapses,)``."""
        if isinstance(self.structure, event.Parts):
            return self.structure.targets()
        return np.asarray(self.structure.indices)

    @property
    def weights(self) -> Any:
        """The weight of each synapse with its unit, shape ``(n_synapses,)``, also where all share one number."""
        weight = self.acting_weight
        return with_unit(jnp.broadcast_to(self._listed(u.get_mantissa(weight)), (self.n_synapses,)), u.get_unit(weight))

    @property
    def delays(self) -> Any:
        """The delay of each synapse, shape ``(n_synapses,)``, in the unit of ``dt``; None unless its rule has drawn them."""
        steps = self.delay_steps
        return None if steps is None else self._listed(steps) * self.made_for

    def _listed(self, values: Any) -> Any:
        """What synapses have, also of those that other devices have, in their order on one device."""
        if not (isinstance(self.structure, event.Parts) and np.ndim(values)):
            return values
        return jnp.asarray(on_host(values)[self.structure.order()])

    @property
    def distances(self) -> Any:
        """The distance from source to target of each synapse, shape ``(n_synapses,)``, in the unit of the positions.

        Computed when asked for. Only where the rule was told positions.
        """
        if self.space is None:
            raise ParameterError(f'{self.label}: distances need positions, which its rule was not given; use distance_dependent.')
        return self.space.distances(self.sources, self.targets)

    @property
    def indegree(self) -> np.ndarray:
        """The number of synapses onto each target, int64, shape ``(n_post,)``."""
        return count(self.targets, self.structure.shape[1])

    @property
    def outdegree(self) -> np.ndarray:
        """The number of synapses of each source, shape ``(n_pre,)``."""
        return self.structure.row_lengths()

    def toarray(self) -> Any:
        """The matrix of weights, on the host.

        It has an entry for every pair of neurons, so it is for small populations.

        Returns
        -------
        array or quantity, shape (n_pre, n_post)
            Weights of synapses between the same pair are added.
        """
        weight = self.weights if isinstance(self.structure, event.Parts) else self.acting_weight
        numbers = np.asarray(u.get_mantissa(weight))
        matrix = np.zeros(self.structure.shape, numbers.dtype)
        np.add.at(matrix, (self.sources, self.targets), numbers)
        return with_unit(matrix, u.get_unit(weight))

    def update(self, spikes: Any) -> Any:
        """What arrives at the targets.

        Parameters
        ----------
        spikes : array or quantity, shape (..., n_pre)
            Spikes, or a graded signal.

        Returns
        -------
        array or quantity, shape (..., n_post), of the unit of the weights times that of the signal
        """
        pre = self.structure.shape[0]
        if np.ndim(u.get_mantissa(spikes)) < 1 or np.shape(u.get_mantissa(spikes))[-1] != pre:
            raise ShapeError(
                f'{self.label}: spikes have shape {np.shape(spikes)}, but the connection has {pre} sources: expected (..., {pre}).'
            )
        weight = self.acting_weight
        arrived = event.product(self.structure, u.get_mantissa(weight), u.get_mantissa(spikes))
        return with_unit(arrived, u.get_unit(weight) * u.get_unit(spikes))

    def __repr__(self) -> str:
        pre, post = self.structure.shape
        return f'{type(self).__name__}({pre} -> {post}, {self.n_synapses} synapses, weight={short(self.acting_weight)})'


def is_trained(weight: Any) -> bool:
    """Whether weights are a state or parameter of the user's."""
    return isinstance(weight, (State, Param))


def connect(
    rule: str, pairs: Pairs | Rows, post: int, weight: Any, *,
    delay: Any = None, seed: Seed = None, space: Space | None = None, structure: event.Structure | None = None,
) -> Connection:  # fmt: skip
    """The connection of the pairs that a rule draws or has found, listed by source; weights and delays may be `Drawn`.

    Without delays, a structure of the same pairs may take the place of the list. Where a mesh is set, its devices have each a part.
    """
    mesh = environ.get('mesh', None)
    weights, delays = None, None
    if isinstance(weight, Drawn) or delay is not None:
        seed = _check.seed(rule, seed)
        if isinstance(weight, Drawn):
            weights = keys((seed, 'weight'), pairs.n), weight.law(), precision(weight)
        if delay is not None:
            law, longest = in_steps(rule, delay, environ.get('dt', desc=f'{rule} counts delays in time steps'))
            delays = keys((seed, 'delay'), pairs.n), law, np.min_scalar_type(longest)
    if mesh is not None:
        on_mesh = Found(rule, pairs, post) if isinstance(pairs, Rows) else pairs
        return _on_mesh(mesh, on_mesh, weight, weights, delays, space)
    listed = pairs if isinstance(pairs, Rows) else pairs.rows()
    found, steps = values_of(listed, weights, delays)
    if steps is not None:
        if weights is None and callable(weight) and not is_trained(weight):
            weight = weight((listed.total,))  # which may look at the targets
        structure = as_delayed(rule, listed, steps, post)
    elif structure is None:
        structure = as_csr(listed, post)
    return Connection(structure, weight if found is None else with_unit(taken(found), weight.unit), space=space)


def _on_mesh(mesh: Any, pairs: Pairs, weight: Any, weights: Any, delays: Any, space: Space | None) -> Connection:
    """The connection, its synapses divided between devices."""
    unit = weight.unit if isinstance(weight, Drawn) else u.UNITLESS
    if is_trained(weight):
        if np.ndim(u.get_mantissa(weight.value() if isinstance(weight, Param) else weight.value)):
            raise ParameterError(
                f'{pairs.rule}: on a mesh, a State or Param is one weight for all synapses; others are drawn, or given as an array.'
            )
    elif weights is None and (callable(weight) or np.ndim(u.get_mantissa(weight))):

        def weights(shape: tuple[int, ...]) -> np.ndarray:
            nonlocal unit
            given = weight(shape) if callable(weight) else weight
            unit = u.get_unit(given)
            return np.asarray(u.get_mantissa(given), environ.dftype())

    made = divided(mesh, pairs, weights, delays)
    given = weight if made.weights is None else with_unit(made.weights, unit)
    return Connection(made.structure, given, space=space)


def as_csr(rows: Rows, post: int) -> event.CSR:
    """The structure of rows, in their memory."""
    return event.CSR(taken(rows.indptr.astype(np.int32)), taken(rows.columns), (rows.indptr.size - 1, post))


def as_delayed(rule: str, rows: Rows, steps: np.ndarray, post: int) -> event.Delayed:
    """The structure of rows that are in the order of their delays, in their memory: targets become slots in a ring."""
    _check.slots(rule, int(steps.max(initial=0)) + 1, post)
    indptr, slots = taken(rows.indptr.astype(np.int32)), taken(in_slots(steps, rows.columns, post, rows.columns))
    return event.Delayed.of_rule(indptr, slots, (rows.n, post), steps.dtype)


def _late(structure: Any, steps: np.ndarray) -> event.Delayed:
    """A structure with a delay for each synapse."""
    targets = np.asarray(structure.indices)
    slots = in_slots(steps, targets, structure.shape[1], _parallel.empty(targets.size, np.int32))
    starts = starts_of(structure.row_lengths()).astype(np.int32)
    return event.Delayed(taken(starts), taken(slots), structure.shape, steps.dtype)


def precision(weight: Drawn) -> str:
    """In which drawn weights are stored."""
    return weight.dtype or ('float64' if environ.dftype() == np.float64 else 'float32')


def taken(array: np.ndarray) -> jax.Array:
    """An array of JAX in the same memory, where that is possible: nobody else may write to it."""
    with jax.ensure_compile_time_eval():
        return jax.device_put(array)
