"""Rules by which the weights of projections change, and currents by which neurons keep their rate."""

from ._calcium import CalciumPlasticity as CalciumPlasticity
from ._homeostasis import IntrinsicHomeostasis as IntrinsicHomeostasis
from ._homeostasis import SynapticScaling as SynapticScaling
from ._inhibitory import InhibitorySTDP as InhibitorySTDP
from ._nearest import NearestSTDP as NearestSTDP
from ._nearest import PreCentredSTDP as PreCentredSTDP
from ._nearest import ReducedSymmetricSTDP as ReducedSymmetricSTDP
from ._pair import PairSTDP as PairSTDP
from ._pair import PowerLawSTDP as PowerLawSTDP
from ._rates import BCM as BCM
from ._rates import Oja as Oja
from ._rule import SynapticRule as SynapticRule
from ._three_factor import DopamineSTDP as DopamineSTDP
from ._three_factor import ThreeFactor as ThreeFactor
from ._trace import Trace as Trace
from ._triplet import NearestTripletSTDP as NearestTripletSTDP
from ._triplet import TripletSTDP as TripletSTDP
from ._voltage import VoltageSTDP as VoltageSTDP
