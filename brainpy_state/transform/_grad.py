"""`grad`, `vector_grad` and `fwd_grad`: derivatives that have the shape of what they are taken by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp

from .. import random
from .._errors import ParameterError
from .._tracebacks import entry
from ._derivative import derivative
from ._units import flatten


@entry
def grad(
    fun: Callable | None = None,
    grad_states: Any = None,
    argnums: int | Sequence[int] | None = None,
    *,
    has_aux: bool = False,
    return_value: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    unit_aware: bool = False,
    check_states: bool = True,
    debug_nan: bool = False,
) -> Callable:
    """Gradient of a scalar function with respect to states, arguments, or both.

    States that the function writes keep their new values.

    Parameters
    ----------
    fun : callable, optional
        Returns a scalar loss, or ``(loss, aux)`` with ``has_aux``. Without it, a decorator is returned.
    grad_states : State, sequence or mapping of State, optional
        What to differentiate by, such as ``model.states(ParamState)``.
    argnums : int or sequence of int, optional
        Positional arguments to differentiate by; 0 when nothing else is asked for.
    has_aux : bool
        Whether ``fun`` returns something besides the loss.
    return_value : bool
        Whether to return the loss too.
    holomorphic : bool
        Whether ``fun`` is a holomorphic function of complex numbers.
    allow_int : bool
        Whether integers have a gradient, of the type ``float0``, instead of being an error.
    unit_aware : bool
        Give each gradient the unit of the loss divided by the unit of its state. By default the
        gradient is of the plain numbers and has the pytree of the state's value, which is
        what ``jax.tree.map`` and optimisers need.
    check_states : bool
        Whether a state that ``fun`` never reads is an error; its gradient is zero otherwise.
    debug_nan : bool
        Raise `NanError`, which names the operation and the source line, when the loss or a gradient
        is NaN. States then hold what they held before. Inside of other transforms, it comes when the
        outermost compiled call ends, and names neither.

    Returns
    -------
    GradientTransform
        With the arguments of ``fun``; it returns ``grads``, ``(grads, loss)``, ``(grads, aux)`` or
        ``(grads, loss, aux)``. ``grads`` mirrors ``grad_states``; with ``argnums`` besides, it is
        ``(state_grads, argument_grads)``.

    Raises
    ------
    TypeError
        If ``grad_states`` holds something else than states, if the loss is no scalar, or if a state
        or argument is no float.
    ValueError
        If the function never reads one of ``grad_states``, or ``argnums`` are no positions of arguments.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> w = bst.ParamState(jnp.array([1., 2.]))
    >>> bst.transform.grad(lambda x: jnp.sum(w.value ** 2 * x), w)(3.)
    Array([ 6., 12.], dtype=float32)
    """
    return derivative(
        fun,
        jax.grad,
        grad_states,
        argnums,
        return_value,
        has_aux,
        {'holomorphic': holomorphic, 'allow_int': allow_int},
        check_states,
        debug_nan,
        allow_int=allow_int,
        unit_aware=unit_aware,
        scalar=True,
        name='grad',
    )


@entry
def vector_grad(
    fun: Callable | None = None,
    grad_states: Any = None,
    argnums: int | Sequence[int] | None = None,
    *,
    has_aux: bool = False,
    return_value: bool = False,
    unit_aware: bool = False,
    check_states: bool = True,
    debug_nan: bool = False,
) -> Callable:
    """Gradient of the sum of all that a function returns; for an elementwise function, its slope at each element.

    Parameters
    ----------
    fun : callable, optional
        Returns an array, a quantity or a pytree of them.
    grad_states, argnums, has_aux, return_value, unit_aware, check_states, debug_nan
        As in `grad`.

    Returns
    -------
    GradientTransform
        As in `grad`.

    Raises
    ------
    TypeError, ValueError
        As `grad`.
    UnitError
        With ``unit_aware``, if the function returns quantities of several units.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.transform.vector_grad(lambda x: x ** 3)(jnp.array([1., 2.]))
    Array([ 3., 12.], dtype=float32)
    """
    options = {'unit_aware': unit_aware, 'name': 'vector_grad'}
    return derivative(fun, _all_ones, grad_states, argnums, return_value, has_aux, None, check_states, debug_nan, **options)


def _all_ones(f: Callable, argnums: int, has_aux: Literal[True]) -> Callable:
    def slope(x: Any) -> tuple[Any, Any]:
        out, pull, aux = jax.vjp(f, x, has_aux=has_aux)
        return pull(jax.tree.map(jnp.ones_like, out))[argnums], aux

    return slope


@entry
def fwd_grad(
    fun: Callable | None = None,
    grad_states: Any = None,
    argnums: int | Sequence[int] | None = None,
    *,
    key: Any = None,
    tangent_size: int | None = None,
    drct_der_clip: float | None = None,
    has_aux: bool = False,
    return_value: bool = False,
    unit_aware: bool = False,
    check_states: bool = True,
    debug_nan: bool = False,
) -> Callable:
    r"""Forward gradient: an unbiased guess of the gradient that needs no backward pass, thus no memory of it.

    .. math:: g = (\nabla f \cdot v)\, v, \quad v \sim \mathcal N(0, 1), \quad \mathrm E[g] = \nabla f

    Parameters
    ----------
    fun : callable, optional
        Returns a scalar loss.
    grad_states, argnums
        As in `grad`.
    key : RandomState, key or int, optional
        Where directions come from. A `RandomState`, by default that of `random`, gives new ones at each
        call, a key or seed the same ones.
    tangent_size : int, optional
        How many directions to take the mean of; one by default. The variance falls as its inverse.
    drct_der_clip : float, optional
        Largest size of each directional derivative :math:`\nabla f \cdot v`. A bound makes the guess biased.
    has_aux, return_value, unit_aware, check_states, debug_nan
        As in `grad`.

    Returns
    -------
    GradientTransform
        As in `grad`.

    Raises
    ------
    TypeError, ValueError
        As `grad`.

    Notes
    -----
    Source: Baydin et al. 2022, "Gradients without backpropagation", doi:10.48550/arXiv.2202.08587.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> slope = bst.transform.fwd_grad(lambda x: x ** 2, key=bst.random.RandomState(0), tangent_size=1000)
    >>> bool(abs(slope(3.) - 6.) < 1.)  # the standard error is 6 * sqrt(2 / 1000) = 0.27
    True
    """
    if tangent_size is not None and tangent_size < 1:
        raise ParameterError(f'fwd_grad: tangent_size is the number of directions, 1 or more, but is {tangent_size}.')
    if drct_der_clip is not None and not drct_der_clip > 0:
        raise ParameterError(f'fwd_grad: drct_der_clip is the largest directional derivative, above 0, but is {drct_der_clip}.')
    if key is not None and not isinstance(key, random.RandomState):
        key = random.RandomState(key).value
    params = {'key': random.DEFAULT if key is None else key, 'tangent_size': tangent_size, 'drct_der_clip': drct_der_clip}
    options = {'unit_aware': unit_aware, 'scalar': True, 'name': 'fwd_grad'}
    return derivative(fun, _random_direction, grad_states, argnums, return_value, has_aux, params, check_states, debug_nan, **options)


def _random_direction(
    f: Callable, argnums: int, has_aux: Literal[True], key: Any, tangent_size: int | None, drct_der_clip: float | None
) -> Callable:
    def along(key: Any, x: Any) -> tuple[Any, Any]:
        leaves, tree = flatten(x)
        keys = jax.random.split(key, max(1, len(leaves)))
        v = tree.unflatten([jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=False)])
        _, slope, aux = jax.jvp(f, (x,), (v,), has_aux=has_aux)
        if drct_der_clip is not None:
            slope = jnp.clip(slope, -drct_der_clip, drct_der_clip)
        return jax.tree.map(lambda direction: slope * direction, v), aux

    def guess(x: Any) -> tuple[Any, Any]:
        drawn = key.split_key() if hasattr(key, 'split_key') else key
        if tangent_size is None:
            return along(drawn, x)
        several = jax.vmap(along, in_axes=(0, None), out_axes=(0, None))
        directions, aux = several(jax.random.split(drawn, tangent_size), x)
        return jax.tree.map(lambda g: jnp.mean(g, axis=0), directions), aux

    return guess
