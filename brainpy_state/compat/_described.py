"""Descriptions of objects that are made later: a class and its arguments."""

from __future__ import annotations

from typing import Any


def hashable(x: Any) -> bool:
    """Whether an object has a hash."""
    try:
        hash(x)
    except TypeError:
        return False
    return True


class HashableDict(dict):
    """A dict that has a hash, for which values without one are replaced by their text."""

    def __init__(self, items: Any = ()):
        super().__init__({key: x if hashable(x) else str(x) for key, x in dict(items).items()})

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


class ParamDescriber:
    """A class and arguments of its constructor.

    Parameters
    ----------
    cls : type
        The class.
    *args, **kwargs
        Arguments; those of a call come after, or in the place of those of the same name.
    """

    def __init__(self, cls: type, *args: Any, **kwargs: Any):
        self.cls, self.args, self.kwargs = cls, args, kwargs

    def __init_subclass__(cls, **kwargs: Any) -> None:
        raise TypeError('ParamDescriber cannot be subclassed; derive from the class that it describes.')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make an object."""
        return self.cls(*self.args, *args, **{**self.kwargs, **kwargs})

    init = __call__

    @property
    def identifier(self) -> tuple[Any, ...]:
        """Class and arguments, with a hash."""
        return self.cls, tuple(x if hashable(x) else str(x) for x in self.args), HashableDict(self.kwargs)

    @identifier.setter
    def identifier(self, value: Any) -> None:
        raise AttributeError('ParamDescriber: the identifier follows from class and arguments, so it cannot be set.')

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, ParamDescriber) and issubclass(instance.cls, self.cls)

    def __class_getitem__(cls, item: type) -> ParamDescriber:
        return ParamDescriber(item)

    def __repr__(self) -> str:
        given = [repr(x) for x in self.args] + [f'{key}={x!r}' for key, x in self.kwargs.items()]
        return f'ParamDescriber({self.cls.__name__}{"".join(", " + x for x in given)})'


class ParamDesc:
    """Adds ``desc`` to a class: a description of an object of it."""

    @classmethod
    def desc(cls, *args: Any, **kwargs: Any) -> ParamDescriber:
        """This class and arguments, to be called for an object."""
        return ParamDescriber(cls, *args, **kwargs)
