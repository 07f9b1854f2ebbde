"""A delay from which several moments are read."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, nn
from .._errors import ParameterError
from ..numerics import plain, with_unit
from ..state import ShortTermState, State
from ..transform import cond
from ._delay_tree import DelayTree, InterpolationRegistry, at_position, is_tree
from ._missing import NotSupportedError

_METHODS = ('rotation', 'concat', 'concatenation')
_ROUNDING = 1e-4  # of a step


def _cubic(p: Any) -> tuple[Any, ...]:
    """Weights of a cubic spline through steps -1 to 2, whose slopes are central differences."""
    return (p * (-1 + p * (2 - p)) / 2, 1 + p * p * (3 * p - 5) / 2, p * (1 + p * (4 - 3 * p)) / 2, p * p * (p - 1) / 2)


_BETWEEN: dict[str, tuple[int, Callable[[Any], tuple[Any, ...]]]] = {  # the first step, and weights for a part p of a step
    'linear': (0, lambda p: (1 - p, p)),
    'polynomial2': (0, lambda p: ((p - 1) * (p - 2) / 2, p * (2 - p), p * (p - 1) / 2)),
    'polynomial3': (-1, lambda p: (p * (1 - p) * (p - 2) / 6, (p * p - 1) * (p - 2) / 2, (p + 1) * p * (2 - p) / 2, (p * p - 1) * p / 6)),
    'cubic': (-1, _cubic),
    'hermite': (-1, _cubic),
}
_OLDER = {'round': 'nearest', 'linear_interp': 'linear', None: 'nearest'}
InterpolationRegistry.register(
    'nearest', lambda history, indices, position, length: history[(jnp.rint(position).astype(int) % length, *indices)]
)
for _name, _between in _BETWEEN.items():
    InterpolationRegistry.register(_name, at_position(*_between))


class Delay(nn.Delay):
    """A ring of the values that ``update`` takes in; ``retrieve_at_step(0)`` is the last of them.

    Parameters
    ----------
    target_info : jax.ShapeDtypeStruct, array, or a quantity of one; or a dict, list or tuple of these
        Shape without batch, type and unit of a value; of several, trees are taken in and given.
    time : time, optional
        The longest delay; the longest of the entries by default. Where ``dt`` is a plain number, so are times.
    init : quantity, number or callable of a shape, or of a shape and a type, optional
        What the value was before.
    entries : dict, optional
        Delays by name, for `at`.
    delay_method : {'rotation', 'concat'}, optional
        How values were kept there; both give the same.
    interpolation : {'nearest', 'linear', 'cubic', 'hermite', 'polynomial2', 'polynomial3'} or callable, optional
        What `retrieve_at_time` gives between two steps: the nearest, or what lies between them; a function
        ``f(history, indices, position, length)`` of the ring finds it at a position that is no whole number. A text may also be a name
        of `InterpolationRegistry`.
    interp_method : {'round', 'linear_interp'}, optional
        An older name of it.
    take_aware_unit : bool
        True: values keep their unit.
    update_every : time, optional
        How far apart the values that are kept are: of so many calls the first is taken in, and steps are of this length.

    Raises
    ------
    TypeError
        If ``init`` is no value, or an interpolation neither a text nor a function.
    ValueError
        If a method is unknown, or ``update_every`` shorter than the time step.
    """

    def __new__(cls, target_info: Any = None, time: Any = None, *args: Any, **options: Any) -> Any:
        """A `DelayTree`, where several values are described."""
        if cls is not Delay or not is_tree(target_info):
            return super().__new__(cls)
        names = ('init', 'entries', 'delay_method', 'interpolation', 'interp_method', 'take_aware_unit')
        return DelayTree(Delay, target_info, time=time, **dict(zip(names, args, strict=False)), **options)

    def __init__(
        self,
        target_info: Any,
        time: Any = None,
        init: Any = None,
        entries: dict[str, Any] | None = None,
        delay_method: str | None = None,
        interpolation: str | Callable | None = None,
        interp_method: str | None = None,
        take_aware_unit: bool = True,
        name: str | None = None,
        update_every: Any = None,
        **options: Any,
    ):
        if options:
            raise TypeError(f'nn.Delay takes no {", ".join(options)} here; it has target_info, time, init, entries and interpolation.')
        self.update_every = update_every
        self.update_every_step = 1 if update_every is None else int(float(plain(update_every / environ.get_dt())) + _ROUNDING)
        if self.update_every_step < 1:
            raise ParameterError(f'nn.Delay: update_every is {update_every}, shorter than the time step, {environ.get_dt()}.')
        if not take_aware_unit:
            raise NotSupportedError('nn.Delay: take_aware_unit=False is not supported; values keep their unit.')
        self.delay_method = 'rotation' if delay_method is None else delay_method
        asked: Any = interp_method if interpolation is None else interpolation
        if (
            isinstance(asked, str)
            and asked not in _OLDER
            and asked not in ('nearest', *_BETWEEN)
            and asked in InterpolationRegistry.list_methods()
        ):
            asked = InterpolationRegistry.get(asked)
        self.interp_method = asked if callable(asked) else _OLDER.get(asked, asked)
        for word, given in ((delay_method, _METHODS), (self.interp_method, ('nearest', *_BETWEEN))):
            if not (word is None or isinstance(word, str) or callable(word)):
                raise TypeError(f'nn.Delay: {word!r} is neither a text nor a function.')
            if isinstance(word, str) and word not in given:
                raise ParameterError(f'nn.Delay: {word!r} is none of {", ".join(given)}.')
        if isinstance(init, str):
            raise TypeError(f'nn.Delay: init is a value, or a function of a shape, but is {init!r}.')
        info, unit = u.get_mantissa(target_info), u.get_unit(target_info)
        self.entries: dict[str, Any] = {}
        if init is not None and callable(init):
            init = init(np.shape(info), info.dtype) if _takes_two(init) else init(np.shape(info))
        super().__init__(np.shape(info) or 1, 0.0 * u.ms, initial=with_unit(0.0, unit) if init is None else init, name=name)
        self._scalar, self._dtype = np.shape(info) == (), info.dtype
        if time is not None:
            self._reach(time)
        for entry, t in (entries or {}).items():
            self.register_entry(entry, t)

    def _reach(self, time: Any) -> None:
        longest = np.max(u.get_mantissa(time)) * u.get_unit(time)
        if u.get_dim(longest) != u.ms.dim:
            longest = longest * (u.ms if _plain_clock() else environ.get_dt())
        if longest > self.time:
            self.time = longest

    @property
    def _registered_entries(self) -> dict[str, tuple[int]]:
        """Entries in steps; scripts print this."""
        return {name: (round(float(self._in_steps(t))),) for name, (t, *_) in self.entries.items()}

    @property
    def max_time(self) -> Any:
        """The longest delay."""
        return float(self.time / u.ms) if _plain_clock() else self.time

    @property
    def max_length(self) -> int:
        """How many values are kept."""
        return int(self.history.value.shape[0])

    def register_entry(self, entry: str, *time: Any) -> Delay:
        """Give a delay a name, for `at`; without a time, none. Before the states are initialised, if it is the longest.

        After the time, which may be an array, indices say which elements are read.
        """
        time, *indices = (time[0] if len(time) == 1 and isinstance(time[0], (tuple, list)) else time) or (None,)
        time = 0 if time is None else time
        if entry in self.entries:
            raise KeyError(f'{self.label}: there is an entry {entry!r} already.')
        self._reach(time)
        self.entries[entry] = time, *indices
        return self

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for one step more than the longest delay, since the newest value can be read as well."""
        asked = self.time
        environ.get('dt', desc=f'{self.label} needs the time step')
        try:
            with _clock() as dt:
                self.time = (np.ceil(float(plain(asked / dt)) / self.update_every_step - _ROUNDING) + 1) * dt
                super().init_state(batch_size, **kwargs)
        finally:
            self.time = asked
        if self.update_every_step > 1:
            self.calls = ShortTermState(jnp.zeros((), jnp.int32))

    def update(self, x: Any) -> None:
        """Take in the value of this step."""
        unit = u.get_unit(self.history.value)
        x = with_unit(jnp.asarray(u.get_mantissa(x)).astype(environ.dftype()), unit if unit.is_unitless else u.get_unit(x))
        x = x.reshape(1) if self._scalar else x
        if self.update_every_step == 1:
            self._keep(x)
            return
        cond(self.calls.value == 0, self._keep, lambda x: None, x)
        self.calls.value = (self.calls.value + 1) % self.update_every_step

    def _keep(self, x: Any) -> None:
        with _clock():
            super().update(x)

    def retrieve_at_step(self, step: Any, *indices: Any) -> Any:
        """The value that was taken in so many steps before the last one; steps as an array give an element for each."""
        history = self.history.value
        past, length = u.get_mantissa(history), history.shape[0]
        if not isinstance(step, jax.core.Tracer) and not (int(np.min(step)) >= 0 and int(np.max(step)) < length):
            raise ParameterError(f'{self.label}: step {step} is asked for, but it holds {length - 1} steps and the last value.')
        row = (self.row.value + length - 1 - jnp.asarray(step, jnp.int32)) % length
        if np.ndim(step) and indices:
            return with_unit(past[(row, *indices)], u.get_unit(history))
        if np.ndim(step):
            rows = jnp.broadcast_to(row, np.broadcast_shapes(np.shape(step), past.shape[1:]))
            value = jnp.take_along_axis(past, rows[None], axis=0)[0]
        else:
            value = jax.lax.dynamic_index_in_dim(past, row, 0, keepdims=False)
        value = (value[0] if self._scalar else value).astype(self._dtype if self.interp_method == 'nearest' else environ.dftype())
        return with_unit(value[indices] if indices else value, u.get_unit(history))

    def retrieve_at_time(self, time: Any, *indices: Any) -> Any:
        """The value of the step that began at a time."""
        return self._before(plain((environ.get('t') - time) / environ.get_dt()) / self.update_every_step, *indices)

    def at(self, entry: str, *indices: Any) -> Any:
        """The value that was taken in a named delay before the last one."""
        if entry not in self.entries:
            raise KeyError(f'{self.label} has no entry {entry!r}; it has {", ".join(self.entries)}.')
        time, *own = self.entries[entry]
        return self._after(time, *own, *indices)

    def access(self, entry: str, *time: Any) -> DelayAccess:
        """Give a delay a name, and what reads it by a call."""
        return DelayAccess(self, *time, entry=entry)

    def _in_steps(self, time: Any) -> Any:
        """A delay in steps; a plain number is a time only where ``dt`` is one."""
        is_time = u.get_dim(time) == u.ms.dim or _plain_clock()
        return plain(time / environ.get_dt()) / self.update_every_step if is_time else time

    def _after(self, time: Any, *indices: Any) -> Any:
        return self._before(np.asarray(self._in_steps(time), float), *indices)

    def _before(self, steps: Any, *indices: Any) -> Any:
        of = np if isinstance(steps, np.ndarray) else jnp
        if self.interp_method == 'nearest':
            return self.retrieve_at_step(of.rint(steps).astype(np.int32), *indices)
        length = self.history.value.shape[0]
        if callable(self.interp_method):
            found = self.interp_method(self.history.value, indices, (self.row.value + length - 1 - steps) % length, length)
            return found[0] if self._scalar else found
        whole = of.floor(steps + _ROUNDING).astype(np.int32)
        part = of.maximum(steps - whole, 0.0)
        if of is np and np.all(part <= _ROUNDING):
            return self.retrieve_at_step(whole, *indices)
        first, weights = _BETWEEN[self.interp_method]
        weighted = weights(part)
        kept = (of.clip(whole + first + k, 0, length - 1) if first + k else whole for k in range(len(weighted)))
        values = [self.retrieve_at_step(step, *indices) * jnp.asarray(w, environ.dftype()) for step, w in zip(kept, weighted, strict=True)]
        return functools.reduce(operator.add, values)


def _plain_clock() -> bool:
    """Whether ``dt`` is a number without a unit, as in scripts that know none; its unit counts as milliseconds."""
    return bool(u.get_dim(environ.get('dt', 0.0 * u.ms)) == u.UNITLESS.dim)


@contextmanager
def _clock() -> Iterator[Any]:
    dt = environ.get_dt()
    if not _plain_clock():
        yield dt
        return
    with environ.context(dt=dt * u.ms):
        yield dt * u.ms


def _takes_two(init: Callable) -> bool:
    try:
        parameters = inspect.signature(init).parameters.values()
    except ValueError:  # of some callables written in C
        return False
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(needed) == 2


class DelayAccess(nn.Module):
    """A named delay of a `Delay`, read by a call.

    Parameters
    ----------
    delay : Delay
    *time
        How long.
    entry : str
        Its name.

    Raises
    ------
    TypeError
        If ``delay`` is none.
    """

    graph_invisible_attrs = ('delay',)

    def __init__(self, delay: Delay, *time: Any, entry: str):
        super().__init__()
        if not isinstance(delay, (Delay, DelayTree)):
            raise TypeError(f'{self.label}: a Delay is expected, but is {delay!r}.')
        self.delay, self.entry = delay.register_entry(entry, *time), entry

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
        super().__init__(np.zeros(getattr(target, 'varshape', ()), environ.dftype()), init=init, **options)
        self.target, self.item, self._init = target, item, init
        self.readers: set[Any] = set()

    @property
    def state(self) -> Any:
        """The state; a TypeError if it is none."""
        state = getattr(self.target, self.item)  # type: ignore[arg-type]
        if not isinstance(state, State):
            raise TypeError(f'{self.label}: {self.item!r} of {type(self.target).__name__} is no State, but a {type(state).__name__}.')
        return state

    @nn.call_order(9)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for the longest delay, once the state of the model is there."""
        if self.item is not None:
            value = self.state.value
            self._dtype = u.get_mantissa(value).dtype
            shape = np.shape(u.get_mantissa(value))[0 if batch_size is None else 1 :]
            self.varshape, self._scalar = shape or (1,), shape == ()
            self.in_size = self.out_size = self.varshape
            if self._init is None:
                self.initial = with_unit(0.0, u.get_unit(value))
        super().init_state(batch_size, **kwargs)

    def update(self, *value: Any) -> None:
        """Take in the value of now."""
        super().update(*(value or (self.state.value,)))
