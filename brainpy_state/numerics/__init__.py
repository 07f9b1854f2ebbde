"""Integration steps and spike functions: pure functions of arrays and quantities."""

from ._brief import brief as brief
from ._integrate import bernoulli as bernoulli
from ._integrate import decay as decay
from ._integrate import exp_euler as exp_euler
from ._integrate import exp_euler_change as exp_euler_change
from ._integrate import exprel as exprel
from ._integrate import plain as plain
from ._integrate import relaxation as relaxation
from ._integrate import relaxed as relaxed
from ._integrate import runge_kutta as runge_kutta
from ._integrate import with_unit as with_unit
from ._slow import add_exactly as add_exactly
from ._slow import is_slow as is_slow
from ._spike import MOST_SPIKES as MOST_SPIKES
from ._spike import heaviside as heaviside
from ._spike import reset_to as reset_to
from ._steps import LAST_STEP as LAST_STEP
from ._steps import check_resolution as check_resolution
from ._steps import counted_steps as counted_steps
from ._steps import on_grid as on_grid
from ._steps import split_steps as split_steps
from ._steps import whole_steps as whole_steps
from ._time import Time as Time
from ._time import host_times as host_times
from ._turns import turns as turns
