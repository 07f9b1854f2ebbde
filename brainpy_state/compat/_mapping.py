"""Lanes under older names: states are declared by filters, or found when a call runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import brainunit as u
import jax
import numpy as np

from .. import graph, nn, transform
from .._errors import ParameterError
from ..state import State, filter

Selector = Any  # a State, several, a filter, or a dict from axes to these


def vmap2(
    fn: Callable | None = None,
    *,
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Any = None,
    axis_size: int | None = None,
    spmd_axis_name: Any = None,
    state_in_axes: Selector = None,
    state_out_axes: Selector = None,
    unexpected_out_state_mapping: str = 'auto',
) -> Any:
    """See `brainpy_state.transform.vmap`.

    Parameters
    ----------
    fn, in_axes, out_axes, axis_name, axis_size, spmd_axis_name
        As there.
    state_in_axes, state_out_axes : State, several of them, filter, or dict from axes to these
        As ``in_states`` and ``out_states`` there; a filter selects among the states that the function reads or writes.
    unexpected_out_state_mapping : {'auto', 'raise'}
        With ``'auto'`` and no ``axis_name``, a state that is written and not declared has a lane axis if its first axis has as many
        elements as there are lanes. Otherwise it is shared, and different values for it are an error.

    Raises
    ------
    ValueError
        For ``unexpected_out_state_mapping='warn'`` or ``'ignore'``; declare those states in ``state_out_axes``.
    """
    if unexpected_out_state_mapping not in ('auto', 'raise'):
        raise ParameterError(
            f"vmap2: unexpected_out_state_mapping is 'auto' or 'raise', but is {unexpected_out_state_mapping!r}; "
            'declare states that get a lane axis in state_out_axes.'
        )
    given = {'in_axes': in_axes, 'out_axes': out_axes, 'axis_name': axis_name, 'axis_size': axis_size, 'spmd_axis_name': spmd_axis_name}

    finds = unexpected_out_state_mapping == 'auto' and axis_name is None

    def decorate(fn: Callable) -> Callable:
        if not finds and _are_states(state_in_axes) and _are_states(state_out_axes):
            return transform.vmap(fn, in_states=state_in_axes, out_states=state_out_axes, **given)
        finder = transform.StatefulFunction(fn)

        @functools.wraps(fn, updated=())
        def mapped(*args: Any, **kwargs: Any) -> Any:
            lane = _one_lane(args, in_axes), {key: _one_lane((x,), 0)[0] for key, x in kwargs.items()}
            touched, written = finder.get_states(*lane[0], **lane[1]), finder.get_write_states(*lane[0], **lane[1])
            came, went = _selected(state_in_axes, touched), _selected(state_out_axes, written)
            if finds:
                size = _lanes(args, kwargs, in_axes) if axis_size is None else axis_size
                for state in written:
                    if (
                        state.lanes is None
                        and not any(state in group for group in (*came.values(), *went.values()))
                        and has_lanes(state, size)
                    ):
                        came.setdefault(0, []).append(state)
            return transform.vmap(fn, in_states=came, out_states=went, **given)(*args, **kwargs)

        return mapped

    return decorate if fn is None else decorate(fn)


def _are_states(selector: Selector) -> bool:
    """Whether no filter is among them, so that the function need not be looked at."""
    chosen = selector.values() if isinstance(selector, dict) else (selector,)
    return all(x is None or isinstance(x, State) or (isinstance(x, (list, tuple)) and all(isinstance(s, State) for s in x)) for x in chosen)


def _selected(selector: Selector, states: Iterable[State]) -> dict[Any, list[State]]:
    by_axis = selector if isinstance(selector, dict) else {0: selector}
    taken: dict[Any, list[State]] = {}
    for axis, chosen in by_axis.items():
        if isinstance(chosen, State):
            taken[axis] = [chosen]
        elif isinstance(chosen, (list, tuple, set, frozenset)) and all(isinstance(x, State) for x in chosen):
            taken[axis] = list(chosen)
        elif chosen is not None:
            fits = filter.to_predicate(chosen)
            before = [s for group in taken.values() for s in group]
            taken[axis] = [s for s in states if s.lanes is None and fits((), s) and s not in before]
    return {axis: group for axis, group in taken.items() if axis is not None}


def has_lanes(state: State, size: int | None) -> bool:
    """Whether the first axis of all that a state holds is of this size."""
    leaves = jax.tree.leaves(state.value)
    return bool(leaves) and all(np.ndim(x) > 0 and np.shape(x)[0] == size for x in leaves)


def _axes_of(args: tuple, in_axes: Any) -> tuple:
    return tuple(in_axes) if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)


def _one_lane(args: tuple, in_axes: Any) -> tuple:
    """Shapes and types of the arguments of one lane."""

    def without(x: Any, axis: Any) -> Any:
        if axis is None:
            return x
        return jax.eval_shape(lambda x: jax.lax.index_in_dim(x, 0, axis, keepdims=False), x)

    def one(arg: Any, axes: Any) -> Any:
        if axes is None or isinstance(axes, int):
            return jax.tree.map(lambda x: without(x, axes), arg)
        return jax.tree.map(lambda axis, x: jax.tree.map(lambda leaf: without(leaf, axis), x), axes, arg, is_leaf=lambda a: a is None)

    return tuple(one(arg, axes) for arg, axes in zip(args, _axes_of(args, in_axes), strict=True))


def _lanes(args: tuple, kwargs: dict[str, Any], in_axes: Any) -> int | None:
    for arg, axes in (*zip(args, _axes_of(args, in_axes), strict=True), *((x, 0) for x in kwargs.values())):
        if isinstance(axes, int) and (leaves := jax.tree.leaves(arg)):
            return int(np.shape(u.get_mantissa(leaves[0]))[axes])
    return None


def vmap2_new_states(
    module: nn.Module, init_kwargs: dict[str, Any], state_tag: str | None = None, axis_size: int | None = None
) -> dict[int, list[State]]:
    """Initialise a module in lanes: each state gets a lane axis in front.

    Parameters
    ----------
    module : Module
    init_kwargs : dict
        Given to its ``init_all_states``.
    state_tag : str, optional
        A tag for the states that are made.
    axis_size : int
        The number of lanes.

    Returns
    -------
    dict
        The states by their lane axis, which is 0.
    """
    if axis_size is None:
        raise ParameterError('vmap2_new_states: give axis_size, the number of lanes.')
    there = [state for state in graph.states(module).values() if state.lanes is None]

    def one_lane() -> None:
        module.init_all_states(**init_kwargs)

    transform.vmap_new_states(one_lane, axis_size=axis_size, state_tag=state_tag, out_states=there)()
    return {0: [state for state in graph.states(module).values() if state.lanes is None]}


class Vmap(nn.Module):
    """A module whose steps run in lanes.

    Parameters
    ----------
    module : Module
    in_axes, out_axes, axis_name, axis_size
        As of ``transform.vmap``.
    vmap_states, vmap_out_states : filter, or dict from axes to filters, optional
        States of the module that have a lane axis, or get one by being written.
    """

    def __init__(
        self,
        module: nn.Module,
        in_axes: Any = 0,
        out_axes: Any = 0,
        vmap_states: Any = None,
        vmap_out_states: Any = None,
        axis_name: Any = None,
        axis_size: int | None = None,
    ):
        super().__init__()
        if not isinstance(module, nn.Module):
            raise TypeError(f'{self.label}: module must be a Module, but is {module!r}.')
        self.module, self.in_axes, self.out_axes, self.axis_name, self.axis_size = module, in_axes, out_axes, axis_name, axis_size
        own = tuple(module.states().values())
        self.vmapped_fn = transform.vmap(
            module,
            in_axes,
            out_axes,
            axis_name=axis_name,
            axis_size=axis_size,
            in_states=_selected(vmap_states, own),
            out_states=_selected(vmap_out_states, own),
        )

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """A step in lanes."""
        return self.vmapped_fn(*args, **kwargs)


class Map(nn.Module):
    """A module that is initialised in lanes, and whose steps run so.

    Parameters
    ----------
    module : Module
    init_map_size : int
        The number of lanes.
    state_tag : str, optional
        A tag for the states that are made.
    in_axes, out_axes, axis_name, spmd_axis_name
        As of ``transform.vmap``, for steps.
    """

    def __init__(
        self,
        module: nn.Module,
        init_map_size: int,
        state_tag: str | None = None,
        in_axes: Any = 0,
        out_axes: Any = 0,
        axis_name: Any = None,
        spmd_axis_name: Any = None,
    ):
        super().__init__()
        if not isinstance(module, nn.Module):
            raise TypeError(f'{self.label}: module must be a Module, but is {module!r}.')
        self.module, self.init_map_size, self.state_tag = module, init_map_size, state_tag
        self.in_axes, self.out_axes, self.axis_name, self.spmd_axis_name = in_axes, out_axes, axis_name, spmd_axis_name
        self.dict_vmap_states: dict[int, list[State]] | None = None
        self._in_lanes: Callable | None = None

    def init_all_states(self, **kwargs: Any) -> Any:
        """Initialise the module in lanes."""
        self.dict_vmap_states = vmap2_new_states(self.module, kwargs, self.state_tag, self.init_map_size)
        self._in_lanes = self.map(self.module, self.in_axes, self.out_axes, self.axis_name)
        return self

    def map(self, fn: str | Callable, in_axes: Any = 0, out_axes: Any = 0, axis_name: Any = None) -> Callable:
        """A method of the module, by name, or another function of its states, in lanes."""
        if self.dict_vmap_states is None:
            raise ParameterError(f'{self.label}: call init_all_states first.')
        function = getattr(self.module, fn) if isinstance(fn, str) else fn
        return transform.vmap(
            function,
            in_axes,
            out_axes,
            axis_name=axis_name,
            axis_size=self.init_map_size,
            spmd_axis_name=self.spmd_axis_name,
            in_states=self.dict_vmap_states,
        )

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """A step in lanes."""
        if self._in_lanes is None:
            raise ParameterError(f'{self.label}: call init_all_states first.')
        return self._in_lanes(*args, **kwargs)
