"""Random connection rules under their NEST names."""

from __future__ import annotations

import operator

import numpy as np

from .._errors import ParameterError
from .._typing import Initializer
from . import _check, _sampling
from ._connect import Connection, connect
from ._rows import Rows
from ._sampling import Seed


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
    rule = 'pairwise_bernoulli'
    (pre, post), p = _check.sizes(rule, pre, post), _check.probability(rule, p)
    _check.synapses(rule, p * pre * post)
    keys = _check.keys(rule, seed, pre)
    return connect(_sampling.bernoulli(keys, post, p, None if allow_autapses else operator.ne), post, weight)


def symmetric_pairwise_bernoulli(pre: int, post: int, p: float, *, weight: Initializer, seed: Seed = None) -> Connection:
    """Connect each two different neurons of a population, with probability ``p``, in both directions.

    Parameters
    ----------
    pre, post : int
        The size of the population, twice.
    p, weight, seed
        See `pairwise_bernoulli`. Weights that are drawn differ between the two directions.

    Raises
    ------
    ParameterError
        If the sizes differ, or a size or the probability is out of range.
    """
    rule = 'symmetric_pairwise_bernoulli'
    (pre, post), p = _check.same_sizes(rule, pre, post), _check.probability(rule, p)
    _check.synapses(rule, p * pre * post)
    forth = _sampling.bernoulli(_check.keys(rule, seed, pre), post, p, operator.lt)
    return connect(forth.transposed(post).joined(forth), post, weight)


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
    pre, post = _check.sizes('fixed_indegree', pre, post)
    names = 'fixed_indegree', 'indegree', 'sources', 'pre'
    return connect(_fixed_degree(names, post, pre, indegree, allow_autapses, allow_multapses, seed).transposed(pre), post, weight)


def fixed_outdegree(
    pre: int,
    post: int,
    outdegree: int,
    *,
    weight: Initializer,
    allow_autapses: bool = True,
    allow_multapses: bool = True,
    seed: Seed = None,
) -> Connection:
    """Give each source ``outdegree`` random targets.

    Parameters
    ----------
    pre, post, weight, allow_autapses, seed
        See `pairwise_bernoulli`.
    outdegree : int
        Synapses of each source.
    allow_multapses : bool
        Whether a source may connect to the same target more than once.

    Raises
    ------
    ParameterError
        If there are not enough different targets.
    """
    pre, post = _check.sizes('fixed_outdegree', pre, post)
    names = 'fixed_outdegree', 'outdegree', 'targets', 'post'
    return connect(_fixed_degree(names, pre, post, outdegree, allow_autapses, allow_multapses, seed), post, weight)


def fixed_total_number(
    pre: int,
    post: int,
    total: int,
    *,
    weight: Initializer,
    allow_autapses: bool = True,
    allow_multapses: bool = True,
    seed: Seed = None,
) -> Connection:
    """Make ``total`` synapses between random pairs, all pairs alike.

    Parameters
    ----------
    pre, post, weight, allow_autapses, seed
        See `pairwise_bernoulli`.
    total : int
        Synapses in all.
    allow_multapses : bool
        Whether a pair may be connected more than once.

    Raises
    ------
    ParameterError
        If there are not enough different pairs.
    """
    rule = 'fixed_total_number'
    (pre, post), total = _check.sizes(rule, pre, post), _check.number(rule, 'total', total)
    _check.synapses(rule, total)
    if not allow_autapses and pre != post:
        raise ParameterError(f'{rule}: allow_autapses=False is about one population, but there are {pre} sources and {post} targets.')
    pairs = pre * (post - (not allow_autapses))
    if total > pairs and (not allow_multapses or pairs < 1):
        raise ParameterError(
            f'{rule}: total = {total} asks for more different pairs than the {max(pairs, 0)} there are '
            f'(pre = {pre}, post = {post}, allow_autapses = {allow_autapses}); lower it, or use allow_multapses=True.'
        )
    keys = _check.keys(rule, seed, pre + 1)
    if allow_multapses:
        rows = _sampling.repeated_choices(keys[:-1], post, _sampling.shares(keys[-1:], pre, total), not allow_autapses)
    else:
        rows = _sampling.subset(keys, post, total, pairs, None if allow_autapses else operator.ne)
    return connect(rows, post, weight)


def _fixed_degree(names: tuple[str, ...], n: int, others: int, degree: int, autapses: bool, multapses: bool, seed: Seed) -> Rows:
    """For each of ``n`` neurons, ``degree`` of the others."""
    rule, argument, role, size = names
    degree = _check.number(rule, argument, degree)
    _check.synapses(rule, n * degree)
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
    chosen = _sampling.choices(_check.keys(rule, seed, n), others, degree, not multapses, not autapses)
    return Rows.of(np.full(n, degree), chosen.ravel())
