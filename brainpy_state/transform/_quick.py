"""Python code that compares what a program depends on by identities alone: for the calls of which nothing has changed.

Comparing costs a fraction of a microsecond then, where walking through what is known takes several.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MOST = 4  # functions written for one program; what changes more often is compared in the long way


class Writer:
    """The body of a function of ``fn`` that returns False at the first difference.

    Attributes
    ----------
    constants : dict
        What the code refers to, by name.
    written : dict
        The name of a value for each thing that the code compares.
    """

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}
        self.written: dict[Any, str] = {}
        self._lines: list[str] = []

    def constant(self, value: Any) -> str:
        """A name for a value."""
        name = f'c{len(self.constants)}'
        self.constants[name] = value
        return name

    def variable(self, expression: str) -> str:
        """A name for what an expression gives in the call."""
        name = f'v{len(self._lines)}'
        self._lines.append(f'{name} = {expression}')
        return name

    def require(self, condition: str) -> None:
        """Return False unless a condition holds."""
        self._lines.append(f'if not ({condition}): return False')

    def function(self) -> Callable[[Any], bool]:
        """The function; what it cannot compare, it takes to differ."""
        body = '\n'.join(f'  {line}' for line in (*self._lines, 'return True'))
        code = f'def quick(fn):\n try:\n{body}\n except (AttributeError, IndexError, TypeError, ValueError): return False'
        exec(code, self.constants)
        return self.constants.pop('quick')
