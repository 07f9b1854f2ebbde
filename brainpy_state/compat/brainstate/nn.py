"""The names of ``brainstate.nn``; also of models and projections, which once stood there and now in ``brainpy.state``."""

from __future__ import annotations

import importlib
from typing import Any

import jax
import numpy as np

from ... import nn as _modules
from ...layers import *  # noqa: F403
from ...layers import RNNCell as ValinaRNNCell  # noqa: F401
from ...modules import *  # noqa: F403
from ...state import ParamState
from .._connections import AllToAll as AllToAll
from .._connections import EventFixedNumConn as EventFixedNumConn
from .._connections import EventFixedProb as EventFixedProb
from .._connections import EventLinear as EventLinear
from .._connections import FixedNumConn as FixedNumConn
from .._connections import OneToOne as OneToOne
from .._delay import Delay as Delay  # type: ignore[assignment]
from .._delay import DelayAccess as DelayAccess
from .._delay import StateWithDelay as StateWithDelay
from .._layers import *  # type: ignore[assignment]  # noqa: F403
from .._metrics import *  # noqa: F403
from .._missing import missing
from .._reach import Dynamics as Dynamics
from .._reach import Prefetch as Prefetch
from .._reach import not_receive_update_input as not_receive_update_input
from .._reach import not_receive_update_output as not_receive_update_output
from .._reach import receive_update_input as receive_update_input
from .._reach import receive_update_output as receive_update_output
from ..brainpy import state as _models
from . import transform


def count_parameters(module: Any) -> int:
    """How many numbers the parameters of a module are."""
    return sum(int(np.size(x)) for x in jax.tree.leaves(module.states(ParamState).to_dict_values()))


def vmap_call_all_fns(target: Any, fn_name: str, args: Any = (), kwargs: Any = None, axis_size: int | None = None, **options: Any) -> Any:
    """Call a method of every module once for each lane."""

    def call() -> None:
        _modules.call_all_fns(target, fn_name, args, kwargs, **options)

    transform.vmap_new_states(call, axis_size=axis_size)()
    return target


def vmap_reset_all_states(target: Any, *args: Any, axis_size: int | None = None, **kwargs: Any) -> Any:
    """Give all states their first values again, for each lane anew."""
    return _modules.vmap_init_all_states(target, *args, axis_size=axis_size, **kwargs)


def __getattr__(name: str) -> Any:
    if name == 'init':  # where initialisers stood before `braintools` had them
        return importlib.import_module('braintools').init
    return vars(_models)[name] if name in vars(_models) else missing(__name__, globals())(name)
