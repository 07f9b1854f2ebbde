"""How an operation becomes a primitive: evaluated, compiled for each platform, differentiated and mapped over a batch."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from .._garbage import no_collection
from . import _backend, _native
from ._operation import OPERATIONS, Operation
from ._plan import Plan, plan

_ONLY_NATIVE = ('backend', 'ordered')  # parameters that the portable operation does not know


def install(
    primitive: Primitive,
    portable: Callable,
    *,
    portable_on_cpu: Callable | None = None,
    pallas: str | None = None,
    planned: Callable[..., Plan] | None = None,
) -> None:
    """Give a primitive its evaluation and its lowerings.

    Parameters
    ----------
    primitive : Primitive
        With the parameter `backend`, the choice it was bound under.
    portable : the operation in jax.numpy, called with the primitive's operands and its other parameters
    portable_on_cpu : the same, tuned for CPU
    pallas : the name of the same in kernels for GPUs; by default, the portable operation runs there
    planned : maps the operands' avals and the parameters to what the native function does; by default, the primitive
    """
    primitive.def_impl(functools.partial(_evaluate, primitive))

    def lowered(operation: Callable) -> Callable:
        def without_choice(*operands: Any, **parameters: Any) -> Any:
            return operation(*operands, **{k: v for k, v in parameters.items() if k not in _ONLY_NATIVE})

        return mlir.lower_fun(without_choice, multiple_results=primitive.multiple_results)

    def on_gpu(*operands: Any, interpret: bool, **parameters: Any) -> Any:
        return getattr(_backend.pallas(), str(pallas))(*operands, interpret=interpret, **parameters)

    as_xla, as_xla_on_cpu = lowered(portable), lowered(portable_on_cpu or portable)
    as_pallas, interpreted = (lowered(functools.partial(on_gpu, interpret=interpret)) for interpret in (False, True))
    planned = planned or functools.partial(_alone, primitive)

    def on_cpu(ctx: mlir.LoweringRuleContext, *operands: Any, **parameters: Any) -> Any:
        choice = parameters['backend']
        name = _backend.resolve(choice, 'cpu')
        if name != 'numba':
            return (interpreted if pallas and name == 'pallas' else as_xla_on_cpu)(ctx, *operands, **parameters)
        try:
            todo = planned(*ctx.avals_in, **parameters)
            name = target(todo)
        except _native.Unavailable as problem:
            _backend.failed('numba', choice, str(problem))
            return as_xla_on_cpu(ctx, *operands, **parameters)
        # The memory that the function needs for itself is given as further results.
        extra = todo.between(ctx.avals_in, len(ctx.avals_out))
        call = jax.ffi.ffi_lowering(name, operand_output_aliases=todo.aliases)
        return call(ctx.replace(avals_out=[*ctx.avals_out, *extra]), *operands)[: len(ctx.avals_out)]

    def on_cuda(ctx: mlir.LoweringRuleContext, *operands: Any, **parameters: Any) -> Any:
        choice = parameters['backend']
        if _backend.resolve(choice, 'cuda') != 'pallas' or not pallas:
            return as_xla(ctx, *operands, **parameters)
        try:
            with warnings.catch_warnings():
                # JAX means to remove this interface some day: nothing that a user could do now, and XLA is there then.
                warnings.filterwarnings('ignore', 'The Pallas Triton backend', DeprecationWarning)
                return as_pallas(ctx, *operands, **parameters)
        except Exception as error:  # what JAX of another version cannot compile
            first_line = str(error).strip().partition('\n')[0]
            _backend.failed('pallas', choice, f'the kernel of {primitive} cannot be compiled ({first_line})')
            return as_xla(ctx, *operands, **parameters)

    def elsewhere(ctx: mlir.LoweringRuleContext, *operands: Any, **parameters: Any) -> Any:
        _backend.resolve(parameters['backend'], 'other')
        return as_xla(ctx, *operands, **parameters)

    mlir.register_lowering(primitive, elsewhere)
    mlir.register_lowering(primitive, on_cpu, platform='cpu')
    mlir.register_lowering(primitive, on_cuda, platform='cuda')


def define(operation: Operation) -> Primitive:
    """The primitive of an operation, with its rules."""
    primitive = Primitive(operation.name)
    primitive.multiple_results = operation.multiple_results
    primitive.def_abstract_eval(operation.aval)
    ad.primitive_jvps[primitive] = functools.partial(operation.tangent or functools.partial(_portable_tangent, operation), primitive)
    if operation.transpose:
        ad.primitive_transposes[primitive] = functools.partial(_transpose, operation.transpose)
    set_batching(primitive, functools.partial(operation.batch or functools.partial(_portable_batch, operation), primitive))
    install(primitive, operation.portable, portable_on_cpu=operation.portable_on_cpu, pallas=operation.pallas or None)
    OPERATIONS[operation.name] = operation
    return primitive


def _portable_tangent(operation: Operation, primitive: Primitive, primals: Any, tangents: Any, /, **parameters: Any) -> tuple[Any, Any]:
    return tangent_of(_portable(operation, parameters), primals, tangents, primitive.multiple_results)


def _portable_batch(operation: Operation, primitive: Primitive, operands: Any, axes: Any, /, **parameters: Any) -> tuple[Any, Any]:
    result = jax.vmap(_portable(operation, parameters), tuple(axes))(*operands)
    return (result, (0,) * len(result)) if primitive.multiple_results else (result, 0)


def _portable(operation: Operation, parameters: dict[str, Any]) -> Callable:
    return functools.partial(operation.portable, **{k: v for k, v in parameters.items() if k not in _ONLY_NATIVE})


def _transpose(rule: Callable, ct: Any, /, *operands: Any, **parameters: Any) -> list[Any]:
    return [None] * len(operands) if type(ct) is ad.Zero else rule(ct, *operands, **parameters)


def target(plan: Plan) -> str:
    """The custom call of the native function of a plan, which is compiled where it is not yet."""
    with no_collection():
        from .backends import llvm_step  # when first needed, as all of LLVM

        return _native.handler(functools.partial(llvm_step.compile_plan, plan), llvm_step.SYMBOL)


def _alone(primitive: Primitive, *avals: Any, **parameters: Any) -> Plan:
    """The native function that only evaluates a primitive."""
    return plan(jax.make_jaxpr(functools.partial(primitive.bind, **parameters))(*avals), {})


def _evaluate(primitive: Primitive, *operands: Any, **parameters: Any) -> Any:
    # Without the context, `jax.disable_jit` would send the call back here for ever.
    with jax.disable_jit(False):
        return _compiled(primitive, tuple(sorted(parameters.items())))(*operands)


@functools.cache
def _compiled(primitive: Primitive, parameters: tuple[tuple[str, Any], ...]) -> Callable:
    return jax.jit(functools.partial(primitive.bind, **dict(parameters)))


def map_lanes(primitive: Primitive, operands: Sequence[Any], axes: Sequence[int | None], **parameters: Any) -> tuple[Any, Any]:
    """Batching rule that runs one lane after the other, for what the kernels do not batch themselves."""
    lanes = {i: jnp.moveaxis(x, axis, 0) for i, (x, axis) in enumerate(zip(operands, axes, strict=True)) if axis is not None}

    def single(lane: dict[int, Any]) -> Any:
        return primitive.bind(*[lane.get(i, x) for i, x in enumerate(operands)], **parameters)

    results = jax.lax.map(single, lanes)
    return results, [0] * len(results) if primitive.multiple_results else 0


def mapped(f: Callable, operands: Sequence[Any], axes: Sequence[int | None]) -> tuple[Any, Any]:
    """What a function of arrays gives for all lanes, and the lane axis of each result: None of one that is the same in all lanes."""
    out_axes = [0 if d else None for d in differing(f, operands, axes)]
    return jax.vmap(f, in_axes=tuple(axes), out_axes=out_axes)(*operands), out_axes


def differing(f: Callable, operands: Sequence[Any], axes: Sequence[int | None]) -> list[bool]:
    """Which results of a function of arrays differ between lanes."""
    differs = _Differs()

    def watched(*lane: Any) -> Any:
        results = f(*lane)
        differs.total = len(results)
        return [differs_p.bind(x, number=k, seen=differs) for k, x in enumerate(results)]

    jax.make_jaxpr(jax.vmap(watched, in_axes=tuple(axes)))(*operands)
    return [k in differs for k in range(differs.total)]


class _Differs(set):
    """The numbers of results that differ between lanes, of so many; a parameter of equations, so equal to itself only."""

    total = 0
    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__


def _note_lanes(operands: Any, axes: Any, *, number: int, seen: _Differs) -> tuple[Any, Any]:
    seen.add(number)
    return operands[0], axes[0]


# An identity that is asked for its batching rule only where its operand differs between lanes.
differs_p = Primitive('differs')
differs_p.def_abstract_eval(lambda x, **_: x)
batching.primitive_batchers[differs_p] = _note_lanes


def set_batching(primitive: Primitive, rule: Callable) -> None:
    """Register a batching rule `(operands, axes, **parameters) -> (result, axis)`."""
    batching.primitive_batchers[primitive] = rule


def tangent_of(f: Callable, primals: Sequence[Any], tangents: Sequence[Any], multiple_results: bool) -> tuple[Any, Any]:
    """The result of a function and its tangent, as the rule of a primitive returns them."""
    moving = [k for k, t in enumerate(tangents) if type(t) is not ad.Zero]

    def of_moving(*values: Any) -> Any:
        operands = list(primals)
        for k, value in zip(moving, values, strict=True):
            operands[k] = value
        results = f(*operands)
        return list(results) if multiple_results else [results]

    results, slopes = jax.jvp(of_moving, [primals[k] for k in moving], [tangents[k] for k in moving])
    fixed = jax.dtypes.float0
    slopes = [ad.Zero(jax.typeof(r).to_tangent_aval()) if s.dtype == fixed else s for r, s in zip(results, slopes, strict=True)]
    return (results, slopes) if multiple_results else (results[0], slopes[0])
