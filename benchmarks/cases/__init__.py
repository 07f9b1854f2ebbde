"""The cases: each module here holds one, named ``CASE``."""

import importlib
import pkgutil

from benchmarks._contender import Case


def discover() -> dict[str, Case]:
    """All cases by name of their module."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith('_'))
    return {name: importlib.import_module(f'{__name__}.{name}').CASE for name in names}
