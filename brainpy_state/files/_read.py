"""Reading a file, and telling what is none."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from typing import Any

import numpy as np

from .._errors import FileError
from .._version import __version__
from ._format import ABOUT, FORMAT, VERSION, Entry, File
from ._leaf import Leaf

_OTHER_KIND = '{path} holds {given}, not {asked}.'
_NEWER = (
    '{path} has version {given} of the format and was written by brainpy_state {package}; this is {here}, which reads version '
    '{version}. Update brainpy_state.'
)
_DAMAGED = '{path} is damaged: {why}. Take another copy.'
_NO_FILE = '{path} is no file of states: {why}. Files are written by `save_states`, simulations and `fit`.'


def read(path: str | os.PathLike, kind: str) -> File:
    """Read a file.

    Parameters
    ----------
    path : path
        Of the file.
    kind : str
        What it must be, as given to `write`.

    Returns
    -------
    File
        ``(entries, about, extra)``, in the memory of the host.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileError
        An OSError, if it is no file of states, of a newer version, of another kind, cut off or damaged.

    Examples
    --------
    >>> import tempfile
    >>> import brainpy_state as bst
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bst.save_states(folder + '/weights.npz', bst.nn.Linear(3, 4))
    ...     file = bst.files.read(folder + '/weights.npz', 'states')
    >>> list(file.entries)
    ['weight']
    """
    name = os.fspath(path)
    with open(path, 'rb') as file:
        try:
            with zipfile.ZipFile(file) as members:
                about = _head(name, members)
                if about['kind'] != kind:
                    raise FileError(_OTHER_KIND.format(path=name, given=about['kind'], asked=kind))
                return _contents(members, about)
        except zipfile.BadZipFile as error:
            file.seek(0)
            raise _no_zip(name, file.read(8), error) from None
        except (KeyError, TypeError, ValueError, AttributeError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
            raise FileError(_DAMAGED.format(path=name, why=error)) from error


def _no_zip(path: str, start: bytes, error: Exception) -> FileError:
    if not start:
        return FileError(_NO_FILE.format(path=path, why='it is empty'))
    if start.startswith(b'PK\x03\x04'):
        return FileError(_DAMAGED.format(path=path, why='its end is missing' if 'not a zip' in str(error) else error))
    return FileError(_NO_FILE.format(path=path, why=f'it begins with {start!r}'))


def _head(path: str, members: zipfile.ZipFile) -> dict[str, Any]:
    """The JSON of a file."""
    if ABOUT not in members.namelist():
        raise FileError(_NO_FILE.format(path=path, why=f'it is a zip file without {ABOUT}'))
    try:
        about = json.loads(members.read(ABOUT))
    except (UnicodeDecodeError, json.JSONDecodeError):
        about = None
    if not isinstance(about, dict) or about.get('format') != FORMAT:
        raise FileError(_NO_FILE.format(path=path, why=f'{ABOUT} in it is of something else'))
    if about['version'] > VERSION:
        facts = {'given': about['version'], 'package': about['package'], 'here': __version__, 'version': VERSION}
        raise FileError(_NEWER.format(path=path, **facts))
    return about


def _contents(members: zipfile.ZipFile, about: dict[str, Any]) -> File:
    def array(name: str | None) -> np.ndarray | None:
        if name is None:
            return None
        with members.open(f'{name}.npy') as member:
            found = np.lib.format.read_array(member, allow_pickle=False)
            if member.read(1):
                raise ValueError(f'{name}.npy is longer than its array')
            return found

    entries = {
        made['path']: Entry(made['class'], [Leaf.of_json(leaf, array(leaf.get('entry'))) for leaf in made['leaves']])
        for made in about['states']
    }
    return File(entries, about['about'], {name: array(inside) for name, inside in about['extra'].items()})  # type: ignore[misc]
