"""Pictures of models, drawn from what they do when they are simulated."""

from __future__ import annotations

import hashlib
from pathlib import Path

import matplotlib

import brainpy_state

from . import inputs, neurons, rules, synapses

ROOMS = {'neurons': neurons, 'synapses': synapses, 'inputs': inputs, 'plasticity': rules}
"""By room, what has ``draw`` and ``caption`` for each of its models."""


def write(room: str, models: dict[str, type], folder: Path, style: Path) -> None:
    """Draw the models of a room that have changed since they were drawn, or all if the package has."""
    drawn_for = fingerprint(style)
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(fname=style, rc={'svg.hashsalt': room}):
        for name, cls in models.items():
            path = folder / f'{name}.svg'
            if not (path.exists() and drawn_for in path.read_text()):
                ROOMS[room].draw(cls).savefig(path, metadata={'Date': None, 'Source': drawn_for})


def fingerprint(style: Path) -> str:
    """What pictures depend on: the sources of the package, of the pictures, and the style."""
    digest = hashlib.sha256(style.read_bytes())
    for root in (Path(brainpy_state.__file__).parent, Path(__file__).parent):
        for path in sorted(root.rglob('*.py')):
            digest.update(path.read_bytes())
    return digest.hexdigest()
