"""From the conductance of a synapse to the current into its target."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..nn import Dynamics, Parameter


class SynOut(Dynamics):
    """Base of synaptic outputs: ``current(g, V)``, without states of their own."""

    def __init__(self, in_size: Any = 1, *, name: str | None = None, **params: Any):
        super().__init__(in_size, name=name, **params)

    def current(self, g: Any, V: Any) -> Any:
        """The current into a neuron at potential V."""
        raise NotImplementedError(f'{self.label} does not define `current`.')


class COBA(SynOut):
    """Conductance-based output: ``g * (E - V)``.

    Parameters
    ----------
    E : voltage
        Reversal potential, 0 mV.
    """

    E: Any = Parameter(0.0 * u.mV, doc='reversal potential')

    def current(self, g: Any, V: Any) -> Any:
        return g * (self.E - V)


class CUBA(SynOut):
    """Current-based output: ``g * scale``, whatever V is.

    Parameters
    ----------
    scale : quantity or number
        1 volt, which makes mS into mA. Give ``scale=1.`` when g is a current.
    """

    def __init__(self, in_size: Any = 1, *, scale: Any = 1.0 * u.volt, name: str | None = None):
        super().__init__(in_size, name=name)
        self.scale = scale

    def current(self, g: Any, V: Any) -> Any:
        return g * self.scale
