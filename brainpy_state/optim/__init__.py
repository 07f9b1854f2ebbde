"""Optimisation: transformations of ``optax`` on states."""

from ._optimizer import Optimizer as Optimizer
