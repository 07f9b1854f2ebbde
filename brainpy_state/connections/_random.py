"""Random connection rules under their NEST names."""

from __future__ import annotations

import numpy as np

from .._errors import ParameterError
from .._tracebacks import entry
from ..random._keys import Seed
from . import _check
from ._connect import Connection, connect
from ._pairs import Listing, Pairs, Subset, Symmetric, Transposed
from ._procedural import connect_again
from ._rows import shares
from ._sampling import ALL, LATER, OTHERS, Choices, Gaps, keys
from .drawn import Drawn, Weight


@entry
def pairwise_bernoulli(
    pre: int,
    post: int,
    p: float,
    *,
    weight: Weight,
    delay: Drawn | None = None,
    allow_autapses: bool = True,
    seed: Seed = None,
    procedural: bool = False,
) -> Connection:
    """Connect each pair with probability ``p``.

    Parameters
    ----------
    pre, post : int
        Numbers of sources and targets.
    p : float
        Probability, from 0 to 1.
    weight : quantity, number, array, callable or Drawn
        See `Connection`; or drawn for each synapse, such as ``drawn.normal(2. * u.nS, 1. * u.nS, low=0. * u.nS)``.
    delay : Drawn, optional
        A delay for each synapse, such as ``drawn.normal(1.5 * u.ms, 0.75 * u.ms, low=0. * u.ms)``, rounded to whole steps of
        the ``dt`` that is set. Others are given to the projection.
    allow_autapses : bool
        Whether a neuron may connect to the one of its own number.
    seed : int, str or tuple of them, optional
        Decides the synapses together with the number of the neuron alone, so the rest of the
        network does not matter; give each projection its own, such as ``(1, 'E to I')``. ``None``
        draws one from the global generator.
    procedural : bool
        Draw the same synapses again at each spike instead of storing them: a `ProceduralConnection`, whose
        weight is one number or drawn. It takes no memory, and there may be any number of synapses.

    Raises
    ------
    ParameterError
        If a size or the probability is out of range.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> comm = bst.pairwise_bernoulli(1000, 500, p=0.1, weight=2. * u.nS, seed=1)
    >>> comm.n_synapses
    49536
    """
    rule = 'pairwise_bernoulli'
    (pre, post), p, seed = _check.sizes(rule, pre, post), _check.probability(rule, p), _check.seed(rule, seed)
    draw = Gaps(keys(seed, pre), post, p, ALL if allow_autapses else OTHERS)
    if procedural:
        return connect_again(rule, draw, weight, delay=delay, seed=seed)
    _check.synapses(rule, p * pre * post)
    return connect(rule, Listing(rule, draw), post, weight, delay=delay, seed=seed)


@entry
def symmetric_pairwise_bernoulli(
    pre: int, post: int, p: float, *, weight: Weight, delay: Drawn | None = None, seed: Seed = None
) -> Connection:
    """Connect each two different neurons of a population, with probability ``p``, in both directions.

    Parameters
    ----------
    pre, post : int
        The size of the population, twice.
    p, weight, delay, seed
        See `pairwise_bernoulli`. Weights and delays that are drawn differ between the two directions.

    Raises
    ------
    ParameterError
        If the sizes differ, or a size or the probability is out of range.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> comm = bst.symmetric_pairwise_bernoulli(100, 100, p=0.1, weight=2. * u.nS, seed=1)
    >>> pairs = set(zip(comm.sources.tolist(), comm.targets.tolist()))
    >>> all((target, source) in pairs for source, target in pairs)
    True
    """
    rule = 'symmetric_pairwise_bernoulli'
    (pre, post), p, seed = _check.same_sizes(rule, pre, post), _check.probability(rule, p), _check.seed(rule, seed)
    _check.synapses(rule, p * pre * post)
    pairs = Symmetric(rule, Gaps(keys(seed, pre), post, p, LATER))
    return connect(rule, pairs, post, weight, delay=delay, seed=seed)


@entry
def fixed_indegree(
    pre: int,
    post: int,
    indegree: int,
    *,
    weight: Weight,
    delay: Drawn | None = None,
    allow_autapses: bool = True,
    allow_multapses: bool = True,
    seed: Seed = None,
) -> Connection:
    """Give each target ``indegree`` random sources.

    Parameters
    ----------
    pre, post, weight, delay, allow_autapses, seed
        See `pairwise_bernoulli`.
    indegree : int
        Synapses of each target.
    allow_multapses : bool
        Whether a source may connect to the same target more than once.

    Raises
    ------
    ParameterError
        If there are not enough different sources.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> comm = bst.fixed_indegree(1000, 50, 20, weight=2. * u.nS, seed=1)
    >>> np.bincount(comm.targets).tolist() == [20] * 50
    True
    """
    rule = 'fixed_indegree'
    (pre, post), seed = _check.sizes(rule, pre, post), _check.seed(rule, seed)
    names = rule, 'indegree', 'sources', 'pre'
    draw = _fixed_degree(names, post, pre, indegree, allow_autapses, allow_multapses, seed)
    return connect(rule, Transposed(rule, draw), post, weight, delay=delay, seed=seed)


@entry
def fixed_outdegree(
    pre: int,
    post: int,
    outdegree: int,
    *,
    weight: Weight,
    delay: Drawn | None = None,
    allow_autapses: bool = True,
    allow_multapses: bool = True,
    seed: Seed = None,
    procedural: bool = False,
) -> Connection:
    """Give each source ``outdegree`` random targets.

    Parameters
    ----------
    pre, post, weight, delay, allow_autapses, seed, procedural
        See `pairwise_bernoulli`.
    outdegree : int
        Synapses of each source.
    allow_multapses : bool
        Whether a source may connect to the same target more than once.

    Raises
    ------
    ParameterError
        If there are not enough different targets, or different ones are to be drawn again at each spike.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> comm = bst.fixed_outdegree(50, 1000, 20, weight=2. * u.nS, seed=1)
    >>> np.bincount(comm.sources).tolist() == [20] * 50
    True
    """
    rule = 'fixed_outdegree'
    (pre, post), seed = _check.sizes(rule, pre, post), _check.seed(rule, seed)
    names = rule, 'outdegree', 'targets', 'post'
    draw = _fixed_degree(names, pre, post, outdegree, allow_autapses, allow_multapses, seed, stored=not procedural)
    if not procedural:
        return connect(rule, Listing(rule, draw), post, weight, delay=delay, seed=seed)
    if not allow_multapses:
        raise ParameterError(f'{rule}: procedural=True draws targets independently; use allow_multapses=True, or store the synapses.')
    return connect_again(rule, draw, weight, delay=delay, seed=seed)


@entry
def fixed_total_number(
    pre: int,
    post: int,
    total: int,
    *,
    weight: Weight,
    delay: Drawn | None = None,
    allow_autapses: bool = True,
    allow_multapses: bool = True,
    seed: Seed = None,
) -> Connection:
    """Make ``total`` synapses between random pairs, all pairs alike.

    Parameters
    ----------
    pre, post, weight, delay, allow_autapses, seed
        See `pairwise_bernoulli`.
    total : int
        Synapses in all.
    allow_multapses : bool
        Whether a pair may be connected more than once.

    Raises
    ------
    ParameterError
        If there are not enough different pairs.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> comm = bst.fixed_total_number(50, 1000, 300, weight=2. * u.nS, seed=1)
    >>> comm.n_synapses
    300
    """
    rule = 'fixed_total_number'
    (pre, post), total, seed = _check.sizes(rule, pre, post), _check.number(rule, 'total', total), _check.seed(rule, seed)
    _check.synapses(rule, total)
    if not allow_autapses and pre != post:
        raise ParameterError(f'{rule}: allow_autapses=False is about one population, but there are {pre} sources and {post} targets.')
    available = pre * (post - (not allow_autapses))
    if total > available and (not allow_multapses or available < 1):
        raise ParameterError(
            f'{rule}: total = {total} asks for more different pairs than the {max(available, 0)} there are '
            f'(pre = {pre}, post = {post}, allow_autapses = {allow_autapses}); lower it, or use allow_multapses=True.'
        )
    each = keys(seed, pre + 1)
    if allow_multapses:
        pairs: Pairs = Listing(rule, Choices(each[:-1], post, shares(each[-1:], pre, total), skip_own=not allow_autapses))
    else:
        pairs = Subset(rule, each, post, total, available, ALL if allow_autapses else OTHERS)
    return connect(rule, pairs, post, weight, delay=delay, seed=seed)


def _fixed_degree(
    names: tuple[str, ...], n: int, others: int, degree: int, autapses: bool, multapses: bool, seed: Seed, stored: bool = True
) -> Choices:  # fmt: skip
    """For each of ``n`` neurons, ``degree`` of the others."""
    rule, argument, role, size = names
    degree = _check.number(rule, argument, degree)
    _check.synapses(rule, n * degree if stored else degree)
    available = others - (not autapses)
    if degree > available and (not multapses or available < 1):
        hint = 'lower it, or use allow_multapses=True' if available > 0 else 'lower it'
        raise ParameterError(
            f'{rule}: {argument} = {degree} asks for more different {role} than the {max(available, 0)} there are '
            f'({size} = {others}, allow_autapses = {autapses}); {hint}.'
        )
    if not autapses and n > others:
        pre, post = (others, n) if role == 'sources' else (n, others)
        raise ParameterError(f'{rule}: allow_autapses=False is about one population, but there are {pre} sources and {post} targets.')
    return Choices(keys(seed, n), others, np.full(n, degree), not multapses, not autapses)
