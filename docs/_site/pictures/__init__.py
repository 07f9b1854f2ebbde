"""Pictures of models, drawn from what they do when they are simulated."""

from __future__ import annotations

from pathlib import Path

import matplotlib

from ..sources import digest
from . import inputs, neurons, rules, synapses

ROOMS = {'neurons': neurons, 'synapses': synapses, 'inputs': inputs, 'plasticity': rules}
"""By room, what has ``draw`` and ``caption`` for each of its models."""


def write(room: str, models: dict[str, type], folder: Path, style: Path) -> None:
    """Draw the models of a room that have changed since they were drawn, or all if the package has."""
    drawn_for = digest(Path(__file__).parent, style)
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(fname=style, rc={'svg.hashsalt': room}):
        for name, cls in models.items():
            path = folder / f'{name}.svg'
            if not (path.exists() and drawn_for in path.read_text()):
                ROOMS[room].draw(cls).savefig(path, metadata={'Date': None, 'Source': drawn_for})
