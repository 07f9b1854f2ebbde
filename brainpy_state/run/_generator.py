"""The default random generator of one simulation, which draws do not share with other simulations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import random

_turn = threading.RLock()  # the default generator is one for all threads


class Generator:
    """What the default generator, and for what is prepared on the host that of NumPy, go on from within a simulation.

    Parameters
    ----------
    seed : int, key or None
        None takes one from the default generator.
    """

    def __init__(self, seed: Any = None):
        self.seed = seed
        self._key = random.split_key() if seed is None else random.RandomState(seed).value
        self._of_numpy: Any = None  # where that generator stands, if it has a seed
        self._is_lent = False

    @contextmanager
    def begin(self) -> Iterator[None]:
        """A block in which draws are those of this generator, from its seed on, if it has one."""
        if self.seed is not None:
            self._key = random.RandomState(self.seed).value
            self._of_numpy = np.random.RandomState(np.asarray(self._key)).get_state()
        with self.lend(numpy=True):
            yield

    @contextmanager
    def lend(self, *, numpy: bool = False) -> Iterator[None]:
        """A block in which draws are those of this generator, also of what stands on ``numpy``; other threads wait for it."""
        with _turn:
            if self._is_lent:
                yield
                return
            numpy = numpy and self._of_numpy is not None
            before = random.DEFAULT.value
            of_numpy: Any = np.random.get_state() if numpy else None  # noqa: NPY002
            self._is_lent, random.DEFAULT.value = True, self._key
            if numpy:
                np.random.set_state(self._of_numpy)  # noqa: NPY002
            try:
                yield
            finally:
                self._is_lent, self._key, random.DEFAULT.value = False, random.DEFAULT.value, before
                if numpy:
                    self._of_numpy = np.random.get_state()  # noqa: NPY002
                    np.random.set_state(of_numpy)  # noqa: NPY002
