"""What scripts do to gradients and parameters besides."""

from __future__ import annotations

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ParameterError
from ..state import ParamState


def clip_grad_norm(grad: Any, max_norm: Any, norm_type: Any = 2.0, return_norm: bool = False) -> Any:
    """Gradients that together are no longer than a bound.

    Parameters
    ----------
    grad : pytree
        Arrays.
    max_norm : number
        The bound.
    norm_type : number, 'inf' or '-inf'
        The p of the norm of all elements together.
    return_norm : bool
        Whether to give their norm before, too.

    Returns
    -------
    pytree, or (pytree, array)

    Raises
    ------
    ValueError
        If the norm is unknown.
    """
    p = 2.0 if norm_type is None else norm_type
    if isinstance(p, str):
        if p not in ('inf', '-inf'):
            raise ParameterError(f"clip_grad_norm: norm_type is a number, 'inf' or '-inf', but is {norm_type!r}.")
        p = float(p)
    leaves = [jnp.ravel(x) for x in jax.tree.leaves(grad)]
    norm = jnp.linalg.norm(jnp.concatenate(leaves), ord=p) if leaves else jnp.zeros(())
    factor = jnp.minimum(1.0, max_norm / jnp.where(norm > 0, norm, 1.0))
    clipped = jax.tree.map(
        lambda x: x * factor.astype(jnp.result_type(x)) if jnp.issubdtype(jnp.result_type(x), jnp.inexact) else x * factor, grad
    )
    return (clipped, norm) if return_norm else clipped


def count_parameters(module: Any, precision: int = 2, return_table: bool = False) -> Any:
    """How many numbers the parameters of a module are; prints them by state.

    Parameters
    ----------
    module : Module
    precision : int
        Digits after the point of numbers that are printed in thousands and millions.
    return_table : bool
        Whether to give the text that is printed as well.

    Returns
    -------
    int, or (str, int)
    """
    numbers = {str(path): _size(state.value) for path, state in module.states(ParamState).items()}
    total = sum(numbers.values())
    rows = [('Modules', 'Parameters')] + [(name, _short(n, precision)) for name, n in {**numbers, 'Total': total}.items()]
    wide = max(len(name) for name, _ in rows)
    table = '\n'.join(f'{name:<{wide}}  {number:>10}' for name, number in rows)
    sys.stdout.write(table + '\n')
    return (table, total) if return_table else total


def _size(value: Any) -> int:
    return sum(int(np.size(x)) for x in jax.tree.leaves(value))


def _short(number: int, precision: int) -> str:
    for unit, sign in ((10**9, 'G'), (10**6, 'M'), (10**3, 'K')):
        if number >= unit:
            return f'{number / unit:.{precision}f} {sign}'
    return str(number)
