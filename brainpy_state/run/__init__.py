"""Simulations: a duration in, records out; and what a call will need before it is made."""

from ._explain import explain as explain
from ._forecast import Forecast as Forecast
from ._forecast import forecast as forecast
from ._run import run as run
from ._simulation import Simulation as Simulation
from ._sweep import sweep as sweep
