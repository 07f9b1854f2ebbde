"""Connection rules without chance: given pairs, all pairs, equal numbers."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np
from numpy.typing import ArrayLike

from .. import event
from .._errors import ParameterError, ShapeError
from .._tracebacks import entry
from ..modules import Param
from ..numerics import with_unit
from ..random._keys import Seed
from . import _check
from ._connect import Connection, connect, is_trained
from ._pairs import Listing
from ._rows import Rows, order_by
from ._sampling import ALL, OTHERS, Gaps
from .drawn import Drawn, Weight


@entry
def one_to_one(pre: int, post: int, *, weight: Weight, delay: Drawn | None = None, seed: Seed = None) -> Connection:
    """Connect each source to the target of the same number.

    Parameters
    ----------
    pre, post : int
        Numbers of sources and targets, which must be equal.
    weight, delay, seed
        See `pairwise_bernoulli`; the seed decides weights and delays that are drawn.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> comm = bst.one_to_one(3, 3, weight=2. * u.mS)
    >>> comm(np.array([1., 0., 1.]))
    Quantity([2. 0. 2.], "mS")
    """
    rule = 'one_to_one'
    pre, post = _check.same_sizes(rule, pre, post)
    if delay is None and not isinstance(weight, Drawn):
        return Connection(event.OneToOne(pre), weight)
    rows = Rows.of(np.ones(pre, np.int64), np.arange(pre, dtype=np.int32))
    return connect(rule, rows, post, weight, delay=delay, seed=seed, structure=event.OneToOne(pre))


@entry
def all_to_all(
    pre: int, post: int, *, weight: Weight, delay: Drawn | None = None, allow_autapses: bool = True, seed: Seed = None
) -> Connection:
    """Connect each source to each target.

    Parameters
    ----------
    pre, post : int
        Numbers of sources and targets.
    weight, delay, seed
        See `pairwise_bernoulli`; the seed decides weights and delays that are drawn.
    allow_autapses : bool
        Whether a neuron connects to the one of its own number.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> comm = bst.all_to_all(3, 2, weight=2. * u.mS)
    >>> comm(np.array([1., 0., 1.]))
    Quantity([4. 4.], "mS")
    """
    rule = 'all_to_all'
    pre, post = _check.sizes(rule, pre, post)
    _check.synapses(rule, pre * post)
    structure = event.AllToAll((pre, post), allow_autapses)
    if delay is None and not isinstance(weight, Drawn) and (allow_autapses or _is_one(weight)):
        return Connection(structure, weight)
    rows = Listing(rule, Gaps(np.zeros(pre, np.uint64), post, 1.0, ALL if allow_autapses else OTHERS))
    return connect(rule, rows, post, weight, delay=delay, seed=seed, structure=structure if allow_autapses else None)


@entry
def explicit_edges(pre: int, post: int, sources: ArrayLike, targets: ArrayLike, *, weight: Weight, seed: Seed = None) -> Connection:
    """Make the synapses that are listed, one for each source and target given.

    Parameters
    ----------
    pre, post : int
        Numbers of sources and targets.
    sources, targets : int, (n,)
        The source and the target of each synapse. A pair may occur more than once.
    weight : quantity, number, array, callable or Drawn
        See `pairwise_bernoulli`. Weights of shape ``(n,)`` belong to the synapses as they are listed here;
        the connection sorts both, by source and then by target.
    seed : int, str or tuple of them, optional
        Decides weights that are drawn.

    Raises
    ------
    ParameterError
        If they are not whole numbers within the populations.
    ShapeError
        If there are not as many sources as targets, or neither one weight nor one for each.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> conn = bst.explicit_edges(3, 2, [2, 0, 2], [1, 1, 0], weight=[1., 2., 3.] * u.nS)
    >>> conn.toarray()
    Quantity([[0. 2.]
              [0. 0.]
              [3. 1.]], "nS")
    """
    rule = 'explicit_edges'
    pre, post = _check.sizes(rule, pre, post)
    given = [_numbers(rule, *each) for each in (('sources', sources, pre), ('targets', targets, post))]
    if given[0].size != given[1].size:
        raise ShapeError(f'{rule}: {given[0].size} sources for {given[1].size} targets; give one of each for every synapse.')
    _check.synapses(rule, given[0].size)
    order = order_by(given[1], post).columns
    by_source = order_by(given[0][order], pre)
    order = order[by_source.columns]
    rows = Rows(by_source.indptr, given[1][order].astype(np.int32))
    if isinstance(weight, Drawn):
        return connect(rule, rows, post, weight, seed=seed)
    if is_trained(weight):
        made = connect(rule, rows, post, weight)
        if np.ndim(u.get_mantissa(made.acting_weight)) and not np.array_equal(order, np.arange(order.size)):
            raise ParameterError(
                f'{rule}: the weights are a {type(weight).__name__}, in the order of synapses; list these by source, then by target.'
            )
        return made
    value = weight((order.size,)) if callable(weight) else weight
    value = value if isinstance(value, u.Quantity) else np.asarray(value)
    if value.shape not in ((), order.shape):
        raise ShapeError(f'{rule}: weight has shape {value.shape}, expected one number or one for each of the {order.size} synapses.')
    return connect(rule, rows, post, value[order] if value.ndim else value)


@entry
def from_matrix(matrix: Any) -> Connection:
    """Make a synapse for each entry of a matrix of weights that is not zero.

    Parameters
    ----------
    matrix : array or quantity, (pre, post)
        The weights; or a sparse matrix with a method ``tocoo``, such as those of SciPy, whose stored
        entries all become synapses. Where that has a unit, use `explicit_edges` with its coordinates.

    Raises
    ------
    ShapeError
        If it does not have two dimensions.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.from_matrix(np.array([[0., 2.], [3., 0.]]) * u.nS).sources
    array([0, 1], dtype=int32)
    """
    if hasattr(matrix, 'tocoo'):
        entries = matrix.tocoo()
        pre, post = entries.shape
        return explicit_edges(pre, post, entries.row, entries.col, weight=entries.data)
    numbers, unit = np.asarray(u.get_mantissa(matrix)), u.get_unit(matrix)
    if numbers.ndim != 2:
        raise ShapeError(f'from_matrix: the matrix has shape {numbers.shape}, expected (pre, post).')
    sources, targets = np.nonzero(numbers)
    weight = numbers[sources, targets]
    pre, post = numbers.shape
    return explicit_edges(pre, post, sources, targets, weight=with_unit(weight, unit))


def _is_one(weight: Any) -> bool:
    """Whether a weight is one number for all."""
    if is_trained(weight):
        weight = weight.value() if isinstance(weight, Param) else weight.value
    return not callable(weight) and np.ndim(u.get_mantissa(weight)) == 0


def _numbers(rule: str, name: str, given: ArrayLike, n: int) -> np.ndarray:
    numbers = np.asarray(given)
    if numbers.ndim != 1:
        raise ShapeError(f'{rule}: {name} has shape {numbers.shape}, expected one dimension.')
    if numbers.size == 0:
        return numbers.astype(np.int32)
    if numbers.dtype.kind not in 'iu':
        raise ParameterError(f'{rule}: {name} has the type {numbers.dtype}, but neurons are counted by integers.')
    wrong = numbers[(numbers < 0) | (numbers >= n)]
    if wrong.size:
        there = f'neurons are numbered from 0 to {n - 1}' if n else 'there are no neurons'
        raise ParameterError(f'{rule}: {name} contains {wrong[0]}, but {there}.')
    return numbers
