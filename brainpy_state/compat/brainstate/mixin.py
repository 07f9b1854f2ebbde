"""The names of ``brainstate.mixin``, for classes that inherit from them."""

from __future__ import annotations

import functools
from typing import Any

from .._missing import missing


class Mixin:
    """Marks classes that add something to others."""


class ParamDesc(Mixin):
    """Gives classes descriptions: ``Class.desc(...)`` is called to make an instance."""

    @classmethod
    def desc(cls, *args: Any, **kwargs: Any) -> Any:
        """What makes an instance when it is called; of modules, as every module has it."""
        of_module = getattr(super(), 'desc', None)
        return of_module(*args, **kwargs) if of_module else ParamDescriber(cls, *args, **kwargs)


class ParamDescriber(functools.partial):
    """A class and arguments, of which a call makes an instance."""


class _OfTypes(type):
    """Classes of objects that are instances of all, or of any, of several classes."""

    types: tuple[type, ...]
    how: Any

    def __instancecheck__(cls, x: Any) -> bool:
        return cls.how(isinstance(x, t) for t in cls.types)

    def __subclasscheck__(cls, c: type) -> bool:
        return cls.how(issubclass(c, t) for t in cls.types)


class _Types:
    def __init__(self, name: str, how: Any):
        self.name, self.how = name, how

    def __call__(self, *types: type) -> type:
        types = tuple(dict.fromkeys(types))
        return types[0] if len(types) == 1 else _OfTypes(self.name, (), {'types': types, 'how': staticmethod(self.how)})

    def __getitem__(self, types: Any) -> type:
        return self(*types) if isinstance(types, tuple) else self(types)


JointTypes, OneOfTypes = _Types('JointTypes', all), _Types('OneOfTypes', any)


class Mode(Mixin):
    """How a model is used."""

    def is_a(self, kind: type) -> bool:
        """Whether it is exactly of this class."""
        return type(self) is kind

    def has(self, kind: type) -> bool:
        """Whether it is of this class or of one below."""
        return isinstance(self, kind)


class Training(Mode):
    """To be trained."""


class Batching(Mode):
    """With a batch.

    Parameters
    ----------
    batch_size, batch_axis : int
        How many, and along which axis.
    """

    def __init__(self, batch_size: int = 1, batch_axis: int = 0):
        self.batch_size, self.batch_axis = batch_size, batch_axis


class JointMode(Mode):
    """Several modes at once; attributes of each can be read."""

    def __init__(self, *modes: Mode):
        for mode in modes:
            if not isinstance(mode, Mode):
                raise TypeError(f'JointMode joins modes, but {mode!r} is a {type(mode).__name__}.')
        self.modes = modes

    def is_a(self, kind: type) -> bool:
        """Whether these are exactly the modes of ``JointTypes[...]``."""
        return {type(mode) for mode in self.modes} == set(getattr(kind, 'types', (kind,)))

    def has(self, kind: type) -> bool:
        """Whether one of the modes is of this class."""
        return any(isinstance(mode, kind) for mode in self.modes)

    def __getattr__(self, name: str) -> Any:
        for mode in vars(self).get('modes', ()):
            if hasattr(mode, name):
                return getattr(mode, name)
        raise AttributeError(f'none of the modes {self.__dict__.get("modes")} has {name!r}.', name=name, obj=self)


__getattr__ = missing(__name__, globals())
