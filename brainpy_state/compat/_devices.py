"""Functions in lanes that know how they are mapped: all on one device, or each on its own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .. import random, transform
from .._errors import ParameterError
from ..state import StateTraceStack
from ._mapping import Selector, in_lanes
from ._missing import NotSupportedError

_NAME = 'lanes'
_WITHOUT = {
    'static_broadcasted_argnums': 'close over the value in the function',
    'backend': 'give devices',
    'donate_argnums': 'leave it out',
    'global_arg_shapes': 'leave it out',
}


class StatefulMapping:
    """A function in lanes. Its options are its attributes.

    Parameters
    ----------
    fun : callable
    in_axes, out_axes, axis_size, axis_name
        As of `brainpy_state.transform.vmap`.
    state_in_axes, state_out_axes : State, filter, several of them, or dict from axes to these
        As ``in_states`` and ``out_states`` there.
    unexpected_out_state_mapping : {'auto', 'raise'}
        What a state is that is written and not declared; with ``'auto'``, it has a lane axis if its first axis has as many elements
        as there are lanes, and is shared otherwise.
    static_argnums, static_argnames : int or str, or several
        Arguments that are the same Python value in all lanes.
    name : str, optional
        A label.
    mapping_fn : callable
        ``jax.vmap``, or ``jax.pmap`` for a lane on each device.
    mapping_kwargs : dict, optional
        Further options: ``spmd_axis_name`` of ``jax.vmap``, ``devices`` of ``jax.pmap``.

    Raises
    ------
    ValueError
        If ``mapping_fn`` is another one, or a static argument is not there.
    """

    def __init__(
        self,
        fun: Callable,
        in_axes: Any = 0,
        out_axes: Any = 0,
        state_in_axes: Selector = None,
        state_out_axes: Selector = None,
        unexpected_out_state_mapping: str = 'auto',
        static_argnums: int | Iterable[int] | None = (),
        static_argnames: str | Iterable[str] | None = (),
        *,
        axis_size: int | None = None,
        axis_name: Any = None,
        name: str | None = None,
        mapping_fn: Callable = jax.vmap,
        mapping_kwargs: dict[str, Any] | None = None,
    ):
        if mapping_fn not in (jax.vmap, jax.pmap):
            raise ParameterError('StatefulMapping: mapping_fn is jax.vmap or jax.pmap.')
        self.origin_fun, self.name, self.mapping_fn = fun, name, mapping_fn
        self.in_axes, self.out_axes, self.axis_size, self.axis_name = in_axes, out_axes, axis_size, axis_name
        self.state_in_axes, self.state_out_axes = state_in_axes, state_out_axes
        self.unexpected_out_state_mapping = unexpected_out_state_mapping
        self.static_argnums, self.static_argnames = _several(static_argnums), _several(static_argnames)
        self.mapping_kwargs = dict(mapping_kwargs or {})
        functools.update_wrapper(self, fun, assigned=('__name__', '__qualname__', '__doc__'), updated=())
        self._made: dict[Any, Callable] = {}
        if not (self.static_argnums or self.static_argnames):
            self._made[(), ()] = self._mapped(fun, in_axes)

    def _mapped(self, fun: Callable, in_axes: Any) -> Callable:
        kind = _one_each if self.mapping_fn is jax.pmap else in_lanes
        return kind(
            fun, self.state_in_axes, self.state_out_axes, self.unexpected_out_state_mapping, in_axes=in_axes, out_axes=self.out_axes,
            axis_name=self.axis_name, axis_size=self.axis_size, **self.mapping_kwargs,
        )  # fmt: skip

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A call in lanes."""
        if beyond := [n for n in self.static_argnums if not -len(args) <= n < len(args)]:
            raise ParameterError(f'StatefulMapping: static_argnums={beyond[0]} is out of range, there are {len(args)} arguments.')
        fixed = {n % len(args): args[n % len(args)] for n in self.static_argnums}
        named = {key: kwargs.pop(key) for key in self.static_argnames if key in kwargs}
        key = tuple(fixed.items()), tuple(named.items())
        if key not in self._made:
            several = isinstance(self.in_axes, (tuple, list))
            axes = tuple(axis for n, axis in enumerate(self.in_axes) if n not in fixed) if several else self.in_axes
            self._made[key] = self._mapped(_with_fixed(self.origin_fun, fixed, named), axes)
        return self._made[key](*(x for n, x in enumerate(args) if n not in fixed), **kwargs)


def _several(x: Any) -> tuple:
    return () if x is None else (x,) if isinstance(x, (int, str)) else tuple(x)


def _with_fixed(fun: Callable, fixed: dict[int, Any], named: dict[str, Any]) -> Callable:
    @functools.wraps(fun, updated=())
    def rest(*args: Any, **kwargs: Any) -> Any:
        others = iter(args)
        return fun(*(fixed[n] if n in fixed else next(others) for n in range(len(args) + len(fixed))), **named, **kwargs)

    return rest


def vmap2(fn: Callable | None = None, *, spmd_axis_name: Any = None, **options: Any) -> Any:
    """A function in lanes; without one, a decorator.

    Parameters
    ----------
    fn : callable, optional
    spmd_axis_name
        As of `brainpy_state.transform.vmap`.
    **options
        ``in_axes``, ``out_axes``, ``axis_name``, ``axis_size``, ``state_in_axes``, ``state_out_axes`` and
        ``unexpected_out_state_mapping`` of `StatefulMapping`.
    """
    if fn is None:
        return functools.partial(vmap2, spmd_axis_name=spmd_axis_name, **options)
    return StatefulMapping(fn, mapping_kwargs={'spmd_axis_name': spmd_axis_name}, **options)


def _one_each(fn: Callable, *states: Any, in_axes: Any, devices: Sequence[Any] | None = None, **options: Any) -> Callable:
    """A function of which each device computes a lane."""
    compiled = transform.jit(in_lanes(fn, *states, in_axes=in_axes, **options))

    @functools.wraps(fn, updated=())
    def on_devices(*args: Any) -> Any:
        axes = tuple(in_axes) if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)
        sizes: set[int] = set() if options['axis_size'] is None else {options['axis_size']}
        jax.tree.map(lambda axis, x: sizes.update(_sizes(axis, x)), axes, args, is_leaf=lambda axis: axis is None)
        if len(sizes) != 1:
            raise ParameterError(f'pmap2: the number of lanes is one number, but arguments and axis_size have {sorted(sizes) or "none"}.')
        (size,) = sizes
        there = list(jax.devices() if devices is None else devices)
        if size > len(there):
            raise ParameterError(f'pmap2: {size} lanes need as many devices, but there are {len(there)}; use vmap2 for lanes on one.')
        mesh = Mesh(np.array(there[:size]), (_NAME,))
        args = jax.tree.map(lambda axis, x: _spread(mesh, axis, x), axes, args, is_leaf=lambda axis: axis is None)
        with StateTraceStack() as watched:
            result = compiled(*args)
        for state in watched.get_write_states():
            if isinstance(state, random.RandomState):
                state.value = jax.tree.map(np.asarray, state.value)  # belongs to no device
        return result

    return on_devices


def _sizes(axis: int | None, x: Any) -> set[int]:
    return set() if axis is None else {np.shape(leaf)[axis] for leaf in jax.tree.leaves(x)}


def _spread(mesh: Mesh, axis: int | None, x: Any) -> Any:
    spec = PartitionSpec() if axis is None else PartitionSpec(*(None,) * axis, _NAME)
    return jax.device_put(x, NamedSharding(mesh, spec))


def pmap2(fn: Callable | None = None, axis_name: Any = None, *, devices: Sequence[Any] | None = None, **options: Any) -> Any:
    """`vmap2` with a lane on each of several devices; without a function, a decorator.

    Parameters
    ----------
    fn : callable, optional
    devices : sequence of jax.Device, optional
        All by default.
    axis_name, **options
        As of `vmap2`.

    Raises
    ------
    ValueError
        If there are more lanes than devices.
    NotImplementedError
        For an option of ``jax.pmap`` that is not supported.
    """
    for option in [option for option in options if option in _WITHOUT]:
        if options.pop(option) not in (None, ()):
            raise NotSupportedError(f'pmap2: {option} is not supported; {_WITHOUT[option]}.')
    if fn is None:
        return functools.partial(pmap2, axis_name=axis_name, devices=devices, **options)
    return StatefulMapping(fn, mapping_fn=jax.pmap, mapping_kwargs={'devices': devices}, axis_name=axis_name, **options)
