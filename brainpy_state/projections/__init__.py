"""Projections: from the spikes of one population to the inputs of another."""

from ._gap import GapJunction as GapJunction
from ._projection import AlignPostProj as AlignPostProj
from ._projection import AlignPreProj as AlignPreProj
from ._projection import CurrentProj as CurrentProj
from ._projection import DeltaProj as DeltaProj
from ._projection import Projection as Projection
from ._receptors import Receptor as Receptor
