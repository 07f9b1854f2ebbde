"""The names of ``brainstate.nn``; also of models and projections, which once stood there and now in ``brainpy.state``."""

from __future__ import annotations

from typing import Any

from ...layers import *  # noqa: F403
from ...layers import RecurrentCell as RNNCell  # type: ignore[assignment]  # noqa: F401
from ...layers import RNNCell as ValinaRNNCell  # noqa: F401
from ...modules import *  # noqa: F403
from ...modules import Module as DynamicsGroup  # noqa: F401
from .. import _initializers as init
from .._collective import call_all_fns as call_all_fns
from .._collective import call_order as call_order
from .._collective import vmap_call_all_fns as vmap_call_all_fns
from .._collective import vmap_reset_all_states as vmap_reset_all_states
from .._connections import AllToAll as AllToAll
from .._connections import EventFixedNumConn as EventFixedNumConn
from .._connections import EventFixedProb as EventFixedProb
from .._connections import EventLinear as EventLinear
from .._connections import FixedNumConn as FixedNumConn
from .._connections import FixedProb as FixedProb
from .._connections import OneToOne as OneToOne
from .._delay import Delay as Delay  # type: ignore[assignment]
from .._delay import DelayAccess as DelayAccess
from .._delay import StateWithDelay as StateWithDelay
from .._delay_tree import InterpolationRegistry as InterpolationRegistry
from .._gradients import clip_grad_norm as clip_grad_norm
from .._gradients import count_parameters as count_parameters
from .._hidata import HiData as HiData
from .._mapped_modules import Map as Map
from .._mapped_modules import Map as ModuleMapper  # noqa: F401
from .._mapped_modules import Vmap as Vmap
from .._missing import missing
from .._modules import EnvironContext as EnvironContext
from .._nn import *  # type: ignore[assignment]  # noqa: F403
from .._reach import Dynamics as Dynamics
from .._reach import Prefetch as Prefetch
from .._reach import not_receive_update_input as not_receive_update_input
from .._reach import not_receive_update_output as not_receive_update_output
from .._reach import receive_update_input as receive_update_input
from .._reach import receive_update_output as receive_update_output
from ..brainpy import state as _models


def __getattr__(name: str) -> Any:
    """Models that stood here, and initialisers, which were ``NormalInit`` and so on, beside `param`."""
    if name in vars(_models):
        return vars(_models)[name]
    first = name.removesuffix('Init')
    if name == 'param' or (first != name and first in vars(init)):
        return getattr(init, first)
    return missing(__name__, globals())(name)
