"""Inputs: currents as functions of the time, noise, spike sources, and Poisson drive onto a model."""

from ._base import Input as Input
from ._base import RandomInput as RandomInput
from ._currents import ConstantInput as ConstantInput
from ._currents import RampInput as RampInput
from ._currents import SectionInput as SectionInput
from ._currents import SinusoidalInput as SinusoidalInput
from ._currents import StepInput as StepInput
from ._drive import PoissonInput as PoissonInput
from ._noise import OUProcessInput as OUProcessInput
from ._noise import WienerProcessInput as WienerProcessInput
from ._spikes import PoissonEncoder as PoissonEncoder
from ._spikes import PoissonSpike as PoissonSpike
from ._spikes import SpikeTime as SpikeTime
