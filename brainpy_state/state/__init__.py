"""States, their kinds, and watching them."""

from . import _filter
from ._state import BatchState as BatchState
from ._state import HiddenState as HiddenState
from ._state import LongTermState as LongTermState
from ._state import ParamState as ParamState
from ._state import ShortTermState as ShortTermState
from ._state import State as State
from ._trace import StateTraceStack as StateTraceStack

filter = _filter  # the namespace of filters
