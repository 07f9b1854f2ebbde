"""`shard_map`: run a function on every device of a mesh, each with its part of the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import PartitionSpec

from .. import environ
from .._errors import BatchAxisError, ShapeError
from .._tracebacks import entry
from ..state import State
from ._args import describe_place, name_of
from ._error_if import Flag
from ._lift import Lifted, Trace, lift
from ._made import Made
from ._program import Program
from ._programs import programs_of
from ._vmap import after_lanes, axes_of, call_with, checking, first_failure, same_on_all

_DIFFERS = """\
{where}: {what} is declared the same on all devices, but differs between them.
Declare how it is divided (`out_specs`, `state_out_specs`), or reduce it first, for example by `jax.lax.psum`."""


@entry
def shard_map(
    fn: Callable | None = None,
    *,
    mesh: Any,
    in_specs: Any,
    out_specs: Any,
    state_in_specs: Any = None,
    state_out_specs: Any = None,
) -> Any:
    """Run a function on every device of a mesh, each with its part of the arguments and states.

    States are replicated unless they are declared: of a state in ``state_in_specs`` each device
    reads and writes its own part. Random generators give each device numbers of its own, unless they are
    declared as ``PartitionSpec()``, and go on by one step in all.

    Parameters
    ----------
    fn : callable
        The function for one device. Without it, a decorator is returned.
    mesh : jax.sharding.Mesh
        The devices, with named axes; used with axes of type ``Auto``.
    in_specs, out_specs : PartitionSpec or pytree of them
        How positional arguments and results are divided, as in ``jax.shard_map``.
    state_in_specs : dict of PartitionSpec to State or collection of State, optional
        States that are divided. Written ones stay divided in the same way.
    state_out_specs : likewise, optional
        States that are divided after they were written.

    Returns
    -------
    callable
        With the arguments of ``fn``, undivided.

    Raises
    ------
    BatchAxisError
        If a replicated state, or a result with the spec ``PartitionSpec()``, would differ between devices.
    ShapeError
        If an array or a result cannot be divided as asked for.
    TypeError
        If a state is not declared by a ``PartitionSpec``.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> mesh, P = jax.make_mesh((1,), ('i',)), jax.sharding.PartitionSpec
    >>> double = bst.transform.shard_map(lambda x: 2 * x, mesh=mesh, in_specs=P('i'), out_specs=P('i'))
    >>> double(jnp.arange(3))
    Array([0, 2, 4], dtype=int32)
    """
    given = {
        'mesh': mesh, 'in_specs': in_specs, 'out_specs': out_specs, 'state_in_specs': state_in_specs, 'state_out_specs': state_out_specs,
    }  # fmt: skip

    divided = on_devices(**given)

    def decorate(fn: Callable) -> Callable:
        return Made(shard_map, fn, given, *divided(fn))

    return decorate if fn is None else decorate(fn)


def on_devices(
    *,
    mesh: Any,
    in_specs: Any,
    out_specs: Any,
    state_in_specs: Any = None,
    state_out_specs: Any = None,
    forget: bool = False,
) -> Callable[[Callable], tuple[Callable, str, Any]]:
    """What makes of a function the one of `shard_map`, its name, and what says which programs are its.

    With ``forget``, states that the function writes before it reads them keep what they hold.
    """
    mesh = jax.sharding.Mesh(mesh.devices, mesh.axis_names)
    came = axes_of(state_in_specs, 'state_in_specs', None, PartitionSpec)
    went = came | axes_of(state_out_specs, 'state_out_specs', None, PartitionSpec)
    if undeclared := [s for s, spec in went.items() if spec is None]:
        raise TypeError(f'shard_map: say how {undeclared[0].label} is divided: {{PartitionSpec(...): states}}.')
    leaves, tree = jax.tree.flatten((in_specs, out_specs))
    key = ('shard_map', mesh, tuple(leaves), tree, tuple(came.items()), tuple(went.items()), forget)

    def build(fn: Callable, args: Any) -> Program:
        where = name_of(fn)

        def axes(owner: str, aval: Any, spec: PartitionSpec) -> list[tuple[str, ...]]:
            names = [() if x is None else x if isinstance(x, tuple) else (x,) for x in spec]
            if len(names) > len(aval.shape):
                raise ShapeError(f'{where}: {owner} has shape {aval.shape}, which {spec} has too many axes for.')
            if not {name for some in names for name in some} <= set(mesh.axis_names):
                raise ShapeError(f'{where}: {owner} is divided by {spec}, but the mesh has the axes {mesh.axis_names}.')
            return names

        def part(owner: str, aval: Any, spec: PartitionSpec) -> Any:
            shape = list(aval.shape)
            for k, names in enumerate(axes(owner, aval, spec)):
                parts = math.prod(mesh.shape[name] for name in names)
                if shape[k] % parts:
                    raise ShapeError(
                        f'{where}: axis {k} of {owner} has size {shape[k]}, which is not divisible into {parts} parts ({spec}).'
                    )
                shape[k] //= parts
            return jax.core.ShapedArray(tuple(shape), aval.dtype, weak_type=aval.weak_type)

        specs = _broadcast((in_specs, PartitionSpec()), args)
        flat, in_tree = jax.tree_util.tree_flatten_with_path(args)
        local = [part(f'argument {describe_place(args, path)}', jax.typeof(x), spec) for (path, x), spec in zip(flat, specs, strict=True)]

        def view(state: State, avals: list[Any]) -> list[Any]:
            return [part(state.label, aval, came[state]) for aval in avals] if state in came else avals

        lifted = lift(fn, jax.tree.unflatten(in_tree, local), call=call_with, trace=Trace(where, view), axes=tuple(mesh.shape.items()))
        lifted = _forgetting(lifted) if forget else lifted
        if gathered := [s for s in lifted.writes if s.rejoin is not None and s.lanes is None]:
            raise BatchAxisError(f'{where}: {gathered[0].label} gathers what lanes write to it, which devices cannot do; move it outside.')
        each = PartitionSpec(mesh.axis_names)
        split = [s for s in lifted.writes if s.lanes is not None and s not in went and s in lifted.reads]
        own = [isinstance(s, Flag) or s in split for s in lifted.writes]  # of which every device has one
        read = [each if s in split else came.get(s, PartitionSpec()) for s in lifted.reads]
        written = [each if mine else went.get(s, PartitionSpec()) for s, mine in zip(lifted.writes, own, strict=True)]
        for spec, aval in zip(_broadcast(out_specs, lifted.avals[0]), jax.tree.leaves(lifted.avals[0]), strict=True):
            axes('a result', aval, spec)
        for state, mine, spec, value in zip(lifted.writes, own, written, lifted.avals[1], strict=True):
            for aval in [] if mine else jax.tree.leaves(value):
                axes(state.label, aval, spec)

        divided = [(aval, spec) for s, spec in zip(lifted.reads, read, strict=True) for aval in view(s, _avals(s.peek()))]
        divided += [(aval, spec) for aval, spec in zip(local, specs, strict=True)]
        _check_replicated(lifted, mesh, divided, out_specs, written, in_tree)

        def pure(values: Any, settings: Any, captured: Any, args: Any) -> Any:
            values, after = list(values), {}
            for state in split:
                k = lifted.reads.index(state)
                after[state], values[k] = state.lanes(values[k], mesh.size)  # type: ignore[misc]

            def one_device(values: Any, settings: Any, captured: Any, leaves: Any) -> Any:
                values = [jax.tree.map(lambda x: x[0], x) if s in split else x for s, x in zip(lifted.reads, values, strict=True)]
                out, new = lifted.pure(values, settings, captured, jax.tree.unflatten(in_tree, leaves))
                return out, [jax.tree.map(lambda x: x[None], x) if mine else x for x, mine in zip(new, own, strict=True)]

            everywhere = PartitionSpec()
            run = jax.shard_map(
                one_device,
                mesh=mesh,
                in_specs=(read, everywhere, everywhere, specs),
                out_specs=(out_specs, written),
                check_vma=False,
            )
            out, new = run(values, settings, captured, jax.tree.leaves(args))
            new = [after_lanes(s, after, x) for s, x in zip(lifted.writes, new, strict=True)]
            return out, [first_failure(x) if isinstance(s, Flag) else x for s, x in zip(lifted.writes, new, strict=True)]

        return Program(pure, lifted, lifted.reads, lifted.writes, args)

    def divided(fn: Callable) -> tuple[Callable, str, Any]:
        def sharded(*args: Any, **kwargs: Any) -> Any:
            return programs_of(fn, key, build)((args, kwargs))

        return sharded, f'shard_map({getattr(fn, "__name__", "function")})', key

    return divided


def _forgetting(lifted: Lifted) -> Lifted:
    """A function that leaves states alone which it does not read."""
    kept = [k for k, s in enumerate(lifted.writes) if s in lifted.reads or isinstance(s, Flag)]

    def pure(*args: Any) -> tuple[Any, list[Any]]:
        out, new = lifted.pure(*args)
        return out, [new[k] for k in kept]

    out, new = lifted.avals
    return lifted._replace(pure=pure, writes=tuple(lifted.writes[k] for k in kept), avals=(out, [new[k] for k in kept]))


def _broadcast(specs: Any, tree: Any) -> list[PartitionSpec]:
    return jax.tree.leaves(jax.tree.broadcast(specs, tree))


def _avals(value: Any) -> list[Any]:
    return [jax.typeof(x) for x in jax.tree.leaves(value)]


def _check_replicated(lifted: Lifted, mesh: Any, local: list[Any], out_specs: Any, written: list[Any], in_tree: Any) -> None:
    """Raise if what is declared as replicated differs between devices.

    Devices are mapped over as lanes would be: JAX's own bookkeeping then knows what is the same on all.
    """
    token = object()
    state_tree: Any = jax.tree.structure([s.peek() for s in lifted.reads])
    outs = _broadcast(out_specs, lifted.avals[0])

    def one_device(leaves: list[Any]) -> tuple[()]:
        values = jax.tree.unflatten(state_tree, leaves[: state_tree.num_leaves])
        args = jax.tree.unflatten(in_tree, leaves[state_tree.num_leaves :])
        out, new = lifted.pure(values, [environ.get(key) for key in lifted.settings], lifted.captured, args)
        for spec, value in zip(outs, jax.tree.leaves(out), strict=True):
            if not any(spec):
                same_on_all(value, token, _DIFFERS.format(where=lifted.where, what='a result'))
        for spec, state, value in zip(written, lifted.writes, new, strict=True):
            if not any(spec):
                same_on_all(value, token, _DIFFERS.format(where=lifted.where, what=state.label))
        return ()

    shapes, run = [aval for aval, _ in local], one_device
    for name, size in mesh.shape.items():
        axes = [0 if name in jax.tree.leaves(tuple(spec)) else None for _, spec in local]
        shapes = [a if axis is None else jax.ShapeDtypeStruct((size, *a.shape), a.dtype) for a, axis in zip(shapes, axes, strict=True)]
        run = jax.vmap(run, in_axes=(axes,), axis_name=name, axis_size=size)
    with checking(token):
        jax.eval_shape(run, shapes)
