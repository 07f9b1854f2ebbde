"""A file that is there as a whole, or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from .._errors import FileError

_FAILED = '{path} could not be written: {reason}. {left}'


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A file to write; it takes its name when the block ends, and what had the name before is there until then.

    It is written under a name of its own in the same folder, ``.<name>.<random>.part``, flushed to disk and renamed. If the block fails, it
    is removed; a process that is killed leaves it behind.

    Parameters
    ----------
    path : path
        The name; a link is followed.

    Raises
    ------
    FileError
        An OSError, if the file system refuses: the disk is full, the folder is missing or not writable.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    part = os.path.join(folder, f'.{name}.{secrets.token_hex(4)}.part')
    try:
        try:
            with open(part, 'xb') as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if os.path.exists(target):
                shutil.copymode(target, part)
            os.replace(part, target)
        except BaseException:
            with suppress(OSError):
                os.remove(part)
            raise
        _sync_folder(folder)
    except FileError:
        raise
    except OSError as error:
        left = 'The file that was there is as it was.' if os.path.isfile(target) else 'There is no file of this name.'
        if os.path.isdir(target):
            left = 'There is a folder of this name.'
        raise FileError(_FAILED.format(path=os.fspath(path), reason=_reason(error), left=left)) from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _sync_folder(folder: Any) -> None:
    """Let the new name outlast a power failure, where folders can be flushed."""
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
