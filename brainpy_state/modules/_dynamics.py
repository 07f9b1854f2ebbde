"""`Dynamics`: a module with a size, declared parameters and declared state variables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import FunctionType
from typing import Any, ClassVar, NoReturn, dataclass_transform

import brainunit as u

from .. import environ
from .._errors import AssignmentError, BrainStateError, ModelError, ParameterError, StateNotInitializedError, UnitError
from .._frames import attributes
from .._tracebacks import entry
from .._typing import Initializer, Size, as_size
from ..numerics import add_exactly, brief, is_slow, relaxation, relaxed
from ..state import State
from ._declare import Option, Parameter, Variable, check_unit
from ._describe import Documentation, Signature
from ._fit import Fit
from ._module import Module
from ._overrides import check_overrides
from ._unknown import check_unknown
from ._verify import exact, related, require, trained_state

_SHORTEST_DT = 0.01 * u.ms  # that is common

_VARIABLE = """\
{owner}: {name} is a variable of the model, a state, in whose place {value} is assigned. Write its value:
    wrong:  model.{name} = ...
    right:  model.{name}.value = ...    # once init_all_states has allocated it
To begin with a value, give {name}_initializer=... to the constructor."""

_TRAINED = """\
{owner}: the parameter {name} was given as a {kind}, which {value} would replace. Write the value of that state, as in
`model.states()[path].value = ...`; or, for a constant from now on, model.set({name}=...)."""


_NOT_CALLED = """\
{owner}: its receptors have not done their step. Call the model, not its update:
    wrong:  model.update(x)
    right:  model(x)"""


_UNUSED = """\
{owner}: what a projection delivers, a {kind} with label={label!r}, is not used in its update. Ask for it there:
    self.sum_{kind}_inputs(x, label={label!r})"""


_NO_SIZE = (
    '{owner}: in_size is missing, the shape of the population, such as 100 or (10, 10); '
    'where a projection makes the model, write {owner}.desc(...).'
)


@dataclass_transform(kw_only_default=True, field_specifiers=(Parameter, Option))
class Dynamics(Module):
    """Base of neurons and synapses: what it declares is what its constructor accepts.

    Where a class gives its own ``update``, that asks for what projections have delivered by `sum_current_inputs` and
    `sum_delta_inputs`.

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
    ParameterError, UnitError, ShapeError, TypeError
        At construction, for a value out of range, with a wrong unit or of a wrong shape, or without a size.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> class Leak(bst.nn.Dynamics):
    ...     tau = bst.nn.Parameter(10. * u.ms, bst.nn.positive, 'time constant')
    ...     V = bst.nn.Variable(1. * u.mV, 'potential')
    ...     def update(self):
    ...         self.relax('V', self.tau)
    >>> leak = bst.nn.init_all_states(Leak(2, tau=5. * u.ms))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     leak()
    >>> leak.V.value
    Quantity([0.8187... 0.8187...], "mV")
    """

    parameters: dict[str, Parameter] = {}  # type: ignore[assignment]  # what is declared, in the place of `Module.parameters`
    options: dict[str, Option] = {}
    variables: dict[str, Variable] = {}
    shape_of_variables = '(batch, *size)'  # as documentation tells it
    graph_invisible_attrs: tuple[str, ...] = ('_merged',)
    gives: ClassVar[tuple[str, ...]] = ()
    """The methods that subclasses give, which are called with the arguments of the base's."""
    __signature__ = Signature()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.parameters, cls.options, cls.variables = _declared(cls)
        _check_replaced(cls)
        check_overrides(cls)
        cls.__doc__ = Documentation(vars(cls).get('__doc__'))  # type: ignore[assignment]

    def __init__(self, in_size: Size = None, *, name: str | None = None, **params: Any):  # type: ignore[assignment]
        if in_size is None:
            raise TypeError(_NO_SIZE.format(owner=type(self).__name__))
        super().__init__(name)
        self.receptors: list[Any] = []
        self._merged: dict[Any, Any] = {}
        self.varshape = self.in_size = self.out_size = as_size(in_size, type(self).__name__)
        self._initializers: dict[str, Initializer] = {}
        for key in self.variables:
            if (given := params.pop(f'{key}_initializer', None)) is not None:
                self._initializers[key] = given
        given = {key: params.pop(key, declared.default) for key, declared in (self.parameters | self.options).items()}
        if params:
            self._refuse(next(iter(params)), [f'{key}_initializer' for key in self.variables])
        for key, value in given.items():
            super().__setattr__(key, value)
        self._related = related(self)

    @entry
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.receptors:
            return self.update(*args, **kwargs)
        own = vars(self)
        arrived = own['_arrived'] = self.arrivals()
        try:
            out = self.update(*args, **kwargs)
        finally:
            del own['_arrived']
        for receptor, (_, is_used) in arrived.items():
            if not is_used:
                raise BrainStateError(_UNUSED.format(owner=self.label, kind=receptor.kind, label=receptor.tag))
        return out

    def arrivals(self) -> dict[Any, list[Any]]:
        """What receptors give in this step: a function of the potential for each, and whether it has been used.

        They do their step unless they have; the model is called for that, not its update.
        """
        if (arrived := vars(self).get('_arrived')) is None:
            arrived = {receptor: [receptor(), False] for receptor in self.receptors}
        return arrived

    def sum_current_inputs(self, init: Any, *args: Any, label: str | None = None) -> Any:
        """A current, with what projections bring in this step; for an ``update`` of one's own. May be called any number of times.

        Parameters
        ----------
        init : current
            What else flows in.
        *args
            The potential, which outputs such as `COBA` need.
        label : str, optional
            Only of projections with this label; of all by default.

        Returns
        -------
        current, shape ``(batch, *size)``
        """
        return self._sum('current', init, args, label)

    def sum_delta_inputs(self, init: Any, *args: Any, label: str | None = None) -> Any:
        """A variable, with the jumps that `DeltaProj` brings in this step; parameters as in `sum_current_inputs`."""
        return self._sum('delta', init, args, label)

    def _sum(self, kind: str, init: Any, args: tuple[Any, ...], label: str | None) -> Any:
        if self.receptors and '_arrived' not in vars(self):
            raise BrainStateError(_NOT_CALLED.format(owner=self.label))
        for receptor, arrived in self.arrivals().items():
            if receptor.kind == kind and label in (None, receptor.tag):
                current, arrived[1] = arrived[0], True
                init = init + current(*(args or (None,)))
        return init

    @entry
    def __setattr__(self, name: str, value: Any) -> None:
        if '_related' in (own := vars(self)) and (name in self.parameters or name in self.options):
            if (state := trained_state(own[name])) is not None and trained_state(value) is None:
                raise AssignmentError(_TRAINED.format(owner=self.label, name=name, kind=type(state).__name__, value=brief(value)))
            self.set(**{name: value})
            return
        if name in self.variables:
            if not isinstance(value, State):
                raise AssignmentError(_VARIABLE.format(owner=self.label, name=name, value=brief(value)))
            value.guard_with(Fit(type(self).__name__, self.name, name))
        elif name not in own and not name.startswith('_') and not hasattr(type(self), name):
            check_unknown(self, name, value)
        super().__setattr__(name, value)

    @entry
    def set(self, **values: Any) -> None:
        """Give parameters and options new values, several at once.

        They are checked as in the constructor. Of parameters that depend on each other, such as a threshold and a reset
        potential, both can be moved in one call, where one after the other would pass through values that are refused.

        Parameters
        ----------
        **values
            By name; anything that the constructor takes.

        Raises
        ------
        ParameterError, UnitError, ShapeError
            As at construction; all parameters are as before then.
        TypeError
            If there is no parameter or option of a name.

        Examples
        --------
        >>> import brainunit as u
        >>> import brainpy_state as bst
        >>> neuron = bst.LIF(1)
        >>> neuron.set(V_reset=-60. * u.mV, V_th=-50. * u.mV, V_rest=-65. * u.mV)
        >>> neuron.V_th
        Quantity(-50., "mV")
        """
        for name in values:
            if name not in self.parameters and name not in self.options:
                self._refuse(name)
        own = vars(self)
        before = {name: own[name] for name in (*values, '_related')}
        try:
            for name, value in values.items():
                super().__setattr__(name, value)
            own['_related'] = related(self)
        except BaseException as error:
            own.update(before)
            attributes.changed()
            if isinstance(error, ParameterError) and len(values) == 1 and len(names := before['_related']) > 1 and name in names:
                error.args = (f'{error} To change them together: model.set({", ".join(f"{n}=..." for n in names)}).',)
            raise

    def _refuse(self, name: str, more: Sequence[str] = ()) -> NoReturn:
        accepted = (*self.parameters, *self.options, *more)
        raise TypeError(f'{self.label} has no parameter {name!r}; it has {", ".join(accepted)}.')

    def check(self) -> None:
        """Check parameters against each other. Does nothing unless overridden.

        It runs at construction, whenever a parameter is assigned, and where a parameter that is a state is read; so use
        `require` and `require_above`, which also work on values that are known only when a compiled function runs.
        """

    def require(self, holds: Any, text: str, *values: Any) -> None:
        """Raise `ParameterError` unless a condition holds everywhere; for `check`.

        Parameters
        ----------
        holds : bool, any shape
            The condition; where it is traced, it is checked when the program runs.
        text : str
            The message, with ``{}`` for each of ``values``.
        *values : quantity, number or array
            Values for the message.
        """
        require(holds, f'{{}}: {text}', self.label, *values)

    def require_unit(self, value: Any, like: Any, name: str) -> None:
        """Raise `UnitError` unless what is given under a name has the physical dimension of ``like``."""
        check_unit(value, like, self.label, name)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Allocate the declared variables, with shape ``(batch_size, *size)`` or ``size``."""
        for variable in self.variables.values():
            variable.allocate(self, () if batch_size is None else (batch_size,))

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Give the declared variables their first values again, with the batch size that they have or a new one."""
        for variable in self.variables.values():
            variable.reset(self, None if batch_size is None else (batch_size,))

    def require_above(self, high: str, low: str, why: str) -> None:
        """Raise `ParameterError` unless one parameter lies above another everywhere; for `check`."""
        a, b = getattr(self, high), getattr(self, low)
        with exact(a, b):
            above = a > b
        self.require(above, f'{high} = {{}} must lie above {low} = {{}}, {{}}.', a, b, why)

    def relaxations(self) -> Iterable[Any]:
        """Quantities among which are all time constants, or rates, of the variables: the parameters.

        A model whose time constants follow from its parameters in another way adds these.
        """
        return filter(lambda x: isinstance(x, u.Quantity), (getattr(self, name) for name in self.parameters))

    def may_be_slow(self, unknown: bool = True) -> bool:
        """Whether variables may change by less in a step than rounding takes; without ``dt``, for any common one.

        ``unknown`` is the answer where a traced time constant decides.
        """
        slow = is_slow(environ.get('dt', _SHORTEST_DT), self.relaxations())
        return unknown if slow is None else slow

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
        r"""Take a variable through a step of exponential relaxation, exactly.

        .. math:: \tau\,\dot x = x_\infty - x

        Parameters
        ----------
        name : str
            The variable, whose state gets the value at the end of the step.
        tau : time
        to : array or quantity, optional
            :math:`x_\infty`, constant during the step; 0 by default.
        drive : array or quantity, optional
            What is added besides, such as noise.
        """
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


def _declared(cls: type[Dynamics]) -> list[dict[str, Any]]:
    """The parameters, options and variables of a class and its bases, the bases first; not what a plain attribute has replaced."""
    kinds = (Parameter, Option, Variable)
    names = dict.fromkeys(name for base in reversed(cls.__mro__) for name, x in vars(base).items() if isinstance(x, kinds))
    declared = [(name, x) for name in names if isinstance(x := getattr(cls, name), kinds)]
    return [{name: x for name, x in declared if isinstance(x, kind)} for kind in kinds]


def _check_replaced(cls: type[Dynamics]) -> None:
    """Raise where a declaration takes the name of a method of a base."""
    for name in cls.parameters | cls.options | cls.variables:
        for base in cls.__mro__:
            if isinstance(vars(base).get(name), (FunctionType, classmethod, staticmethod)):
                hint = '; declare the threshold as V_th' if name == 'threshold' else ''
                raise ModelError(f'{cls.__name__}: {name} is a method of {base.__name__}; give what you declare another name{hint}.')
