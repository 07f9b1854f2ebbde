"""Packages that only some functions need."""

from __future__ import annotations

import importlib
from typing import Any


def needed(package: str, extra: str, where: str) -> Any:
    """A package, imported.

    Raises
    ------
    ImportError
        If it is not installed; says which extra of this package brings it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ImportError(f"{where} needs {error.name}, which is not installed: pip install 'brainpy-state[{extra}]'.") from None
