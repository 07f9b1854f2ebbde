"""The models that a function of a step is about."""

from __future__ import annotations

from typing import Any

from ..modules import Module
from ..transform._programs import owners


def models_of(step: Any) -> list[Module]:
    """Modules that a function refers to, or is or belongs to itself, without those that are parts of others."""
    found = [x for x in owners(step) if isinstance(x, Module)]
    parts = {id(node) for module in found for path, node in module.nodes().items() if path}
    return [module for module in found if id(module) not in parts]
