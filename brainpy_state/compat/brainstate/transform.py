"""The names of ``brainstate.transform``, and of its earlier rooms ``compile`` and ``augment``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from jax.sharding import PartitionSpec

from ... import graph
from ... import transform as _ours
from ..._errors import ParameterError
from ...state import ShortTermState, State
from ...transform import *  # noqa: F403
from .._debug import breakpoint_if as breakpoint_if
from .._debug import debug_nan as debug_nan
from .._debug import debug_nan_if as debug_nan_if
from .._debug import finite
from .._debug import jit_error_if as jit_error_if
from .._devices import StatefulMapping as StatefulMapping
from .._devices import pmap2 as pmap2
from .._devices import vmap2 as vmap2
from .._jaxprs import algebraic_simplification as algebraic_simplification
from .._jaxprs import common_subexpression_elimination as common_subexpression_elimination
from .._jaxprs import constant_fold as constant_fold
from .._jaxprs import copy_propagation as copy_propagation
from .._jaxprs import dead_code_elimination as dead_code_elimination
from .._jaxprs import optimize_jaxpr as optimize_jaxpr
from .._mapping import vmap2_new_states as vmap2_new_states
from .._missing import NotSupportedError, missing
from .._naming import StateFinder as StateFinder
from .._naming import named_call as named_call
from .._naming import named_scope as named_scope
from .._naming import unvmap as unvmap
from .._python_text import fn_to_python_code as fn_to_python_code
from .._python_text import jaxpr_to_python_code as jaxpr_to_python_code
from .._renamed import renamed
from .._stateful import StatefulFunction as StatefulFunction

grad, vector_grad = finite(_ours.grad), renamed(finite(_ours.vector_grad), func='fun')
fwd_grad = renamed(_ours.fwd_grad, func='fun')
jacrev, jacobian = finite(_ours.jacrev), finite(_ours.jacobian)
jacfwd, hessian = renamed(finite(_ours.jacfwd), func='fun'), renamed(finite(_ours.hessian), func='fun')

_WITHOUT = {
    'in_shardings': 'put arguments on devices with jax.device_put, or use transform.shard_map',
    'out_shardings': 'use jax.lax.with_sharding_constraint within the function, or transform.shard_map',
    'device': 'use jax.default_device',
    'backend': 'use environ.set(platform=...)',
    'inline': 'call the function itself inside of another compiled one',
    'keep_unused': 'leave it out: what is not used costs nothing',
    'abstracted_axes': 'leave it out: each shape compiles once',
}


def jit(fun: Callable | None = None, *, name: str | None = None, **options: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.transform.jit`; with ``name``, the compiled function has it.

    Raises
    ------
    ValueError
        For an option of ``jax.jit`` that says where or how it compiles, with what to do instead.
    """
    for option in [key for key in options if key in _WITHOUT]:
        if options.pop(option):
            raise ParameterError(f'jit: {option} is not supported; {_WITHOUT[option]}.')
    if fun is None:
        return lambda fun: jit(fun, name=name, **options)  # type: ignore[call-arg]
    compiled = _ours.jit(fun, **options)
    if name is not None:
        compiled.__name__ = compiled.__qualname__ = name
    return compiled


def make_jaxpr(fun: Callable, *args: Any, return_only_write: bool = True, **options: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.transform.make_jaxpr`; the jaxpr gives new values of states that are written, and of no others."""
    if not return_only_write:
        raise NotSupportedError('make_jaxpr: return_only_write=False is not supported; the states are given beside the jaxpr.')
    return _ours.make_jaxpr(fun, *args, **options)


class ProgressBar(_ours.ProgressBar):  # type: ignore[no-redef]
    """See `brainpy_state.transform.ProgressBar`.

    ``desc`` may be a pair of a text with values and the function that gives them: what stands before the first value is shown.
    """

    def __init__(self, freq: int | None = None, count: int | None = None, desc: Any = None):
        if isinstance(desc, tuple):
            if len(desc) != 2:
                raise ParameterError(f'ProgressBar: desc is a text, or a pair of a text and a function, but is {desc!r}.')
            if not isinstance(desc[0], str) or not callable(desc[1]):
                raise TypeError(f'ProgressBar: desc is a pair of a text and a function, but is {desc!r}.')
        text = desc[0].partition('{')[0].rstrip(' =:,') if isinstance(desc, tuple) else desc
        super().__init__(freq, count, text or '')


def vmap_new_states(fun: Callable | None = None, **options: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.transform.vmap_new_states`; without a function, a decorator.

    Short-term states that the function makes anew get a lane axis as well.
    """
    if (size := options.get('axis_size')) is not None and size < 1:
        raise ParameterError(f'vmap_new_states: axis_size is the number of lanes, 1 or more, but is {size}.')
    if fun is None:
        return functools.partial(vmap_new_states, **options)
    return _ours.vmap_new_states(fun, **{'out_states': ShortTermState} | options)


def shard_map(  # type: ignore[no-redef]
    fun: Callable,
    mesh: Any,
    in_specs: Any,
    out_specs: Any,
    *,
    state_in_specs: Any = None,
    state_out_specs: Any = None,
    check_vma: bool = True,
) -> Any:
    """See `brainpy_state.transform.shard_map`, here with the mesh and specifications in their order.

    States may also be the keys of ``state_in_specs`` and ``state_out_specs``.

    Raises
    ------
    ValueError
        For ``check_vma=False``; what differs between devices is always checked.
    """
    if not check_vma:
        raise ParameterError('shard_map: check_vma=False is not supported; leave it out.')
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


def eval_shape(f: Callable, *args: Any, return_state_shapes: bool = False, **kwargs: Any) -> Any:  # type: ignore[no-redef]
    """See `brainpy_state.transform.eval_shape`; a module that ``f`` makes comes back with shapes in the place of values.

    With ``return_state_shapes``, the result is a pair: shapes of the states that ``f`` uses, as it leaves them, and those of its result.
    """
    if return_state_shapes:
        function = _ours.StatefulFunction(f)
        states = function.get_states(*args, **kwargs)

        def used(*args: Any, **kwargs: Any) -> Any:
            return f(*args, **kwargs), [state.value for state in states]

        shapes, values = _ours.eval_shape(used, *args, **kwargs)
        return dict(zip(states, values, strict=True)), shapes
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
