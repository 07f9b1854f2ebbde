"""Outputs of synapses as scripts call them and write them by hand."""

from __future__ import annotations

from typing import Any

from .. import synapses
from ._reach import Reach


class BindCondData:
    """Marks what needs a conductance for one step: `bind_cond`, the step, `unbind_cond`."""

    _conductance: Any = None

    def bind_cond(self, conductance: Any) -> None:
        """Give the conductance of this step."""
        self._conductance = conductance

    def unbind_cond(self) -> None:
        """Take it away."""
        self._conductance = None


class Acting(BindCondData):
    """Lets an output be called with the potential, for a conductance that was given before."""

    def update(self, conductance: Any, potential: Any) -> Any:
        """The current."""
        return self.current(conductance, potential)  # type: ignore[attr-defined]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._conductance is None:
            raise ValueError(f'{self.label}: there is no conductance; give it by bind_cond.')  # type: ignore[attr-defined]
        return self.update(self._conductance, *args, **kwargs)


class SynOut(Acting, Reach, synapses.SynOut):
    """Base of outputs of one's own, which write ``update(self, conductance, potential)``."""

    def update(self, conductance: Any, potential: Any) -> Any:
        """The current; for subclasses."""
        raise NotImplementedError(f'{self.label} is to write update(self, conductance, potential).')

    def current(self, g: Any, V: Any) -> Any:
        """The current into a neuron at potential V."""
        return self.update(g, V)
