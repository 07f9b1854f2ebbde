"""Connections under their older names, as functions that make a `Connection`."""

from __future__ import annotations

import functools
from typing import Any

import brainunit as u
import numpy as np

from .. import Connection, all_to_all, explicit_edges, fixed_indegree, fixed_outdegree, one_to_one, random
from .._errors import ParameterError


def _number(size: Any) -> int:
    return int(np.prod(size))


def FixedNumConn(
    in_size: Any,
    out_size: Any,
    conn_num: float,
    conn_weight: Any,
    efferent_target: str = 'post',
    afferent_ratio: float = 1.0,
    allow_multi_conn: bool = True,
    seed: int | None = None,
    name: str | None = None,
) -> Connection:
    """Random synapses, of which each source has ``conn_num``, or the fraction ``conn_num`` of the targets, with repetition.

    With ``efferent_target='pre'`` each target has so many of the sources. Of the sources, the fraction ``afferent_ratio`` has any,
    each with this probability.
    """
    if not 0.0 <= afferent_ratio <= 1.0:
        raise ParameterError(f'FixedNumConn: afferent_ratio = {afferent_ratio} is a fraction, from 0 to 1.')
    pre, post = _number(in_size), _number(out_size)
    others = post if efferent_target == 'post' else pre
    number = int(conn_num * others) if isinstance(conn_num, float) else int(conn_num)
    if isinstance(conn_num, float) and not 0.0 <= conn_num <= 1.0:
        raise ParameterError(f'FixedNumConn: conn_num = {conn_num} is a fraction, from 0 to 1; give an int for a number.')
    if efferent_target not in ('post', 'pre'):
        raise ParameterError(f"FixedNumConn: efferent_target is 'post' or 'pre', but is {efferent_target!r}.")
    rules: dict[str, Any] = {'post': fixed_outdegree, 'pre': fixed_indegree}
    rule = functools.partial(rules[efferent_target], pre, post, number, allow_multapses=allow_multi_conn, seed=seed)
    if afferent_ratio == 1.0:
        return rule(weight=conn_weight)
    edges = rule(weight=1.0)
    has_any = np.asarray(random.RandomState(seed).random(pre) if seed is not None else random.random(pre)) < afferent_ratio
    kept = has_any[edges.sources]
    return explicit_edges(pre, post, edges.sources[kept], edges.targets[kept], weight=conn_weight, seed=seed)


EventFixedNumConn = EventFixedProb = FixedNumConn


def FixedProb(
    n_pre: Any, n_post: Any, prob: float, weight: Any, allow_multi_conn: bool = True, seed: int | None = None, name: str | None = None
) -> Connection:
    """`FixedNumConn` by a fraction of the targets, under the older names of its arguments."""
    return FixedNumConn(n_pre, n_post, float(prob), weight, allow_multi_conn=allow_multi_conn, seed=seed, name=name)


def AllToAll(in_size: Any, out_size: Any, w_init: Any = 1.0, b_init: Any = None, include_self: bool = True, name: Any = None) -> Connection:
    """All pairs; ``w_init`` is a number, a matrix or a callable of its shape."""
    if b_init is not None:
        raise ValueError('AllToAll: b_init is not supported; add the bias to the input of the target.')
    pre, post = _number(in_size), _number(out_size)
    weight = w_init((pre, post)) if callable(w_init) else w_init
    if np.ndim(u.get_mantissa(weight)) == 2:
        weight = weight.reshape(-1) if include_self else weight[~np.eye(pre, post, dtype=bool)]
    return all_to_all(pre, post, weight=weight, allow_autapses=include_self)


def EventLinear(in_size: Any, out_size: Any, weight: Any, float_as_event: bool = True, name: Any = None) -> Connection:
    """All pairs, for spikes."""
    return AllToAll(in_size, out_size, weight)


def OneToOne(in_size: Any, w_init: Any = 1.0, b_init: Any = None, name: Any = None) -> Connection:
    """Each source to the target of its number."""
    if b_init is not None:
        raise ValueError('OneToOne: b_init is not supported; add the bias to the input of the target.')
    n = _number(in_size)
    return one_to_one(n, n, weight=w_init((n,)) if callable(w_init) else w_init)
