"""Projections: from the spikes of one population to the inputs of another."""

from . import drawn as drawn
from . import spatial as spatial
from ._connect import Connection as Connection
from ._explicit import all_to_all as all_to_all
from ._explicit import explicit_edges as explicit_edges
from ._explicit import from_matrix as from_matrix
from ._explicit import one_to_one as one_to_one
from ._gap import GapJunction as GapJunction
from ._procedural import ProceduralConnection as ProceduralConnection
from ._projection import AlignPostProj as AlignPostProj
from ._projection import AlignPreProj as AlignPreProj
from ._projection import CurrentProj as CurrentProj
from ._projection import DeltaProj as DeltaProj
from ._projection import Projection as Projection
from ._random import fixed_indegree as fixed_indegree
from ._random import fixed_outdegree as fixed_outdegree
from ._random import fixed_total_number as fixed_total_number
from ._random import pairwise_bernoulli as pairwise_bernoulli
from ._random import symmetric_pairwise_bernoulli as symmetric_pairwise_bernoulli
from ._receptors import Receptor as Receptor
from ._spatial import distance_dependent as distance_dependent
