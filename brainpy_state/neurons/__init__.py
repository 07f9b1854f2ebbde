"""Point neurons, one published family a file."""

from ._lif import LIF as LIF
from ._lif import LIFRef as LIFRef
from ._neuron import Neuron as Neuron
