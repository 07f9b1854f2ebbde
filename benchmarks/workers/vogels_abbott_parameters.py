"""Parameters of the Vogels-Abbott networks, in plain numbers.

Every worker takes them from here, so that all contenders simulate one network. Units: ms, mV, and
conductances relative to the leak conductance.

References
----------
.. [1] Vogels TP, Abbott LF (2005). Signal propagation and logic gating in networks of
       integrate-and-fire neurons. J Neurosci 25(46):10786-10795. doi:10.1523/JNEUROSCI.3508-05.2005
.. [2] Brette R et al. (2007). Simulation of networks of spiking neurons: a review of tools and
       strategies. J Comput Neurosci 23:349-398, benchmarks 1 and 2. doi:10.1007/s10827-007-0038-6
"""

SYNAPSES = ('--synapses', {'choices': ('coba', 'cuba'), 'required': True})
"""Which of the two networks: an option of its workers."""

CONNECT = ('--connect', {'choices': ('pairwise_bernoulli', 'fixed_indegree'), 'default': 'pairwise_bernoulli'})
"""How the neurons are connected: an option of its workers that can do both."""

NEURONS = 4000
CONNECTION_PROBABILITY = 0.02
IN_DEGREES = (64, 16)
"""Excitatory and inhibitory synapses of each neuron, where these numbers are fixed; the mean of 4,000 neurons otherwise."""

TAU = 20.0
V_TH = -50.0
V_RESET = -60.0
TAU_REF = 5.0
TAU_E = 5.0
TAU_I = 10.0
G_LEAK_NS = 10.0

COBA_V_REST = -60.0
COBA_E_E = 0.0
COBA_E_I = -80.0
COBA_W_E = 0.6
COBA_W_I = 6.7
COBA_V_START = (-65.0, 5.0)
"""Mean and standard deviation of the membrane potential at the start."""
COBA_G_E_START = (4.0, 1.5)
COBA_G_I_START = (20.0, 12.0)

CUBA_V_REST = -49.0
CUBA_W_E = 1.62
CUBA_W_I = -9.0
