"""`Neuron`: the order of a step, written once for every spiking model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ModelError, ParameterError, ShapeError
from .._frames import stack
from .._typing import Size
from ..modules import Dynamics, Option, Parameter, Variable, broadcasts, check_unit, non_negative
from ..numerics import brief, counted_steps, exp_euler_change, heaviside, plain, reset_to, runge_kutta
from ..state import ShortTermState
from ..transform import jit_error_if
from ._definition import check_definition
from ._equations import (
    Values,
    call,
    check_current,
    check_delta,
    check_derivative,
    check_instantaneous,
    check_jump,
    check_spike,
    check_threshold,
    check_width,
)

_STEEPEST = 20.0  # of an equation that runs away: e^20 times as far in a step as by Euler's rule is far enough for a spike

_Settled = Callable[[str, Any], Any]


class Neuron(Dynamics):
    r"""Base of spiking point neurons.

    A model declares its parameters and variables and gives ``d<variable>``, the derivative of each
    variable in time, as a function of those variables that its arguments name, and of the current
    ``I``; and ``jump``, the values that variables besides V take at a spike. An argument ``**values`` takes all.

    A step goes: receptors advance; the variables are integrated; delta inputs are added; a refractory
    neuron keeps its V; a neuron at threshold spikes and is reset in the same step. A model without a reset
    spikes as V comes to the threshold from below; where ``jump`` raises the threshold, coming to the raised one
    is another spike. The spike of the step is the state ``spike``, which projections, delays and recorders use.

    The shortest interval between spikes is ``round(tau_ref / dt)`` steps. While a neuron is refractory its V
    stands still, unless the model has no reset; other variables go on. Input and conductances are constant over
    a step.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        For a parameter out of range, of a wrong unit, or of a shape that does not fit; for an option that there is not, or one of
        the reset where there is none.
    ModelError
        When a subclass is made, if its equations and variables do not fit each other; at the first step, if an equation does
        not give what it must, with `UnitError` and `ShapeError` for units and shapes.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> from brainpy_state.nn import Parameter, Variable, positive
    >>> class Leaky(bst.Neuron):
    ...     tau = Parameter(20. * u.ms, positive, 'time constant')
    ...     V_th, V_reset, R = Parameter(10. * u.mV), Parameter(0. * u.mV), Parameter(1. * u.ohm)
    ...     V = Variable('V_reset', 'membrane potential')
    ...     def dV(self, V, I):
    ...         return (self.R * I - V) / self.tau
    >>> neuron = bst.nn.init_all_states(Leaky(2))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     bst.run(lambda: neuron(15. * u.mA), 100. * u.ms).sum(0).tolist()
    [4.0, 4.0]
    """

    gives = ('derivative',)

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
    raises_threshold: ClassVar[bool | None] = None
    """Whether there is no reset, and a spike may move the threshold; follows from the class."""

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
    detach_reset: Any = Option(False, (False, True), 'whether the spike is held fixed in the derivative of the reset and of `jump`')
    method: Any = Option(
        'exp_euler',
        ('exp_euler', 'rk2', 'rk4'),
        'exponential Euler for one variable after the other; or the midpoint method, or the classic Runge-Kutta method, for all '
        'together, which need ``dt`` times the fastest rate to be below 2',
    )

    spike: Any = Variable(0.0, 'spike of the last step', kind=ShortTermState)
    refractory: Any = Variable(0, 'steps of refractoriness left', kind=ShortTermState, when='tau_ref', dtype=np.int32)
    delta: Any = Variable(lambda self, _: 0.0 * self.delta_like, 'jumps that wait for the next step', kind=ShortTermState, when='receives')
    armed: Any = Variable(0.0, 'whether a spike may come without V below the threshold', kind=ShortTermState, when='raises_threshold')

    receives: bool | None = None  # True once a projection adds jumps

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.complete()
        check_definition(cls, Neuron)
        moves = cls.jump is not Neuron.jump and cls.threshold is not Neuron.threshold
        cls.raises_threshold = True if cls.up_crossing and moves else None

    def __init__(self, in_size: Size = None, *, name: str | None = None, **params: Any):  # type: ignore[assignment]
        if type(self).update is Neuron.update and (missing := self.lacks()):
            raise ModelError(f'{type(self).__name__}: {missing}.')
        super().__init__(in_size, name=name, **params)

    @classmethod
    def complete(cls) -> None:
        """Add to a subclass what follows from its declarations. Does nothing unless overridden."""

    @classmethod
    def has_equation(cls, name: str) -> bool:
        """Whether there is a derivative of a variable."""
        return callable(getattr(cls, f'd{name}', None)) or hasattr(cls.variables.get(name), 'derivative')

    @classmethod
    def lacks(cls) -> str | None:
        """What is missing for a model that can be simulated, for a message; None where nothing is."""
        if 'V' not in cls.variables:
            return 'there is no variable V; declare V = Variable(...), the membrane potential'
        if not cls.has_equation('V') and cls.derivative is Neuron.derivative:
            return 'V has no equation; write def dV(self, V, I), its derivative in time'
        return None

    def check(self) -> None:
        if not self.up_crossing:
            self.require_above('V_th', 'V_reset', 'or the neuron would be at threshold right after a reset')
        elif self.spk_reset != 'soft' or (self.detach_reset and type(self).jump is Neuron.jump):
            option = f'spk_reset={self.spk_reset!r}' if self.spk_reset != 'soft' else 'detach_reset=True'
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
        if hasattr(type(self), f'd{name}'):
            return call(self, f'd{name}', values, current)
        return self.variables[name].derivative(self, values['V'], values[name])  # type: ignore[attr-defined]  # a gate

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
        UnitError, ShapeError, ModelError
            If the input does not fit, or what an equation gives.
        ValueError
            If V is not finite after a step of a Runge-Kutta method, for which ``dt`` then is too long.
        """
        old = {name: getattr(self, name).value for group in self.order for name in group}
        if x is not None:
            self._check_input(x, old['V'].shape)
        if self.receives:
            check_delta(self, old)
        dt, delta = self.get_dt(), self.delta.value if self.receives else None
        held = None if self.tau_ref is None else self.refractory.value > 0
        current = self._current(x)
        integrate = self._integrate_in_order if self.method == 'exp_euler' else self._integrate_together
        new, V = integrate(old, current, dt, lambda name, value: self._settled(name, value, old, delta, held))
        threshold = self._threshold(new)
        below = self._comes_from_below(old)
        spike = self._at_threshold(V, threshold)
        spike = spike if below is None else spike * below
        spike = spike if held is None else self._released(spike, held)
        after = self._after(spike, new, threshold)
        if self.raises_threshold:
            raised = u.get_mantissa(self._threshold(after) - threshold) > 0
            self.armed.value = jnp.where(spike > 0.5, raised, below > 0.5).astype(spike.dtype)
        if held is not None:
            left = self.refractory.value
            self.refractory.value = jnp.where(spike > 0.5, self._refractory_steps(dt) - 1, jnp.maximum(left - 1, 0)).astype(left.dtype)
        if self.receives:
            self.delta.value = u.math.zeros_like(delta)
        for name, value in after.items():
            getattr(self, name).value = value
        self.spike.value = spike
        return spike

    def _current(self, x: Any) -> Callable[[Any], Any]:
        """The current of the step as a function of V; the receptors do their step."""
        synaptic = []
        for receptor, arrived in self.arrivals().items():
            arrived[1] = True
            synaptic.append((getattr(receptor, 'label', repr(receptor)), arrived[0]))

        def current(V: Any) -> Any:
            terms = ([] if x is None else [x]) + [check_current(self, place, f(V), V) for place, f in synaptic]
            return sum(terms[1:], terms[0]) if terms else 0.0 * self.input_like

        return current

    def _threshold(self, values: Values) -> Any:
        return check_threshold(self, call(self, 'threshold', values), values['V'])

    def _at_threshold(self, V: Any, threshold: Any) -> jax.Array:
        """1 where V is at the threshold or above, else 0."""
        margin = plain((V - threshold) * (1.0 / check_width(self, self.spk_width, V)))
        return check_spike(self, self.spk_fun(margin), margin)

    def _released(self, spike: jax.Array, held: jax.Array) -> jax.Array:
        """No spike of a neuron that is refractory."""
        return jnp.where(held, 0, spike)

    def _comes_from_below(self, old: Values) -> Any:
        """1 where V, if it is at the threshold now, has come there, else 0; None for models that are reset.

        The old V belongs to the old threshold. It has also come there where the last spike has raised the threshold, at which
        it stood, and where a refractory neuron could not spike as it came.
        """
        if not self.up_crossing:
            return None
        below = 1 - self._at_threshold(old['V'], self._threshold(old))
        return jnp.where(self.armed.value > 0, 1, below) if self.raises_threshold else below

    def _seen(self, values: Values) -> Values:
        """The variables and what follows from them at once."""
        return values | check_instantaneous(self, call(self, 'instantaneous', values), values)

    def _integrate_in_order(self, old: Values, current: Callable[[Any], Any], dt: Any, settled: _Settled) -> tuple[Values, Any]:
        values, V = dict(old), None
        for group in self.order:
            seen = self._seen(values)
            moved = {name: self._exp_euler(name, seen, current, dt) for name in group}
            values |= {name: settled(name, value) for name, value in moved.items()}
            if 'V' in group:
                V, values['V'] = values['V'], self._limited(values)
        return values, V

    def _exp_euler(self, name: str, values: Values, current: Callable[[Any], Any], dt: Any) -> Any:
        def drift(x: Any) -> Any:
            return check_derivative(self, name, self.derivative(name, values | {name: x}, current), x)

        change = exp_euler_change(drift, values[name], dt, steepest=_STEEPEST if self.runs_away and name == 'V' else None)
        return self.plus(name, values[name], change)

    def _integrate_together(self, old: Values, current: Callable[[Any], Any], dt: Any, settled: _Settled) -> tuple[Values, Any]:
        def derivatives(values: Values) -> Values:
            values = values | {'V': self._limited(values)}
            seen = self._seen(values)
            return {name: check_derivative(self, name, self.derivative(name, seen, current), x) for name, x in values.items()}

        changes = runge_kutta(derivatives, old, dt, order=int(self.method[-1]))
        values = {name: settled(name, self.plus(name, old[name], change)) for name, change in changes.items()}
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

    def _settled(self, name: str, value: Any, old: Values, delta: Any, held: Any) -> Any:
        """An integrated variable, with the jumps that have arrived and the refractory ones where they were."""
        if name == self.delta_to and delta is not None:
            value = value + delta
        if name == 'V' and held is not None and not self.up_crossing:
            value = u.math.where(held, old['V'], value)
        return value

    def _limited(self, values: Values) -> Any:
        """V without what a spike overshoots the threshold by, before anything else reads it."""
        return u.math.minimum(values['V'], self._threshold(values)) if self.runs_away else values['V']

    def _after(self, spike: jax.Array, values: Values, threshold: Any) -> Values:
        """The variables after the reset."""
        if self.detach_reset:
            spike = jax.lax.stop_gradient(spike)
        jumps = check_jump(self, call(self, 'jump', values), values)
        jumped = {name: reset_to(value, spike, values[name]) for name, value in jumps.items()}
        if self.up_crossing:
            V = values['V']
        elif self.spk_reset == 'hard':
            V = reset_to(self.V_reset, spike, values['V'])
        else:
            V = values['V'] - (threshold - self.V_reset) * spike
        return values | jumped | {'V': V}

    def _refractory_steps(self, dt: Any) -> Any:
        ratio = plain(self.tau_ref / dt)
        if not isinstance(ratio, jax.core.Tracer):
            return np.maximum(np.rint(ratio), 1).astype(np.int32)
        return jnp.maximum(counted_steps(ratio, f'{self.label}: tau_ref'), 1)

    def _check_input(self, x: Any, shape: tuple[int, ...]) -> None:
        check_unit(x, self.input_like, self.label, 'current')
        given = np.shape(u.get_mantissa(x))
        if not broadcasts(given, shape):
            batch = '' if shape == self.varshape else f' or a shape broadcastable to {shape} (batch {shape[0]}, size {self.varshape})'
            raise ShapeError(f'{self.label}: current has shape {given}, expected {self.varshape}{batch}.')
