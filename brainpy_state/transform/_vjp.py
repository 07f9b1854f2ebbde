"""`vjp` and `jvp`: products of a Jacobian with one vector, from the left and from the right."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from .._errors import ParameterError, ShapeError, UnitError
from .._tracebacks import entry
from ._derivative import Derivative, Point
from ._lift import lift
from ._program import Program
from ._programs import programs_of
from ._units import common_unit, flatten, gradient, is_quantity, like
from ._variables import Parts, Variables


@entry
def vjp(
    fun: Callable,
    *primals: Any,
    grad_states: Any = None,
    argnums: int | Sequence[int] | None = 0,
    has_aux: bool = False,
    unit_aware: bool = False,
) -> Any:
    """Value of a function, and the function that pulls a cotangent of it back to states and arguments.

    States that the function writes keep their new values.

    Parameters
    ----------
    fun : callable
        Returns an array, a quantity or a pytree of them, or ``(out, aux)`` with ``has_aux``.
    *primals
        Its arguments.
    grad_states : State, sequence or mapping of State, optional
        States to differentiate by.
    argnums : int, sequence of int, or None
        Arguments to differentiate by, the first if there is one. ``None`` for none of them.
    has_aux : bool
        Whether ``fun`` returns something besides what is differentiated.
    unit_aware : bool
        Whether units are multiplied: a cotangent of unit c gives c · out / in. Otherwise a cotangent
        is a number, or a quantity of the unit of its output, and the result has the pytree of the input.

    Returns
    -------
    out : pytree
        What ``fun`` returns.
    pull : callable
        ``pull(cotangent)`` with a cotangent of the structure and the shapes of ``out``; returns that of
        the states, of the arguments, or a pair of both. A pytree, which other transforms may return.
    aux : pytree
        Only with ``has_aux``.

    Raises
    ------
    TypeError
        As `grad`.
    ValueError
        If there is nothing to differentiate by, ``fun`` never reads one of ``grad_states``, or the
        cotangent does not fit.
    UnitError
        If the unit of the cotangent does not fit.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> w = bst.ParamState(jnp.array([1., 2.]))
    >>> out, pull = bst.transform.vjp(lambda x: w.value * x, jnp.float32(3.), grad_states=w)
    >>> pull(jnp.array([1., 10.]))
    (Array([ 3., 30.], dtype=float32), Array(21., dtype=float32))
    """
    by = Variables('vjp', grad_states, argnums if primals else None)
    if not by.states and not by.numbers:
        raise ParameterError('vjp: there is nothing to differentiate by; pass arguments, or states in grad_states=.')

    def build(fun: Callable, args: Any) -> Program:
        def forward(fun: Callable, args: Any) -> Derivative:
            point = Point(by, fun, args, has_aux)
            _, pull, (value, aux, new) = jax.vjp(point, point.at, has_aux=True)
            point.store(new)
            return Derivative(Pullback(pull, _Form(point, unit_aware), by), value, aux)

        lifted = lift(fun, args, call=forward)
        return Program(lifted.pure, lifted, lifted.reads, lifted.writes, args)

    found = programs_of(fun, ('vjp', by.key, has_aux, unit_aware), build)((primals, {}))
    return (found.value, found.gradient, found.aux) if has_aux else (found.value, found.gradient)


class _Form:
    """What a pullback knows about the function besides numbers; compared by identity, as it is a part of the compiled program."""

    def __init__(self, point: Point, unit_aware: bool):
        self.where = point.__name__
        self.inputs = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), point.inputs)
        self.output = point.output
        self.unit_aware = unit_aware
        self.apply = jax.jit(lambda pull, cotangent: pull(cotangent)[0])

    def numbers(self, cotangent: Any) -> tuple[Any, Any]:
        """A cotangent in the numbers that JAX expects, and the unit of cotangent times output."""
        outputs, tree = flatten(self.output)
        given = _matched(tree, cotangent, f'the cotangent of {self.where}')
        if not self.unit_aware:
            return tree.unflatten([_number(x, out, self.where) for x, out in zip(given, outputs, strict=True)]), None
        units = [u.get_unit(x) * u.get_unit(out) for x, out in zip(given, outputs, strict=True)]
        numbers = [_number(u.get_mantissa(x), out, self.where) for x, out in zip(given, outputs, strict=True)]
        return tree.unflatten(numbers), common_unit(units, f'vjp: cotangent times output of {self.where} has the units')


@functools.partial(jax.tree_util.register_dataclass, data_fields=['pull'], meta_fields=['form', 'by'])
@dataclasses.dataclass(frozen=True)
class Pullback:
    """The transposed derivative of a function at one point; see `vjp`."""

    pull: Any
    form: _Form
    by: Variables

    @entry
    def __call__(self, cotangent: Any) -> Any:
        numbers, unit = self.form.numbers(cotangent)
        return self.by.pack(gradient(self.form.inputs, self.form.apply(self.pull, numbers), unit))


@entry
def jvp(
    fun: Callable,
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
    *,
    grad_states: Any = None,
    state_tangents: Any = None,
) -> Any:
    """Value of a function, and its derivative in one direction.

    States are constants, except for ``grad_states``. Those that the function writes keep their new values.

    Parameters
    ----------
    fun : callable
        Returns an array, a quantity or a pytree of them, or ``(out, aux)`` with ``has_aux``.
    primals : sequence
        Its arguments.
    tangents : sequence
        A direction for each of them, of its structure and shapes: quantities that convert to its unit, or
        numbers, which are taken to be in its unit.
    has_aux : bool
        Whether ``fun`` returns something besides what is differentiated.
    grad_states : State, sequence or mapping of State, optional
        States that the direction has a part in.
    state_tangents : pytree
        These parts, in the same container.

    Returns
    -------
    out : pytree
        What ``fun`` returns.
    tangent : pytree
        Its change along the direction, in the same units.
    aux : pytree
        Only with ``has_aux``.

    Raises
    ------
    TypeError
        If a primal is no float.
    ValueError
        If tangents do not fit primals, or states were given without tangents.
    UnitError
        If the unit of a tangent is not that of its primal.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> w = bst.ParamState(2.)
    >>> out, change = bst.transform.jvp(lambda x: w.value * x, (3.,), (1.,), grad_states=w, state_tangents=10.)
    >>> float(out), float(change)
    (6.0, 32.0)
    """
    by = Variables('jvp', grad_states, tuple(range(len(primals))))
    if len(primals) != len(tangents) or (grad_states is None) != (state_tangents is None):
        given = f'{len(primals)} primals, {len(tangents)} tangents'
        raise ParameterError(
            f'jvp: every primal and every container of states needs a tangent; given {given}, {grad_states=}, {state_tangents=}.'
        )
    direction = Parts([] if grad_states is None else by.unpack_states(state_tangents), list(tangents))

    def build(fun: Callable, args: Any) -> Program:
        def push(fun: Callable, args: Any) -> Derivative:
            primals, direction = args
            point = Point(by, fun, (primals, {}), has_aux)
            inputs, tree = flatten(point.inputs)
            given = _matched(tree, direction, 'the tangents')
            numbers = tree.unflatten([_number(x, like_, point.__name__) for x, like_ in zip(given, inputs, strict=True)])
            _, change, (value, aux, new) = jax.jvp(point, (point.at,), (numbers,), has_aux=True)
            point.store(new)
            return Derivative(like(point.output, change), value, aux)

        lifted = lift(fun, args, call=push)
        return Program(lifted.pure, lifted, lifted.reads, lifted.writes, args)

    found = programs_of(fun, ('jvp', by.key, has_aux), build)((tuple(primals), direction))
    return (found.value, found.gradient, found.aux) if has_aux else (found.value, found.gradient)


def _matched(tree: Any, given: Any, what: str) -> list[Any]:
    try:
        return tree.flatten_up_to(given)
    except ValueError as e:
        raise ParameterError(f'{what} must have the structure {tree}, but has {jax.tree.structure(given)}.') from e


def _number(x: Any, template: Any, where: str) -> Any:
    """A vector as an array like the one that it belongs to; a quantity is converted to the unit of that."""
    if is_quantity(x):
        unit = u.get_unit(template)
        if u.get_dim(x) != u.get_dim(template):
            raise UnitError(f'{where}: a cotangent or tangent has the unit {x.unit}, where {unit} is expected.')
        x = x.to(unit).mantissa if is_quantity(template) else x.to_decimal()
    expected = u.get_mantissa(template)
    x = jnp.asarray(x, expected.dtype)
    if x.shape != expected.shape:
        raise ShapeError(f'{where}: a cotangent or tangent has shape {x.shape}, where {expected.shape} is expected.')
    return x
