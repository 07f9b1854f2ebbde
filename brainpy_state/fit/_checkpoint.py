"""Files of trainings: everything that decides how one goes on."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .. import files, random
from .._errors import ParameterError
from ..optim import Optimizer
from ..random import RandomState, Stream
from ..state import State
from ..transform._error_if import Flag
from ._data import Batch
from ._history import History, kept_states

KIND = 'a training'

_ANOTHER = """\
fit: {path} is of another training; nothing was changed. It was begun with {there}, but this one has {here}.
Go on with the same, or give the file of the new training another name."""


class Checkpoint:
    """A file from which a training goes on.

    Parameters
    ----------
    path : path
        Of the file; read if it is there.
    optimizer : Optimizer
        What is trained.
    made_of : dict
        What must not change: the seed, how the data are divided, by what weights are the best.

    Raises
    ------
    FileError
        If the file is not one of a training.
    ParameterError
        If it was begun in another way.
    """

    def __init__(self, path: Any, optimizer: Optimizer, made_of: dict[str, Any]):
        self.path, self._optimizer, self._made_of = os.fspath(path), optimizer, made_of
        self._read = files.read(path, KIND) if os.path.exists(path) else None
        self._states: dict[str, State] | None = None
        if self._read is not None and (there := self._read.about['made of']) != made_of:
            differ = [key for key in made_of if there.get(key) != made_of[key]]
            shown = (', '.join(f'{key} = {x.get(key)!r}' for key in differ) for x in (there, made_of))
            raise ParameterError(_ANOTHER.format(path=self.path, there=next(shown), here=next(shown)))

    def history(self) -> History | None:
        """What the file has reached, without the best weights, which `begin` puts there; None if there is no file."""
        if self._read is None:
            return None
        about, extra = self._read.about, self._read.extra
        history = History(about['epochs'], about['made of']['seed'])
        history.curves = {name: extra[f'curves/{name}'].tolist() for name in about['curves']}
        history.best_epoch = about['best epoch']
        return history

    def begin(self, step: Any, batches: Iterable[Batch], history: History) -> Iterator[Batch]:
        """The batches of the first epoch; before it, the states that a step reads are found, and what the file has is put into them."""
        batches = iter(batches)
        if self._states is not None:
            return batches
        first = next(batches)
        program, _ = step.program(*first.args)
        self._states = states_of(self._optimizer, program.reads)
        if self._read is not None:
            best = self._best(history.best_epoch is not None)
            files.restore(self._read.entries, self._states | best, f'fit: {self.path}')
            keys = _keys(self._optimizer)
            history.best = {keys[name]: state.value for name, state in best.items()}
            self._read = None
        return itertools.chain([first], batches)

    def write(self, history: History) -> None:
        """Keep what has been reached after an epoch."""
        keys = _keys(self._optimizer)
        best = {name: State(history.best[key]) for name, key in keys.items()} if history.best else {}
        about = {'made of': self._made_of, 'epochs': history.epochs, 'curves': list(history.curves), 'best epoch': history.best_epoch}
        curves = {f'curves/{name}': np.array(values) for name, values in history.curves.items()}
        files.write(self.path, KIND, (self._states or {}) | best, about, curves)

    def _best(self, there: bool) -> dict[str, State]:
        """States into which the best weights are read, which have their structure from the present ones."""
        kept = kept_states(self._optimizer)
        return {name: State(kept[key].value) for name, key in _keys(self._optimizer).items()} if there else {}


def _keys(optimizer: Optimizer) -> dict[str, Any]:
    """The keys of the best weights, by their names in the file."""
    kept = kept_states(optimizer)
    key_of = {state: key for key, state in kept.items()}
    return {f'best.{name}': key_of[state] for name, state in files.named(dict(kept), who='fit').items()}


def states_of(optimizer: Optimizer, read: Iterable[State]) -> dict[str, State]:
    """What decides how a training goes on, by name.

    That is what a step reads before it writes it, such as what the optimiser remembers; and of the model, what is kept as long as weights,
    and random states. The default generator is not part of it, as each epoch starts it from a seed, nor are run-time checks.
    """
    model = optimizer.model
    kept = kept_states(optimizer)
    of_model = files.named(dict(kept) if model is None else model, who='fit')
    names = {state: f'model.{name}' for name, state in of_model.items()}
    names[optimizer.state] = 'optimizer'
    names.pop(random.DEFAULT, None)
    generators = [state for state in names if isinstance(state, (RandomState, Stream))]
    chosen = dict.fromkeys([*kept.values(), *generators, *read])
    elsewhere = (state for state in chosen if state not in names and state is not random.DEFAULT and not isinstance(state, Flag))
    names |= {state: f'elsewhere.{k}' for k, state in enumerate(elsewhere)}
    return {names[state]: state for state in chosen if state in names}
