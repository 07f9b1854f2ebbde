"""The models that a function of a step is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError
from ..inputs._base import Input
from ..modules import Dynamics, Module
from ..random import RandomState, Stream
from ..state import ParamState, State
from ..transform._programs import owners

_OTHER_BATCH = """\
Simulation: batch_size = {given}, but {label} has states already, {has}, which stay as they are. Initialise all models with the same \
batch_size before, or leave that to the simulation."""


def models_of(step: Any, others: Iterable[Any]) -> list[Module]:
    """Modules that a function refers to, or is or belongs to itself, and those among others, without what is a part of another."""
    found = list(dict.fromkeys(x for x in (*owners(step), *others) if isinstance(x, Module)))
    parts = {id(node) for module in found for path, node in module.nodes().items() if path}
    return [module for module in found if id(module) not in parts]


def is_fresh(model: Module) -> bool:
    """Whether a model is still to be initialised."""
    nodes = list(model.nodes().values())
    if any(node.not_allocated() for node in nodes):
        return True
    return not any(isinstance(node, Input) for node in nodes) and not model.states(_evolves)  # its ``init_state`` may make some


def _evolves(path: Any, state: State) -> bool:
    return not isinstance(state, (ParamState, RandomState, Stream))


def check_batch(models: Iterable[Module], batch_size: int | None) -> None:
    """Raise if a model has states already, and not of this batch."""
    for node in (node for model in models for node in model.nodes().values() if isinstance(node, Dynamics)):
        lead = _lead_of(node)
        if batch_size is not None and lead is not None and lead != (batch_size,):
            has = f'for a batch of {lead[0]}' if lead else 'for no batch'
            raise ParameterError(_OTHER_BATCH.format(given=batch_size, label=node.label, has=has))


def _lead_of(node: Dynamics) -> tuple[int, ...] | None:
    """The batch axes of a model's states; None where it has none."""
    if isinstance(node, Input):
        return node.lead
    for name, variable in node.variables.items():
        if name in vars(node) and variable.belongs_to(node):
            shape = np.shape(u.get_mantissa(getattr(node, name).value))
            return shape[: len(shape) - len(variable.shape_in(node))]
    return None
