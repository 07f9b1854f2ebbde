"""The models that a function of a step is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..modules import Module
from ..transform._programs import owners


def models_of(step: Any, others: Iterable[Any]) -> list[Module]:
    """Modules that a function refers to, or is or belongs to itself, and those among others, without what is a part of another."""
    found = list(dict.fromkeys(x for x in (*owners(step), *others) if isinstance(x, Module)))
    parts = {id(node) for module in found for path, node in module.nodes().items() if path}
    return [module for module in found if id(module) not in parts]
