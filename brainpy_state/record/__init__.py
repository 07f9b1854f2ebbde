"""What to keep of a run, and what to measure on it."""

from ._base import Recorder as Recorder
from ._layout import Layout as Layout
from ._measures import correlation_coefficient as correlation_coefficient
from ._measures import cv as cv
from ._measures import firing_rates as firing_rates
from ._measures import isi as isi
from ._measures import mean_firing_rate as mean_firing_rate
from ._measures import population_rate as population_rate
from ._monitors import RateMonitor as RateMonitor
from ._monitors import SpikeMonitor as SpikeMonitor
from ._monitors import StateMonitor as StateMonitor
from ._recorder import SpikeRecorder as SpikeRecorder
from ._spikes import Spikes as Spikes
from ._store import Store as Store
from ._stored import Records as Records
from ._stored import StoredSpikes as StoredSpikes
from ._stored import StoredTrace as StoredTrace
from ._stored import Values as Values
from ._stored import open as open
from ._trace import Trace as Trace
