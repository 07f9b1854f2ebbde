"""The plastic Brunel network that is held against NEST, and the bins in which weights are counted."""

import numpy as np

NEURONS = 5000
WARM_UP, DURATION = 200.0, 2000.0  # ms; rates are those after the first
EDGES = np.linspace(0.09, 0.11, 201)  # mV
