"""Connection rules under their NEST names, and the connection that they make."""

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
from . import _sampling
from ._sampling import Seed


class Connection(Module):
    """Sparse synapses from one population to another.

    Calling it with spikes gives what arrives at each target: the sum of the weights of the
    synapses whose source has spiked. Differentiable by the weights and by the spikes.

    Parameters
    ----------
    structure : event.CSR
        Which source connects to which target.
    weight : quantity, number, array or callable
        One weight for all synapses; or one for each, of shape ``(n_synapses,)`` in the order
        of ``sources`` and ``targets``; or a callable from that shape. Kept as a `ParamState`.
    name : str, optional
        A label for messages.

    Examples
    --------
    >>> import brainunit as u
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> conn = bst.one_to_one(3, 3, weight=2. * u.nS)
    >>> conn(jnp.array([0., 1., 1.]))
    Quantity([0. 2. 2.], "nS")
    """

    def __init__(self, structure: event.CSR, weight: Initializer, name: str | None = None):
        super().__init__(name)
        self.structure = structure
        count = (structure.nnz,)
        value = weight(count) if callable(weight) else weight
        mantissa, unit = jnp.asarray(u.get_mantissa(value), environ.dftype()), u.get_unit(value)
        if mantissa.shape not in ((), count):
            raise ShapeError(
                f'{self.label}: weight has shape {mantissa.shape}, expected one number or one for each of the {count[0]} synapses.'
            )
        self.weight = ParamState(mantissa if unit.is_unitless else u.Quantity(mantissa, unit=unit))

    @property
    def n_synapses(self) -> int:
        return self.structure.nnz

    @property
    def sources(self) -> np.ndarray:
        """The source of each synapse, shape ``(n_synapses,)``."""
        return np.repeat(np.arange(self.structure.shape[0], dtype=np.int32), np.diff(np.asarray(self.structure.indptr)))  # on the host

    @property
    def targets(self) -> np.ndarray:
        """The target of each synapse, shape ``(n_synapses,)``."""
        return np.asarray(self.structure.indices)

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


def pairwise_bernoulli(pre: int, post: int, p: float, *, weight: Initializer, allow_autapses: bool = True, seed: Seed = None) -> Connection:
    """Connect each pair with probability ``p``.

    Parameters
    ----------
    pre, post : int
        Numbers of sources and targets.
    p : float
        Probability, from 0 to 1.
    weight : quantity, number, array or callable
        See `Connection`.
    allow_autapses : bool
        Whether a neuron may connect to the one of its own number.
    seed : int, str or tuple of them, optional
        Decides the synapses together with the number of the neuron alone, so the rest of the
        network does not matter; give each projection its own, such as ``(1, 'E to I')``. ``None``
        draws one from the global generator.

    Raises
    ------
    ParameterError
        If a size or the probability is out of range.
    """
    pre, post = _sizes('pairwise_bernoulli', pre, post)
    if not 0 <= p <= 1:
        raise ParameterError(f'pairwise_bernoulli: p = {p} must be a probability, from 0 to 1.')
    sources, targets = _sampling.bernoulli(_keys('pairwise_bernoulli', seed, pre), post, p)
    if not allow_autapses:
        other = sources != targets
        sources, targets = sources[other], targets[other]
    return Connection(event.CSR.from_pairs(sources, targets, (pre, post)), weight)


def fixed_indegree(
    pre: int,
    post: int,
    indegree: int,
    *,
    weight: Initializer,
    allow_autapses: bool = True,
    allow_multapses: bool = True,
    seed: Seed = None,
) -> Connection:
    """Give each target ``indegree`` random sources.

    Parameters
    ----------
    pre, post, weight, allow_autapses, seed
        See `pairwise_bernoulli`.
    indegree : int
        Synapses of each target.
    allow_multapses : bool
        Whether a source may connect to the same target more than once.

    Raises
    ------
    ParameterError
        If there are not enough different sources.
    """
    rule = 'fixed_indegree'
    pre, post = _sizes(rule, pre, post)
    if indegree < 0 or indegree != int(indegree):
        raise ParameterError(f'{rule}: indegree = {indegree} must be a whole number, zero or more.')
    available = pre - (not allow_autapses)
    if indegree > available and (not allow_multapses or available < 1):
        raise ParameterError(
            f'{rule}: indegree = {indegree} asks for more different sources than the {available} there are '
            f'(pre = {pre}, allow_autapses = {allow_autapses}); lower it, or use allow_multapses=True.'
        )
    if not allow_autapses and post > pre:
        raise ParameterError(f'{rule}: allow_autapses=False is about one population, but there are {pre} sources and {post} targets.')
    sources = _sampling.choices(_keys(rule, seed, post), pre, int(indegree), not allow_multapses, not allow_autapses)
    targets = np.repeat(np.arange(post, dtype=np.int32), int(indegree))
    return Connection(event.CSR.from_pairs(sources.ravel(), targets, (pre, post)), weight)


def one_to_one(pre: int, post: int, *, weight: Initializer) -> Connection:
    """Connect each source to the target of the same number.

    Parameters
    ----------
    pre, post : int
        Numbers of sources and targets, which must be equal.
    weight : quantity, number, array or callable
        See `Connection`.
    """
    pre, post = _sizes('one_to_one', pre, post)
    if pre != post:
        raise ParameterError(f'one_to_one: {post} targets for {pre} sources; the populations must have the same size.')
    ids = np.arange(pre, dtype=np.int32)
    return Connection(event.CSR.from_pairs(ids, ids, (pre, post)), weight)


def all_to_all(pre: int, post: int, *, weight: Initializer, allow_autapses: bool = True) -> Connection:
    """Connect each source to each target.

    Parameters
    ----------
    pre, post : int
        Numbers of sources and targets.
    weight : quantity, number, array or callable
        See `Connection`.
    allow_autapses : bool
        Whether a neuron connects to the one of its own number.
    """
    pre, post = _sizes('all_to_all', pre, post)
    sources, targets = _sampling.bernoulli(np.zeros(pre, np.uint64), post, 1.0)
    if not allow_autapses:
        other = sources != targets
        sources, targets = sources[other], targets[other]
    return Connection(event.CSR.from_pairs(sources, targets, (pre, post)), weight)


def _sizes(rule: str, pre: Any, post: Any) -> tuple[int, int]:
    for name, n in (('pre', pre), ('post', post)):
        if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 0:
            raise ParameterError(f'{rule}: {name} = {n!r} must be a number of neurons.')
    return int(pre), int(post)


def _keys(rule: str, seed: Seed, n: int) -> np.ndarray:
    if not _sampling.is_seed(seed):
        raise ParameterError(f'{rule}: seed is an integer, a string or a tuple of them, but is {seed!r}.')
    return _sampling.keys(seed, n)
