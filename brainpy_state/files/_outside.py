"""Files are for eager code."""

from __future__ import annotations

from .._errors import TraceContextError
from .._frames import EAGER, current_trace

_INSIDE = """\
{who} was called inside of a compiled function, where a file would be read or written once, when it is traced. Call it outside."""


def check_outside(who: str) -> None:
    """Raise inside of a trace."""
    if current_trace() is not EAGER:
        raise TraceContextError(_INSIDE.format(who=who))
