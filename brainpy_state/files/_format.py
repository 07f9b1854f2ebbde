"""What a file consists of: JSON and arrays in a zip file, as `numpy.savez` makes them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._leaf import Leaf

FORMAT = 'brainpy_state.files'
VERSION = 1
ABOUT = 'about.json'


class Entry(NamedTuple):
    """A state in a file.

    Attributes
    ----------
    kind : str
        The name of its class.
    leaves : list of Leaf
        Of its value.

    Examples
    --------
    >>> import tempfile
    >>> import brainpy_state as bst
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bst.save_states(folder + '/weights.npz', bst.nn.Linear(3, 4))
    ...     file = bst.files.read(folder + '/weights.npz', 'states')
    >>> type(file.entries['weight']).__name__, len(file.entries['weight'].leaves)
    ('Entry', 2)
    """

    kind: str
    leaves: list[Leaf]


class File(NamedTuple):
    """What was read from a file.

    Attributes
    ----------
    entries : dict
        Of each state by its path.
    about : dict
        What the writer said besides, as JSON gives it back.
    extra : dict
        Arrays of NumPy that belong to no state.

    Examples
    --------
    >>> import tempfile
    >>> import brainpy_state as bst
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bst.save_states(folder + '/weights.npz', bst.nn.Linear(3, 4))
    ...     file = bst.files.read(folder + '/weights.npz', 'states')
    >>> type(file).__name__, list(file.entries)
    ('File', ['weight'])
    """

    entries: dict[str, Entry]
    about: dict[str, Any]
    extra: dict[str, np.ndarray]
