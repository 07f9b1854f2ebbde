"""Projections: from the spikes of one population to the inputs of another."""

from ._connect import Connection as Connection
from ._connect import all_to_all as all_to_all
from ._connect import fixed_indegree as fixed_indegree
from ._connect import one_to_one as one_to_one
from ._connect import pairwise_bernoulli as pairwise_bernoulli
from ._gap import GapJunction as GapJunction
from ._projection import AlignPostProj as AlignPostProj
from ._projection import AlignPreProj as AlignPreProj
from ._projection import CurrentProj as CurrentProj
from ._projection import DeltaProj as DeltaProj
from ._projection import Projection as Projection
from ._receptors import Receptor as Receptor
