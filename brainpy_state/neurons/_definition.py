"""What the class of a model must hold, checked when it is made."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NoReturn

from .._errors import ModelError
from ._equations import CURRENT, Arguments, arguments_of, did_you_mean, listed, unknown_argument

if TYPE_CHECKING:
    from ._neuron import Neuron

_INSTEAD = {'threshold': 'define threshold', 'spk_width': 'declare spk_width', 'check': 'set up_crossing = True'}
_METHODS = ('threshold', 'jump', 'instantaneous')


def check_definition(cls: type[Neuron], base: type[Neuron]) -> None:
    """Raise `ModelError` where a class contradicts itself, or, once it has an equation of V, lacks something.

    A class without one is the base of models, which may leave anything to them.
    """
    _check_names(cls, base)
    groups = _groups(cls)
    if cls.lacks() is None:
        _check_order(cls, groups, base)
        _check_equations(cls, base)
        _check_arguments(cls, [name for group in groups for name in group], base)
        _check_needs(cls, base)
        if cls.delta_to not in sum(groups, ()):
            _fail(cls, f'delta_to = {cls.delta_to!r} names no variable of order; it has {listed(sum(groups, ()))}.')


def _fail(cls: type, text: str) -> NoReturn:
    raise ModelError(f'{cls.__name__}: {text}')


def _check_names(cls: type[Neuron], base: type[Neuron]) -> None:
    for name, own in base.variables.items():
        if cls.variables.get(name) is not own:
            _fail(cls, f'{name} is a state that every neuron has; give yours another name.')
    if CURRENT in cls.variables:
        _fail(cls, f'{CURRENT} names the current in equations; give the variable another name.')
    for method in (*_METHODS, 'derivative', 'check', 'update'):
        if not callable(getattr(cls, method)):
            hint = '; declare the threshold as V_th' if method == 'threshold' else ''
            _fail(cls, f'{method} must be a method, but is {getattr(cls, method)!r}{hint}.')


def _groups(cls: type[Neuron]) -> tuple[tuple[str, ...], ...]:
    order: Any = cls.order
    if not isinstance(order, (tuple, list)) or not all(
        isinstance(group, (tuple, list)) and all(isinstance(name, str) for name in group) for group in order
    ):
        names = order if isinstance(order, (tuple, list)) else (order,)
        hint = f'; such as {_orders(tuple(names))}' if all(isinstance(name, str) for name in names) else ''
        _fail(cls, f'order = {order!r} must be groups of names of variables{hint}.')
    return tuple(tuple(group) for group in order)


def _orders(names: tuple[str, ...]) -> str:
    """The ways to write an order of variables."""
    together = f'order = {(names,)!r}'
    return (
        together if len(names) == 1 else f'{together} for all together, or order = {tuple((n,) for n in names)!r} for one after the other'
    )


def _check_order(cls: type[Neuron], groups: tuple[tuple[str, ...], ...], base: type[Neuron]) -> None:
    names = sum(groups, ())
    known = [name for name, variable in cls.variables.items() if variable.stored and name not in base.variables]
    for name in names:
        if name not in known:
            what = 'is always at its steady state' if name in cls.variables and name not in base.variables else 'is no variable'
            _fail(cls, f'order names {name!r}, which {what}; there are {listed(known)}{did_you_mean(name, known)}')
        if names.count(name) > 1:
            _fail(cls, f'order = {cls.order!r} names {name!r} twice.')
        if not cls.has_equation(name) and cls.derivative is base.derivative:
            _fail(cls, f'{name} stands in order and has no equation; write def d{name}(self, {name}), its derivative in time.')
    missing = [name for name in known if name not in names and (name == 'V' or cls.has_equation(name))]
    if missing:
        _fail(
            cls,
            f'{missing[0]} has an equation and stands in no order, so it would never be integrated; the order is {cls.order!r}. '
            f'Write {_orders((*names, *missing))}.',
        )


def _check_equations(cls: type[Neuron], base: type[Neuron]) -> None:
    """Find equations of variables that there are not; other methods may begin with a d."""
    known = [name for name in cls.variables if name not in base.variables]
    for owner in cls.__mro__[: cls.__mro__.index(base)]:
        for method, x in vars(owner).items():
            name = method[1:]
            if not method.startswith('d') or name in cls.variables or not inspect.isfunction(x):
                continue
            close = [v for v in known if v.lower() == name.lower()]
            if name in _arguments(cls, method).required or close:
                hint = f'; did you mean d{close[0]}?' if close else f'; declare {name} = Variable(...), and name it in order.'
                _fail(cls, f'{method} is the equation of {name!r}, which is no variable; there are {listed(known)}{hint}')


def _check_arguments(cls: type[Neuron], names: list[str], base: type[Neuron]) -> None:
    open_ended = cls.instantaneous is not base.instantaneous  # what it gives is known only when it is called
    equations = [f'd{name}' for name in names if callable(getattr(cls, f'd{name}', None))]
    for method in (*equations, *_METHODS):
        found = _arguments(cls, method)
        if found.unnamed:
            _fail(cls, f'{method} has the argument {found.unnamed[0]}, which cannot be given by name; name the variables that it needs.')
        if method in equations and open_ended:
            continue
        known = [*names, CURRENT] if method in equations else names
        for name in found.required:
            if name not in known:
                raise ModelError(unknown_argument(cls.__name__, method, name, known, cls.parameters))


def _arguments(cls: type, method: str) -> Arguments:
    raw = inspect.getattr_static(cls, method)
    if isinstance(raw, (staticmethod, classmethod)):
        return arguments_of(raw.__func__, isinstance(raw, classmethod))
    return arguments_of(getattr(cls, method), hasattr(raw, '__get__'))


def _check_needs(cls: type[Neuron], base: type[Neuron]) -> None:
    """Find parameters that the base's methods read and the class does not have; one with its own constructor may set them there."""
    if cls.__init__ is not base.__init__:
        return
    reads = [('threshold', 'V_th'), ('spk_width', 'V_th'), ('spk_width', 'V_reset')]
    if not cls.up_crossing:
        reads += [('check', 'V_th'), ('check', 'V_reset')]
    for method, name in reads:
        if inspect.getattr_static(cls, method) is not vars(base)[method]:
            continue
        if name in cls.variables:
            _fail(cls, f'{method} reads self.{name}, which is a variable; give the class a {method} of its own.')
        if not hasattr(cls, name):
            instead = {'threshold': 'or define threshold', 'spk_width': 'or declare spk_width', 'check': 'or set up_crossing = True'}[
                method
            ]
            _fail(cls, f'there is no {name}, which {method} reads; declare {name} = Parameter(...), {instead}.')
    if not cls.up_crossing and not hasattr(cls, 'V_reset'):
        _fail(cls, 'there is no V_reset; declare V_reset = Parameter(...), or set up_crossing = True for a model without a reset.')
    for name, variable in cls.variables.items():
        for source in (variable.init, variable.when):
            if isinstance(source, str) and not hasattr(cls, source):
                _fail(cls, f'{name} is declared by {source!r}, which is no parameter{did_you_mean(source, cls.parameters)}')
