"""What scripts do to gradients and parameters besides."""

from __future__ import annotations

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


def count_parameters(module: Any) -> int:
    """How many numbers the parameters of a module are."""
    return sum(int(np.size(x)) for x in jax.tree.leaves(module.states(ParamState).to_dict_values()))
