"""The names of ``brainpy.state``: models, inputs and projections."""

from __future__ import annotations

from typing import Any

from ... import inputs, neurons, synapses
from ...layers import LeakyRateReadout as LeakyRateReadout
from ...modules import Dynamics as _Model
from ...neurons import Neuron as _Neuron
from ...projections import GapJunction as GapJunction
from ...projections import Projection as Projection
from .._missing import missing
from .._projections import AlignPostProj as AlignPostProj
from .._projections import AlignPreProj as AlignPreProj
from .._projections import CurrentProj as CurrentProj
from .._projections import DeltaProj as DeltaProj
from .._reach import Dynamics as Dynamics
from .._reach import reaching


class Neuron(Dynamics):
    """Base of neurons with an ``update`` of their own.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    spk_fun, spk_reset
        Kept for ``update`` to use.
    """

    def __init__(self, in_size: Any, *, name: str | None = None, spk_fun: Any = None, spk_reset: str = 'soft', **params: Any):
        super().__init__(in_size, name=name, **params)
        self.spk_fun, self.spk_reset = spk_fun, spk_reset

    def get_spike(self, *args: Any) -> Any:
        """The spikes; the state ``spike`` unless overridden."""
        return self.spike.value  # type: ignore[attr-defined]


class Synapse(Dynamics):
    """Base of synapses with an ``update`` of their own."""


def _get_spike(self: Any, V: Any = None) -> Any:
    """The spikes of the last step; or of a potential, which is at the threshold where there is one."""
    return self.spike.value if V is None else self.spk_fun((V - self.threshold()) / self.spk_width)


class SpikeTime(reaching(inputs.SpikeTime)):  # type: ignore[misc]
    """See `brainpy_state.SpikeTime`; times need not be sorted, so ``need_sort`` changes nothing."""

    def __init__(self, in_size: Any, times: Any, indices: Any, spk_type: Any = None, need_sort: bool = True, name: str | None = None):
        super().__init__(in_size, indices=indices, times=times, name=name)


def _fill(room: dict[str, Any]) -> None:
    for module in (neurons, synapses, inputs):
        for name, found in vars(module).items():
            if isinstance(found, type) and issubclass(found, _Model) and name[0] != '_' and name not in room:
                room[name] = reaching(found)
                if issubclass(found, _Neuron) and not found.up_crossing:
                    room[name].get_spike = _get_spike


_fill(globals())
__getattr__ = missing(__name__, globals())
