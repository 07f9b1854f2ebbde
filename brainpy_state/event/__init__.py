"""Events: spikes that travel along sparse connections, at the cost of the spikes and not of the network.

This layer knows arrays only. Its operations run as native kernels on CPU, as Pallas kernels on NVIDIA GPUs, elsewhere as XLA; `backend`
tells, `set_backend` chooses.
"""

from . import _lanes as _lanes
from . import _scan_derivative as _scan_derivative
from ._backend import backend as backend
from ._backend import preference as preference
from ._backend import set_backend as set_backend
from ._backend import use_backend as use_backend
from ._bits import pack as pack
from ._bits import unpack as unpack
from ._csr import CSR as CSR
from ._delayed import Delayed as Delayed
from ._delayed import DelayedParts as DelayedParts
from ._explain import Report as Report
from ._fuse import explain as explain
from ._fuse import fuse as fuse
from ._implied import AllToAll as AllToAll
from ._implied import OneToOne as OneToOne
from ._parts import Parts as Parts
from ._procedural import Procedural as Procedural
from ._procedural import Rule as Rule
from ._products import product as product
from ._products import to_post as to_post
from ._products import to_pre as to_pre
from ._products import to_weight as to_weight
from ._record import record as record
from ._revise import Ends as Ends
from ._revise import revise as revise
from ._ring import due as due
from ._ring import to_ring as to_ring
from ._scan import scan as scan
from ._structure import Structure as Structure
from ._threads import set_threads as set_threads
from ._threads import threads as threads

__all__ = [
    'CSR',
    'AllToAll',
    'Delayed',
    'DelayedParts',
    'Ends',
    'OneToOne',
    'Parts',
    'Procedural',
    'Report',
    'Rule',
    'Structure',
    'backend',
    'due',
    'explain',
    'fuse',
    'pack',
    'preference',
    'product',
    'record',
    'revise',
    'scan',
    'set_backend',
    'set_threads',
    'threads',
    'to_post',
    'to_pre',
    'to_ring',
    'to_weight',
    'unpack',
    'use_backend',
]
