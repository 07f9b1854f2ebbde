"""Parameters of the COBAHH network, in plain numbers.

Every worker takes them from here, so that all contenders simulate one network. Units: ms, mV, pF, nS.

References
----------
.. [1] Brette R et al. (2007). Simulation of networks of spiking neurons: a review of tools and
       strategies. J Comput Neurosci 23:349-398, benchmark 3. doi:10.1007/s10827-007-0038-6
"""

NEURONS = 4000
CONNECTION_PROBABILITY = 0.02

C_M = 200.0
G_LEAK, E_LEAK = 10.0, -60.0
G_NA, E_NA = 20_000.0, 50.0
G_K, E_K = 6_000.0, -90.0
V_T = -63.0
"""The potential that the rates of the gates are measured from."""
V_TH = -20.0
TAU_REF = 3.0
"""No second spike within this time, so that one action potential counts once."""

TAU_E, TAU_I = 5.0, 10.0
E_E, E_I = 0.0, -80.0
W_E, W_I = 6.0, 67.0

V_START = (-65.0, 5.0)
"""Mean and standard deviation at the start; all gates start closed, at 0."""
G_E_START = (40.0, 15.0)
G_I_START = (200.0, 120.0)
