"""State-aware transforms: compile, loop, branch, map, differentiate."""

from ._checkpoint import checkpoint as checkpoint
from ._checkpoint import checkpointed_for_loop as checkpointed_for_loop
from ._checkpoint import checkpointed_scan as checkpointed_scan
from ._checkpoint import remat as remat
from ._cond import cond as cond
from ._cond import ifelse as ifelse
from ._cond import switch as switch
from ._error_if import jit_error_if as jit_error_if
from ._grad import grad as grad
from ._jit import jit as jit
from ._loop import for_loop as for_loop
from ._loop import scan as scan
from ._progress import ProgressBar as ProgressBar
from ._shard import shard_map as shard_map
from ._vmap import vmap as vmap
from ._vmap_new import map as map
from ._vmap_new import vmap_new_states as vmap_new_states
from ._while import bounded_while_loop as bounded_while_loop
from ._while import while_loop as while_loop
