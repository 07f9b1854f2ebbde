"""Readouts: from spikes to graded outputs."""

from __future__ import annotations

from typing import Any

import brainunit as u
import numpy as np

from .._errors import ShapeError
from .._typing import Size, as_size
from ..modules import Dynamics, Parameter, Variable, check_unit, positive
from ..numerics import with_unit
from ..state import ParamState
from ._layer import WeightInit, first_value, he_normal


class LeakyRateReadout(Dynamics):
    r"""Weighted spikes, leakily summed.

    .. math:: \tau \frac{dr}{dt} = -r, \qquad r \leftarrow r + x W \text{ for the spikes } x \text{ of a step}

    Parameters
    ----------
    in_size, out_size : int or tuple of int
        Shapes of input and output; weights act on the last axis, the axes before must be equal.
    tau : time
        Time constant, 5 ms.
    w_init : callable, array or quantity
        First weights, shape ``(in_size[-1], out_size[-1])``; He's normal distribution by default.
    r_initializer : quantity or callable, optional
        First r, 0 in the unit of the weights.
    name : str, optional
        A label for messages.

    Notes
    -----
    States: ``r``, of shape ``(batch, *out_size)``, and ``weight``, a `ParamState`. Spikes of a step count in full
    in the output of that step: :math:`r_{n} = e^{-\Delta t / \tau} r_{n-1} + x_n W`. The decay is exact.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> readout = bst.nn.init_all_states(bst.nn.LeakyRateReadout(3, 2, w_init=1.))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     readout(jnp.array([1., 0., 1.]))
    Array([2., 2.], dtype=float32)
    """

    tau: Any = Parameter(5.0 * u.ms, positive, 'time constant')

    r: Any = Variable('_rest', 'output')

    def __init__(self, in_size: Size, out_size: Size, *, w_init: WeightInit = he_normal, name: str | None = None, **params: Any):
        super().__init__(out_size, name=name, **params)
        self.in_size = size = as_size(in_size, self.label)
        if size[:-1] != self.varshape[:-1]:
            raise ShapeError(f'{self.label}: in_size {size} and out_size {self.varshape} may differ in the last axis only.')
        weight = first_value(w_init, (size[-1], self.varshape[-1]), self.label, 'w_init')
        self.weight = ParamState(weight)
        self._rest = with_unit(0.0, u.get_unit(weight))

    def update(self, x: Any) -> Any:
        """Advance one step.

        Parameters
        ----------
        x : array, shape ``(batch, *in_size)``
            Spikes of the step.

        Returns
        -------
        array or quantity
            r at the end of the step, shape ``(batch, *out_size)``.

        Raises
        ------
        ShapeError, UnitError
            If the input does not fit.
        """
        r = self.r.value
        shape, expected = np.shape(u.get_mantissa(x)), (*r.shape[: r.ndim - len(self.varshape)], *(self.in_size or ()))
        if shape != expected:
            raise ShapeError(f'{self.label}: the input has shape {shape}, expected {expected}.')
        arrived = u.math.matmul(x, self.weight.value)
        check_unit(arrived, r, self.label, 'weighted input')
        self.relax('r', self.tau, drive=arrived)
        return self.r.value
