"""Rules by which the weights of projections change."""

from ._pair import PairSTDP as PairSTDP
from ._rule import SynapticRule as SynapticRule
from ._trace import Trace as Trace
