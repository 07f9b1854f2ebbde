"""Losses of spike trains and of traces of the membrane potential, time first: of shape ``(T, ..., n)``."""

from ._first_spike import first_spike as first_spike
from ._first_spike import first_spike_times as first_spike_times
from ._membrane import max_membrane as max_membrane
from ._membrane import mean_membrane as mean_membrane
from ._rates import overactivity as overactivity
from ._rates import rate as rate
from ._rates import silence as silence
from ._rates import spike_count as spike_count
from ._van_rossum import van_rossum as van_rossum
