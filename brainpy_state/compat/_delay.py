"""A delay from which several moments are read."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, nn
from .._errors import ParameterError
from ..numerics import plain, with_unit

_METHODS, _BETWEEN = ('rotation', 'concat', 'concatenation'), ('round', 'linear_interp', 'linear')
_ROUNDING = 1e-4  # of a step


class Delay(nn.Delay):
    """A ring of the values that ``update`` takes in; ``retrieve_at_step(0)`` is the last of them.

    Parameters
    ----------
    target_info : jax.ShapeDtypeStruct, array, or a quantity of one
        Shape without batch, type and unit of a value.
    time : time, optional
        The longest delay; the longest of the entries by default.
    init : quantity, number or callable of a shape, optional
        What the value was before.
    entries : dict, optional
        Delays by name, for `at`.
    delay_method : {'rotation', 'concat'}, optional
        How values were kept there; both give the same.
    interpolation : {'round', 'linear_interp'}, optional
        What `retrieve_at_time` gives between two steps: the nearest, or what lies between them, linearly.
    """

    def __init__(
        self,
        target_info: Any,
        time: Any = None,
        init: Any = None,
        entries: dict[str, Any] | None = None,
        delay_method: str | None = None,
        interpolation: str | None = None,
        name: str | None = None,
        **options: Any,
    ):
        if options:
            raise TypeError(f'nn.Delay takes no {", ".join(options)} here; it has target_info, time, init, entries and interpolation.')
        for word, given in ((delay_method, _METHODS), (interpolation, _BETWEEN)):
            if word is not None and word not in given:
                raise ParameterError(f'nn.Delay: {word!r} is none of {", ".join(given)}.')
        info, unit = u.get_mantissa(target_info), u.get_unit(target_info)
        self.entries: dict[str, Any] = {}
        self.linear = interpolation in ('linear_interp', 'linear')
        if init is not None and callable(init):
            init = init(np.shape(info))
        super().__init__(np.shape(info) or 1, 0.0 * u.ms, initial=with_unit(0.0, unit) if init is None else init, name=name)
        self._scalar, self._dtype = np.shape(info) == (), info.dtype
        if time is not None:
            self._reach(time)
        for entry, t in (entries or {}).items():
            self.register_entry(entry, t)

    def _reach(self, time: Any) -> None:
        longest = np.max(u.get_mantissa(time)) * u.get_unit(time)
        if u.get_dim(longest) != u.ms.dim:
            longest = longest * environ.get_dt()
        if longest > self.time:
            self.time = longest

    @property
    def _registered_entries(self) -> dict[str, tuple[int]]:
        """Entries in steps; scripts print this."""
        return {name: (round(float(plain(t / environ.get_dt())) if u.get_dim(t) == u.ms.dim else t),) for name, t in self.entries.items()}

    @property
    def max_time(self) -> Any:
        """The longest delay."""
        return self.time

    @property
    def max_length(self) -> int:
        """How many values are kept."""
        return int(self.history.value.shape[0])

    def register_entry(self, entry: str, *time: Any) -> Delay:
        """Give a delay a name, for `at`; without a time, none. Before the states are initialised, if it is the longest."""
        time = time[0] if time and time[0] is not None else 0.0 * u.ms
        if entry in self.entries:
            raise KeyError(f'{self.label}: there is an entry {entry!r} already.')
        self._reach(time)
        self.entries[entry] = time
        return self

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for one step more than the longest delay, since the newest value can be read as well."""
        asked = self.time
        dt = environ.get('dt', desc=f'{self.label} needs the time step')
        try:
            self.time = (np.ceil(float(plain(asked / dt)) - _ROUNDING) + 1) * dt
            super().init_state(batch_size, **kwargs)
        finally:
            self.time = asked

    def update(self, x: Any) -> None:
        """Take in the value of this step."""
        unit = u.get_unit(self.history.value)
        x = with_unit(jnp.asarray(u.get_mantissa(x)).astype(environ.dftype()), unit if unit.is_unitless else u.get_unit(x))
        super().update(x.reshape(1) if self._scalar else x)

    def retrieve_at_step(self, step: Any, *indices: Any) -> Any:
        """The value that was taken in so many steps before the last one; steps as an array give an element for each."""
        history = self.history.value
        past, length = u.get_mantissa(history), history.shape[0]
        if not isinstance(step, jax.core.Tracer) and not (int(np.min(step)) >= 0 and int(np.max(step)) < length):
            raise ParameterError(f'{self.label}: step {step} is asked for, but it holds {length - 1} steps and the last value.')
        row = (self.row.value + length - 1 - jnp.asarray(step, jnp.int32)) % length
        if np.ndim(step):
            rows = jnp.broadcast_to(row, np.broadcast_shapes(np.shape(step), past.shape[1:]))
            value = jnp.take_along_axis(past, rows[None], axis=0)[0]
        else:
            value = jax.lax.dynamic_index_in_dim(past, row, 0, keepdims=False)
        value = (value[0] if self._scalar else value).astype(environ.dftype() if self.linear else self._dtype)
        return with_unit(value[indices] if indices else value, u.get_unit(history))

    def retrieve_at_time(self, time: Any, *indices: Any) -> Any:
        """The value of the step that began at a time."""
        return self._before(plain((environ.get('t') - time) / environ.get_dt()), *indices)

    def at(self, entry: str, *indices: Any) -> Any:
        """The value that was taken in a named delay before the last one."""
        if entry not in self.entries:
            raise KeyError(f'{self.label} has no entry {entry!r}; it has {", ".join(self.entries)}.')
        return self._after(self.entries[entry], *indices)

    def _after(self, time: Any, *indices: Any) -> Any:
        steps = plain(time / environ.get_dt()) if u.get_dim(time) == u.ms.dim else time
        return self._before(np.asarray(steps, float), *indices)

    def _before(self, steps: Any, *indices: Any) -> Any:
        of = np if isinstance(steps, np.ndarray) else jnp
        if not self.linear:
            return self.retrieve_at_step(of.rint(steps).astype(np.int32), *indices)
        whole = of.floor(steps + _ROUNDING).astype(np.int32)
        part = of.maximum(steps - whole, 0.0)
        newer, older = self.retrieve_at_step(whole, *indices), self.retrieve_at_step(whole + of.where(part > _ROUNDING, 1, 0), *indices)
        return newer * (1 - part).astype(environ.dftype()) + older * part.astype(environ.dftype())


class DelayAccess(nn.Module):
    """A named delay of a `Delay`, read by a call.

    Parameters
    ----------
    delay : Delay
    *time
        How long.
    delay_entry : str
        Its name.
    """

    graph_invisible_attrs = ('delay',)

    def __init__(self, delay: Delay, *time: Any, delay_entry: str):
        super().__init__()
        self.delay, self.entry = delay.register_entry(delay_entry, *time), delay_entry

    def update(self) -> Any:
        """The value of then."""
        return self.delay.at(self.entry)


class StateWithDelay(Delay):
    """What a state of a model was, for several delays; ``update`` takes in its value of now.

    Parameters
    ----------
    target : Module
        The model.
    item : str
        The name of its state; or None for its output, which each call of the model brings in.
    init : quantity, number or callable of a shape, optional
        What the value was before.
    """

    graph_invisible_attrs = ('target',)

    def __init__(self, target: Any, item: str | None, init: Any = None, **options: Any):
        super().__init__(np.zeros(target.varshape, environ.dftype()), init=init, **options)
        self.target, self.item, self._init = target, item, init
        self.readers: set[Any] = set()

    @property
    def state(self) -> Any:
        """The state."""
        return getattr(self.target, self.item)  # type: ignore[arg-type]

    @nn.call_order(9)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for the longest delay, once the state of the model is there."""
        if self.item is not None:
            value = self.state.value
            self._dtype = u.get_mantissa(value).dtype
            shape = np.shape(u.get_mantissa(value))[0 if batch_size is None else 1 :]
            self.varshape = self.in_size = self.out_size = shape
            if self._init is None:
                self.initial = with_unit(0.0, u.get_unit(value))
        super().init_state(batch_size, **kwargs)

    def update(self, *value: Any) -> None:
        """Take in the value of now."""
        super().update(*(value or (self.state.value,)))
