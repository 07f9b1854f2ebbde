"""`Optimizer`: a transformation of ``optax`` on a selection of states."""

from __future__ import annotations

import weakref
from typing import Any

import jax
import jax.numpy as jnp

from .._errors import AssignmentError, NanError, ParameterError, StateTreeError
from .._tracebacks import entries
from ..modules import Module
from ..state import LongTermState, State, StateDictManager
from ..state._fire import assign
from ..transform._error_if import error_if
from ..transform._units import like, numbers_of
from ..transform._variables import Parts, Variables
from ._gradients import numbers, pair

_NOT_OPTAX = """\
{owner}: the first argument is a transformation of optax, but is {given}.
    right:  Optimizer(optax.adam(1e-3), net.states(ParamState))"""

_UNPICKLED = (
    '{owner} comes from a pickle, which cannot hold the functions of optax. Assign them again, as they were: '
    '`optimizer.transformation = optax.adam(...)`. Moments and schedules go on where they stood.'
)
_REMEMBERS = '{owner}: the new transformation remembers {given}, but there is {kept}. Build another optimiser to start anew.'
_REPLACED = (
    '{owner}: {state} no longer belongs to {model}, which holds another state now, so nothing would learn. '
    'Assign to its `.value` instead of replacing the state, or build the optimiser again.'
)


class _Held:
    """What is neither copied nor pickled: the functions of optax, which are local ones."""

    def __init__(self, it: Any = None):
        self.it = it

    def __deepcopy__(self, memo: Any) -> _Held:
        return self

    def __reduce__(self) -> Any:
        return _Held, ()


class _Model:
    """The model that states were taken from, not kept alive; copies and pickles take it with them."""

    def __init__(self, model: Any):
        self.of = weakref.ref(model) if model is not None else lambda: None

    def __reduce__(self) -> Any:
        return _Model, (self.of(),)


@entries
class Optimizer(Module):
    """An optimiser of ``optax`` for a selection of states.

    What it remembers, such as moments and the number of steps, is a state, ``state``, so that `jit`, loops, `vmap` and checkpoints
    know it. A state with a unit is moved in that unit.

    Parameters
    ----------
    transformation : optax.GradientTransformation
        Such as ``optax.adam(1e-3)``, or a chain with clipping and a schedule of rates.
    states : State, sequence or mapping of State
        What to train, such as ``net.states(ParamState)``. States that are left out are frozen.
    check_finite : bool
        Whether a gradient that is NaN or infinite is an error, which names the state.
    name : str, optional
        A label for messages.

    Attributes
    ----------
    params : State, sequence or mapping of State
        The states that are trained, in the container given: what to differentiate by.
    state : LongTermState
        What optax remembers; its tree has the container of ``params`` in it, and plain numbers.

    Raises
    ------
    TypeError
        If the first argument is none of optax's transformations, or the second holds something else than states of floating-point numbers.
    ParameterError
        If there are no states.

    Notes
    -----
    Gradients, rates and what clips or decays are numbers of the states' own units: of a weight in mA, a learning rate of 0.01 moves it
    by about 0.01 mA in a step of Adam. A norm over several states adds such numbers.

    A pickle holds all but the functions of optax; assign ``transformation`` again to go on.

    Examples
    --------
    >>> import jax.numpy as jnp, optax
    >>> import brainpy_state as bst
    >>> w = bst.ParamState(jnp.array([1., 2.]))
    >>> optimizer = bst.optim.Optimizer(optax.sgd(0.1), w)
    >>> optimizer.update(bst.transform.grad(lambda: jnp.sum(w.value ** 2), w)())
    >>> w.value
    Array([0.8, 1.6], dtype=float32)
    """

    graph_invisible_attrs = ('params',)  # they have their place in the model

    def __init__(self, transformation: Any, states: Any, *, check_finite: bool = False, name: str | None = None):
        super().__init__(name)
        self.transformation = transformation
        by = self._by = Variables(self.label, states, None)
        if not by.states:
            raise ParameterError(f'{self.label}: there are no states to train; was the model built, and is there a state of this kind?')
        self.params = states.copy() if isinstance(states, StateDictManager) else states
        self.check_finite = check_finite
        self._model = _Model(_model_of(states))
        values = [state.value for state in by.states]
        for state, value in zip(by.states, values, strict=True):
            _check_floats(self.label, state, value)
        values = [_strong(value) for value in values]
        assign(by.states, values)
        self.state = LongTermState(_strong(self.transformation.init(self._tree(numbers_of(values)))))

    @property
    def transformation(self) -> Any:
        """The transformation of optax; another one must remember the same things."""
        if self._held.it is None:
            raise AssignmentError(_UNPICKLED.format(owner=self.label))
        return self._held.it

    @transformation.setter
    def transformation(self, transformation: Any) -> None:
        from optax import GradientTransformation

        if not isinstance(transformation, GradientTransformation):
            raise TypeError(_NOT_OPTAX.format(owner=self.label, given=f'a {type(transformation).__name__}'))
        if 'state' in vars(self):
            values = self._tree(numbers_of([state.value for state in self._by.states]))
            kept: Any = jax.tree.structure(self.state.value)
            given: Any = jax.tree.structure(jax.eval_shape(transformation.init, values))
            if given != kept:
                raise StateTreeError(_REMEMBERS.format(owner=self.label, given=given, kept=kept))
        self._held = _Held(transformation)

    def update(self, grads: Any, **extra: Any) -> None:
        """Move the states by one step.

        Parameters
        ----------
        grads : pytree
            What `grad` by ``params`` returns: a gradient for each state, in the same container; with or without ``unit_aware``.
        **extra
            What the transformation takes besides, such as ``value=loss``.

        Raises
        ------
        UnknownStateError
            A KeyError, for a gradient of a state that is not trained here, or if one is missing.
        StateTreeError, ShapeError, TypeError, UnitError
            If a gradient has another structure, shape or unit than its state, or holds no floating-point numbers.
        AssignmentError
            If the model holds another state in the place of one that is trained here.
        NanError
            A FloatingPointError, with ``check_finite``, for a gradient that is not finite.
        """
        from optax import apply_updates

        transformation, states = self.transformation, self._by.states
        if extra and not self.takes_extra:
            raise TypeError(f'{self.label}: this transformation takes gradients only, but {", ".join(extra)} was given as well.')
        self._check_belonging()
        given = dict(pair(self.label, self.params, grads))
        values = [state.value for state in states]
        plain = numbers(self.label, states, values, [given[state] for state in states])
        if self.check_finite:
            for state, g in zip(states, plain, strict=True):
                check_finite(f'{self.label}: the gradient of {state.label}', g)
        at = self._tree(numbers_of(values))
        updates, memory = transformation.update(self._tree(plain), self.state.value, at, **extra)
        moved = self._by.unpack_states(apply_updates(at, updates))
        new = [like(value, x) for value, x in zip(values, moved, strict=True)]
        for state, value in zip(states, new, strict=True):
            state.refuse(value)
        assign((*states, self.state), (*new, memory))

    @property
    def trained(self) -> tuple[State, ...]:
        """The states of ``params`` in their order."""
        return self._by.states

    @property
    def model(self) -> Any:
        """The model that the states were taken from by its `states`; None if they were listed otherwise, or if it is gone."""
        return self._model.of()

    @property
    def takes_extra(self) -> bool:
        """Whether `update` may hand other things than gradients to the transformation, such as ``value=loss``."""
        from optax import GradientTransformationExtraArgs

        return isinstance(self.transformation, GradientTransformationExtraArgs)

    def _tree(self, entries: list[Any]) -> Any:
        return self._by.pack(Parts(entries, []))

    def _check_belonging(self) -> None:
        if (model := self.model) is None:
            return
        there = set(model.states().values())
        for state in self._by.states:
            if state not in there:
                raise AssignmentError(_REPLACED.format(owner=self.label, state=state.describe(), model=type(model).__name__))


def _strong(tree: Any) -> Any:
    """The same arrays without JAX's mark of a weak type, which a first update would take off, so that programs were compiled again."""
    return jax.tree.map(lambda x: jax.lax.convert_element_type(x, jnp.result_type(x)), tree)


def check_finite(what: str, tree: Any) -> None:
    """Raise `NanError` if a number of a tree is NaN or infinite, in compiled code when the call ends."""
    bad = [~jnp.isfinite(x).all() for x in jax.tree.leaves(tree)]
    if bad:
        error_if(jnp.stack(bad).any(), NanError, f'{what} is not finite.')


def _model_of(states: Any) -> Any:
    source = states.source if isinstance(states, StateDictManager) else None
    return None if source is None else source()


def _check_floats(owner: str, state: State, value: Any) -> None:
    kinds = jax.tree.leaves(numbers_of(value))
    if not kinds:
        raise TypeError(f'{owner}: {state.label} holds no numbers.')
    for x in kinds:
        if not isinstance(x, (jax.Array, float, complex)) and not hasattr(x, 'dtype'):
            raise TypeError(f'{owner}: {state.label} holds a {type(x).__name__}, which cannot be trained.')
        if not jnp.issubdtype(jnp.result_type(x), jnp.inexact):
            raise TypeError(
                f'{owner}: {state.label} holds {jnp.result_type(x)}, which has no derivative; make it a float, or leave it out.'
            )
