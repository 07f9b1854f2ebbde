"""`Embedding` with the options of its older name."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from ... import nn
from ..._errors import ParameterError, ShapeError
from ...state import ParamState, State
from ._sizes import Typed


class Embedding(Typed, nn.Embedding):
    """See `brainpy_state.nn.Embedding`.

    Parameters
    ----------
    num_embeddings, embedding_size, name
        As there.
    embedding_init : callable, array or quantity
        First vectors, shape ``(num_embeddings, *embedding_size)``; by default uniform with the variance of LeCun.
    padding_idx : int, optional
        A number whose vector is 0 at first and not trained.
    max_norm : float, optional
        Vectors that are longer than this are shortened when they are looked up; in the table as well, outside of compiled functions.
    norm_type : float
        The p of their p-norm.
    scale_grad_by_freq : bool
        Whether gradients are divided by how often a number is looked up.
    freeze : bool
        Whether the table is not trained.
    param_type : type of State
        The class of ``weight``.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_size: Any,
        embedding_init: Any = jax.nn.initializers.lecun_uniform(),  # noqa: B008
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        freeze: bool = False,
        name: str | None = None,
        param_type: type[State] = ParamState,
    ):
        super().__init__(num_embeddings, embedding_size, w_init=embedding_init, name=name)
        if padding_idx is not None and not 0 <= padding_idx < num_embeddings:
            raise ParameterError(f'{self.label}: padding_idx = {padding_idx} must be one of the {num_embeddings} numbers.')
        if max_norm is not None and not max_norm > 0:
            raise ParameterError(f'{self.label}: max_norm = {max_norm} must be positive.')
        self.embedding_size, self.padding_idx, self.max_norm, self.norm_type = self.out_size, padding_idx, max_norm, norm_type
        self.scale_grad_by_freq, self.freeze = scale_grad_by_freq, freeze
        if padding_idx is not None:
            self.weight.value = self.weight.value.at[padding_idx].set(0)
        self.retype(param_type)

    @classmethod
    def from_pretrained(cls, embeddings: Any, padding_idx: int | None = None, *, freeze: bool = True, **options: Any) -> Embedding:
        """An embedding of given vectors, shape ``(num_embeddings, *embedding_size)``; other options as of the constructor."""
        if u.math.ndim(embeddings) < 2:
            raise ShapeError(
                f'{cls.__name__}.from_pretrained: vectors have at least two axes, but the shape is {u.math.shape(embeddings)}.'
            )
        new = cls(embeddings.shape[0], embeddings.shape[1:], embeddings, freeze=freeze, **options)
        new.padding_idx = padding_idx
        return new

    def update(self, indices: Any) -> Any:
        """Look up; errors as of `brainpy_state.nn.Embedding`."""
        if not jnp.issubdtype(jnp.result_type(indices), jnp.integer):
            raise TypeError(f'{self.label}: numbers of vectors are integers, but have the type {jnp.result_type(indices)}.')
        indices = jnp.asarray(indices)
        if self.max_norm is not None and not isinstance(indices, jax.core.Tracer):
            rows = jnp.unique(indices)
            self.weight.value = self.weight.value.at[rows].set(self._short(self.weight.value[rows], rows))
        found = self._short(self.weight.value[indices], indices) if self.max_norm is not None else super().update(indices)
        return self._trained(found, indices)

    def _trained(self, found: Any, indices: Any) -> Any:
        """The same values, with the gradients that were asked for."""
        if self.freeze:
            return jax.lax.stop_gradient(found)
        share: Any = 1.0
        if self.scale_grad_by_freq:
            share = 1.0 / jnp.bincount(indices.reshape(-1), length=self.num_embeddings)[indices]
        if self.padding_idx is not None:
            share = jnp.where(indices == self.padding_idx, 0.0, share)
        if isinstance(share, float):
            return found
        share = share.reshape((*indices.shape, *(1,) * len(self.out_size or ()))).astype(found.dtype)
        return found * share + jax.lax.stop_gradient(found * (1 - share))

    def _short(self, vectors: Any, numbers: Any) -> Any:
        axes = tuple(range(numbers.ndim, vectors.ndim))
        norm = (jnp.abs(vectors) ** self.norm_type).sum(axes, keepdims=True) ** (1 / self.norm_type)
        longest: Any = self.max_norm
        long = norm > longest
        if self.padding_idx is not None:
            long &= (numbers != self.padding_idx).reshape((*numbers.shape, *(1,) * len(axes)))
        return jnp.where(long, vectors * (longest / jnp.where(long, norm, 1.0)), vectors)
