"""Modules in lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import nn, transform
from .._errors import ParameterError
from ..state import State, filter
from ._devices import pmap2
from ._mapping import Selector, vmap2_new_states


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
        self.vmapped_fn = transform.vmap(
            module,
            in_axes,
            out_axes,
            axis_name=axis_name,
            axis_size=axis_size,
            in_states=self._own(vmap_states),
            out_states=self._own(vmap_out_states),
        )

    def _own(self, selector: Selector) -> Selector:
        """The same with filters that are asked about states of the module, at their paths there."""
        if isinstance(selector, dict):
            return {axis: self._own(part) for axis, part in selector.items()}
        if isinstance(selector, (list, tuple)):
            return [self._own(part) for part in selector]
        if selector is None or isinstance(selector, State):
            return selector
        fits = filter.to_predicate(selector)
        return lambda _, state: any(x is state and fits(path, x) for path, x in self.module.states().items())

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
    init_state_axes : filter, or dict from 0 or None to filters, optional
        Which states get a lane axis; see `vmap2_new_states`.
    state_tag : str, optional
        A tag for the states that are made.
    in_axes, out_axes, axis_name, spmd_axis_name
        As of ``transform.vmap``, for steps.
    call_state_axes : filter, or dict from axes to filters, optional
        States with a lane axis in steps, besides those that were initialised so.
    behavior : {'vmap', 'pmap'}
        Whether all lanes are computed on one device, or each on its own.

    Raises
    ------
    ValueError
        If ``behavior`` is none of these, or a step is asked for before ``init_all_states``.
    TypeError
        If ``module`` is no module, or ``init_map_size`` no integer.
    """

    def __init__(
        self,
        module: nn.Module,
        init_map_size: int,
        init_state_axes: Selector = None,
        state_tag: str | None = None,
        in_axes: Any = 0,
        out_axes: Any = 0,
        axis_name: Any = None,
        spmd_axis_name: Any = None,
        call_state_axes: Selector = None,
        behavior: str = 'vmap',
    ):
        super().__init__()
        if not isinstance(module, nn.Module):
            raise TypeError(f'{self.label}: module must be a Module, but is {module!r}.')
        if not isinstance(init_map_size, int):
            raise TypeError(f'{self.label}: init_map_size is the number of lanes, an integer, but is {init_map_size!r}.')
        if behavior not in ('vmap', 'pmap'):
            raise ParameterError(f"{self.label}: behavior is 'vmap' or 'pmap', but is {behavior!r}.")
        self.module, self.init_map_size, self.init_state_axes, self.state_tag = module, init_map_size, init_state_axes, state_tag
        self.in_axes, self.out_axes, self.axis_name, self.spmd_axis_name = in_axes, out_axes, axis_name, spmd_axis_name
        self.call_state_axes, self.behavior = call_state_axes, behavior
        self.dict_vmap_states: dict[int, list[State]] | None = None
        self._in_lanes: Callable | None = None

    def init_all_states(self, **kwargs: Any) -> Any:
        """Initialise the module in lanes."""
        self.dict_vmap_states = vmap2_new_states(self.module, kwargs, self.state_tag, self.init_map_size, self.init_state_axes)
        self._in_lanes = self.map(self.module, self.in_axes, self.out_axes, self.axis_name, self.call_state_axes)
        return self

    def map(self, fn: str | Callable, in_axes: Any = 0, out_axes: Any = 0, axis_name: Any = None, state_axes: Selector = None) -> Callable:
        """A method of the module, by name, or another function of its states, in lanes."""
        if self.dict_vmap_states is None:
            raise ParameterError(f'{self.label}: call init_all_states first.')
        function = getattr(self.module, fn) if isinstance(fn, str) else fn
        states = [self.dict_vmap_states, state_axes]
        axis_name = self.axis_name if axis_name is None else axis_name
        if self.behavior == 'pmap':
            # a state that a step writes keeps its lane axis
            return pmap2(
                function, axis_name, in_axes=in_axes, out_axes=out_axes, axis_size=self.init_map_size,
                state_in_axes=states, state_out_axes=states,
            )  # fmt: skip
        return transform.vmap(
            function, in_axes, out_axes, axis_name=axis_name, axis_size=self.init_map_size,
            spmd_axis_name=self.spmd_axis_name, in_states=states,
        )  # fmt: skip

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """A step in lanes."""
        if self._in_lanes is None:
            raise ParameterError(f'{self.label}: call init_all_states first.')
        return self._in_lanes(*args, **kwargs)
