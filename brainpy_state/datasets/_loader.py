"""`Loader`: batches of spikes for `fit`."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .._errors import ParameterError
from ._events import EventData, binned


class Loader:
    """Batches of spikes and labels from event data, which `fit` and `evaluate` take as data.

    Parameters
    ----------
    data : EventData
        What is read, sample by sample when its batch comes.
    duration : time
        How long samples are; later events are left out.
    batch_size : int
        Samples of a batch.
    seed : int, optional
        Of the order of samples, which is another in each epoch. Without it they come in the order of ``chosen``.
    chosen : sequence of int, optional
        Which samples; all by default.
    remainder : {'keep', 'drop'}, optional
        What becomes of the last samples where ``batch_size`` does not divide their number: a smaller batch, or nothing. By default that
        is an error.
    counts : bool
        See `binned`.

    Raises
    ------
    ParameterError
        If a number is out of range, or ``batch_size`` does not divide the samples and ``remainder`` is not given.

    Notes
    -----
    A batch is ``(spikes, labels)``: spikes of shape ``(T, batch, *size)`` in steps of the ``dt`` that is set when it is read, and labels of
    shape ``(batch,)``. A loader is called with the number of an epoch; going through it is its first epoch.

    Examples
    --------
    ::

        train = bst.datasets.Loader(bst.datasets.SHD('shd_train.h5'), 1.0 * u.second, 256, seed=0, remainder='drop')
        bst.fit(loss, optimizer, train, epochs=30)  # with loss(spikes, labels)

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Clicks(bst.datasets.EventData):
    ...     size, classes, labels = (3,), ('one', 'two'), np.array([1, 0])
    ...     def read(self, i):
    ...         return np.array([0.2, 1.5]) * u.ms, np.array([0, 2])
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     spikes, labels = next(iter(bst.datasets.Loader(Clicks(), 5. * u.ms, 2, seed=0)))
    >>> spikes.shape, sorted(labels.tolist())
    ((5, 2, 3), [0, 1])
    """

    def __init__(
        self,
        data: EventData,
        duration: Any,
        batch_size: int,
        *,
        seed: int | None = None,
        chosen: Sequence[int] | np.ndarray | None = None,
        remainder: str | None = None,
        counts: bool = False,
    ):
        self.data, self.duration, self.counts = data, duration, counts
        self.batch_size = _natural('batch_size', batch_size, 1)
        self.seed = None if seed is None else _natural('seed', seed, 0)
        self.chosen = np.arange(len(data)) if chosen is None else np.asarray(chosen)
        if self.chosen.ndim != 1 or self.chosen.dtype.kind not in 'iu' or not ((self.chosen >= 0) & (self.chosen < len(data))).all():
            raise ParameterError(f'Loader: chosen must be places of samples, from 0 to {len(data) - 1}, but is {chosen!r}.')
        if remainder not in (None, 'keep', 'drop'):
            raise ParameterError(f"Loader: remainder is {remainder!r}, but must be 'keep' or 'drop'.")
        rest = len(self.chosen) % self.batch_size
        if remainder is None and rest:
            raise ParameterError(
                f'Loader: batches of {self.batch_size} do not divide {len(self.chosen)} samples, {rest} are left over: '
                "remainder='drop' leaves those of each order out, remainder='keep' takes them as a smaller batch (and compiles for it)."
            )
        self._used = len(self.chosen) - rest if remainder == 'drop' else len(self.chosen)
        if not self._used:
            raise ParameterError(f'Loader: of {len(self.chosen)} samples there is no batch of {self.batch_size}.')

    def __len__(self) -> int:
        return -(-self._used // self.batch_size)

    def __call__(self, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The batches of an epoch.

        Parameters
        ----------
        epoch : int
            Its number, from 0.

        Returns
        -------
        iterator of (array, array)
        """
        order = self.chosen if self.seed is None else np.random.default_rng((self.seed, epoch)).permutation(self.chosen)
        for first in range(0, self._used, self.batch_size):
            samples = [self.data[i] for i in order[first : min(first + self.batch_size, self._used)]]
            spikes = binned(samples, self.duration, self.data.size, counts=self.counts)
            yield spikes, np.array([sample.label for sample in samples])

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return self(0)


def _natural(name: str, value: Any, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise ParameterError(f'Loader: {name} = {value!r} must be an integer, {least} or more.')
    return number
