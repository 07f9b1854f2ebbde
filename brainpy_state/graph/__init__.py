"""Objects that hold states, as a graph: find, take apart, build again."""

from ..state import TreefyState as TreefyState
from ..state import to_flat as to_flat
from ..state import to_nest as to_nest
from ._graphdef import GraphDef as GraphDef
from ._graphdef import flatten as flatten
from ._graphdef import unflatten as unflatten
from ._split import clone as clone
from ._split import graphdef as graphdef
from ._split import pop_states as pop_states
from ._split import treefy_merge as treefy_merge
from ._split import treefy_split as treefy_split
from ._split import treefy_states as treefy_states
from ._split import update_states as update_states
from ._walk import EVERY_LEVEL as EVERY_LEVEL
from ._walk import Node as Node
from ._walk import iter_leaf as iter_leaf
from ._walk import iter_node as iter_node
from ._walk import nodes as nodes
from ._walk import states as states
