"""`save_states` and `load_states`."""

from __future__ import annotations

import os
from typing import Any

from .._tracebacks import entry
from ..state import Undo
from ..state._fire import assign
from ._named import named
from ._outside import check_outside
from ._read import read
from ._restore import values
from ._write import write

KIND = 'states'


@entry
def save_states(path: str | os.PathLike, model: Any, *filters: Any) -> None:
    """Write what states of a model hold into a file: a zip file that ``numpy.load`` reads.

    Parameters
    ----------
    path : path
        Of the file, such as ``'weights.npz'``. It is there as a whole or not at all: one that has the name is replaced when the new one is
        complete and on the disk.
    model : Module, State, or list, tuple or dict of them
        Also an `optim.Optimizer`, a `RandomState`, or what `Module.states` gives.
    *filters : filter
        Which states, such as ``bst.ParamState``: what any of them selects, see `filter.to_predicate`. All by default.

    Raises
    ------
    FileError
        An OSError, if the file cannot be written; what had its name before is as it was.
    ParameterError
        If there are no states, as before ``init_all_states``.
    TypeError
        If a state holds what files cannot hold: an object of another kind than arrays, quantities, random keys, numbers, texts and None.
    TraceContextError
        Inside of a compiled function.

    Notes
    -----
    Shapes, types and units are written too, and everything comes back bit for bit. A state that the model has in several places is in the
    file once, under its first path. Arrays are written one after the other from where they are.

    Examples
    --------
    >>> import os, tempfile
    >>> import brainpy_state as bst
    >>> net = bst.nn.Linear(2, 3)
    >>> path = os.path.join(tempfile.mkdtemp(), 'weights.npz')
    >>> bst.save_states(path, net, bst.ParamState)
    >>> other = bst.nn.Linear(2, 3)
    >>> bst.load_states(path, other, bst.ParamState)
    >>> bool((other.weight.value['weight'] == net.weight.value['weight']).all())
    True
    """
    who = f'save_states({os.fspath(path)!r})'
    check_outside(who)
    write(path, KIND, named(model, *filters, who=who))


@entry
def load_states(path: str | os.PathLike, model: Any, *filters: Any, cast: bool = False, partial: bool = False) -> None:
    """Write what a file holds into the states of a model, which stay the same objects.

    Parameters
    ----------
    path : path
        Of a file that `save_states` wrote.
    model : Module, State, or list, tuple or dict of them
        As of `save_states`. Its states have the paths that they had when they were saved.
    *filters : filter
        Which states; what the model has besides is left alone, also if the file has it.
    cast : bool
        Whether floating-point numbers may be of another precision in the file. By default that is an error.
    partial : bool
        Whether the file may have states that the model does not have.

    Raises
    ------
    StateTreeError
        A ValueError, which lists what differs: states that are missing in the file or in the model, and other shapes, types, or units of
        another dimension. Nothing is changed.
    FileError
        An OSError, if the file is none of states, of a newer version, cut off or damaged. Nothing is changed.
    FileNotFoundError
        If there is no such file.
    ParameterError
        If there are no states to take.
    TraceContextError
        Inside of a compiled function.

    Notes
    -----
    Values are assigned as by ``state.value = ...``: hooks and models check them, compiled functions go on. A quantity takes the scale of
    the unit that the state has. An array goes to the devices on which the state has been put.

    Examples
    --------
    >>> import tempfile
    >>> import brainpy_state as bst
    >>> net, other = bst.nn.Linear(3, 4), bst.nn.Linear(3, 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bst.save_states(folder + '/weights.npz', net)
    ...     bst.load_states(folder + '/weights.npz', other)
    >>> bool((net.weight.value['weight'] == other.weight.value['weight']).all())
    True
    """
    who = f'load_states({os.fspath(path)!r})'
    check_outside(who)
    states = named(model, *filters, who=who)
    left = set() if not filters else set(named(model, who=who)) - set(states)
    entries = {name: x for name, x in read(path, KIND).entries.items() if name in states or not (partial or name in left)}
    new = values(entries, states, who, cast=cast)
    with Undo() as undo:
        try:
            for name, value in new.items():
                states[name].refuse(value)
            assign([states[name] for name in new], list(new.values()))
        except BaseException:
            undo.restore()
            raise
