"""Objects that hold states, as a graph."""

from ._walk import Node as Node
from ._walk import nodes as nodes
from ._walk import states as states
