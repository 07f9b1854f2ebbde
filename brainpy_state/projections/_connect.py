"""`Connection`: sparse synapses from one population to another."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._errors import ParameterError, ShapeError
from .._typing import Initializer
from ..nn import Module
from ..numerics import with_unit
from ..state import ParamState
from ._rows import Rows, count
from ._space import Space


class Connection(Module):
    """Sparse synapses from one population to another.

    Calling it with spikes gives what arrives at each target: the sum of the weights of the
    synapses whose source has spiked. Differentiable by the weights and by the spikes.

    Synapses are listed by source, and those of one source by target.

    Parameters
    ----------
    structure : event.CSR
        Which source connects to which target.
    weight : quantity, number, array or callable
        One weight for all synapses; or one for each, of shape ``(n_synapses,)`` in the order
        of ``sources`` and ``targets``; or a callable from that shape. Kept as a `ParamState`.
    name : str, optional
        A label for messages.
    space : Space, optional
        Where the neurons are; the rules that depend on distance give it.

    Notes
    -----
    Any initializer of ``braintools.init`` is such a callable. With a generator of its own, the
    weights depend on that seed alone and not on what was drawn before, as in the example; without
    one, they come from the global generator that ``random.seed`` sets. ``init.Clipped`` and
    ``init.TruncatedNormal`` keep weights within limits.

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

    def __init__(self, structure: event.CSR, weight: Initializer, name: str | None = None, *, space: Space | None = None):
        super().__init__(name)
        self.structure = structure
        self.space = space
        shape = (structure.nnz,)
        value = weight(shape) if callable(weight) else weight
        mantissa, unit = jnp.asarray(u.get_mantissa(value), environ.dftype()), u.get_unit(value)
        if mantissa.shape not in ((), shape):
            raise ShapeError(
                f'{self.label}: weight has shape {mantissa.shape}, expected one number or one for each of the {shape[0]} synapses.'
            )
        self.weight = ParamState(with_unit(mantissa, unit))

    @property
    def n_synapses(self) -> int:
        """The number of synapses."""
        return self.structure.nnz

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
        return np.asarray(self.structure.indices)

    @property
    def weights(self) -> Any:
        """The weight of each synapse with its unit, shape ``(n_synapses,)``, also where all share one number."""
        weight = self.weight.value
        return with_unit(jnp.broadcast_to(u.get_mantissa(weight), (self.n_synapses,)), u.get_unit(weight))

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
        return np.diff(np.asarray(self.structure.indptr))  # on the host

    def toarray(self) -> Any:
        """The matrix of weights, on the host.

        It has an entry for every pair of neurons, so it is for small populations.

        Returns
        -------
        array or quantity, shape (n_pre, n_post)
            Weights of synapses between the same pair are added.
        """
        weight = self.weight.value
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
        weight = self.weight.value
        arrived = event.product(self.structure, u.get_mantissa(weight), u.get_mantissa(spikes))
        return with_unit(arrived, u.get_unit(weight) * u.get_unit(spikes))

    def __repr__(self) -> str:
        pre, post = self.structure.shape
        return f'{type(self).__name__}({pre} -> {post}, {self.n_synapses} synapses, weight={self.weight.value})'


def connect(rows: Rows, post: int, weight: Initializer, space: Space | None = None) -> Connection:
    """The connection of the pairs that a rule has found, listed by source."""
    structure = event.CSR(rows.indptr.astype(np.int32), rows.columns, (rows.indptr.size - 1, post))  # type: ignore[arg-type]
    return Connection(structure, weight, space=space)
