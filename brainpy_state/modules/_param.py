"""`Param`: a trainable parameter with a range of allowed values and a regularisation."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._errors import ParameterError, ShapeError, UnitError
from ..numerics import with_unit
from ..state import ParamState
from ._module import Module
from ._regularizers import Regularizer
from ._transforms import IdentityT, Transform

ANY_VALUE = IdentityT()


class Param(Module):
    """A parameter that stays in its range while an optimiser moves it freely.

    The state ``val`` holds the unconstrained number that is trained; ``value()`` gives the parameter.
    Neurons and synapses accept it wherever they accept a number.

    Parameters
    ----------
    value : quantity, number or array
        The first value of the parameter, inside the range.
    t : Transform
        From the unconstrained to the allowed values; anything is allowed by default.
    reg : Regularizer, optional
        Its loss is part of ``reg_loss()`` of every module that holds the parameter.
    fit : bool
        Whether to train it. If not, ``val`` is an array, no state, and there is no regularisation.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError, UnitError
        If the value lies outside of the range of ``t``, or the units do not fit.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.LIF(10, tau=bst.nn.Param(10. * u.ms, t=bst.nn.SoftplusT(1. * u.ms)))
    >>> neuron.tau, list(neuron.states(bst.ParamState))
    (Quantity(10., "ms"), [('tau', 'val')])
    """

    def __init__(self, value: Any, t: Transform = ANY_VALUE, reg: Regularizer | None = None, fit: bool = True, *, name: str | None = None):
        super().__init__(name)
        if not isinstance(t, Transform):
            raise TypeError(f'{self.label}: t is a Transform, such as SoftplusT(0.), but {t!r} was given.')
        if not (reg is None or isinstance(reg, Regularizer)):
            raise TypeError(f'{self.label}: reg is a Regularizer, such as L2Reg(0.1), but {reg!r} was given.')
        self.t, self.reg, self.fit = t, reg, fit
        value = _as_float(value, self.label)
        t.check(value, self.label)
        unconstrained = t.inverse(value)
        self.val = ParamState(unconstrained) if fit else unconstrained
        self.own_reg_loss()  # units that do not fit are found here

    def value(self) -> Any:
        """The parameter, inside its range."""
        raw = self.val.value if self.fit else self.val
        kept = vars(self).get('_kept')
        return kept[1] if kept is not None and kept[0] is raw else self.of(raw)

    def of(self, raw: Any) -> Any:
        """The parameter for an unconstrained number."""
        return self.t.forward(raw)

    def limits(self) -> tuple[Any, Any]:
        """The lowest and the highest value of the range, infinite where there is no bound."""
        raw = self.val.peek() if self.fit else self.val
        with jax.ensure_compile_time_eval():
            ends = [self.of(with_unit(jnp.asarray(end, u.get_mantissa(raw).dtype), u.get_unit(raw))) for end in (-np.inf, np.inf)]
            return u.math.minimum(*ends), u.math.maximum(*ends)

    def cache(self) -> Any:
        """Keep the parameter that is computed now, until another value is written or `clear_cache` is called, and return it."""
        raw = self.val.value if self.fit else self.val
        value = self.of(raw)
        vars(self)['_kept'] = (raw, value)
        return value

    def clear_cache(self) -> None:
        """Compute the parameter anew whenever it is read."""
        vars(self).pop('_kept', None)

    @property
    def cache_stats(self) -> dict[str, bool]:
        """Whether a value is kept, and whether it holds for what ``val`` is now."""
        kept = vars(self).get('_kept')
        raw = self.val.value if self.fit else self.val
        return {'valid': kept is not None and kept[0] is raw, 'has_cached_value': kept is not None}

    def set_value(self, value: Any) -> None:
        """Let the parameter have a value inside its range.

        Raises
        ------
        ParameterError, ShapeError, UnitError
            If the value lies outside of the range or has another shape or unit, or if the parameter is constant.
        """
        if not self.fit:
            raise ParameterError(f'{self.label} is constant (fit=False); compiled functions would not see another value.')
        old, new = self.value(), _as_float(value, self.label)
        if u.get_dim(new) != u.get_dim(old):
            raise UnitError(f'{self.label}: the value {value} has another unit than before, {u.get_unit(old)}.')
        if np.shape(u.get_mantissa(new)) != np.shape(u.get_mantissa(old)):
            raise ShapeError(f'{self.label}: the value has shape {new.shape}, but had {old.shape}.')
        if isinstance(new, u.Quantity):
            new = new.in_unit(old.unit)
        self.t.check(new, self.label)
        self.val.value = self.t.inverse(new)

    def own_reg_loss(self) -> Any:
        """The regularisation loss of this parameter; 0 without one."""
        return self.reg.loss(self.value()) if self.fit and self.reg is not None else 0.0


class Const(Param):
    """A `Param` that is not trained.

    Parameters
    ----------
    value : quantity, number or array
        Its value.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> len(bst.LIF(1, tau=bst.nn.Const(5. * u.ms)).states(bst.ParamState))
    0
    """

    def __init__(self, value: Any, *, name: str | None = None):
        super().__init__(value, fit=False, name=name)


def _as_float(value: Any, owner: str) -> Any:
    unit, mantissa = u.get_unit(value), u.get_mantissa(value)
    if not isinstance(mantissa, (int, float, list, np.ndarray, np.generic, jax.Array)):
        raise TypeError(f'{owner}: the value must be a number, a quantity or an array, but is {value!r}.')
    if isinstance(mantissa, jax.Array) and jnp.issubdtype(mantissa.dtype, jnp.floating):
        return value
    return with_unit(jnp.asarray(mantissa, environ.dftype()), unit)
