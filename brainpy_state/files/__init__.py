"""Files of states: one format, written whole or not at all, read back exactly."""

from ._format import Entry as Entry
from ._format import File as File
from ._leaf import Leaf as Leaf
from ._named import named as named
from ._read import read as read
from ._restore import differences as differences
from ._restore import restore as restore
from ._states import load_states as load_states
from ._states import save_states as save_states
from ._units import unit_as_json as unit_as_json
from ._units import unit_of_json as unit_of_json
from ._write import write as write
