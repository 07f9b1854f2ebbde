"""The part of the site that is written while it is built: pages of the interface, pictures of models, and figures of accuracy."""

from __future__ import annotations

from typing import Any

from . import doctext, gallery, reference


def setup(app: Any) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect('builder-inited', reference.write)
    app.connect('builder-inited', gallery.write)
    app.connect('autodoc-process-docstring', doctext.with_links, priority=900)  # after napoleon
    app.connect('missing-reference', reference.find_by_short_name)
    app.connect('source-read', reference.without_the_list_of_models)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
