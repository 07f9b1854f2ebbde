"""Event data sets that are read sample by sample, and batches of spikes from them; files are not downloaded."""

from ._events import EventData as EventData
from ._events import Sample as Sample
from ._events import binned as binned
from ._gesture import DVSGesture as DVSGesture
from ._heidelberg import SHD as SHD
from ._heidelberg import SSC as SSC
from ._loader import Loader as Loader
from ._nmnist import NMNIST as NMNIST
