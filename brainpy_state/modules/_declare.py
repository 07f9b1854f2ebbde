"""Declared parameters, options and variables of a model.

A model's class body declares each parameter once (default, unit, constraint, meaning), each option once
(default, allowed values, meaning) and each state variable once (first value, meaning). Signature, checks,
allocation and documentation follow from the declarations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ
from .._arrays import put
from .._errors import ParameterError, ShapeError, UnitError
from ..numerics import brief, with_unit
from ..state import HiddenState, State
from ._allocated import Allocated
from ._param import Param
from ._verify import in_check, read, require, trained_state, verify


class Constraint(NamedTuple):
    """What values a parameter may have: a test on plain numbers, and its name.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> fraction = bst.nn.Constraint(lambda x: (x >= 0) & (x <= 1), 'between 0 and 1')
    >>> bst.nn.Parameter(0.5, fraction, 'release').constraint.text
    'between 0 and 1'
    """

    test: Callable[[Any], Any]
    text: str


def _is_positive(x: Any) -> Any:
    return x > 0


def _is_not_negative(x: Any) -> Any:
    return x >= 0


positive = Constraint(_is_positive, 'positive')
non_negative = Constraint(_is_not_negative, 'zero or positive')


def check_unit(value: Any, like: Any, owner: str, name: str) -> None:
    """Raise `UnitError` unless ``value`` has the physical dimension of ``like``.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> bst.nn.check_unit(5. * u.pA, 1. * u.mA, 'LIF', 'I')  # both are currents
    """
    if u.get_dim(value) == u.get_dim(like):
        return
    unit, given = u.get_unit(like), u.get_unit(value)
    if unit.is_unitless:
        raise UnitError(f'{owner}: {name} has the unit {given}, but is a plain number without a unit.')
    example = brief(u.get_mantissa(value)) if np.ndim(u.get_mantissa(value)) == 0 else '...'
    has = 'has no unit' if given.is_unitless else f'has the unit {given}'
    raise UnitError(f'{owner}: {name} = {brief(value)} {has}, but needs one like {unit}; for example {name}={example} * u.{unit}.')


class Parameter:
    """A parameter of a model, declared in the class body.

    Parameters
    ----------
    default : quantity or number
        Its unit decides which units are accepted. ``None`` needs ``like``.
    constraint : Constraint, optional
        Such as `positive`.
    doc : str
        What it means, and where the default comes from.
    like : quantity, optional
        A quantity of the right unit, where the default is ``None``.
    any_unit : bool
        Whether a value may have any unit.

    Notes
    -----
    A model accepts a number or quantity, an array that broadcasts to its size, a callable from
    the size to an array, or a `State` or `Param`, which then is part of the model's tree and can be trained.
    Reading the parameter gives its value.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> class Leak(bst.nn.Dynamics):
    ...     tau = bst.nn.Parameter(10. * u.ms, bst.nn.positive, 'time constant')
    >>> Leak(3, tau=5. * u.ms).tau
    Quantity(5., "ms")
    """

    if TYPE_CHECKING:  # the attribute of an instance is the value

        def __new__(cls, *args: Any, **kwargs: Any) -> Any: ...

    def __init__(self, default: Any, constraint: Constraint | None = None, doc: str = '', *, like: Any = None, any_unit: bool = False):
        self.default, self.constraint, self.doc, self.any_unit = default, constraint, doc, any_unit
        self.like = default if like is None else like

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, obj: Any, owner: type) -> Any:
        if obj is None:
            return self
        value = vars(obj)[self.name]
        if not in_check(obj, self.name) and trained_state(value) is not None:
            verify(obj, self.name)
        return read(value)

    def __set__(self, obj: Any, value: Any) -> None:
        if callable(value) and not isinstance(value, (State, Param)):
            value = value(obj.varshape)
        if isinstance(value, u.Unit):
            value = 1.0 * value
        if value is not None or self.default is not None:
            self.check(obj, read(value))
        vars(obj)[self.name] = value

    def check(self, obj: Any, value: Any) -> None:
        """Raise unless an instance may have a value: of the right unit and shape, finite, and in the range.

        Whether a traced value is finite and in the range is checked when the program runs.
        """
        owner = obj.label
        if not isinstance(u.get_mantissa(value), (int, float, np.ndarray, np.generic, jax.Array)):
            raise ParameterError(f'{owner}: {self.name} must be a number, a quantity or an array, but is {value!r}.')
        if not self.any_unit:
            obj.require_unit(value, self.like, self.name)
        mantissa, shape = u.get_mantissa(value), np.shape(u.get_mantissa(value))
        if not broadcasts(shape, obj.varshape):
            raise ShapeError(f'{owner}: {self.name} has shape {shape}, which does not broadcast to the size {obj.varshape}.')
        traced = isinstance(mantissa, jax.core.Tracer)
        number, xp = (mantissa, jnp) if traced else (np.asarray(mantissa), np)
        told, finite = f'{{}}: {self.name} = {{}}', xp.isfinite(number)
        if self.constraint is None or not traced:
            require(finite, f'{told} is not finite.', owner, value)
        if self.constraint is not None:  # of a traced value one check for both
            allowed = self.constraint.text + (' and finite' if traced else '')
            require(finite & self.constraint.test(number), f'{told} must be {{}}.', owner, value, allowed)


class Option:
    """A choice between ways to compute, declared in the class body of a model.

    Parameters
    ----------
    default
        What a model without it takes.
    allowed : tuple of str or bool, optional
        All values that there are; anything without it.
    doc : str
        What it means.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> class Leak(bst.nn.Dynamics):
    ...     kind = bst.nn.Option('slow', ('slow', 'fast'), 'how it decays')
    >>> Leak(3, kind='fast').kind
    'fast'
    """

    if TYPE_CHECKING:  # the attribute of an instance is the value

        def __new__(cls, *args: Any, **kwargs: Any) -> Any: ...

    def __init__(self, default: Any, allowed: tuple[Any, ...] | None = None, doc: str = ''):
        self.default, self.allowed, self.doc = default, allowed, doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, obj: Any, owner: type) -> Any:
        return self if obj is None else vars(obj)[self.name]

    def __set__(self, obj: Any, value: Any) -> None:
        if self.allowed is not None and not (isinstance(value, (str, bool, np.bool_)) and value in self.allowed):
            allowed = ', '.join(map(repr, self.allowed))
            raise ParameterError(f'{obj.label}: {self.name} is {value!r}, but must be one of {allowed}.')
        vars(obj)[self.name] = value


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of ``shape`` broadcasts to ``to`` without enlarging it.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.nn.broadcasts((3, 1), (3, 4)), bst.nn.broadcasts((3, 4), (3, 1))
    (True, False)
    """
    try:
        return np.broadcast_shapes(shape, to) == tuple(to)
    except ValueError:
        return False


class Variable(Allocated):
    """A state variable of a model, declared in the class body and allocated by `init_all_states`.

    Parameters
    ----------
    init : quantity, number, str or callable
        The first value, or the name of the parameter that gives it, or a function from the model and
        the shape (with batch) to it. A model also accepts ``<name>_initializer``: a value, a callable
        from the shape to an array, or a `State` or `Param`, which can be trained.
    doc : str
        What it means.
    kind : type of State
        The class of the state.
    when : str, optional
        The variable exists only where this parameter is not ``None``.
    like : quantity, optional
        A quantity of the right unit, where ``init`` is a function that is not to be called in vain.
    any_unit : bool
        Whether the initializer may have another unit than ``init``, which then is the variable's unit.
    dtype : optional
        Instead of the floating-point type of `environ`.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> class Leak(bst.nn.Dynamics):
    ...     V = bst.nn.Variable(1. * u.mV, 'potential')
    >>> bst.nn.init_all_states(Leak(3)).V.value
    Quantity([1. 1. 1.], "mV")
    """

    stored = True  # False where an instance keeps no state of it

    def __init__(
        self,
        init: Any,
        doc: str = '',
        *,
        kind: type[State] = HiddenState,
        when: str | None = None,
        like: Any = None,
        any_unit: bool = False,
        dtype: Any = None,
    ):
        self.init, self.doc, self.kind, self.when = init, doc, kind, when
        self.like, self.any_unit, self.dtype = like, any_unit, dtype

    def __get__(self, obj: Any, owner: type) -> Any:
        if obj is not None and not self.belongs_to(obj):
            raise AttributeError(f'{obj.label} has no {self.name}, because {self.when} is None.')
        return super().__get__(obj, owner)

    def shape_of(self, cls: Any) -> str:
        """What shape it has in a model of a class, in words."""
        return cls.shape_of_variables

    def allocate(self, obj: Any, batch: tuple[int, ...]) -> None:
        """Create the state of an instance, with leading axes ``batch``."""
        if self.belongs_to(obj):
            known = self.name in vars(obj)  # initialised before, when values may not have been traced
            setattr(obj, self.name, self.kind(self._first_value(obj, batch)))
            if self.kind is HiddenState and self.dtype is None and (self.remainder in vars(obj) or obj.may_be_slow(unknown=not known)):
                setattr(obj, self.remainder, HiddenState(self._nothing(obj, batch)))

    @property
    def remainder(self) -> str:
        """The attribute with the state of what rounding has left over, which there is where the variable is slow."""
        return f'{self.name}_remainder'

    def _nothing(self, obj: Any, batch: tuple[int, ...]) -> jax.Array:
        return jnp.asarray(np.zeros((*batch, *self.shape_in(obj)), environ.dftype()))

    def reset(self, obj: Any, batch: tuple[int, ...] | None) -> None:
        """Give the state of an instance its first value again; ``None`` keeps its leading axes."""
        if not self.belongs_to(obj):
            return
        state = getattr(obj, self.name)
        if batch is None:
            shape = np.shape(u.get_mantissa(state.value))
            batch = shape[: len(shape) - len(self.shape_in(obj))]
        state.begin_with(self._first_value(obj, batch))
        if self.remainder in vars(obj):
            vars(obj)[self.remainder].begin_with(self._nothing(obj, batch))

    def belongs_to(self, obj: Any) -> bool:
        return self.stored and (self.when is None or getattr(obj, self.when) is not None)

    def shape_in(self, obj: Any) -> tuple[int, ...]:
        """Its shape without batch: the size of the model."""
        return obj.varshape

    def _first_value(self, obj: Any, batch: tuple[int, ...]) -> Any:
        shape = (*batch, *self.shape_in(obj))
        given = read(obj._initializers.get(self.name))
        value = self._default(obj, shape) if given is None else given(shape) if callable(given) else given
        name = f'{self.name}_initializer'
        if given is not None and not self.any_unit:
            obj.require_unit(value, self._default(obj, shape) if self.like is None else self.like, name)
        mantissa = u.get_mantissa(value)
        if not broadcasts(np.shape(mantissa), shape):
            raise ShapeError(f'{obj.label}: {name} gives shape {np.shape(mantissa)}, which does not broadcast to {shape}.')
        xp = jnp if isinstance(mantissa, jax.core.Tracer) else np  # NumPy compiles nothing
        array = put(xp.array(xp.broadcast_to(mantissa, shape), dtype=self.dtype or environ.dftype()))
        unit = u.get_unit(value)
        return with_unit(array, unit)

    def _default(self, obj: Any, shape: tuple[int, ...]) -> Any:
        return getattr(obj, self.init) if isinstance(self.init, str) else self.init(obj, shape) if callable(self.init) else self.init
