"""The names of the package ``brainstate``."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ..._errors import BatchAxisError as BatchAxisError
from ..._errors import BrainStateError as BrainStateError
from ..._errors import HookCancellationError as HookCancellationError
from ..._errors import HookError as HookError
from ..._errors import HookRegistrationError as HookRegistrationError
from ..._errors import TraceContextError as TraceContextError
from ..._version import __version__ as __version__
from ...state import *  # noqa: F403
from .. import _initializers
from .._missing import missing
from .._renamed import renamed
from .._states import FakeState as FakeState
from .._states import HiddenGroupState as HiddenGroupState
from .._states import HiddenTreeState as HiddenTreeState
from .._states import StateTraceStack as StateTraceStack
from . import environ as environ
from . import event as event
from . import graph as graph
from . import mixin as mixin
from . import nn as nn
from . import random as random
from . import transform as transform
from . import typing as typing
from . import util as util

functional = nn
compile = augment = transform
register_state_hook = renamed(register_state_hook, hook_type='kind')  # noqa: F405
list_state_hooks = renamed(list_state_hooks, hook_type='kind')  # noqa: F405
clear_state_hooks = renamed(clear_state_hooks, hook_type='kind')  # noqa: F405
has_state_hooks = renamed(has_state_hooks, hook_type='kind')  # noqa: F405
maybe_state = renamed(maybe_state, val='x')  # noqa: F405

# rooms that are found by their path, too: ``import brainstate.compile``, ``from brainstate.nn.init import ZeroInit``
for _path, _room in (('compile', transform), ('augment', transform), ('functional', nn), ('nn.init', _initializers)):
    sys.modules[f'{__name__}.{_path}'] = _room


def __getattr__(name: str) -> Any:
    if name in ('init', 'surrogate', 'optim', 'metric'):  # where they stood before `braintools` had them
        return getattr(importlib.import_module('braintools'), name)
    return missing(__name__, globals())(name)
