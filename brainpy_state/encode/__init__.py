"""Numbers into spikes: arrays of ``(..., n)`` become spikes of ``(T, ..., n)``, time first."""

from ._delta import delta as delta
from ._latency import latency as latency
from ._latency import spikes_at as spikes_at
from ._population import population as population
from ._rate import rate as rate
