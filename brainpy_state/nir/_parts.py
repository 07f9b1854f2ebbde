"""Nodes of NIR for which there is no other class."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import layers
from .._errors import ShapeError
from .._typing import Size
from ..layers._layer import Layer
from ..layers._pooling import _Pool
from ..modules import Dynamics, Option, Parameter, Variable, broadcasts, check_unit, positive
from ..neurons import Neuron
from ..numerics import heaviside
from ..state import ParamState


def above(x: Any) -> jax.Array:
    """1 where ``x > 0``, else 0: the spike as NIR defines it. The surrogate gradient is that of `numerics.heaviside`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.nir.above(jnp.array([-1., 0., 2.]))
    Array([0., 0., 1.], dtype=float32)
    """
    return 1 - heaviside(-x)


class PerfectIF(Neuron):
    r"""Integrate-and-fire neuron without a leak.

    .. math:: \frac{dV}{dt} = k\,I

    Notes
    -----
    Exact while the input is constant over a step. The gain k is the inverse of the capacitance; it is NIR's ``r``.
    Source: Pedersen et al. 2024, doi:10.1038/s41467-024-52259-9.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.nir.PerfectIF(1))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     spikes = bst.run(lambda: neuron(0.3 * u.mA), 20. * u.ms)
    >>> int(spikes.sum()) > 0
    True
    """

    gain: Any = Parameter(1.0 * u.mV / (u.mA * u.ms), positive, 'inverse of the capacitance')
    V_th: Any = Parameter(1.0 * u.mV, doc='threshold')
    V_reset: Any = Parameter(0.0 * u.mV, doc='reset potential')

    V: Any = Variable(0.0 * u.mV, 'membrane potential')

    def dV(self, V: Any, I: Any) -> Any:  # noqa: E741
        return self.gain * I


class _Integrating(Dynamics):
    """Base of integrators without spikes."""

    V: Any

    def update(self, x: Any) -> Any:
        """Advance one step.

        Parameters
        ----------
        x : array or quantity
            Broadcasts to ``(batch, *size)``.

        Returns
        -------
        array or quantity
            V at the end of the step, shape ``(batch, *size)``.

        Raises
        ------
        ShapeError, UnitError
            If the input does not fit.
        """
        self._advance(x)
        return self.V.value

    def _advance(self, x: Any) -> None:
        raise NotImplementedError

    def _drive(self, name: str, x: Any) -> Any:
        """A parameter times the input, checked against V."""
        V, drive = self.V.value, getattr(self, name) * x
        check_unit(drive, self._like(V), self.label, f'{name} times the input')
        if not broadcasts(np.shape(u.get_mantissa(drive)), np.shape(u.get_mantissa(V))):
            given = np.shape(u.get_mantissa(x))
            raise ShapeError(f'{self.label}: the input has shape {given}, which does not broadcast to {np.shape(u.get_mantissa(V))}.')
        return drive

    def _like(self, V: Any) -> Any:
        return V


class LeakyIntegrator(_Integrating):
    r"""Low-pass filter of its input: a membrane that does not spike, or a synaptic current.

    .. math:: \tau \frac{dV}{dt} = V_\mathrm{rest} - V + R\,x

    Notes
    -----
    V has the unit of ``V_rest``, and R is in that unit for each unit of the input. Exact while the input is constant over a step;
    the output is V at the end of the step.
    Source: Pedersen et al. 2024, doi:10.1038/s41467-024-52259-9.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> leak = bst.nn.init_all_states(bst.nir.LeakyIntegrator(1, tau=10. * u.ms, R=2.))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     leak(jnp.ones(1))
    Array([0.190325...], dtype=float32)
    """

    tau: Any = Parameter(5.0 * u.ms, positive, 'time constant')
    R: Any = Parameter(1.0, doc='what an input of 1 leads to in the end', any_unit=True)
    V_rest: Any = Parameter(0.0, doc='V without input', any_unit=True)

    V: Any = Variable('V_rest', 'output')

    def _advance(self, x: Any) -> None:
        self.relax('V', self.tau, to=self.V_rest + self._drive('R', x))


class Integrator(_Integrating):
    r"""Integral of its input, without a leak.

    .. math:: \frac{dV}{dt} = k\,x

    Notes
    -----
    The gain k is in the unit of V for each unit of the input and time; it is NIR's ``r``. Give ``V_initializer=`` where V has a unit.
    Source: Pedersen et al. 2024, doi:10.1038/s41467-024-52259-9.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> x = bst.nn.init_all_states(bst.nir.Integrator(1))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     bst.run(lambda: x(2.), 3. * u.ms)[:, 0]
    array([2., 4., 6.], dtype=float32)
    """

    gain: Any = Parameter(1.0 / u.ms, doc='rise of V by an input of 1', any_unit=True)

    V: Any = Variable(0.0, 'output', any_unit=True)

    def _like(self, V: Any) -> Any:
        return V / (1.0 * u.ms)

    def _advance(self, x: Any) -> None:
        V = self.V.value
        self.V.value = self.plus('V', V, u.math.zeros_like(V) + self._drive('gain', x) * self.get_dt())


class Scale(Layer):
    """Each element times a number of its own.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the input without batch axes.
    scale : array
        First factors; broadcasts to ``in_size``.
    name : str, optional
        A label for messages.

    Notes
    -----
    States: ``scale``, a `ParamState` of shape ``in_size``.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nir.Scale(2, np.array([1., 3.]))(np.ones(2))
    Array([1., 3.], dtype=float32)
    """

    def __init__(self, in_size: Size, scale: Any = 1.0, *, name: str | None = None):
        super().__init__(in_size, name)
        self.out_size = self.in_size
        self.scale = ParamState(layers.first_value(scale, self.in_size or (), self.label, 'scale'))

    def update(self, x: Any) -> Any:
        """Multiply ``x``, of shape ``(..., *in_size)``, by the factors."""
        self.batch_of(x)
        return x * self.scale.value


class Threshold(Dynamics):
    """1 where the input exceeds a threshold, else 0.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.nir.Threshold(2, threshold=0.5)(jnp.array([0.2, 0.7]))
    Array([0., 1.], dtype=float32)
    """

    threshold: Any = Parameter(1.0, doc='threshold')
    spk_fun: Any = Option(above, doc='from the distance to the threshold to the spike')

    def update(self, x: Any) -> Any:
        """Compare ``x``, of shape ``(..., *size)``, with the threshold."""
        return self.spk_fun(x - jnp.asarray(self.threshold, x.dtype))


class SumPool2d(_Pool):
    """The sum of each window along two axes.

    Parameters
    ----------
    kernel_size, stride, padding, in_size, name
        See `nn.MaxPool2d`; what lies beyond the edges is 0.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> bst.nir.SumPool2d(2)(np.ones((4, 4, 1)))[..., 0]
    Array([[4., 4.],
           [4., 4.]], dtype=float32)
    """

    ndim = 2

    def _pool(self, x: Any) -> Any:
        return self._reduce(x, np.array(0, x.dtype), jax.lax.add)


class ChannelsFirstConv1d(layers.Conv1d):
    """`Conv1d` of inputs of shape (channels, length)."""

    channel_axis = -2


class ChannelsFirstConv2d(layers.Conv2d):
    """`Conv2d` of inputs of shape (channels, height, width)."""

    channel_axis = -3


class ChannelsFirstAvgPool2d(layers.AvgPool2d):
    """`AvgPool2d` of inputs of shape (channels, height, width)."""

    channel_axis = -3


class ChannelsFirstSumPool2d(SumPool2d):
    """`SumPool2d` of inputs of shape (channels, height, width)."""

    channel_axis = -3
