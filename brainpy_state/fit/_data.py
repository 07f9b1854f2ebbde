"""Where minibatches come from."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import brainunit as u
import jax
import numpy as np

from .._errors import ParameterError, ShapeError

_REMAINDERS = ('keep', 'drop')

_NO_BATCHES = """\
{where}: {name} is a {given}, but must be one of
    a tuple of arrays, whose leading axes are the samples: (x, y)
    an iterable of batches that can be gone through again, each a tuple: a list, a loader
    a function of the number of the epoch that returns such an iterable: lambda epoch: batches(epoch)"""

_ONCE = (
    '{where}: {name} is a {given}, which can be gone through only once. Give the function that makes it, as `lambda epoch: ...`, or a list.'
)


class Batch(NamedTuple):
    """Arguments of a loss, and how many samples they hold."""

    args: tuple[Any, ...]
    size: int


class Arrays:
    """Samples in arrays; each epoch has them in another order.

    Parameters
    ----------
    where, name : str
        Whose argument it is, for messages.
    data : tuple of array or quantity, or pytrees of them
        With equal leading axes.
    batch_size : int
    remainder : {'keep', 'drop'}, optional
        What becomes of the last samples of an epoch where the size of a batch does not divide their number: a smaller batch, or nothing.
        An error by default.
    """

    def __init__(self, where: str, name: str, data: tuple, batch_size: Any, remainder: str | None):
        leaves, self._tree = jax.tree.flatten(data)
        shapes = [np.shape(x) for x in leaves]
        if not shapes or any(not shape for shape in shapes) or len({shape[0] for shape in shapes}) != 1 or shapes[0][0] == 0:
            raise ShapeError(f'{where}: {name} must be arrays with equal leading axes of samples, but have the shapes {shapes}.')
        self.arrays = [np.asarray(x) for x in leaves]
        self._n = shapes[0][0]
        if batch_size is None:
            raise ParameterError(f'{where}: {name} are arrays of {self._n} samples, so batch_size= is needed.')
        self._size = natural(where, 'batch_size', batch_size)
        rest = self._n % self._size
        if remainder is None and rest:
            raise ParameterError(
                f'{where}: batches of {self._size} do not divide {self._n} samples, {rest} are left over: '
                "remainder='drop' leaves those of each order out, remainder='keep' takes them as a smaller batch (and compiles for it)."
            )
        if self._size > self._n and remainder == 'drop':
            raise ParameterError(f'{where}: batch_size is {self._size}, but there are {self._n} samples; all would be dropped.')
        self._last = self._n - rest if remainder == 'drop' else self._n

    @property
    def facts(self) -> dict[str, int]:
        """What decides how samples come, besides the seed."""
        return {'samples': self._n, 'samples used': self._last, 'batch_size': self._size}

    def shuffled(self, seed: Any) -> Iterator[Batch]:
        """The batches of an epoch, in an order of the seed."""
        yield from self._in_order(np.random.default_rng(seed).permutation(self._n))

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches in the order given."""
        yield from self._in_order(np.arange(self._n))

    def _in_order(self, order: np.ndarray) -> Iterator[Batch]:
        for first in range(0, self._last, self._size):
            chosen = order[first : min(first + self._size, self._last)]
            yield Batch(jax.tree.unflatten(self._tree, [x[chosen] for x in self.arrays]), len(chosen))


class Batches:
    """Batches of somebody else's making, in the order in which they come."""

    def __init__(self, where: str, name: str, data: Callable[[int], Iterable] | Iterable):
        if not callable(data):
            if not isinstance(data, Iterable) or isinstance(data, (str, dict, jax.Array, np.ndarray, u.Quantity)):
                raise TypeError(_NO_BATCHES.format(where=where, name=name, given=type(data).__name__))
            if isinstance(data, Iterator):
                raise TypeError(_ONCE.format(where=where, name=name, given=type(data).__name__))
        self._where, self._name, self._data = where, name, data
        self.facts: dict[str, int] = {}  # only their maker knows

    def shuffled(self, seed: tuple[int, int]) -> Iterator[Batch]:
        """The batches of an epoch, of which the second part of the seed is the number."""
        return self.batches(seed[1])

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch."""
        count = 0
        for batch in self._data(epoch) if callable(self._data) else self._data:
            if not isinstance(batch, (tuple, list)) or not batch:
                raise TypeError(f'{self._where}: a batch of {self._name} must be a tuple of arguments, but is a {type(batch).__name__}.')
            args = jax.tree.map(lambda x: x if isinstance(x, jax.Array) else np.asarray(x), tuple(batch))
            sizes = [np.shape(x)[0] for x in jax.tree.leaves(args) if np.ndim(x)]
            yield Batch(args, max(1, sizes[-1] if sizes else 1))  # the last array is that of labels; others may have time first
            count += 1
        if not count:
            raise ParameterError(f'{self._where}: {self._name} has no batch in epoch {epoch + 1}.')


def source(where: str, name: str, data: Any, batch_size: Any, remainder: str | None) -> Arrays | Batches:
    """Where batches come from.

    Raises
    ------
    TypeError
        If ``data`` is none of what gives batches.
    ShapeError
        If arrays have other numbers of samples.
    ParameterError
        If ``batch_size`` or ``remainder`` do not fit.
    """
    if remainder is not None and remainder not in _REMAINDERS:
        raise ParameterError(f'{where}: remainder is {remainder!r}, but must be one of {", ".join(map(repr, _REMAINDERS))}.')
    if isinstance(data, tuple):
        return Arrays(where, name, data, batch_size, remainder)
    if batch_size is not None or remainder is not None:
        raise ParameterError(f'{where}: {name} is no tuple of arrays but gives batches, so there is no batch_size or remainder.')
    return Batches(where, name, data)


def natural(where: str, name: str, value: Any, least: int = 1) -> int:
    """An integer that is large enough."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise ParameterError(f'{where}: {name} = {value!r} must be an integer, {least} or more.')
    return number
