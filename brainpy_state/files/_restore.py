"""What a file holds, compared with states and put into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from .._errors import StateTreeError
from ..state import State, Undo
from ._fit import DiffersError, fitted, told
from ._format import Entry
from ._outside import check_outside
from ._values import leaves_of, with_leaves

_SHOWN = 20

_DIFFERENT = """\
{who} does not fit; nothing was changed. {count}:
{lines}"""
_CAST = 'Numbers of another precision are converted by `cast=True`.'


def differences(entries: Mapping[str, Entry], states: Mapping[str, State], *, cast: bool = False) -> list[str]:
    """What keeps a file from being put into states; empty if nothing does.

    Parameters
    ----------
    entries : mapping
        Of `read`.
    states : mapping
        States by the same paths.
    cast : bool
        Whether numbers may be of another precision.

    Returns
    -------
    list of str
        One for each state that is missing on a side, and for each part of a value that is missing or has another type, shape, or a unit of
        another dimension. A unit of another scale is no difference.

    Examples
    --------
    >>> import tempfile
    >>> import brainpy_state as bst
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bst.save_states(folder + '/weights.npz', bst.nn.Linear(3, 4))
    ...     file = bst.files.read(folder + '/weights.npz', 'states')
    >>> bst.files.differences(file.entries, bst.files.named(bst.nn.Linear(3, 4), who='here'))
    []
    """
    return _compared(entries, states, cast)[1]


def values(entries: Mapping[str, Entry], states: Mapping[str, State], who: str, *, cast: bool = False) -> dict[str, Any]:
    """What to write into states, by path, after all was compared.

    Raises
    ------
    StateTreeError
        A ValueError, which lists the first twenty differences.
    """
    found, differing, by_precision = _compared(entries, states, cast)
    if differing:
        lines = [f'    {line}' for line in differing[:_SHOWN]]
        if len(differing) > _SHOWN:
            lines.append(f'    and {len(differing) - _SHOWN} more')
        count = f'{len(differing)} differences' if len(differing) > 1 else 'One difference'
        raise StateTreeError('\n'.join([_DIFFERENT.format(who=who, count=count, lines='\n'.join(lines)), *([_CAST] * by_precision)]))
    return found


def restore(entries: Mapping[str, Entry], states: Mapping[str, State], who: str) -> None:
    """Put back what states held, bit for bit; all or nothing.

    Arrays that a state has on certain devices go there. Hooks of the kind ``restore`` are called, others are not.

    Parameters
    ----------
    entries : mapping
        Of `read`.
    states : mapping
        States by the same paths.
    who : str
        For messages: the caller and the file.

    Raises
    ------
    StateTreeError
        A ValueError, which lists the differences; no state is changed.

    Examples
    --------
    >>> import tempfile
    >>> import brainpy_state as bst
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bst.save_states(folder + '/weights.npz', bst.nn.Linear(3, 4))
    ...     file = bst.files.read(folder + '/weights.npz', 'states')
    >>> net = bst.nn.Linear(3, 4)
    >>> bst.files.restore(file.entries, bst.files.named(net, who='here'), 'here')
    """
    check_outside(who)
    new = values(entries, states, who)
    with Undo() as undo:
        try:
            for name, value in new.items():
                states[name].restore_value(value)
        except BaseException:
            undo.restore()
            raise


def _compared(entries: Mapping[str, Entry], states: Mapping[str, State], cast: bool) -> tuple[dict[str, Any], list[str], bool]:
    """Values of the states that fit, what differs, and whether some of it by precision alone."""
    found, lines, by_precision = {}, [], False
    for name, state in states.items():
        if name not in entries:
            lines.append(f'{name}: not in the file')
            continue
        value = state.peek()
        read = {leaf.place: leaf for leaf in entries[name].leaves}
        new = []
        for leaf in leaves_of(value, state.label):
            there = read.pop(leaf.place, None)
            if there is None:
                lines.append(f'{name}{leaf.place}: not in the file, {told(leaf)} here')
                continue
            try:
                new.append(_like(leaf.value, fitted(there, leaf, cast)))
            except DiffersError as difference:
                lines.append(f'{name}{leaf.place}: {difference}')
                by_precision |= difference.by_precision
        lines += [f'{name}{place}: {told(leaf)} in the file, nothing here' for place, leaf in read.items()]
        found[name] = (value, new)
    lines += [f'{name}: not here, but in the file' for name in entries if name not in states]
    return {} if lines else {name: with_leaves(value, new) for name, (value, new) in found.items()}, lines, by_precision


def _like(held: Any, new: Any) -> Any:
    """An array on the devices of the one that is held, if that was put there."""
    if isinstance(held, jax.Array) and held.committed:
        return jax.tree.map(lambda x: jax.device_put(x, held.sharding) if isinstance(x, jax.Array) else x, new)
    return new
