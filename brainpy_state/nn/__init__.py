"""Modules: trees of states, and their life cycle."""

from ._declare import Constraint as Constraint
from ._declare import Parameter as Parameter
from ._declare import Variable as Variable
from ._declare import broadcasts as broadcasts
from ._declare import check_unit as check_unit
from ._declare import non_negative as non_negative
from ._declare import positive as positive
from ._dynamics import Dynamics as Dynamics
from ._module import Module as Module
from ._module import init_all_states as init_all_states
