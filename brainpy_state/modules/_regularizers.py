"""Losses that pull a parameter towards expected values."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp

from .._errors import ParameterError, UnitError
from ..numerics import plain


class Regularizer:
    """Base of regularisers: a loss of the value of a `Param`, in the unit that people think of.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Near(bst.nn.Regularizer):
    ...     def loss(self, value):
    ...         return ((value - 3.) ** 2).sum()
    >>> float(Near().loss(np.array([1., 3.])))
    4.0
    """

    def loss(self, value: Any) -> Any:
        """The loss, a plain number.

        Raises
        ------
        UnitError
            If the weights do not cancel the unit of the value.
        """
        raise NotImplementedError(f'{type(self).__name__} does not define `loss`.')

    def __repr__(self) -> str:
        return f'{type(self).__name__}({", ".join(f"{k}={v}" for k, v in vars(self).items())})'


def _plain(regularizer: Regularizer, loss: Any, value: Any, power: int) -> Any:
    if u.get_dim(loss) != u.DIMENSIONLESS:
        unit = u.get_unit(value)
        needed = 'no unit' if unit.is_unitless else f'the unit 1 / ({unit})' + (f' ** {power}' if power > 1 else '')
        raise UnitError(f'{regularizer}: the loss of a value has the unit {u.get_unit(loss)}; the weight must have {needed}.')
    return plain(loss)


class L1Reg(Regularizer):
    """``weight * sum(|x|)``, which makes values sparse.

    Parameters
    ----------
    weight : number or quantity
        One over the unit of the parameter, so that the loss is a plain number.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.nn.L1Reg(0.5 / u.mS).loss([1., -3.] * u.mS)
    Array(2., dtype=float32)
    """

    def __init__(self, weight: Any = 1.0):
        self.weight = weight

    def loss(self, value: Any) -> Any:
        return _plain(self, self.weight * u.math.sum(u.math.abs(value)), value, 1)


class L2Reg(Regularizer):
    """``weight * sum(x ** 2)``, which keeps values small.

    Parameters
    ----------
    weight : number or quantity
        One over the squared unit of the parameter, so that the loss is a plain number.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> float(bst.nn.L2Reg(0.5).loss(np.array([1., 2.])))
    2.5
    """

    def __init__(self, weight: Any = 1.0):
        self.weight = weight

    def loss(self, value: Any) -> Any:
        return _plain(self, self.weight * u.math.sum(value * value), value, 2)


class ElasticNetReg(Regularizer):
    """`L1Reg` and `L2Reg` together.

    Parameters
    ----------
    l1_weight, l2_weight : number or quantity
        Their weights.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> float(bst.nn.ElasticNetReg(1., 0.5).loss(np.array([1., -2.])))
    5.5
    """

    def __init__(self, l1_weight: Any = 1.0, l2_weight: Any = 1.0):
        self.l1_weight, self.l2_weight = l1_weight, l2_weight

    def loss(self, value: Any) -> Any:
        return L1Reg(self.l1_weight).loss(value) + L2Reg(self.l2_weight).loss(value)


class GaussianReg(Regularizer):
    r"""Minus the logarithm of a normal density, without its constant.

    .. math:: w \sum \frac{(x - \mathrm{mean})^2}{2\,\mathrm{std}^2}

    Parameters
    ----------
    mean, std : number or quantity
        Expected value and spread, in the unit of the parameter.
    weight : number
        A factor.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> float(bst.nn.GaussianReg(1., 0.5).loss(np.array([1., 2.])))
    2.0
    """

    def __init__(self, mean: Any, std: Any, weight: float = 1.0):
        self.mean, self.std, self.weight = mean, std, weight
        if u.get_dim(mean) != u.get_dim(std):
            raise UnitError(f'{self}: mean and std must have units that convert to each other.')
        if not u.math.all(std > u.math.zeros_like(std)):
            raise ParameterError(f'{self}: std must be positive.')

    def loss(self, value: Any) -> Any:
        if u.get_dim(value) != u.get_dim(self.mean):
            raise UnitError(f'{self}: the value has the unit {u.get_unit(value)}, expected one like {u.get_unit(self.mean)}.')
        z = plain((value - self.mean) / self.std)
        return 0.5 * self.weight * jnp.sum(z * z)


class ChainedReg(Regularizer):
    """The sum of several regularisers.

    Parameters
    ----------
    *regularizers : Regularizer
        Its terms.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> float(bst.nn.ChainedReg(bst.nn.L1Reg(1.), bst.nn.L2Reg(0.5)).loss(np.array([1., -2.])))
    5.5
    """

    def __init__(self, *regularizers: Regularizer):
        self.regularizers = regularizers

    def loss(self, value: Any) -> Any:
        return sum((r.loss(value) for r in self.regularizers), 0.0)
