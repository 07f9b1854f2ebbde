"""`GradientTransform`: what every derivative with respect to states and arguments has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp

from .. import environ
from .._errors import ParameterError
from .._tracebacks import entry
from ..state import State, write_back
from ._args import Static, hide_statics, name_of
from ._check import guarded
from ._lift import Lifted, lift
from ._made import Remade
from ._program import Program
from ._programs import Programs, programs_of
from ._units import blocks, common_unit, flatten, gradient, like, numbers_of
from ._variables import Parts, Variables

_PLAIN = (bool, int, float, str, type(None), State)  # options that are equal when they look equal, and live long


class Derivative(NamedTuple):
    """What one call of a `GradientTransform` finds."""

    gradient: Any
    value: Any
    aux: Any


class _Recipe(NamedTuple):
    """Everything about a derivative but the function, which a cache must not keep alive."""

    by: Variables
    transform: Callable
    params: tuple[tuple[str, Any], ...]
    has_aux: bool
    check_states: bool
    allow_int: bool
    unit_aware: bool
    scalar: bool
    blocks: int

    @property
    def key(self) -> tuple:
        return (self.by.name, self.by.key, *self[1:])

    def build(self, fun: Callable, args: Any) -> Program:
        lifted = lift(fun, args, call=self.evaluate)
        return Program(lifted.pure, lifted, lifted.reads, lifted.writes, args)

    def evaluate(self, fun: Callable, args: Any) -> Derivative:
        """Differentiate while a lift traces, so that the transform may use states of its own."""
        point = Point(self.by, fun, args, self.has_aux, self.check_states, self.allow_int, self.scalar)
        numbers, (value, aux, new) = self.transform(point, argnums=0, has_aux=True, **dict(self.params))(point.at)
        point.store(new)
        if not self.blocks:
            numbers = gradient(point.inputs, numbers, point.unit() if self.unit_aware else None)
        elif self.unit_aware:
            numbers = blocks(point.inputs, point.output, numbers, self.blocks)
        return Derivative(numbers, value, aux)


class GradientTransform(Remade):
    """A derivative of a stateful function with respect to states, arguments, or both.

    The base of `grad`, `vector_grad`, `jacrev`, `jacfwd`, `hessian` and `fwd_grad`, and the way to
    make one of your own. The Python body of ``target`` runs once for each signature; states that it
    writes keep their new values, and hold their old ones if anything fails.

    Parameters
    ----------
    target : callable
        What to differentiate.
    transform : callable
        ``transform(f, argnums=0, has_aux=True, **transform_params)`` returns a function of what ``f``
        takes, as ``jax.grad`` does; that one returns the derivative and the second part of what ``f``
        returns. Here, ``f`` takes one pytree of arrays without units, and returns the value, without
        units, and something besides.
    grad_states : State, sequence or mapping of State, optional
        What to differentiate by, such as ``model.states(ParamState)``.
    argnums : int or sequence of int, optional
        Positional arguments to differentiate by; 0 when nothing else is asked for.
    return_value : bool
        Whether to return the value of ``target`` too.
    has_aux : bool
        Whether ``target`` returns a pair, of which only the first is differentiated.
    transform_params : mapping, optional
        Options of ``transform``.
    check_states : bool
        Whether a state that ``target`` never uses is an error; zeros otherwise.
    debug_nan : bool
        Whether a NaN in the value or the derivative raises `NanError`; outside of other transforms, it names operation and line.
    allow_int : bool
        Whether integers have a derivative, of the type ``float0``, instead of being an error.
    unit_aware : bool
        Whether derivatives have the unit of the output divided by that of the input. Otherwise they are
        plain numbers; those of the structure of the input have the pytree of the input.
    scalar : bool
        Whether ``target`` must return one number.
    blocks : int
        How many times the derivative nests the structure of the input inside that of the output: 0 for a
        gradient, which has the structure of the input alone, 1 for a Jacobian, 2 for a Hessian.
    name : str, optional
        What to call the transform in messages.

    Raises
    ------
    TypeError
        If ``grad_states`` holds something else than states, if what is differentiated is no float, or if
        ``target`` returns the wrong thing.
    ValueError
        If ``target`` never uses a state, or ``argnums`` are no positions of arguments.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> w = bst.ParamState(jnp.array([1., 2.]))
    >>> bst.transform.GradientTransform(lambda x: jnp.sum(w.value ** 2) * x, jax.grad, w)(3.)
    Array([ 6., 12.], dtype=float32)
    """

    def __init__(
        self,
        target: Callable,
        transform: Callable,
        grad_states: Any = None,
        argnums: int | Sequence[int] | None = None,
        return_value: bool = False,
        has_aux: bool = False,
        transform_params: Mapping[str, Any] | None = None,
        check_states: bool = True,
        debug_nan: bool = False,
        *,
        allow_int: bool = False,
        unit_aware: bool = False,
        scalar: bool = False,
        blocks: int = 0,
        name: str | None = None,
    ):
        self._made_from = (
            (target, transform, grad_states, argnums, return_value, has_aux, transform_params, check_states, debug_nan),
            {'allow_int': allow_int, 'unit_aware': unit_aware, 'scalar': scalar, 'blocks': blocks, 'name': name},
        )
        name = name or name_of(transform)[1:-1]
        if not callable(target):
            raise TypeError(f'{name}: the first argument is the function, but is a {type(target).__name__}; states go to grad_states=.')
        by = Variables(name, grad_states, 0 if grad_states is None and argnums is None else argnums)
        params = tuple((transform_params or {}).items())
        self.target = target
        self._recipe = _Recipe(by, transform, params, has_aux, check_states, allow_int, unit_aware, scalar, blocks)
        self._return_value, self._has_aux, self._debug_nan = return_value, has_aux, debug_nan
        self._key = self._recipe.key
        # programs of plain options are shared by all who ask for the same; others would pile up on the target
        shared = all(isinstance(value, _PLAIN) for _, value in params)
        self._own = None if shared else Programs(self._recipe.build)
        if shared:
            self.__wrapped__ = target
            self.stands_for = target, (*self._key, return_value, debug_nan)
        self.__name__ = self.__qualname__ = f'{name}({name_of(target)[1:-1]})'

    @entry
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._debug_nan:
            found = guarded(self.__name__, self._find, args, kwargs, lambda found: (found.gradient, found.value))
        else:
            found = self._find(*args, **kwargs)
        result = (found.gradient,) + ((found.value,) if self._return_value else ()) + ((found.aux,) if self._has_aux else ())
        return result if len(result) > 1 else found.gradient

    def _find(self, *args: Any, **kwargs: Any) -> Derivative:
        recipe = self._recipe
        given = args, kwargs
        if self._own is None:
            found = programs_of(self.target, self._key, recipe.build)(given)
        else:
            found = self._own(self.target, hide_statics(given))
        by, blocks = recipe.by, recipe.blocks
        packed = by.pack_all(found.gradient, blocks) if blocks else by.pack(found.gradient)
        return Derivative(packed, found.value, found.aux)

    def __repr__(self) -> str:
        return f'<{self.__name__}>'


def derivative(fun: Callable | None, transform: Callable, *args: Any, **options: Any) -> Any:
    """A `GradientTransform`, or a decorator that makes one where the function is still to come."""
    if fun is None:
        return lambda fun: GradientTransform(fun, transform, *args, **options)
    return GradientTransform(fun, transform, *args, **options)


class Point:
    """A stateful function, lifted, as a pure function of what it is differentiated by, on plain numbers.

    To be made while a `lift` traces: it reads the states that the function uses. Called with the
    numbers of `at`, it returns the numbers that the function returns, and besides ``(value, aux,
    new)``: all of the result, and what `store` writes into the states.

    Parameters
    ----------
    by : Variables
        What to differentiate by.
    fun : callable
        The user's function.
    args : tuple
        Its positional and keyword arguments.
    has_aux, check_states, allow_int, scalar : bool
        As in `GradientTransform`.
    """

    def __init__(
        self,
        by: Variables,
        fun: Callable,
        args: Any,
        has_aux: bool = False,
        check_states: bool = True,
        allow_int: bool = False,
        scalar: bool = False,
    ):
        args = hide_statics(args)
        self._lifted = lifted = lift(fun, args, call=lambda fn, args: fn(*args[0], **args[1]))
        self._args, self._by, self._has_aux, self._scalar = args, by, has_aux, scalar
        self.__name__ = self.__qualname__ = lifted.where
        self._settings = [environ.get(key) for key in lifted.settings]
        self._start = {s: s.peek() for s in dict.fromkeys((*lifted.reads, *by.states))}
        if check_states:
            _check_used(by, lifted)
        self.inputs = by.of(args[0], self._start)
        if not allow_int:
            _check_inputs(by, self.inputs)
        self.output = _check_output(by.name, lifted, has_aux, scalar)
        self.at = numbers_of(self.inputs)

    def __call__(self, at: Parts) -> tuple[Any, tuple[Any, Any, list[Any]]]:
        by = like(self.inputs, at)
        now = self._start | dict(zip(self._by.states, by.states, strict=True))
        positional = list(self._args[0])
        for n, value in zip(self._by.numbers or (), by.arguments, strict=True):
            positional[n] = value
        args = tuple(positional), self._args[1]
        out, new = self._lifted.pure([now[s] for s in self._lifted.reads], self._settings, self._lifted.captured, args)
        value, aux = out if self._has_aux else (out, None)
        numbers = numbers_of(value)
        return numbers.reshape(()) if self._scalar else numbers, (value, aux, new)

    def store(self, new: list[Any]) -> None:
        """Write what the function wrote."""
        write_back(self._lifted.writes, new)

    def unit(self) -> Any:
        """The unit of the output."""
        units = [u.get_unit(x) for x in flatten(self.output)[0]]
        return common_unit(units, f'{self._by.name}: {self.__name__} returns')


def _check_used(by: Variables, lifted: Lifted) -> None:
    unused = [n for n, s in enumerate(by.states) if s not in lifted.reads]
    if unused:
        raise ParameterError(
            f'{by.name}: {lifted.where} never reads {by.states[unused[0]].label} (state {unused[0]} of grad_states), '
            'so there is no gradient. Leave it out, use it in the function, or take zeros with check_states=False.'
        )


def _check_inputs(by: Variables, inputs: Parts) -> None:
    for path, x in jax.tree_util.tree_leaves_with_path(inputs, is_leaf=lambda x: isinstance(x, Static)):
        kind = type(x.value).__name__ if isinstance(x, Static) else x.dtype
        if isinstance(kind, str) or not jnp.issubdtype(kind, jnp.inexact):
            raise TypeError(f'{by.name}: {by.label(path)} holds {kind}, which has no derivative. Make it a float, or leave it out.')


def _check_output(name: str, lifted: Lifted, has_aux: bool, scalar: bool) -> Any:
    out = lifted.avals[0]
    if has_aux:
        if not (isinstance(out, tuple) and len(out) == 2):
            what = 'loss' if scalar else 'value'
            raise TypeError(f'{name}: with has_aux=True, {lifted.where} must return ({what}, aux), but returned {type(out).__name__}.')
        out = out[0]
    leaves = jax.tree.leaves(out)
    shapes = [leaf.shape for leaf in leaves]
    if scalar and (len(shapes) != 1 or shapes[0] not in ((), (1,)) or flatten(out)[0][0] is not out):
        raise TypeError(f'{name}: {lifted.where} must return one scalar loss, but returned shapes {shapes}; take a sum or a mean.')
    for leaf in leaves:
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            raise TypeError(
                f'{name}: {lifted.where} returns {leaf.dtype}, which has no derivative; return it beside the value with has_aux=True.'
            )
    return out
