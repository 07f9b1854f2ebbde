"""Where in the user's code something was made; cheap to note, turned into text only for a message."""

from __future__ import annotations

import os
import sys
from types import CodeType

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

Site = tuple[CodeType, int] | str


def creation_site() -> Site:
    """The innermost frame outside of this package: its code and the instruction, but not the frame, which holds values."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def site_text(site: Site) -> str:
    """``'file.py:12, in build'``, with the path seen from the working directory."""
    if isinstance(site, str):
        return site
    code, instruction = site
    lines = (line for start, end, line in code.co_lines() if start <= instruction < end and line is not None)
    file = code.co_filename.removeprefix(os.path.join(os.getcwd(), ''))
    return f'{file}:{next(lines, code.co_firstlineno)}, in {code.co_name}'
