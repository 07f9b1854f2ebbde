"""Reading another model's states when a step runs, and inputs that are given by hand."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, nn
from .._errors import ParameterError, UnitError
from ..modules import check_unit
from ..neurons import Neuron
from ..neurons._equations import check_current
from ..numerics import plain
from ..projections._receptors import Description, build
from ..state import maybe_state
from ..synapses import Expon, Synapse
from ._delay import StateWithDelay
from ._described import ParamDescriber

_NOT_KEPT = '{owner} keeps no record of {item}; make the delay by `prefetch_delay` or `output_delay` before the states are initialised.'
_NO_CURRENT = '{owner}: {kind} sums no current inputs, only Expon does; give its events by add_delta_input.'
_AMBIGUOUS = "{owner}: {name} of this model does not show its spikes; use prefetch('spike')."


class Prefetch:
    """A state of a model, read when it is called; its ``delay.at(time)`` is what it was some time before.

    The potential of a model that is reset in the step of its spike shows the spike: it is at the threshold there.
    """

    def __init__(self, model: Any, name: str):
        self.model, self.name = model, name

    def get_item(self) -> Any:
        """The attribute itself, mostly a state."""
        return getattr(self.model, self.name)

    def get_item_value(self) -> Any:
        """What it holds; for a potential, see above."""
        return self()

    @property
    def module(self) -> Any:
        """The model."""
        return self.model

    @property
    def item(self) -> str:
        """The name of the state."""
        return self.name

    def __call__(self) -> Any:
        value = maybe_state(self.get_item())
        if self.name != 'V' or not isinstance(self.model, Neuron) or type(self.model).update is not Neuron.update:
            return value
        if self.model.up_crossing:
            raise ParameterError(_AMBIGUOUS.format(owner=self.model.label, name=self.name))
        return u.math.where(self.model.spike.value > 0, u.math.maximum(value, self.model.threshold()), value)

    def history(self, init: Any, make: bool = True) -> StateWithDelay:
        """The record of the model's state."""
        return _history(self.model, self.name, init, make)

    @property
    def delay(self) -> Prefetch:
        """Itself, to be asked for a time."""
        return self

    def at(self, time: Any) -> Delayed:
        """What the state was a time ago; None for now. The model keeps a record of it, unless a projection delays it."""
        delayed = Delayed(self, time)
        return delayed if time is None else delayed.record()

    def shown(self) -> Any:
        """What a record keeps: the state, with its spikes where it can show them."""
        crossing = self.name == 'V' and getattr(self.model, 'up_crossing', False)
        return maybe_state(self.get_item()) if crossing else self()


class Delayed:
    """A state, or an output, as it was some time ago: what a projection delays, or what a call gives.

    A call in ``update`` needs a record, which the model keeps from then on that `record` is called: ``prefetch(name).delay.at(time)``,
    ``prefetch_delay`` and ``output_delay`` of a model do so. It is made before the states are initialised.
    """

    def __init__(self, source: Prefetch | Output, time: Any):
        self.source, self.time = source, time

    def record(self, init: Any = None) -> Delayed:
        """Let the model keep what the value was."""
        history = self.source.history(init)
        history._reach(0.0 * u.ms if self.time is None else self.time)
        history.readers.add(self)
        return self

    def release(self) -> None:
        """Need no record: a projection keeps what it delays."""
        model, name = self.source.model, f'{self.source.name}_history'
        if (history := vars(model).get(name)) is not None:
            history.readers.discard(self)
            if not history.readers:
                delattr(model, name)
                del vars(model)['_hooks']['after', name]

    def __call__(self, *ignored: Any, **also_ignored: Any) -> Any:
        if self.time is None and isinstance(self.source, Prefetch):
            return self.source()
        history = self.source.history(None, make=False)
        return history._after(0.0 * u.ms if self.time is None else self.time)


class Output:
    """The output of a model in its last step."""

    def __init__(self, model: Any):
        self.model, self.name = model, 'output'

    def __call__(self) -> Any:
        return self.history(None, make=False).retrieve_at_step(0)

    def history(self, init: Any, make: bool = True) -> StateWithDelay:
        """The record of the model's outputs."""
        return _history(self.model, self.name, init, make)


def _history(model: Any, item: str, init: Any, make: bool) -> StateWithDelay:
    """The record that a model keeps of a state or of its output."""
    name = f'{item}_history'
    if name not in vars(model):
        if not make:
            raise ParameterError(_NOT_KEPT.format(owner=model.label, item=item))
        of_state = item != 'output'
        setattr(model, name, StateWithDelay(model, item if of_state else None, init))
        shown = Prefetch(model, item).shown
        model.add_after_update(name, lambda out: getattr(model, name)(shown() if of_state else out))
    return getattr(model, name)


class Reach:
    """What models have besides under their older names."""

    _given: dict[Any, tuple[Any, str, str | None]]

    def __init__(self, *args: Any, size: Any = None, keep_size: bool = False, **kwargs: Any):
        if size is not None:  # as models were given their shape once
            args = (size if keep_size else int(np.prod(size)), *args)
        super().__init__(*args, **kwargs)

    def prefetch(self, name: str) -> Prefetch:
        """A state, read when it is needed; the first argument of a projection."""
        return Prefetch(self, name)

    def prefetch_delay(self, name: str, time: Any, init: Any = None) -> Delayed:
        """A state as it was a time ago; the first argument of a projection."""
        return Prefetch(self, name).delay.at(time).record(init)

    def output_delay(self, time: Any, init: Any = None) -> Delayed:
        """What the last step but some gave; the first argument of a projection, or called by hand."""
        return Delayed(Output(self), time).record(init)

    def add_current_input(self, key: Any, inp: Any, label: str | None = None) -> None:
        """Let a function of the potential, or once a value, count in `sum_current_inputs`."""
        self._add('current', key, inp, label)

    def add_delta_input(self, key: Any, inp: Any, label: str | None = None) -> None:
        """Let a function, or once a value, count in `sum_delta_inputs`."""
        self._add('delta', key, inp, label)

    def align_pre(self, dyn: Any) -> Any:
        """Let a model, or what a description describes, take what each step gives; gives the model. One for equal descriptions."""
        key: Any = id(dyn)
        if isinstance(dyn, Description):
            key = ParamDescriber(dyn.func, *dyn.args, **dyn.keywords).identifier  # type: ignore[arg-type]
            if self.has_after_update(key):
                return self.get_after_update(key)
            dyn = build(dyn, lambda: self.varshape)  # type: ignore[attr-defined]
        if not isinstance(dyn, nn.Dynamics):
            raise TypeError(f'{self.label}.align_pre: a model or a description of one is expected, but is {dyn!r}.')  # type: ignore[attr-defined]
        self.add_after_update(key, dyn)
        return dyn

    def require_unit(self, value: Any, like: Any, name: str) -> None:
        """Warn of a unit that does not fit: scripts make models that they never run, and a step of one can be an error."""
        try:
            check_unit(value, like, self.label, name)  # type: ignore[attr-defined]
        except UnitError as error:
            warnings.warn(f'{error} A step of this model can fail.', stacklevel=2)

    def add_before_update(self, key: Any, fn: Callable) -> None:
        """Call a function before each step: ``fn()``, or with the step's arguments if it is decorated by `receive_update_input`."""
        self._hook('before', key, fn)

    def add_after_update(self, key: Any, fn: Callable) -> None:
        """Call a function after each step with its result; ``fn()`` if it is decorated by `not_receive_update_output`."""
        self._hook('after', key, fn)

    def has_before_update(self, key: Any) -> bool:
        """Whether there is a function of this key."""
        return ('before', key) in vars(self).get('_hooks', {})

    def has_after_update(self, key: Any) -> bool:
        """Whether there is a function of this key."""
        return ('after', key) in vars(self).get('_hooks', {})

    def get_before_update(self, key: Any) -> Callable:
        """The function of this key; a KeyError if there is none."""
        return self._of_key('before', key)

    def get_after_update(self, key: Any) -> Callable:
        """The function of this key; a KeyError if there is none."""
        return self._of_key('after', key)

    @property
    def before_updates(self) -> dict[Any, Callable] | None:
        """The functions that are called before each step; None without any."""
        return self._all('before')

    @property
    def after_updates(self) -> dict[Any, Callable] | None:
        """The functions that are called after each step; None without any."""
        return self._all('after')

    def _all(self, when: str) -> dict[Any, Callable] | None:
        return {key: fn for (at, key), fn in vars(self).get('_hooks', {}).items() if at == when} or None

    def _of_key(self, when: str, key: Any) -> Callable:
        found = self._all(when) or {}
        if key not in found:
            raise KeyError(f'{self.label}: there is no function {key!r} {when} its update.')  # type: ignore[attr-defined]
        return found[key]

    def _hook(self, when: str, key: Any, fn: Callable) -> None:
        hooks = vars(self).setdefault('_hooks', {})
        if (when, key) in hooks:
            raise KeyError(f'{self.label}: there is a function {key!r} {when} its update already.')  # type: ignore[attr-defined]
        hooks[when, key] = fn

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        hooks = vars(self).get('_hooks', {})
        for (when, _), fn in list(hooks.items()):
            if when == 'before':
                fn(*args, **kwargs) if getattr(fn, '_takes_input', False) else fn()
        out = super().__call__(*args, **kwargs)  # type: ignore[misc]
        for (when, _), fn in list(hooks.items()):
            if when == 'after':
                fn(out) if getattr(fn, '_takes_output', True) else fn()
        return out

    def _add(self, kind: str, key: Any, inp: Any, label: str | None) -> None:
        given = vars(self).setdefault('_given', {})
        if (kind, key) in given:
            raise ValueError(f'{self.label}: there is a {kind} input {key!r} already.')  # type: ignore[attr-defined]
        given[kind, key] = inp, kind, label

    def _sum(self, kind: str, init: Any, args: tuple[Any, ...], label: str | None) -> Any:
        total = super()._sum(kind, init, args, label)  # type: ignore[misc]
        for _, inp in self._take(kind, label):
            total = total + (inp(*args) if callable(inp) else inp)
        return total

    def _take(self, kind: str, label: str | None = None) -> list[tuple[Any, Any]]:
        """What was given by hand, as pairs of a key and an input; what is no function counts once."""
        given = vars(self).get('_given', {})
        found = [(at, inp) for at, (inp, of_kind, of_label) in given.items() if of_kind == kind and label in (None, of_label)]
        for at, inp in found:
            if not callable(inp):
                del given[at]
        return [(key, inp) for (_, key), inp in found]


class ReachNeuron(Reach):
    """The same of a neuron, whose own update takes what was given by hand, as it takes what projections bring in."""

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Allocate the variables; a neuron that starts at the threshold has spiked, so it has its reset behind it."""
        super().init_state(batch_size, **kwargs)  # type: ignore[misc]
        self._reset_at_threshold()

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Give the variables their first values again; see `init_state`."""
        super().reset_state(batch_size, **kwargs)  # type: ignore[misc]
        self._reset_at_threshold()

    def _reset_at_threshold(self: Any) -> None:
        if self.up_crossing or type(self).update is not Neuron.update:
            return
        values = {name: getattr(self, name).value for group in self.order for name in group}
        try:
            threshold = self._threshold(values)
            if _all_below(values['V'], threshold, self.spk_width):
                return
            spike = self._at_threshold(values['V'], threshold)
        except UnitError:
            return  # an error of the step, as for models that are never run
        for name, value in self._after(spike, values, threshold).items():
            getattr(self, name).value = value
        self.spike.value = spike

    def _current(self, x: Any) -> Callable[[Any], Any]:
        current, given = super()._current(x), self._take('current')  # type: ignore[misc]

        def total(V: Any) -> Any:
            flows = current(V)
            for key, inp in given:
                flows = flows + check_current(self, f'the input {key!r}', inp(V) if callable(inp) else inp, V)
            return flows

        return total if given else current

    def _settled(self, name: str, value: Any, old: Any, delta: Any, held: Any) -> Any:
        if name == self.delta_to:  # type: ignore[attr-defined]
            for _, inp in self._take('delta'):
                value = value + (inp() if callable(inp) else inp)
        return super()._settled(name, value, old, delta, held)  # type: ignore[misc]


def _all_below(V: Any, threshold: Any, width: Any) -> bool:
    """Whether no potential is at its threshold, as far as that can be told without a program."""
    if any(isinstance(u.get_mantissa(x), jax.core.Tracer) for x in (V, threshold, width)):
        return False
    V, threshold, width = (np.asarray(u.Quantity(x).to_decimal(u.get_unit(V))) for x in (V, threshold, width))
    return not np.any((V - threshold) * np.sign(width) >= 0)


class ReachSynapse(Reach):
    """The same of a synapse, to which what was given by hand arrives with its input."""

    def add_current_input(self, key: Any, inp: Any, label: str | None = None) -> None:
        """Let a function, or once a value, drive an exponential synapse: g goes to it with the time constant.

        Raises
        ------
        ValueError
            For a synapse of another kind, whose equation has no such term.
        """
        if not isinstance(self, Expon):
            raise ParameterError(_NO_CURRENT.format(owner=self.label, kind=type(self).__name__))  # type: ignore[attr-defined]
        super().add_current_input(key, inp, label)

    def update(self, x: Any = None) -> Any:
        """Advance one step; see `brainpy_state.Synapse.update`."""
        given: list[tuple[Any, Any]] = [(1.0, inp) for _, inp in self._take('delta')]
        if currents := self._take('current'):
            reached = -jnp.expm1(-plain(environ.get_dt() / self.tau))  # type: ignore[attr-defined]
            given += [(reached, inp) for _, inp in currents]
        for part, inp in given:
            arrives = part * (inp() if callable(inp) else inp)
            x = arrives if x is None else x + arrives
        return super().update(x)  # type: ignore[misc]


class Dynamics(Reach, nn.Dynamics):
    """A model with an ``update`` of its own."""


def reaching(cls: type, *more: type) -> type:
    """A model under its older name, which also has what `Reach` and others give."""
    reach = ReachNeuron if issubclass(cls, Neuron) else ReachSynapse if issubclass(cls, Synapse) else Reach
    return type(cls.__name__, (*more, reach, cls), {'__module__': 'brainpy_state.compat.brainpy.state', '__doc__': cls.__doc__})


def _marking(name: str, value: bool, text: str) -> Callable:
    def mark(fn: Any) -> Any:
        setattr(fn, name, value)
        return fn

    mark.__doc__ = text
    return mark


receive_update_input = _marking('_takes_input', True, 'Let a function before an update take its arguments.')
not_receive_update_input = _marking('_takes_input', False, 'Let a function before an update take nothing.')
receive_update_output = _marking('_takes_output', True, 'Let a function after an update take its result.')
not_receive_update_output = _marking('_takes_output', False, 'Let a function after an update take nothing.')
