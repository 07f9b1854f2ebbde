"""`History`: what training has reached."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import ParameterError
from ..optim import Optimizer
from ..state import LongTermState, ParamState, State, StateDictManager


class History:
    """Curves of a training, and the best weights.

    ``history['loss']`` is an array with a number for each epoch. Printed, it is the last epoch in one line. Handed
    to `fit`, the training goes on.

    Attributes
    ----------
    curves : dict
        Lists of numbers by name: the loss, metrics, and those of the validation data, whose names begin with ``'validation '``.
    epochs : int
        How many epochs were planned.
    seed : int
        Of the order of samples and of random draws.
    best_epoch : int or None
        The number of the best epoch, counted from 1.
    best : dict
        What parameters, and states of the model that are kept as long, held then, by path.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> history = bst.History()
    >>> len(history), history.best_epoch
    (0, None)
    """

    def __init__(self, epochs: int = 0, seed: int = 0):
        self.curves: dict[str, list[float]] = {}
        self.epochs, self.seed = epochs, seed
        self.best_epoch: int | None = None
        self.best: dict[Any, Any] = {}

    def __len__(self) -> int:
        return max(map(len, self.curves.values()), default=0)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.curves:
            raise ParameterError(f'History: there is no curve {name!r}, only {", ".join(map(repr, self.curves)) or "none at all"}.')
        return np.array(self.curves[name])

    def __contains__(self, name: object) -> bool:
        return name in self.curves

    def restore_best(self, optimizer: Optimizer) -> None:
        """Give the states that ``optimizer`` trains, and states of their model that are kept as long, what they held in the best epoch.

        Raises
        ------
        ParameterError
            If there is no best epoch.
        UnknownStateError
            A KeyError, if the optimiser trains another model.
        """
        if self.best_epoch is None:
            raise ParameterError('History: there is no best epoch, as no epoch was finished with a finite value.')
        kept_states(optimizer).assign_values(self.best)

    def __str__(self) -> str:
        done = len(self)
        numbers = '   '.join(f'{name} {values[-1]:.4f}' for name, values in self.curves.items())
        return f'epoch {done:{len(str(self.epochs))}}/{self.epochs}   {numbers}' if done else f'epoch 0/{self.epochs}'

    def __repr__(self) -> str:
        return f'<History: {self}>'


def extended(history: History, epochs: int, numbers: dict[str, float]) -> History:
    """A history with one epoch more."""
    new = History(epochs, history.seed)
    new.best_epoch, new.best = history.best_epoch, history.best
    new.curves = {name: [*history.curves.get(name, [float('nan')] * len(history)), value] for name, value in numbers.items()}
    return new


def kept_states(optimizer: Optimizer) -> StateDictManager:
    """The states that an optimiser trains, and those of their model that are kept as long, by path."""
    model = optimizer.model
    if model is not None:
        return model.states(lambda path, state: isinstance(state, (ParamState, LongTermState)) and state is not optimizer.state)
    states = [optimizer.params] if isinstance(optimizer.params, State) else optimizer.params
    if isinstance(states, dict) and all(isinstance(x, State) for x in states.values()):
        return StateDictManager(states)
    return StateDictManager(enumerate(optimizer.trained))
