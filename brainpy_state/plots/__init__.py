"""Plots of what was recorded and of connections.

Functions take records, or arrays with units, and axes of Matplotlib, ``ax``, which they return; without, they make a new figure of
`matplotlib.pyplot`, as ``plt.subplots`` does. They show nothing: call ``plt.show()``, or ``ax.figure.savefig(path)``. Axes of time
are in ms or s, as fits what is shown, alike where axes are shared, and as a label says that is there: ``ax.set_xlabel('time (s)')``.
"""

from ._activity import raster as raster
from ._activity import rate as rate
from ._axes import PALETTE as PALETTE
from ._space import animate as animate
from ._space import snapshot as snapshot
from ._synapses import connectivity as connectivity
from ._synapses import degrees as degrees
from ._synapses import weights as weights
from ._trace import trace as trace
