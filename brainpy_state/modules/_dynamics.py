"""`Dynamics`: a module with a size, declared parameters and declared state variables."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import FunctionType
from typing import Any, ClassVar, dataclass_transform

import brainunit as u
import jax
import jax.numpy as jnp

from .. import environ
from .._errors import ModelError, ParameterError, StateNotInitializedError, UnitError
from .._typing import Initializer, Size, as_size
from ..numerics import add_exactly, brief, is_slow, relaxation, relaxed
from ._declare import Option, Parameter, Variable
from ._describe import documented
from ._module import Module
from ._overrides import check_overrides

_SHORTEST_DT = 0.01 * u.ms  # that is common


@dataclass_transform(kw_only_default=True, field_specifiers=(Parameter, Option))
class Dynamics(Module):
    """Base of neurons and synapses: what it declares is what its constructor accepts.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    name : str, optional
        A label for messages.
    **params
        The declared parameters and options, and ``<variable>_initializer`` for the declared variables.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        At construction, for a value out of range, with a wrong unit or of a wrong shape.
    """

    parameters: dict[str, Parameter] = {}
    options: dict[str, Option] = {}
    variables: dict[str, Variable] = {}
    gives: ClassVar[tuple[str, ...]] = ()
    """The methods that subclasses give, which are called with the arguments of the base's."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.parameters, cls.options, cls.variables = (_declared(cls, kind) for kind in (Parameter, Option, Variable))
        _check_replaced(cls)
        check_overrides(cls)
        cls.__signature__ = _signature(cls)  # type: ignore[attr-defined]
        cls.__doc__ = documented(cls)

    def __init__(self, in_size: Size, *, name: str | None = None, **params: Any):
        super().__init__(name)
        self.varshape = self.in_size = self.out_size = as_size(in_size, type(self).__name__)
        self._initializers: dict[str, Initializer] = {}
        for key in self.variables:
            if (given := params.pop(f'{key}_initializer', None)) is not None:
                self._initializers[key] = given
        for key, declared in (self.parameters | self.options).items():
            setattr(self, key, params.pop(key, declared.default))
        if params:
            accepted = (*self.parameters, *self.options, *(f'{key}_initializer' for key in self.variables))
            raise TypeError(f'{self.label} has no parameter {next(iter(params))!r}; it has {", ".join(accepted)}.')
        self.check()

    def check(self) -> None:
        """Check parameters against each other. Does nothing unless overridden."""

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Allocate the declared variables, with shape ``(batch_size, *size)`` or ``size``."""
        for variable in self.variables.values():
            variable.allocate(self, () if batch_size is None else (batch_size,))

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Give the declared variables their first values again, with the batch size that they have or a new one."""
        for variable in self.variables.values():
            variable.reset(self, None if batch_size is None else (batch_size,))

    def require_above(self, high: str, low: str, why: str) -> None:
        """Raise unless one parameter lies above another everywhere; traced values are not checked."""
        a, b = getattr(self, high), getattr(self, low)
        above = jnp.all(a > b)
        if not isinstance(above, jax.core.Tracer) and not above:
            raise ParameterError(f'{self.label}: {high} = {brief(a)} must lie above {low} = {brief(b)}, {why}.')

    def relaxations(self) -> Iterable[Any]:
        """Quantities among which are all time constants, or rates, of the variables: the parameters.

        A model whose time constants follow from its parameters in another way adds these.
        """
        return filter(lambda x: isinstance(x, u.Quantity), (getattr(self, name) for name in self.parameters))

    def may_be_slow(self) -> bool:
        """Whether variables may change by less in a step than rounding takes; without ``dt``, for any common one."""
        return is_slow(environ.get('dt', _SHORTEST_DT), self.relaxations()) is not False

    def plus(self, name: str, x: Any, change: Any) -> Any:
        """``x + change`` for a variable; where it is slow, what rounding takes is kept for the next step.

        Parameters
        ----------
        name : str
            The variable.
        x, change : array or quantity
            Its value and by how much it changes in this step, in one unit.

        Raises
        ------
        StateNotInitializedError
            If the variable is slow now, and was not with the parameters and ``dt`` for which it was allocated.
        """
        state = self._remainder(name)
        if state is None:
            return x + change
        total, state.value = add_exactly(x, change, state.value)
        return total

    def relax(self, name: str, tau: Any, *, to: Any = None, drive: Any = None) -> None:
        """Take a variable through a step of exponential relaxation, exactly; see `numerics.relaxed`."""
        state, dt = getattr(self, name), self.get_dt()
        x = state.value
        if self._remainder(name) is None:
            state.value = relaxed(x, dt, tau, to, drive)
        else:
            state.value = self.plus(name, x, relaxation(x, dt, tau, to, drive))

    def _remainder(self, name: str) -> Any:
        """The state of what rounding has left over, or None where it does no harm."""
        state = vars(self).get(self.variables[name].remainder)
        slow = is_slow(self.get_dt(), self.relaxations())
        if slow and state is None:
            raise StateNotInitializedError(
                f'{self.label}: a time constant is so many steps of dt = {brief(self.get_dt())} that {name} does not follow it in numbers '
                f'of {environ.get_precision()} bits without a second state, which is not allocated; call '
                'brainpy_state.nn.init_all_states(model) with these parameters and this dt set, or use precision=64.'
            )
        return None if slow is False else state

    def get_dt(self) -> Any:
        """The time step; the error names this module if there is none, or if it is no time."""
        dt = environ.get('dt', desc=f'{self.label} needs the time step of the simulation')
        if u.get_dim(dt) != u.ms.dim:
            given = u.get_unit(dt)
            has = 'has no unit' if given.is_unitless else f'has the unit {given}'
            raise UnitError(f'{self.label}: dt = {brief(dt)} {has}, but needs one like ms, since it is a time; for example dt=0.1 * u.ms.')
        return dt


def _declared(cls: type[Dynamics], kind: type) -> dict[str, Any]:
    """What a class and its bases declare of a kind, the bases first; not what a plain attribute has replaced."""
    names = [name for base in reversed(cls.__mro__) for name, x in vars(base).items() if isinstance(x, kind)]
    return {name: x for name in names if isinstance(x := getattr(cls, name), kind)}


def _check_replaced(cls: type[Dynamics]) -> None:
    """Raise where a declaration takes the name of a method of a base."""
    for name in cls.parameters | cls.options | cls.variables:
        for base in cls.__mro__:
            if isinstance(vars(base).get(name), (FunctionType, classmethod, staticmethod)):
                hint = '; declare the threshold as V_th' if name == 'threshold' else ''
                raise ModelError(f'{cls.__name__}: {name} is a method of {base.__name__}; give what you declare another name{hint}.')


def _signature(cls: type[Dynamics]) -> inspect.Signature:
    """The constructor's signature, for help() and editors."""
    own = [p for p in inspect.signature(cls.__init__).parameters.values() if p.name != 'self' and p.kind is not p.VAR_KEYWORD]
    declared = cls.options | cls.parameters
    extra = [inspect.Parameter(k, inspect.Parameter.KEYWORD_ONLY, default=p.default) for k, p in declared.items()]
    extra += [inspect.Parameter(f'{k}_initializer', inspect.Parameter.KEYWORD_ONLY, default=None) for k in cls.variables]
    known = {p.name for p in own}
    return inspect.Signature(own + [p for p in extra if p.name not in known])
