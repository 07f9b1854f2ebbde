"""Recurrent cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..modules import Allocated
from ..state import HiddenState
from ._activations import by_name, relu, sigmoid, tanh
from ._layer import Layer, WeightInit, first_value, zeros
from ._linear import Linear

_orthogonal = jax.nn.initializers.orthogonal()
_glorot = jax.nn.initializers.glorot_normal()


class RecurrentCell(Layer):
    """Base of recurrent cells, which keep their output in the state ``h``, shape ``(batch, num_out)``.

    Parameters
    ----------
    num_in, num_out : int
        Numbers of inputs and outputs.
    w_init, b_init : callable, array or number
        First weights and biases, as of `Linear`.
    state_init : callable, array or number
        First values of the states.
    activation : callable or str
        Of each element; a string is the name of a function in `nn`.
    name : str, optional
        A label for messages.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> issubclass(bst.nn.GRUCell, bst.nn.RecurrentCell)
    True
    """

    h: Any = Allocated()
    own: ClassVar[tuple[str, ...]] = ('h',)

    def __init__(
        self,
        num_in: int,
        num_out: int,
        w_init: WeightInit = _orthogonal,
        b_init: WeightInit = zeros,
        state_init: WeightInit = zeros,
        activation: Callable | str = tanh,
        *,
        name: str | None = None,
    ):
        super().__init__(num_in, name)
        self.num_in, self.num_out, self.out_size = num_in, num_out, (num_out,)
        self.state_init = state_init
        function = by_name(activation) if isinstance(activation, str) else activation
        if not callable(function):
            raise TypeError(f'{self.label}: activation must be a function, or the name of one such as tanh or relu, but is {activation!r}.')
        self.activation: Callable = function
        self.make(lambda n: Linear(num_in + num_out, n * num_out, w_init, b_init))

    def make(self, linear: Callable[[int], Linear]) -> None:
        """Make the weights; ``linear(n)`` gives a layer from input and output to n times as many as outputs."""
        self.W = linear(1)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Give the states their first values."""
        shape = (*(() if batch_size is None else (batch_size,)), self.num_out)
        for state in self.own:
            setattr(self, state, HiddenState(first_value(self.state_init, shape, self.label, 'state_init')))

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Give the states their first values again, with the batch size that they have or a new one."""
        batch = self.h.value.shape[:-1] if batch_size is None else (batch_size,)
        for state in self.own:
            getattr(self, state).value = first_value(self.state_init, (*batch, self.num_out), self.label, 'state_init')


class RNNCell(RecurrentCell):
    r"""The simplest recurrent cell, :math:`h' = f(W [x, h] + b)`; parameters as of `GRUCell`, with ``relu`` by default.

    Notes
    -----
    Source: Elman 1990, doi:10.1207/s15516709cog1402_1.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> cell = bst.nn.init_all_states(bst.nn.RNNCell(3, 4), batch_size=5)
    >>> bst.transform.for_loop(cell, np.ones((7, 5, 3))).shape  # of seven steps
    (7, 5, 4)
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        state_init: WeightInit = zeros,
        w_init: WeightInit = _glorot,
        b_init: WeightInit = zeros,
        activation: Callable | str = relu,
        *,
        name: str | None = None,
    ):
        super().__init__(num_in, num_out, w_init, b_init, state_init, activation, name=name)

    def update(self, x: Any) -> jax.Array:
        """One step; gives the output, shape ``(batch, num_out)``."""
        h = self.activation(self.W(jnp.concatenate([x, self.h.value], axis=-1)))
        self.h.value = h
        return h


class GRUCell(RecurrentCell):
    r"""Gated recurrent unit.

    .. math:: r, z = \sigma(W_{rz} [x, h] + b_{rz}), \quad h' = (1 - z)\,h + z \tanh(W_h [x, r h] + b_h)

    Parameters
    ----------
    num_in, num_out : int
        Numbers of inputs and outputs.
    w_init, b_init : callable, array or number
        First weights and biases, as of `Linear`.
    state_init : callable, array or number
        First values of the state ``h``, shape ``(batch, num_out)``.
    activation : callable or str
        In the place of tanh.
    name : str, optional
        A label for messages.

    Notes
    -----
    Source: Cho et al. 2014, doi:10.3115/v1/D14-1179.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> cell = bst.nn.init_all_states(bst.nn.GRUCell(3, 4), batch_size=5)
    >>> bst.transform.for_loop(cell, np.ones((7, 5, 3))).shape  # of seven steps
    (7, 5, 4)
    """

    def make(self, linear: Callable[[int], Linear]) -> None:
        self.Wrz, self.Wh = linear(2), linear(1)

    def update(self, x: Any) -> jax.Array:
        """One step; gives the output, shape ``(batch, num_out)``."""
        old = self.h.value
        r, z = jnp.split(sigmoid(self.Wrz(jnp.concatenate([x, old], axis=-1))), 2, axis=-1)
        h = (1 - z) * old + z * self.activation(self.Wh(jnp.concatenate([x, r * old], axis=-1)))
        self.h.value = h
        return h


class MGUCell(RecurrentCell):
    r"""Minimal gated unit: a `GRUCell` with one gate.

    .. math:: f = \sigma(W_f [x, h] + b_f), \quad h' = (1 - f)\,h + f \tanh(W_h [x, f h] + b_h)

    Parameters as of `GRUCell`.

    Notes
    -----
    Source: Zhou et al. 2016, arXiv:1603.09420.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> cell = bst.nn.init_all_states(bst.nn.MGUCell(3, 4), batch_size=5)
    >>> bst.transform.for_loop(cell, np.ones((7, 5, 3))).shape  # of seven steps
    (7, 5, 4)
    """

    def make(self, linear: Callable[[int], Linear]) -> None:
        self.Wf, self.Wh = linear(1), linear(1)

    def update(self, x: Any) -> jax.Array:
        """One step; gives the output, shape ``(batch, num_out)``."""
        old = self.h.value
        f = sigmoid(self.Wf(jnp.concatenate([x, old], axis=-1)))
        h = (1 - f) * old + f * self.activation(self.Wh(jnp.concatenate([x, f * old], axis=-1)))
        self.h.value = h
        return h


class LSTMCell(RecurrentCell):
    r"""Long short-term memory.

    .. math:: i, g, f, o = W [x, h] + b, \quad c' = \sigma(f + 1)\,c + \sigma(i) \tanh g, \quad h' = \sigma(o) \tanh c'

    Parameters as of `GRUCell`; ``state_init`` also gives the first memory ``c``. The forget gate begins open, by the 1.

    Notes
    -----
    Source: Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; Jozefowicz et al. 2015 for the bias of the forget gate.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> cell = bst.nn.init_all_states(bst.nn.LSTMCell(3, 4), batch_size=5)
    >>> bst.transform.for_loop(cell, np.ones((7, 5, 3))).shape  # of seven steps
    (7, 5, 4)
    """

    c: Any = Allocated()
    own = ('h', 'c')

    def __init__(self, num_in: int, num_out: int, w_init: WeightInit = _glorot, *args: Any, **kwargs: Any):
        super().__init__(num_in, num_out, w_init, *args, **kwargs)

    def make(self, linear: Callable[[int], Linear]) -> None:
        self.W = linear(4)

    def update(self, x: Any) -> jax.Array:
        """One step; gives the output, shape ``(batch, num_out)``."""
        i, g, f, o = jnp.split(self.W(jnp.concatenate([x, self.h.value], axis=-1)), 4, axis=-1)
        c = sigmoid(f + 1.0) * self.c.value + sigmoid(i) * self.activation(g)
        h = sigmoid(o) * self.activation(c)
        self.h.value, self.c.value = h, c
        return h
