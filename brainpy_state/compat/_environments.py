"""Settings of their own, apart from those of `environ`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._errors import MissingSettingError, ParameterError

_REQUIRED = object()
_TYPES: dict[Any, tuple[Any, Any, Any, Any]] = {
    64: (np.float64, np.int64, np.uint64, np.complex128),
    32: (np.float32, np.int32, np.uint32, np.complex64),
    16: (np.float16, np.int16, np.uint16, np.complex64),
    'bf16': (jnp.bfloat16, np.int16, np.uint16, np.complex64),
}


class EnvironmentState:
    """Settings for scripts to pass around, as ``env=`` of the functions of this room; models do not see them."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.contexts: list[dict[str, Any]] = []
        self.functions: dict[str, Callable[[Any], Any]] = {}

    def _tell(self, settings: dict[str, Any]) -> None:
        tell(self.functions, settings)

    def set(self, **settings: Any) -> None:
        """Set some, and call what is registered for them."""
        if settings.get('precision', 32) not in _TYPES:
            raise ParameterError(f'EnvironmentState: precision is one of {", ".join(map(str, _TYPES))}, but is {settings["precision"]!r}.')
        self.settings.update(settings)
        self._tell(settings)

    @contextmanager
    def context(self, **settings: Any) -> Iterator[dict[str, Any]]:
        """Set some for a block."""
        for key in ('platform', 'host_device_count'):
            if key in settings:
                raise ParameterError(f'EnvironmentState.context: {key} cannot change for a block; use set.')
        before = self.all()
        self.contexts.append(settings)
        try:
            self._tell(settings)
            yield self.all()
        finally:
            self.contexts.remove(settings)
            self._tell({key: before[key] for key in settings if key in before})

    def all(self) -> dict[str, Any]:
        """What is set now."""
        found = dict(self.settings)
        for settings in self.contexts:
            found.update(settings)
        return found

    def get(self, key: str, default: Any = _REQUIRED, desc: str | None = None) -> Any:
        """One setting; a KeyError if there is none and no default is given."""
        found = self.all()
        if key in found:
            return found[key]
        if default is _REQUIRED:
            raise MissingSettingError(f'EnvironmentState: {key!r} is not set{f" ({desc})" if desc else ""}; use set({key}=..., env=...).')
        return default

    def pop(self, key: str, default: Any = _REQUIRED) -> Any:
        """Drop one setting, and give what it was."""
        if key in self.settings:
            return self.settings.pop(key)
        return self.get(key, default)

    def reset(self) -> None:
        """Forget all."""
        self.__init__()  # type: ignore[misc]

    def get_dt(self) -> Any:
        """The time step."""
        return self.get('dt')

    def set_precision(self, precision: Any) -> None:
        """``set(precision=...)``."""
        self.set(precision=precision)

    def get_precision(self) -> int:
        """The number of bits, 32 by default."""
        precision = self.get('precision', 32)
        return 16 if precision == 'bf16' else precision

    def _type(self, k: int) -> Any:
        return _TYPES[self.get('precision', 32)][k]

    def dftype(self) -> Any:
        """The type of numbers."""
        return self._type(0)

    def ditype(self) -> Any:
        """The type of whole numbers."""
        return self._type(1)

    def dutype(self) -> Any:
        """The type of whole numbers without a sign."""
        return self._type(2)

    def dctype(self) -> Any:
        """The type of complex numbers."""
        return self._type(3)

    def tolerance(self) -> np.ndarray:
        """How close results of this precision are to be."""
        return np.asarray({64: 1e-12, 32: 1e-5}.get(self.get_precision(), 1e-2), jnp.dtype(self.dftype()))

    def register_default_behavior(self, key: str, behavior: Callable[[Any], Any], replace_if_exist: bool = False) -> None:
        """Call a function with the value whenever a key is set."""
        require_behavior(key, behavior)
        if key in self.functions and not replace_if_exist:
            raise ParameterError(f'register_default_behavior: there is one for {key!r} already; give replace_if_exist=True to replace it.')
        self.functions[key] = behavior

    def unregister_default_behavior(self, key: str) -> bool:
        """Call nothing for a key any more; tells whether there was something."""
        return self.functions.pop(key, None) is not None

    def list_registered_behaviors(self) -> list[str]:
        """The keys for which something is called."""
        return list(self.functions)


def require_behavior(key: Any, behavior: Any) -> None:
    """Raise unless a key and a function are given."""
    if not isinstance(key, str):
        raise TypeError(f'register_default_behavior: a key is a text, but is {key!r}.')
    if not callable(behavior):
        raise TypeError(f'register_default_behavior: a function of the value is expected, but {behavior!r} was given.')


def tell(functions: dict[str, Callable[[Any], Any]], settings: dict[str, Any]) -> None:
    """Call what is registered for settings; what goes wrong in it is a warning."""
    for key, value in settings.items():
        if key in functions:
            try:
                functions[key](value)
            except Exception as error:  # whatever a script does there
                text = f'Callback for {key!r} raised an exception: {type(error).__name__}: {error}. The setting is in force.'
                warnings.warn(text, stacklevel=4)
