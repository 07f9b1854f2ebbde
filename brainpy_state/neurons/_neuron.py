"""`Neuron`: the order of a step, written once for every spiking model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ParameterError, ShapeError, UnitError
from .._typing import Size
from ..nn import Dynamics, Parameter, Variable, broadcasts, check_unit, non_negative
from ..numerics import exp_euler, heaviside, plain, reset_to
from ..state import ShortTermState

_RESETS = ('soft', 'hard')


class Neuron(Dynamics):
    r"""Base of spiking point neurons.

    A step goes: receptors advance; V is integrated; delta inputs are added; a refractory neuron
    keeps its V; a neuron at threshold spikes and is reset in the same step. The spike of the step
    is the state ``spike``, which projections, delays and recorders use.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    spk_fun : callable
        From the scaled distance to threshold, ``(V - V_th) / (V_th - V_reset)``, to the spike: 1 at
        0 and above, else 0, with a surrogate gradient. Anything of ``braintools.surrogate`` works.
    spk_reset : {'soft', 'hard'}
        ``'soft'`` subtracts ``V_th - V_reset``, ``'hard'`` sets V to ``V_reset``.
    detach_reset : bool
        Whether the gradient stops at the reset.
    tau_ref : time, optional
        Refractory period. The shortest interval between spikes is ``round(tau_ref / dt)`` steps.
    name : str, optional
        A label for messages.
    **params
        What the model declares.
    """

    graph_invisible_attrs = ('_merged',)

    V: Any  # with these three, what every model declares
    V_th: Any
    V_reset: Any
    R: Any

    tau_ref: Any = Parameter(None, non_negative, 'refractory period', like=1.0 * u.ms)

    spike: Any = Variable(0.0, 'spike of the last step', kind=ShortTermState)
    refractory: Any = Variable(0, 'steps of refractoriness left', kind=ShortTermState, when='tau_ref', dtype=np.int32)
    delta: Any = Variable(0.0 * u.mV, 'jumps of V that wait for the next step', kind=ShortTermState, when='receives')

    def __init__(
        self,
        in_size: Size,
        *,
        spk_fun: Callable[[Any], Any] = heaviside,
        spk_reset: str = 'soft',
        detach_reset: bool = False,
        name: str | None = None,
        **params: Any,
    ):
        self.receives: bool | None = None  # True once a projection adds to V
        self.receptors: list[Any] = []
        self._merged: dict[Any, Any] = {}
        super().__init__(in_size, name=name, **params)
        if spk_reset not in _RESETS:
            raise ParameterError(f"{self.label}: spk_reset is {spk_reset!r}, but must be 'soft' or 'hard'.")
        self.spk_fun, self.spk_reset, self.detach_reset = spk_fun, spk_reset, detach_reset

    def check(self) -> None:
        self.require_above('V_th', 'V_reset', 'or the neuron would be at threshold right after a reset')

    def drift(self, V: Any, I: Any) -> Any:  # noqa: E741
        """dV/dt at potential V under the current I."""
        raise NotImplementedError(f'{self.label} does not define `drift`.')

    def margin(self, V: Any) -> Any:
        """Distance to threshold in units of the (positive) reset distance."""
        return plain((V - self.V_th) * (1.0 / (self.V_th - self.V_reset)))

    def get_spike(self) -> jax.Array:
        """The spikes of the last step: 1. or 0., shape ``(batch, *size)``."""
        return self.spike.value

    def update(self, x: Any = None) -> jax.Array:
        """Advance one step.

        Parameters
        ----------
        x : current, optional
            Input of this step; broadcasts to ``(batch, *size)``.

        Returns
        -------
        array
            The spikes of the step, shape ``(batch, *size)``.

        Raises
        ------
        UnitError, ShapeError
            If the input does not fit.
        """
        V = self.V.value
        if x is not None:
            self._check_input(x, V.shape)
        synaptic = [receptor() for receptor in self.receptors]
        dt = self.get_dt()

        def drift(V: Any) -> Any:
            terms = ([] if x is None else [x]) + [current(V) for current in synaptic]
            current = sum(terms[1:], terms[0]) if terms else 0.0 * u.get_unit(self.V_th / self.R)
            return self.drift(V, current)

        new = self._integrate(drift, V, dt)
        if self.receives:
            new = new + self.delta.value
            self.delta.value = u.math.zeros_like(self.delta.value)
        if self.tau_ref is None:
            spike = self.spk_fun(self.margin(new))
        else:
            left = self.refractory.value
            held = left > 0
            new = u.math.where(held, V, new)
            spike = jnp.where(held, 0, self.spk_fun(self.margin(new)))
            self.refractory.value = jnp.where(spike > 0, self._refractory_steps(dt) - 1, jnp.maximum(left - 1, 0)).astype(left.dtype)
        self.V.value = self._reset(new, spike)
        self.spike.value = spike
        return spike

    def _integrate(self, drift: Callable[[Any], Any], V: Any, dt: Any) -> Any:
        try:
            return exp_euler(drift, V, dt)
        except u.UnitMismatchError as error:
            raise UnitError(f'{self.label}: units do not fit in its equation; is dt = {dt} a time? ({error})') from None

    def _reset(self, V: Any, spike: jax.Array) -> Any:
        if self.detach_reset:
            spike = jax.lax.stop_gradient(spike)
        if self.spk_reset == 'hard':
            return reset_to(self.V_reset, spike, V)
        return V - (self.V_th - self.V_reset) * spike

    def _refractory_steps(self, dt: Any) -> Any:
        ratio = plain(self.tau_ref / dt)
        return np.maximum(np.rint(ratio), 1).astype(np.int32) if not isinstance(ratio, jax.core.Tracer) else jnp.maximum(jnp.rint(ratio), 1)

    def _check_input(self, x: Any, shape: tuple[int, ...]) -> None:
        check_unit(x, self.V_th / self.R, self.label, 'current')
        given = np.shape(u.get_mantissa(x))
        if not broadcasts(given, shape):
            batch = '' if shape == self.varshape else f' or a shape broadcastable to {shape} (batch {shape[0]}, size {self.varshape})'
            raise ShapeError(f'{self.label}: current has shape {given}, expected {self.varshape}{batch}.')
