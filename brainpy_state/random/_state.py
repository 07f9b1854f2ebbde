"""`RandomState`: a random generator whose key is a state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from .._errors import BrainStateError
from .._tracebacks import entries, entry
from ..state import State
from ._claims import draw
from ._continuous import Continuous
from ._discrete import Discrete
from ._keys import count, key_data, split, typed


@entries
class RandomState(Continuous, Discrete, State):
    """A random generator. Every draw splits its key, so the state is written by each draw.

    The value is a raw ``uint32`` key of shape ``(2,)``. Draws are numpy-style: ``(parameters, size=None, key=None, dtype=None)``.

    Parameters
    ----------
    seed : int, key or None
        ``None`` takes fresh entropy from the operating system.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> rng = bst.random.RandomState(1)
    >>> rng.normal(-65. * u.mV, 5. * u.mV, size=(2, 3)).shape
    (2, 3)
    """

    def __init__(self, seed: int | Any | None = None):
        super().__init__(key_data(seed))

    @staticmethod
    def lanes(value: Any, n: int) -> tuple[jax.Array, jax.Array]:
        """From one raw key, the key to go on with and ``n`` keys of shape ``(n, 2)``, one for each lane of a map; all independent."""
        return split(value, count(n))

    @staticmethod
    def with_key(value: Any, change: Callable[[Any], Any]) -> Any:
        """The raw key changed."""
        return change(value)

    def seed(self, seed: int | Any | None = None) -> None:
        """Start again from a seed or a key; with neither, from fresh entropy."""
        self.value = key_data(seed)

    def split_key(self, n: int | None = None) -> jax.Array:
        """A new key, or ``n`` of them with a leading axis; raw ``uint32``, last axis 2.

        Examples
        --------
        >>> import brainpy_state as bst
        >>> bst.random.split_key(3).shape
        (3, 2)
        """
        number = None if n is None else count(n)
        return draw(self, lambda key: split(key, number))

    def clone(self) -> RandomState:
        """A new generator whose numbers are independent of those that this one goes on to draw."""
        return RandomState(self.split_key())

    def _draw(self, sampler: Callable[..., jax.Array], key: Any, *args: Any, **options: Any) -> jax.Array:
        """A sample. The key is split after all arguments have been checked, so that a refused draw leaves the generator as it was."""
        return sampler(self._key(key), *args, **options)

    def _key(self, key: Any) -> jax.Array:
        return typed(key_data(self.split_key() if key is None else key))


DEFAULT = RandomState()
DEFAULT.name = 'default generator'


@entry
def seed(seed: int | Any | None = None) -> None:
    """Start the default generator from a seed or a key; with neither, from fresh entropy.

    A seed or key also seeds NumPy's global generator, since what prepares input on the host draws from there.

    Raises
    ------
    TypeError
        If it is neither an integer nor a key.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.random.seed(1)
    >>> x = bst.random.rand(3)
    >>> bst.random.seed(1)
    >>> bool((bst.random.rand(3) == x).all())
    True
    """
    _start(seed)


def _start(seed: int | Any | None) -> None:
    DEFAULT.value = key = key_data(seed)
    if seed is not None and not isinstance(key, jax.core.Tracer):
        np.random.seed(np.asarray(key))  # noqa: NPY002


_blocks: list[int] = []  # the threads that are inside of `seed_context`, for each block once

_TWO_BLOCKS = """\
random.seed_context: another thread is inside of such a block. It sets the default generator, which all threads share, so neither
would have the numbers of its seed; give each thread a generator of its own: `RandomState(seed)`."""


@contextmanager
def seed_context(seed: int | Any | None) -> Iterator[None]:
    """Let the default generator run from a seed within a block; afterwards it goes on as if nothing had been drawn there.

    The generator is shared: draws of other threads take part.

    Raises
    ------
    BrainStateError
        If another thread is inside of such a block.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> with bst.random.seed_context(1):
    ...     a = bst.random.rand()
    >>> with bst.random.seed_context(1):
    ...     print(a == bst.random.rand())
    True
    """
    me = threading.get_ident()
    _blocks.append(me)
    if set(_blocks) != {me}:
        _blocks.remove(me)
        raise BrainStateError(_TWO_BLOCKS)
    key, of_numpy = DEFAULT.value, np.random.get_state()  # noqa: NPY002
    try:
        _start(seed)
        yield
    finally:
        DEFAULT.value = key
        if seed is not None:
            np.random.set_state(of_numpy)  # noqa: NPY002
        _blocks.remove(me)


@entry
def get_key() -> jax.Array:
    """The key of the default generator: raw ``uint32``, shape ``(2,)``.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> key = bst.random.get_key()
    >>> x = bst.random.rand(3)
    >>> bst.random.set_key(key)
    >>> bool((bst.random.rand(3) == x).all())
    True
    """
    return DEFAULT.value


@entry
def set_key(key: Any) -> None:
    """Let the default generator go on from a key, such as `get_key` gave, and leave NumPy's alone.

    Raises
    ------
    TypeError
        If it is neither a key nor an integer.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> key = bst.random.get_key()
    >>> x = bst.random.rand(3)
    >>> bst.random.set_key(key)
    >>> bool((bst.random.rand(3) == x).all())
    True
    """
    if key is None:
        raise TypeError('random.set_key: give a key; `random.seed()` takes fresh entropy.')
    DEFAULT.seed(key)


@entry
def split_keys(n: int) -> jax.Array:
    """``n`` new keys from the default generator: raw ``uint32``, shape ``(n, 2)``.

    Raises
    ------
    ValueError
        If ``n`` is below 1.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.random.split_keys(3).shape
    (3, 2)
    """
    return DEFAULT.split_key(count(n))


def default_rng(seed: int | Any | None = None) -> RandomState:
    """The default generator, or a new one from a seed or a key; a generator that is given is returned.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.random.default_rng(1).rand(3).shape
    (3,)
    """
    if seed is None:
        return DEFAULT
    return seed if isinstance(seed, RandomState) else RandomState(seed)


@entry
def clone_rng(seed: int | Any | None = None) -> RandomState:
    """A generator of its own: split from the default one, or from a seed or a key.

    Examples
    --------
    >>> import brainpy_state as bst
    >>> bst.random.clone_rng(1).rand(3).shape
    (3,)
    """
    return DEFAULT.clone() if seed is None else RandomState(seed)
