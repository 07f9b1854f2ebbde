"""Parameters of Brunel's network (model A), in plain numbers.

Every worker takes them from here, so that all contenders simulate one network. Units: ms, mV, Hz.

References
----------
.. [1] Brunel N (2000). Dynamics of sparsely connected networks of excitatory and inhibitory spiking
       neurons. J Comput Neurosci 8:183-208, figure 8 and table 2. doi:10.1023/A:1008925309027
"""

REGIMES = {'AI': (5.0, 2.0)}
"""Weight of inhibition relative to excitation, and external rate relative to that which reaches threshold."""
REGIME = ('--regime', {'choices': tuple(REGIMES), 'required': True})

NEURONS = 12_500
CONNECTION_FRACTION = 0.1
"""Share of each population that a neuron receives from, the same for every neuron."""

TAU = 20.0
TAU_REF = 2.0
V_REST, V_RESET, V_TH = 0.0, 10.0, 20.0
DELAY = 1.5
"""From the step of a spike to the step in which its targets may spike from it."""
J = 0.1

PLASTICITY = ('--plasticity', {'choices': ('none', 'stdp'), 'default': 'none'})
"""What happens to synapses between excitatory neurons: nothing, or additive plasticity by pairs of spikes."""
TAU_PLUS, TAU_MINUS = 20.0, 20.0
LEARNING_RATE, ALPHA, W_MAX = 0.001, 1.05, 3 * J
"""Part of the greatest weight by which a pair potentiates; how many times as strong depression is; the greatest weight."""


def in_degrees(n_e: int, n_i: int) -> tuple[int, int]:
    """Excitatory and inhibitory synapses of a neuron; as many external ones as excitatory."""
    return int(CONNECTION_FRACTION * n_e), int(CONNECTION_FRACTION * n_i)


def external_rate(eta: float, c_e: int) -> float:
    """Rate of one of the ``c_e`` external synapses of a neuron."""
    return 1e3 * eta * V_TH / (J * c_e * TAU)
