"""`Lock`: that one process at a time writes in a folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from .._errors import StoreError

LOCK = 'writer.lock'


class Lock:
    """The right to write in a folder, until it is closed or the process ends, however it ends.

    Raises
    ------
    StoreError
        If another has it, or the system has no such locks.
    """

    def __init__(self, folder: Path):
        try:
            import fcntl
        except ImportError:
            raise StoreError(f'{folder}: stores can be written on systems with file locks, as Linux and macOS, and read on any.') from None
        self.file: int | None = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = os.read(self.file, 200).decode(errors='replace') or 'another process'
            self.close()
            raise StoreError(f'{folder} is open for writing by {who}; close it there. Any number may read it.') from None
        os.ftruncate(self.file, 0)
        os.write(self.file, f'process {os.getpid()} on {socket.gethostname()}'.encode())

    def close(self) -> None:
        """Give it back."""
        if self.file is not None:
            os.close(self.file)
            self.file = None

    def __del__(self) -> None:
        if getattr(self, 'file', None) is not None:
            self.close()
