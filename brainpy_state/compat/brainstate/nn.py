"""The names of ``brainstate.nn``; also of models and projections, which once stood there and now in ``brainpy.state``."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

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
from .._layers import CELU as CELU
from .._layers import GLU as GLU
from .._layers import SELU as SELU
from .._layers import EnvironContext as EnvironContext
from .._layers import Hardshrink as Hardshrink
from .._layers import Hardsigmoid as Hardsigmoid
from .._layers import Hardswish as Hardswish
from .._layers import Hardtanh as Hardtanh
from .._layers import Identity as Identity
from .._layers import LogSigmoid as LogSigmoid
from .._layers import LogSoftmax as LogSoftmax
from .._layers import Mish as Mish
from .._layers import ReLU6 as ReLU6
from .._layers import Softmin as Softmin
from .._layers import Softshrink as Softshrink
from .._layers import Softsign as Softsign
from .._layers import Tanhshrink as Tanhshrink
from .._layers import hard_shrink as hard_shrink
from .._layers import hard_swish as hard_swish
from .._layers import logsumexp as logsumexp
from .._layers import prelu as prelu
from .._layers import soft_shrink as soft_shrink
from .._layers import softmin as softmin
from .._layers import sparse_plus as sparse_plus
from .._layers import sparse_sigmoid as sparse_sigmoid
from .._layers import tanh_shrink as tanh_shrink
from .._missing import missing
from .._reach import Dynamics as Dynamics
from .._reach import Prefetch as Prefetch
from .._reach import not_receive_update_input as not_receive_update_input
from .._reach import not_receive_update_output as not_receive_update_output
from .._reach import receive_update_input as receive_update_input
from .._reach import receive_update_output as receive_update_output
from ..brainpy import state as _models


def count_parameters(module: Any) -> int:
    """How many numbers the parameters of a module are."""
    return sum(int(np.size(x)) for x in jax.tree.leaves(module.states(ParamState).to_dict_values()))


def __getattr__(name: str) -> Any:
    return vars(_models)[name] if name in vars(_models) else missing(__name__, globals())(name)
