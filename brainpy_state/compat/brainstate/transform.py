"""The names of ``brainstate.transform``, and of its earlier rooms ``compile`` and ``augment``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from jax.sharding import PartitionSpec

from ... import filter as filters
from ... import graph, nn
from ... import transform as _ours
from ...state import ShortTermState, State
from ...transform import *  # noqa: F403
from .._missing import missing


def vmap2(fn: Callable | None = None, *, state_in_axes: Any = None, state_out_axes: Any = None, **options: Any) -> Any:
    """See `brainpy_state.transform.vmap`; its ``in_states`` and ``out_states`` are ``state_in_axes`` and ``state_out_axes`` here."""
    if fn is None:
        return functools.partial(vmap2, state_in_axes=state_in_axes, state_out_axes=state_out_axes, **options)
    return _ours.vmap(fn, in_states=state_in_axes, out_states=state_out_axes, **options)


class ProgressBar(_ours.ProgressBar):  # type: ignore[no-redef]
    """See `brainpy_state.transform.ProgressBar`.

    ``desc`` may be a pair of a text with values and the function that gives them: what stands before the first value is shown.
    """

    def __init__(self, freq: int | None = None, count: int | None = None, desc: Any = None):
        text = desc[0].partition('{')[0].rstrip(' =:,') if isinstance(desc, tuple) else desc
        super().__init__(freq, count, text or '')


def vmap_new_states(fun: Callable | None = None, **options: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.transform.vmap_new_states`; without a function, a decorator.

    Short-term states that the function makes anew get a lane axis as well.
    """
    if fun is None:
        return functools.partial(vmap_new_states, **options)
    return _ours.vmap_new_states(fun, **{'out_states': ShortTermState} | options)


def vmap2_new_states(
    module: nn.Module, init_kwargs: dict[str, Any], state_tag: str | None = None, axis_size: int | None = None, state_out_axes: Any = None
) -> dict:
    """Initialise the states of a module once for each lane; returns them by path.

    ``state_out_axes`` says which have a lane axis, by a filter or ``{0: filter}``; all by default.
    """
    if isinstance(state_out_axes, dict):
        if set(state_out_axes) - {0}:
            raise ValueError(f'vmap2_new_states: the lane axis of new states is 0, but {sorted(state_out_axes)} are given.')
        state_out_axes = state_out_axes.get(0)
    shared = None if state_out_axes is None else filters.Not(state_out_axes)
    nn.vmap_init_all_states(module, axis_size=axis_size, state_tag=state_tag, state_to_exclude=shared, **init_kwargs)
    return dict(module.states())


def shard_map(fun: Callable, mesh: Any, in_specs: Any, out_specs: Any, *, state_in_specs: Any = None, state_out_specs: Any = None) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.transform.shard_map`; states may also be the keys of ``state_in_specs`` and ``state_out_specs``."""
    return _ours.shard_map(
        fun, mesh=mesh, in_specs=in_specs, out_specs=out_specs,
        state_in_specs=_by_spec(state_in_specs), state_out_specs=_by_spec(state_out_specs),
    )  # fmt: skip


def _by_spec(specs: Any) -> Any:
    if not isinstance(specs, dict) or not all(isinstance(key, State) for key in specs):
        return specs
    found: dict[PartitionSpec, list[State]] = {}
    for state, spec in specs.items():
        found.setdefault(spec, []).append(state)
    return found


def eval_shape(f: Callable, *args: Any, **kwargs: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.transform.eval_shape`; a module that ``f`` makes comes back with shapes in the place of values."""
    made = []

    def parts(*args: Any, **kwargs: Any) -> Any:
        out = f(*args, **kwargs)
        if not isinstance(out, graph.Node):
            return out
        graphdef, states = graph.treefy_split(out)
        made.append(graphdef)
        return states

    shapes = _ours.eval_shape(parts, *args, **kwargs)
    return graph.treefy_merge(made[-1], shapes) if made else shapes


__getattr__ = missing(__name__, globals())
