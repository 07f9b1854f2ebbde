"""Embeddings."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .._typing import Size, as_size
from ..state import ParamState
from ._layer import Layer, WeightInit, first_value

normal = jax.nn.initializers.normal(1.0)


class Embedding(Layer):
    """A table of vectors, looked up by their numbers.

    Parameters
    ----------
    num_embeddings : int
        How many vectors.
    embedding_size : int or tuple of int
        The shape of each.
    w_init : callable, array or quantity
        First vectors, shape ``(num_embeddings, *embedding_size)``; standard normal by default.
    name : str, optional
        A label for messages.

    Notes
    -----
    States: ``weight``, a `ParamState`. A number from ``-num_embeddings`` to -1 counts from the end;
    one beyond the table gives nan.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.nn.Embedding(3, 2, w_init=jnp.arange(6.).reshape(3, 2))(jnp.array([2, 0]))
    Array([[4., 5.],
           [0., 1.]], dtype=float32)
    """

    def __init__(self, num_embeddings: int, embedding_size: Size, *, w_init: WeightInit = normal, name: str | None = None):
        super().__init__(None, name)
        (self.num_embeddings,) = as_size(num_embeddings, self.label)
        self.out_size = as_size(embedding_size, self.label)
        self.weight = ParamState(first_value(w_init, (self.num_embeddings, *self.out_size), self.label, 'w_init'))

    def update(self, x: Any) -> Any:
        """Look up.

        Parameters
        ----------
        x : array of integers, shape ``(...)``

        Returns
        -------
        array or quantity, shape ``(..., *embedding_size)``

        Raises
        ------
        TypeError
            If the numbers are no integers.
        """
        if not jnp.issubdtype(jnp.result_type(x), jnp.integer):
            raise TypeError(f'{self.label}: the input has the type {jnp.result_type(x)}, expected integers.')
        return jax.tree.map(lambda table: jnp.take(table, jnp.asarray(x), axis=0, mode='fill', fill_value=jnp.nan), self.weight.value)
