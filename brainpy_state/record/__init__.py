"""What to keep of a run, and what to measure on it.

Names of measures are those of Elephant. What is not defined, such as a rate over no time, is NaN; what was not recorded is an error.
"""

from ._base import Recorder as Recorder
from ._correlograms import autocorrelation_histogram as autocorrelation_histogram
from ._correlograms import cross_correlation_histogram as cross_correlation_histogram
from ._counts import correlation_coefficient as correlation_coefficient
from ._counts import fanofactor as fanofactor
from ._counts import mean_pairwise_correlation as mean_pairwise_correlation
from ._intervals import cv as cv
from ._intervals import cv2 as cv2
from ._intervals import isi as isi
from ._intervals import lv as lv
from ._layout import Layout as Layout
from ._monitors import RateMonitor as RateMonitor
from ._monitors import SpikeMonitor as SpikeMonitor
from ._monitors import StateMonitor as StateMonitor
from ._rates import firing_rates as firing_rates
from ._rates import instantaneous_rate as instantaneous_rate
from ._rates import mean_firing_rate as mean_firing_rate
from ._rates import population_rate as population_rate
from ._rates import psth as psth
from ._recorder import SpikeRecorder as SpikeRecorder
from ._spectrum import power_spectrum as power_spectrum
from ._spikes import Spikes as Spikes
from ._store import Store as Store
from ._stored import Records as Records
from ._stored import StoredSpikes as StoredSpikes
from ._stored import StoredTrace as StoredTrace
from ._stored import Values as Values
from ._stored import open as open
from ._trace import Trace as Trace
