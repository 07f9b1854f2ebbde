r"""Regularisation losses under their older names, as modules whose own parameters may be trained.

Each is minus the logarithm of a density over the values, without what is constant; it can draw first values from it, too.
"""

from __future__ import annotations

import inspect
from typing import Any

import brainunit as u

from ... import environ, nn, random
from ...state import ParamState, maybe_state

_TINY = 1e-8


class Regularization(nn.Module, nn.Regularizer):
    """Base of losses of a parameter's value.

    Parameters
    ----------
    fit_hyper : bool
        Whether its own parameters, other than the weight, are trained.
    """

    def __init__(self, fit_hyper: bool = False):
        super().__init__()
        self.fit_hyper = fit_hyper

    def loss(self, value: Any) -> Any:
        """The loss of a value."""
        raise NotImplementedError(f'{self.label} does not define `loss`.')

    def sample_init(self, shape: Any) -> Any:
        """A first value of a shape."""
        raise NotImplementedError(f'{self.label} does not define `sample_init`.')

    def reset_value(self) -> Any:
        """The value of the least loss, or what stands for it."""
        raise NotImplementedError(f'{self.label} does not define `reset_value`.')

    def update(self, value: Any) -> Any:
        """The loss of a value."""
        return self.loss(value)

    def keep(self, name: str, value: Any, trained: bool) -> None:
        """Keep one of its own parameters."""
        value = u.math.asarray(value, dtype=environ.dftype())
        setattr(self, name, ParamState(value) if trained else value)


class _Declared(Regularization):
    """A loss with a weight and declared parameters."""

    defaults: dict[str, Any] = {'weight': 1.0}  # in the order of the constructor, which takes ``fit_hyper`` besides
    signature: inspect.Signature
    static: tuple[str, ...] = ()  # parameters that are no numbers to be trained
    signed: tuple[str, ...] = ()  # parameters that may be negative
    weight: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(key, kind, default=x) for key, x in (cls.defaults | {'fit_hyper': False}).items()]
        cls.signature = inspect.Signature(parameters)

    def __init__(self, *args: Any, **kwargs: Any):
        given = self.signature.bind(*args, **kwargs)
        given.apply_defaults()
        values = given.arguments
        super().__init__(values.pop('fit_hyper'))
        for name, x in values.items():
            if name in self.static:
                setattr(self, name, x)
            else:
                self.keep(name, x, self.fit_hyper and 'weight' not in name)
        self._check()

    def _check(self) -> None:
        """Raise if a parameter does not fit."""

    def own(self) -> dict[str, Any]:
        """Its own parameters but the weight, those that must be positive kept so."""
        names = [n for n in self.signature.parameters if n not in ('fit_hyper', 'weight')]
        values = {n: maybe_state(getattr(self, n)) for n in names}
        positive = (n for n in names if n not in self.static and n not in self.signed)
        return values | {n: u.math.maximum(values[n], _TINY * u.math.ones_like(values[n])) for n in positive}

    def loss(self, value: Any) -> Any:
        """The loss of a value."""
        return maybe_state(self.weight) * self.energy(value, **self.own())

    def sample_init(self, shape: Any) -> Any:
        """A first value of a shape."""
        size = (shape,) if isinstance(shape, int) else tuple(shape)
        return self.draw(size, **self.own())

    def reset_value(self) -> Any:
        """The value of the least loss, or what stands for it."""
        return self.middle(**self.own())

    @staticmethod
    def energy(x: Any, **own: Any) -> Any:
        raise NotImplementedError

    def draw(self, size: tuple[int, ...], **own: Any) -> Any:
        """By default normal, with the spread that the weight gives."""
        return random.randn(*size) / u.math.sqrt(u.math.maximum(maybe_state(self.weight), _TINY))

    @staticmethod
    def middle(**own: Any) -> Any:
        return 0.0
