"""Integration steps and spike functions: pure functions of arrays and quantities."""

from ._brief import brief as brief
from ._integrate import decay as decay
from ._integrate import exp_euler as exp_euler
from ._integrate import exprel as exprel
from ._integrate import plain as plain
from ._integrate import runge_kutta as runge_kutta
from ._integrate import with_unit as with_unit
from ._spike import MOST_SPIKES as MOST_SPIKES
from ._spike import heaviside as heaviside
from ._spike import reset_to as reset_to
from ._steps import whole_steps as whole_steps
