"""The part of the site that is written while it is built: pages of the interface, pictures of models, and figures of accuracy."""

from __future__ import annotations

import zlib
from typing import Any

from . import doctext, gallery, reference


def mix(app: Any, env: Any, names: list[str]) -> None:
    """Put pages in an order in which those that take long are apart, since processes share them out in pieces of the list."""
    names.sort(key=lambda name: zlib.crc32(name.encode()))


def setup(app: Any) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect('builder-inited', reference.write)
    app.connect('builder-inited', gallery.write)
    app.connect('env-before-read-docs', mix)
    app.connect('autodoc-process-docstring', doctext.with_links, priority=900)  # after napoleon
    app.connect('missing-reference', reference.find_by_short_name)
    app.connect('source-read', reference.without_the_list_of_models)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
