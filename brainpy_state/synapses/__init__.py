"""Synapses: from spikes to conductances, and from conductances to currents; short-term plasticity."""

from ._filters import Alpha as Alpha
from ._filters import DualExpon as DualExpon
from ._filters import Expon as Expon
from ._filters import Synapse as Synapse
from ._gated import AMPA as AMPA
from ._gated import BioNMDA as BioNMDA
from ._gated import GABAa as GABAa
from ._gated import GatedSynapse as GatedSynapse
from ._outputs import COBA as COBA
from ._outputs import CUBA as CUBA
from ._outputs import MgBlock as MgBlock
from ._outputs import SynOut as SynOut
from ._short_term import STD as STD
from ._short_term import STP as STP
from ._short_term import ShortTermPlasticity as ShortTermPlasticity
