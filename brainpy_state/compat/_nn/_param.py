"""`Param` with what it has besides under its older name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from ... import nn
from ..._errors import ParameterError, ShapeError
from ..._typing import as_size
from ...state import State

ANY_VALUE = nn.IdentityT()


class Param(nn.Param):
    """See `brainpy_state.nn.Param`.

    Parameters
    ----------
    value, t, reg, fit
        As there.
    precompute : callable, optional
        A function of the value in its range, of which the result is the parameter.
    """

    def __init__(
        self,
        value: Any,
        t: nn.Transform = ANY_VALUE,
        reg: nn.Regularizer | None = None,
        precompute: Callable | None = None,
        fit: bool = True,
    ):
        if not isinstance(t, nn.Transform):
            raise TypeError(f'{type(self).__name__}: t must be an instance of Transform, but is {t!r}.')
        if not (reg is None or isinstance(reg, nn.Regularizer)):
            raise ParameterError(f'{type(self).__name__}: reg must be an instance of Regularization or None, but is {reg!r}.')
        if not (precompute is None or callable(precompute)):
            raise TypeError(f'{type(self).__name__}: precompute must be callable or None, but is {precompute!r}.')
        self.precompute = precompute
        super().__init__(value, t, reg, fit)

    def of(self, raw: Any) -> Any:
        """The parameter for an unconstrained number."""
        value = self.t.forward(raw)
        return value if self.precompute is None else self.precompute(value)

    def own_reg_loss(self) -> Any:
        """The regularisation loss of the value in its range; 0 without one."""
        return self.reg.loss(self.t.forward(self.val.value)) if self.fit and self.reg is not None else 0.0

    def set_value(self, value: Any) -> None:
        """Let the parameter have a value inside its range; also one that is not trained."""
        value = u.math.asarray(value)
        self.t.check(value, self.label)
        raw = self.t.inverse(value)
        if self.fit:
            self.val.value = raw
        else:
            self.val = raw

    def clip(self, min_val: Any = None, max_val: Any = None) -> None:
        """Move the value between bounds."""
        self.set_value(u.math.clip(self.t.forward(self.val.value if self.fit else self.val), min_val, max_val))

    def reset_to_prior(self) -> None:
        """Let the parameter have the value of the least regularisation loss, if it has a regularisation."""
        if isinstance(self.reg, nn.Module) and hasattr(self.reg, 'reset_value'):
            now = self.t.forward(self.val.value if self.fit else self.val)
            self.set_value(jnp.broadcast_to(self.reg.reset_value(), np.shape(u.get_mantissa(now))) + u.math.zeros_like(now))

    @classmethod
    def init(cls, data: Any, sizes: Any = None, allow_none: bool = True, **options: Any) -> Any:
        """A parameter of a first value that may be given in several ways.

        Parameters
        ----------
        data : array, quantity, number, callable, State, Param or None
            The value; a callable takes the size. A `Param` is given back, None gives None.
        sizes : int or tuple of int, optional
            The shape to which the value must broadcast.
        allow_none : bool
            Whether ``data`` may be None.
        **options
            Of the parameter; without any, it is a constant. Others are given to a callable.

        Raises
        ------
        ValueError, TypeError
            If the data or the sizes do not fit.
        """
        owner = f'{cls.__name__}.init'
        if data is None:
            if not allow_none:
                raise ParameterError(f'{owner}: data is None, but allow_none=False; give a value.')
            return None
        if sizes is not None and not isinstance(sizes, (int, tuple, list, np.integer)):
            raise ParameterError(f'{owner}: sizes is an integer or several, but is {sizes!r}.')
        given: Any = sizes
        size = None if sizes is None else () if sizes == () else as_size(tuple(given) if isinstance(given, list) else given, owner)
        if isinstance(data, nn.Param):
            _check_shape(owner, np.shape(u.get_mantissa(data.value())), size)
            return data
        if callable(data):
            if size is None:
                raise ParameterError(f'{owner}: sizes is needed, since data is callable.')
            own = ('t', 'reg', 'precompute', 'fit')
            data = data(size, **{key: options.pop(key) for key in list(options) if key not in own})
        if isinstance(data, State):
            data = data.value
        if not isinstance(data, (jax.Array, np.ndarray, np.generic, u.Quantity, int, float, bool, list)):
            raise TypeError(f'{owner}: data is an array, a number, a callable or a parameter, but is {data!r}.')
        _check_shape(owner, np.shape(u.get_mantissa(data)), size)
        return cls(data, **options) if options or cls is not Param else Const(data)


def _check_shape(owner: str, shape: tuple[int, ...], size: tuple[int, ...] | None) -> None:
    if size is None:
        return
    try:
        fits = np.broadcast_shapes(shape, size) == size
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f'{owner}: the shape {shape} of the data does not broadcast to {size}.')


class Const(Param):
    """A `Param` that is not trained; its value can be set.

    Parameters
    ----------
    value : quantity, number or array
        Its value.
    **options
        Of `Param`.
    """

    def __init__(self, value: Any, **options: Any):
        if options.pop('fit', False):
            raise ParameterError('Const: fit=True is given, but a constant is not trained; use Param.')
        super().__init__(value, fit=False, **options)
