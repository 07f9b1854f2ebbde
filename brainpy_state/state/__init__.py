"""States, their kinds, watching them, and hooks."""

from . import _filter
from ._catch import NewStates as NewStates
from ._catch import catch_new_states as catch_new_states
from ._checks import check_state_jax_tracer as check_state_jax_tracer
from ._checks import check_state_value_tree as check_state_value_tree
from ._compared import Compared as Compared
from ._contexts import HookContext as HookContext
from ._contexts import InitHookContext as InitHookContext
from ._contexts import MutableWriteHookContext as MutableWriteHookContext
from ._contexts import ReadHookContext as ReadHookContext
from ._contexts import RestoreHookContext as RestoreHookContext
from ._contexts import WriteHookContext as WriteHookContext
from ._dict import StateDictManager as StateDictManager
from ._fire import NO_HOOKS as NO_HOOKS
from ._fire import any_hooks as any_hooks
from ._fire import fingerprint as fingerprint
from ._fire import write_back as write_back
from ._hooks import HookHandle as HookHandle
from ._hooks import clear_state_hooks as clear_state_hooks
from ._hooks import has_state_hooks as has_state_hooks
from ._hooks import list_state_hooks as list_state_hooks
from ._hooks import register_state_hook as register_state_hook
from ._hooks import unregister_state_hook as unregister_state_hook
from ._kinds import BatchState as BatchState
from ._kinds import DelayState as DelayState
from ._kinds import HiddenState as HiddenState
from ._kinds import LongTermState as LongTermState
from ._kinds import ParamState as ParamState
from ._kinds import ShortTermState as ShortTermState
from ._state import State as State
from ._state import maybe_state as maybe_state
from ._trace import StateTraceStack as StateTraceStack
from ._treefy import TreefyState as TreefyState
from ._treefy import to_flat as to_flat
from ._treefy import to_nest as to_nest
from ._undo import Undo as Undo

filter = _filter  # the namespace of filters
