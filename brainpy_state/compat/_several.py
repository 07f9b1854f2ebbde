"""Types that stand for several: all of them, or one of them."""

from __future__ import annotations

from typing import Any


class Several:
    """Base of types that stand for several classes; to be asked by ``isinstance`` and ``issubclass``.

    Two are equal if they stand for the same classes in any order.
    """

    def __init__(self, types: tuple[Any, ...]):
        self.__args__ = types

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and set(self.__args__) == set(other.__args__)

    def __hash__(self) -> int:
        return hash((type(self), frozenset(self.__args__)))

    def __repr__(self) -> str:
        return f'{type(self).__name__}[{", ".join(getattr(t, "__name__", repr(t)) for t in self.__args__)}]'

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f'{self!r} stands for several types, so there are no objects of it; make one of a class.')

    def __instancecheck__(self, obj: Any) -> bool:
        return self.__subclasscheck__(type(obj))

    def __subclasscheck__(self, subclass: type) -> bool:
        raise NotImplementedError


class _AllOf(Several):
    def __reduce__(self) -> Any:
        return JointTypes, self.__args__

    def __subclasscheck__(self, subclass: type) -> bool:
        return all(issubclass(subclass, t) for t in self.__args__)


class _AnyOf(Several):
    def __reduce__(self) -> Any:
        return OneOfTypes, self.__args__

    def __subclasscheck__(self, subclass: type) -> bool:
        return any(issubclass(subclass, t) for t in self.__args__)


_AllOf.__name__, _AnyOf.__name__ = 'JointTypes', 'OneOfTypes'


class _Maker:
    def __init__(self, kind: type[Several]):
        self._kind = kind

    def __call__(self, *types: Any) -> Any:
        name = self._kind.__name__
        if not types:
            raise TypeError(f'{name} needs at least one type.')
        types = tuple(dict.fromkeys(type(None) if t is None else t for t in types))
        for t in types:
            if not isinstance(t, (type, Several)):
                raise TypeError(f'{name}: a type is expected, but {t!r} was given.')
        return types[0] if len(types) == 1 else self._kind(types)

    def __reduce__(self) -> str:
        return self._kind.__name__

    def __getitem__(self, types: Any) -> Any:
        return self(*(types if isinstance(types, tuple) else (types,)))


JointTypes, OneOfTypes = _Maker(_AllOf), _Maker(_AnyOf)
