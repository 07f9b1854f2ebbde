"""Connections: which source leads to which target, with which weight and delay, by rule or by list."""

from . import drawn as drawn
from . import spatial as spatial
from ._connect import Connection as Connection
from ._distance_dependent import distance_dependent as distance_dependent
from ._explicit import all_to_all as all_to_all
from ._explicit import explicit_edges as explicit_edges
from ._explicit import from_matrix as from_matrix
from ._explicit import one_to_one as one_to_one
from ._procedural import ProceduralConnection as ProceduralConnection
from ._random import fixed_indegree as fixed_indegree
from ._random import fixed_outdegree as fixed_outdegree
from ._random import fixed_total_number as fixed_total_number
from ._random import pairwise_bernoulli as pairwise_bernoulli
from ._random import symmetric_pairwise_bernoulli as symmetric_pairwise_bernoulli
from ._slots import ring_slots as ring_slots
