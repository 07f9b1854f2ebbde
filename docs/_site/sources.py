"""What results of the build depend on, so that they are kept until it changes."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def digest(*paths: Path, text: str = '') -> str:
    """A name for the contents of the package, of files and of folders with Python."""
    found = hashlib.sha256(text.encode())
    for path in (ROOT / 'brainpy_state', *paths):
        for file in sorted(path.rglob('*.py')) if path.is_dir() else [path]:
            found.update(file.read_bytes())
    return found.hexdigest()
