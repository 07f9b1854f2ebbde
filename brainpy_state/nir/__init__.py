"""Exchange of networks with other libraries as graphs of the Neuromorphic Intermediate Representation (NIR)."""

from ._graph import Graph as Graph
from ._parts import Integrator as Integrator
from ._parts import LeakyIntegrator as LeakyIntegrator
from ._parts import PerfectIF as PerfectIF
from ._parts import Scale as Scale
from ._parts import SumPool2d as SumPool2d
from ._parts import Threshold as Threshold
from ._parts import above as above
from ._read import from_nir as from_nir
from ._write import to_nir as to_nir
