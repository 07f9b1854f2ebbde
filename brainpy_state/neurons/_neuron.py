"""`Neuron`: the order of a step, written once for every spiking model."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ParameterError, ShapeError, UnitError
from .._frames import stack
from .._typing import Size
from ..modules import Dynamics, Option, Parameter, Variable, broadcasts, check_unit, non_negative
from ..numerics import brief, exp_euler, heaviside, jump_to, plain, reset_to, runge_kutta
from ..state import ShortTermState
from ..transform import jit_error_if

_STEEPEST = 20.0  # of an equation that runs away: e^20 times as far in a step as by Euler's rule is far enough for a spike

Values = dict[str, Any]


class Neuron(Dynamics):
    r"""Base of spiking point neurons.

    A model declares its parameters and variables and gives ``d<variable>``, the derivative of each
    variable in time, as a function of those variables that its arguments name, and of the current
    ``I``; and ``jump``, the values that variables besides V take at a spike.

    A step goes: receptors advance; the variables are integrated; delta inputs are added; a refractory
    neuron keeps its V; a neuron at threshold spikes and is reset in the same step. A model without a reset
    spikes as V comes to the threshold from below. The spike of the step is the state ``spike``, which
    projections, delays and recorders use.

    The shortest interval between spikes is ``round(tau_ref / dt)`` steps. While a neuron is refractory its V
    stands still, unless the model has no reset; other variables go on. Input and conductances are constant over
    a step.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        For a parameter out of range, of a wrong unit, or of a shape that does not fit; for an option that there is not, or one of
        the reset where there is none.
    """

    graph_invisible_attrs = ('_merged',)

    order: ClassVar[tuple[tuple[str, ...], ...]] = (('V',),)
    """Groups of variables; exponential Euler integrates a group from the values that those before it have reached."""
    delta_to: ClassVar[str] = 'V'
    """The variable that delta inputs are added to."""
    delta_like: ClassVar[Any] = 1.0 * u.mV
    """A quantity of the unit of delta inputs."""
    input_like: ClassVar[Any] = 1.0 * u.mA
    """A quantity of the unit of the input."""
    up_crossing: ClassVar[bool] = False
    """Whether a spike is a crossing of the threshold from below, without a reset, instead of being at the threshold."""
    runs_away: ClassVar[bool] = False
    """Whether V grows without bound once the spike has begun, so that only the threshold limits it."""

    V: Any  # what every model declares
    V_th: Any
    V_reset: Any

    tau_ref: Any = Parameter(None, non_negative, 'refractory period', like=1.0 * u.ms)

    spk_fun: Any = Option(
        heaviside,
        doc='from the distance to the threshold in units of `spk_width` to the spike: 1 at 0 and above, else 0, with a surrogate '
        'gradient; anything of ``braintools.surrogate`` works',
    )
    spk_reset: Any = Option('soft', ('soft', 'hard'), "``'soft'`` subtracts ``V_th - V_reset``, ``'hard'`` sets V to ``V_reset``")
    detach_reset: Any = Option(False, (False, True), 'whether the gradient stops at the reset')
    method: Any = Option(
        'exp_euler',
        ('exp_euler', 'rk2', 'rk4'),
        'exponential Euler for one variable after the other; or the midpoint method, or the classic Runge-Kutta method, for all '
        'together, which need ``dt`` times the fastest rate to be below 2',
    )

    spike: Any = Variable(0.0, 'spike of the last step', kind=ShortTermState)
    refractory: Any = Variable(0, 'steps of refractoriness left', kind=ShortTermState, when='tau_ref', dtype=np.int32)
    delta: Any = Variable(lambda self, _: 0.0 * self.delta_like, 'jumps that wait for the next step', kind=ShortTermState, when='receives')

    def __init__(self, in_size: Size, *, name: str | None = None, **params: Any):
        self.receives: bool | None = None  # True once a projection adds jumps
        self.receptors: list[Any] = []
        self._merged: dict[Any, Any] = {}
        super().__init__(in_size, name=name, **params)

    def check(self) -> None:
        if not self.up_crossing:
            self.require_above('V_th', 'V_reset', 'or the neuron would be at threshold right after a reset')
        elif self.spk_reset != 'soft' or self.detach_reset:
            option = 'detach_reset=True' if self.detach_reset else f'spk_reset={self.spk_reset!r}'
            raise ParameterError(f'{self.label}: {option} is given, but this model has no reset; leave the option out.')

    @property
    def spk_width(self) -> Any:
        """The distance from the threshold that counts as 1 for ``spk_fun``."""
        return self.V_th - self.V_reset

    def threshold(self) -> Any:
        """The potential at which a spike begins; may depend on variables that its arguments name."""
        return self.V_th

    def jump(self) -> Values:
        """Values that variables besides V take at a spike, from those that the arguments name."""
        return {}

    def instantaneous(self) -> Values:
        """Quantities that follow from the variables at once; exponential Euler holds them over the step."""
        return {}

    def derivative(self, name: str, values: Values, current: Callable[[Any], Any]) -> Any:
        """The derivative of one variable in time."""
        return self._call(f'd{name}', values, current)

    def get_spike(self) -> jax.Array:
        """The spikes of the last step: 1. or 0., shape ``(batch, *size)``."""
        return self.spike.value

    def receive(self, x: Any) -> None:
        """Add a delta input that acts in the next step; may be called any number of times.

        Parameters
        ----------
        x : quantity, shape ``(batch, *size)``
            In the unit of `delta_like`. A refractory neuron ignores what would move V.

        Raises
        ------
        UnitError, ShapeError
            If it does not fit.
        """
        check_unit(x, self.delta_like, self.label, 'delta input')
        delta = self.delta.value
        given = np.shape(u.get_mantissa(x))
        if given != delta.shape:
            raise ShapeError(f'{self.label}: delta input has shape {given}, expected {delta.shape}.')
        self.delta.value = delta + x

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
        ValueError
            If V is not finite after a step of a Runge-Kutta method, for which ``dt`` then is too long.
        """
        old = {name: getattr(self, name).value for group in self.order for name in group}
        if x is not None:
            self._check_input(x, old['V'].shape)
        synaptic = [receptor() for receptor in self.receptors]

        def current(V: Any) -> Any:
            terms = ([] if x is None else [x]) + [f(V) for f in synaptic]
            return sum(terms[1:], terms[0]) if terms else 0.0 * self.input_like

        dt = self.get_dt()
        held = None if self.tau_ref is None else self.refractory.value > 0
        try:
            integrate = self._integrate_in_order if self.method == 'exp_euler' else self._integrate_together
            new, V = integrate(old, current, dt, held)
        except u.UnitMismatchError as error:
            raise UnitError(f'{self.label}: units do not fit in its equation; is dt = {brief(dt)} a time? ({error})') from None
        threshold = self._call('threshold', new)
        spike = self.spk_fun(plain((V - threshold) * (1.0 / self.spk_width)))
        if self.up_crossing:
            spike = spike * (1 - self.spk_fun(plain((old['V'] - threshold) * (1.0 / self.spk_width))))
        if held is not None:
            left = self.refractory.value
            spike = jnp.where(held, 0, spike)
            self.refractory.value = jnp.where(spike > 0, self._refractory_steps(dt) - 1, jnp.maximum(left - 1, 0)).astype(left.dtype)
        for name, value in self._after(spike, new, threshold).items():
            getattr(self, name).value = value
        self.spike.value = spike
        return spike

    def _integrate_in_order(self, old: Values, current: Callable[[Any], Any], dt: Any, held: Any) -> tuple[Values, Any]:
        values, V = dict(old), None
        for group in self.order:
            seen = values | self._call('instantaneous', values)
            moved = {name: self._exp_euler(name, seen, current, dt) for name in group}
            values |= {name: self._settled(name, value, old, held) for name, value in moved.items()}
            if 'V' in group:
                V, values['V'] = values['V'], self._limited(values)
        return values, V

    def _exp_euler(self, name: str, values: Values, current: Callable[[Any], Any], dt: Any) -> Any:
        def drift(x: Any) -> Any:
            return self.derivative(name, values | {name: x}, current)

        return exp_euler(drift, values[name], dt, steepest=_STEEPEST if self.runs_away and name == 'V' else None)

    def _integrate_together(self, old: Values, current: Callable[[Any], Any], dt: Any, held: Any) -> tuple[Values, Any]:
        def derivatives(values: Values) -> Values:
            values = values | {'V': self._limited(values)}
            seen = values | self._call('instantaneous', values)
            return {name: self.derivative(name, seen, current) for name in values}

        moved = runge_kutta(derivatives, old, dt, order=int(self.method[-1]))
        values = {name: self._settled(name, value, old, held) for name, value in moved.items()}
        self._require_finite(values['V'], dt)
        return values | {'V': self._limited(values)}, values['V']

    def _require_finite(self, V: Any, dt: Any) -> None:
        wrong = ~jnp.isfinite(u.get_mantissa(V))
        if isinstance(wrong, jax.core.Tracer) and stack.top is None:
            return  # a transform of JAX itself, where nothing can raise
        jit_error_if(
            wrong,
            f'{self.label}: V is not finite after a step with method={self.method!r}, which is explicit: dt = {brief(dt)} is too long '
            "for the rates of the model, or its input is not finite; use a shorter step, or method='exp_euler'.",
        )

    def _settled(self, name: str, value: Any, old: Values, held: Any) -> Any:
        """An integrated variable, with the jumps that have arrived and the refractory ones where they were."""
        if name == self.delta_to and self.receives:
            value = value + self.delta.value
            self.delta.value = u.math.zeros_like(self.delta.value)
        if name == 'V' and held is not None and not self.up_crossing:
            value = u.math.where(held, old['V'], value)
        return value

    def _limited(self, values: Values) -> Any:
        """V without what a spike overshoots the threshold by, before anything else reads it."""
        return u.math.minimum(values['V'], self._call('threshold', values)) if self.runs_away else values['V']

    def _after(self, spike: jax.Array, values: Values, threshold: Any) -> Values:
        """The variables after the reset."""
        if self.detach_reset:
            spike = jax.lax.stop_gradient(spike)
        jumped = {name: jump_to(value, spike, values[name]) for name, value in self._call('jump', values).items()}
        if self.up_crossing:
            V = values['V']
        elif self.spk_reset == 'hard':
            V = reset_to(self.V_reset, spike, values['V'])
        else:
            V = values['V'] - (threshold - self.V_reset) * spike
        return values | jumped | {'V': V}

    def _call(self, method: str, values: Values, current: Callable[[Any], Any] | None = None) -> Any:
        """Call a method of the model with the variables, and the current, that its arguments name."""
        bound = getattr(self, method)
        names = _argument_names(bound.__func__)
        return bound(**{name: current(values['V']) if current is not None and name == 'I' else values[name] for name in names})

    def _refractory_steps(self, dt: Any) -> Any:
        ratio = plain(self.tau_ref / dt)
        return np.maximum(np.rint(ratio), 1).astype(np.int32) if not isinstance(ratio, jax.core.Tracer) else jnp.maximum(jnp.rint(ratio), 1)

    def _check_input(self, x: Any, shape: tuple[int, ...]) -> None:
        check_unit(x, self.input_like, self.label, 'current')
        given = np.shape(u.get_mantissa(x))
        if not broadcasts(given, shape):
            batch = '' if shape == self.varshape else f' or a shape broadcastable to {shape} (batch {shape[0]}, size {self.varshape})'
            raise ShapeError(f'{self.label}: current has shape {given}, expected {self.varshape}{batch}.')


@functools.lru_cache(maxsize=1024)
def _argument_names(function: Callable) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[1:]
