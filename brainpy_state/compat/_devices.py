"""Lanes on several devices, one on each, and functions that know how they are mapped."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .. import random, transform
from .._errors import ParameterError
from ..state import StateTraceStack
from ._mapping import vmap2

_NAME = 'lanes'
_WITHOUT = {
    'static_broadcasted_argnums': 'close over the value in the function',
    'backend': 'give devices',
    'donate_argnums': 'leave it out',
    'global_arg_shapes': 'leave it out',
}


class StatefulMapping:
    """A function in lanes, with the options of `vmap2`, which are its attributes.

    Parameters
    ----------
    fun : callable
    in_axes, out_axes, state_in_axes, state_out_axes, unexpected_out_state_mapping, axis_size, axis_name
        As of `vmap2`.
    name : str, optional
        A label.
    mapping_fn : callable
        ``jax.vmap``.

    Raises
    ------
    ValueError
        If ``mapping_fn`` is another one.
    """

    def __init__(
        self,
        fun: Callable,
        in_axes: Any = 0,
        out_axes: Any = 0,
        state_in_axes: Any = None,
        state_out_axes: Any = None,
        unexpected_out_state_mapping: str = 'auto',
        *,
        axis_size: int | None = None,
        axis_name: Any = None,
        name: str | None = None,
        mapping_fn: Callable = jax.vmap,
    ):
        if mapping_fn is not jax.vmap:
            raise ParameterError('StatefulMapping: mapping_fn is jax.vmap here; use pmap2 for several devices.')
        self.origin_fun, self.name = fun, name
        self.in_axes, self.out_axes, self.axis_size, self.axis_name = in_axes, out_axes, axis_size, axis_name
        self.state_in_axes, self.state_out_axes = state_in_axes, state_out_axes
        self.unexpected_out_state_mapping = unexpected_out_state_mapping
        functools.update_wrapper(self, fun, assigned=('__name__', '__qualname__', '__doc__'), updated=())
        self._mapped = vmap2(
            fun,
            in_axes=in_axes,
            out_axes=out_axes,
            axis_name=axis_name,
            axis_size=axis_size,
            state_in_axes=state_in_axes,
            state_out_axes=state_out_axes,
            unexpected_out_state_mapping=unexpected_out_state_mapping,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A call in lanes."""
        return self._mapped(*args, **kwargs)


class _OnDevices(StatefulMapping):
    """A function of which each device computes a lane."""

    def __init__(self, fun: Callable, devices: Sequence[Any] | None, **options: Any):
        super().__init__(fun, **options)
        self.devices = devices
        self._compiled = transform.jit(self._mapped)

    def __call__(self, *args: Any) -> Any:
        """A call with a lane on each device."""
        axes = tuple(self.in_axes) if isinstance(self.in_axes, (tuple, list)) else (self.in_axes,) * len(args)
        sizes: set[int] = set() if self.axis_size is None else {self.axis_size}
        jax.tree.map(lambda axis, x: sizes.update(_sizes(axis, x)), axes, args, is_leaf=lambda axis: axis is None)
        if len(sizes) != 1:
            raise ParameterError(f'pmap2: the number of lanes is one number, but arguments and axis_size have {sorted(sizes) or "none"}.')
        (size,) = sizes
        devices = list(jax.devices() if self.devices is None else self.devices)
        if size > len(devices):
            raise ParameterError(f'pmap2: {size} lanes need as many devices, but there are {len(devices)}; use vmap2 for lanes on one.')
        mesh = Mesh(np.array(devices[:size]), (_NAME,))
        args = jax.tree.map(lambda axis, x: _spread(mesh, axis, x), axes, args, is_leaf=lambda axis: axis is None)
        with StateTraceStack() as watched:
            result = self._compiled(*args)
        for state in watched.get_write_states():
            if isinstance(state, random.RandomState):
                state.value = jax.tree.map(np.asarray, state.value)  # belongs to no device
        return result


def _sizes(axis: int | None, x: Any) -> set[int]:
    return set() if axis is None else {np.shape(leaf)[axis] for leaf in jax.tree.leaves(x)}


def _spread(mesh: Mesh, axis: int | None, x: Any) -> Any:
    spec = PartitionSpec() if axis is None else PartitionSpec(*(None,) * axis, _NAME)
    return jax.device_put(x, NamedSharding(mesh, spec))


def pmap2(
    fn: Callable | None = None,
    axis_name: Any = None,
    *,
    in_axes: Any = 0,
    out_axes: Any = 0,
    devices: Sequence[Any] | None = None,
    axis_size: int | None = None,
    state_in_axes: Any = None,
    state_out_axes: Any = None,
    unexpected_out_state_mapping: str = 'auto',
    **options: Any,
) -> Any:
    """`vmap2` with a lane on each of several devices; without a function, a decorator.

    Parameters
    ----------
    fn, axis_name, in_axes, out_axes, axis_size, state_in_axes, state_out_axes, unexpected_out_state_mapping
        As of `vmap2`.
    devices : sequence of jax.Device, optional
        All by default.

    Raises
    ------
    ValueError
        If there are more lanes than devices; or for an option of ``jax.pmap`` that is not supported.
    """
    for option, given in options.items():
        if option not in _WITHOUT:
            raise TypeError(f'pmap2 takes no {option}.')
        if given not in (None, ()):
            raise ParameterError(f'pmap2: {option} is not supported; {_WITHOUT[option]}.')

    def decorate(fn: Callable) -> _OnDevices:
        return _OnDevices(
            fn,
            devices,
            in_axes=in_axes,
            out_axes=out_axes,
            axis_name=axis_name,
            axis_size=axis_size,
            state_in_axes=state_in_axes,
            state_out_axes=state_out_axes,
            unexpected_out_state_mapping=unexpected_out_state_mapping,
        )

    return decorate if fn is None else decorate(fn)
