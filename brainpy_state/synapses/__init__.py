"""Synapses: filters from spikes to conductances, and outputs from conductances to currents."""

from ._filters import Expon as Expon
from ._filters import Synapse as Synapse
from ._outputs import COBA as COBA
from ._outputs import CUBA as CUBA
from ._outputs import SynOut as SynOut
