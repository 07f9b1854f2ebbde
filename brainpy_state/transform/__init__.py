"""State-aware transforms: compile, loop, branch, map, differentiate."""

from ._error_if import jit_error_if as jit_error_if
from ._grad import grad as grad
from ._jit import jit as jit
from ._loop import for_loop as for_loop
from ._loop import scan as scan
from ._vmap import vmap as vmap
from ._vmap_new import map as map
from ._vmap_new import vmap_new_states as vmap_new_states
