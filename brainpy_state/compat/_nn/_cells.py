"""Recurrent cells that there are under older names only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ... import environ, nn, random
from ...state import ParamState

_xavier = jax.nn.initializers.glorot_normal()
_zeros = jax.nn.initializers.zeros


class URLSTMCell(nn.LSTMCell):
    r"""An LSTM whose forget gate is refined by a second one, with biases that are spread at first.

    .. math:: f = \sigma(u_f + b), \quad r = \sigma(u_r - b), \quad g = 2rf + (1 - 2r) f^2, \quad
        c' = g c + (1 - g) \tanh u_c, \quad h' = \sigma(u_o) \tanh c'

    Parameters
    ----------
    num_in, num_out : int
        Numbers of inputs and outputs.
    w_init : callable, array or number
        First weights.
    state_init : callable, array or number
        First values of ``h`` and ``c``.
    activation : callable or str
        In the place of tanh.
    name : str, optional
        A label for messages.

    Notes
    -----
    Source: Gu et al. 2020, arXiv:1910.09890.
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        w_init: Any = _xavier,
        state_init: Any = _zeros,
        activation: Callable | str = 'tanh',
        name: str | None = None,
    ):
        super().__init__(num_in, num_out, w_init, None, state_init, activation, name=name)
        share = random.uniform(1 / num_out, 1 - 1 / num_out, (num_out,)).astype(environ.dftype())
        self.bias = ParamState(-jnp.log(1 / share - 1))

    def update(self, x: Any) -> jax.Array:
        """One step; gives the output, shape ``(batch, num_out)``."""
        f, r, u, o = jnp.split(self.W(jnp.concatenate([x, self.h.value], axis=-1)), 4, axis=-1)
        f, r = nn.sigmoid(f + self.bias.value), nn.sigmoid(r - self.bias.value)
        g = 2 * r * f + (1 - 2 * r) * f**2
        c = g * self.c.value + (1 - g) * self.activation(u)
        h = nn.sigmoid(o) * self.activation(c)
        self.h.value, self.c.value = h, c
        return h
