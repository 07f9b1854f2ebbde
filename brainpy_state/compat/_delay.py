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


class Delay(nn.Delay):
    """A ring of the values that ``update`` takes in; ``retrieve_at_step(0)`` is the last of them.

    Parameters
    ----------
    target_info : jax.ShapeDtypeStruct, or a quantity of one
        Shape without batch, type and unit of a value.
    time : time, optional
        The longest delay; the longest of the entries by default.
    init : quantity or number, optional
        What the value was before.
    entries : dict, optional
        Delays by name, for `at`.
    """

    def __init__(self, target_info: Any, time: Any = None, init: Any = None, entries: dict[str, Any] | None = None, **options: Any):
        if options:
            raise TypeError(f'nn.Delay takes no {", ".join(options)} here; it has target_info, time, init and entries.')
        info, unit = u.get_mantissa(target_info), u.get_unit(target_info)
        self.entries = {name: 0.0 * u.ms if t is None else t for name, t in (entries or {}).items()}
        times = [*self.entries.values(), *([] if time is None else [time])]
        longest = max(times, key=lambda t: float(np.max(t.to_decimal(u.ms)))) if times else 0.0 * u.ms
        super().__init__(info.shape or 1, longest, initial=with_unit(0.0, unit) if init is None else init)
        self._dtype = info.dtype

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for one step more than the longest delay, since the newest value can be read as well."""
        asked = self.time
        try:
            self.time = asked + environ.get('dt', desc=f'{self.label} needs the time step')
            super().init_state(batch_size, **kwargs)
        finally:
            self.time = asked

    def update(self, x: Any) -> None:
        """Take in the value of this step."""
        unit = u.get_unit(self.history.value)
        super().update(with_unit(jnp.asarray(u.get_mantissa(x)).astype(environ.dftype()), unit if unit.is_unitless else u.get_unit(x)))

    def retrieve_at_step(self, step: Any, *indices: Any) -> Any:
        """The value that was taken in so many steps before the last one."""
        history = self.history.value
        past, length = u.get_mantissa(history), history.shape[0]
        if not isinstance(step, jax.core.Tracer) and not 0 <= int(np.max(step)) < length:
            raise ParameterError(f'{self.label}: step {step} is asked for, but it holds {length - 1} steps and the last value.')
        row = (self.row.value + length - 1 - jnp.asarray(step, jnp.int32)) % length
        value = jax.lax.dynamic_index_in_dim(past, row, 0, keepdims=False).astype(self._dtype)
        return with_unit(value[indices] if indices else value, u.get_unit(history))

    def retrieve_at_time(self, time: Any, *indices: Any) -> Any:
        """The value of the step that began at a time."""
        steps = plain((environ.get('t') - time) / environ.get_dt())
        return self.retrieve_at_step(jnp.rint(steps).astype(jnp.int32), *indices)

    def at(self, entry: str, *indices: Any) -> Any:
        """The value that was taken in a named delay before the last one."""
        if entry not in self.entries:
            raise KeyError(f'{self.label} has no entry {entry!r}; it has {", ".join(self.entries)}.')
        steps = round(float(plain(self.entries[entry] / environ.get_dt())))
        return self.retrieve_at_step(steps, *indices)
