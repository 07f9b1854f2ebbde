"""Simulations: a duration in, records out."""

from ._run import run as run
