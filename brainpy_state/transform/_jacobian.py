"""`jacrev`, `jacfwd` and `hessian`: derivatives in blocks of output by input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from .._tracebacks import entry
from ._derivative import derivative


@entry
def jacrev(
    fun: Callable | None = None,
    grad_states: Any = None,
    argnums: int | Sequence[int] | None = None,
    *,
    has_aux: bool = False,
    return_value: bool = False,
    holomorphic: bool = False,
    unit_aware: bool = False,
    check_states: bool = True,
    debug_nan: bool = False,
) -> Callable:
    """Jacobian by reverse mode, one backward pass for each number of the output.

    Parameters
    ----------
    fun : callable, optional
        Returns an array, a quantity or a pytree of them. Without it, a decorator is returned.
    grad_states, argnums, has_aux, return_value, holomorphic, check_states, debug_nan
        As in `grad`.
    unit_aware : bool
        Give each block the unit of its output divided by that of its input. By default blocks are plain arrays.

    Returns
    -------
    GradientTransform
        With the arguments of ``fun``; for each array of the output it returns the container of
        ``grad_states``, with blocks of shape ``(*output.shape, *input.shape)``. Order as in `grad`.

    Raises
    ------
    TypeError, ValueError
        As `grad`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> w = bst.ParamState(jnp.array([1., 2.]))
    >>> bst.transform.jacrev(lambda: w.value ** 2, w)()
    Array([[2., 0.],
           [0., 4.]], dtype=float32)
    """
    return _blocks(
        'jacrev', jax.jacrev, 1, fun, grad_states, argnums, has_aux, return_value, holomorphic, unit_aware, check_states, debug_nan
    )


jacobian = jacrev


@entry
def jacfwd(
    fun: Callable | None = None,
    grad_states: Any = None,
    argnums: int | Sequence[int] | None = None,
    *,
    has_aux: bool = False,
    return_value: bool = False,
    holomorphic: bool = False,
    unit_aware: bool = False,
    check_states: bool = True,
    debug_nan: bool = False,
) -> Callable:
    """Jacobian by forward mode, one forward pass for each number of the input.

    Parameters
    ----------
    fun, grad_states, argnums, has_aux, return_value, holomorphic, unit_aware, check_states, debug_nan
        As in `jacrev`.

    Returns
    -------
    GradientTransform
        As `jacrev`, which it equals; quicker where the input has fewer numbers than the output.

    Raises
    ------
    TypeError, ValueError
        As `grad`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.transform.jacfwd(lambda x: x ** 2)(jnp.array([1., 3.]))
    Array([[2., 0.],
           [0., 6.]], dtype=float32)
    """
    return _blocks(
        'jacfwd', jax.jacfwd, 1, fun, grad_states, argnums, has_aux, return_value, holomorphic, unit_aware, check_states, debug_nan
    )


@entry
def hessian(
    fun: Callable | None = None,
    grad_states: Any = None,
    argnums: int | Sequence[int] | None = None,
    *,
    has_aux: bool = False,
    return_value: bool = False,
    holomorphic: bool = False,
    unit_aware: bool = False,
    check_states: bool = True,
    debug_nan: bool = False,
) -> Callable:
    """Second derivatives, forward over reverse.

    Parameters
    ----------
    fun, grad_states, argnums, has_aux, return_value, holomorphic, check_states, debug_nan
        As in `jacrev`.
    unit_aware : bool
        Give each block the unit of the output divided by those of its row and its column.

    Returns
    -------
    GradientTransform
        With the arguments of ``fun``; it returns the container of ``grad_states`` (rows) and in each
        entry the container again (columns), with blocks of shape ``(*row.shape, *column.shape)``, after
        the shape of the output where it is no scalar. A single state gives one block; states and
        arguments together give pairs of pairs. Order as in `grad`.

    Raises
    ------
    TypeError, ValueError
        As `grad`.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> a, b = bst.ParamState(2.), bst.ParamState(3.)
    >>> blocks = bst.transform.hessian(lambda: a.value ** 2 * b.value, {'a': a, 'b': b})()
    >>> float(blocks['a']['a']), float(blocks['a']['b']), float(blocks['b']['b'])
    (6.0, 4.0, 0.0)
    """
    return _blocks(
        'hessian', jax.hessian, 2, fun, grad_states, argnums, has_aux, return_value, holomorphic, unit_aware, check_states, debug_nan
    )


def _blocks(
    name: str,
    transform: Callable,
    blocks: int,
    fun: Callable | None,
    grad_states: Any,
    argnums: int | Sequence[int] | None,
    has_aux: bool,
    return_value: bool,
    holomorphic: bool,
    unit_aware: bool,
    check_states: bool,
    debug_nan: bool,
) -> Callable:
    params = {'holomorphic': holomorphic}
    options = {'unit_aware': unit_aware, 'blocks': blocks, 'name': name}
    return derivative(fun, transform, grad_states, argnums, return_value, has_aux, params, check_states, debug_nan, **options)
