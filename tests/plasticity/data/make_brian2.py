"""Write ``brian2.npz``: weights of rules in Brian2 under the spike trains of `trains.py`.

Run it with a Python that has Brian2 2.9: ``python tests/plasticity/data/make_brian2.py``. Pairs of neurons with both orders of spikes
that coincide, and delays before the synapse; calcium and rates with the steps of Euler written as code, which comes before spikes.
"""

from pathlib import Path

import brian2 as b2
import numpy as np
from brian2 import ms
from trains import DELAYS, DT, PER_DELAY, STEPS, trains

b2.prefs.codegen.target = 'numpy'
PAIR = 'dx/dt = -x / (15*ms) : 1 (event-driven)\ndy/dt = -y / (25*ms) : 1 (event-driven)\nw : 1'
ON_PRE = 'w = clip(w - 0.05 * w * y, 0, 1)\nx += 1'
ON_POST = 'w = clip(w + 0.05 * (1 - w) * x, 0, 1)\ny += 1'
CALCIUM = """
c *= exp(-dt / (20*ms))
up = int(c > 1.3)
down = int(c > 1.0)
w = clip(w + dt / (5000*ms) * (w * (1 - w) * (w - 0.5) + 321.808 * (1 - w) * up - 200.0 * w * down), 0, 1)
"""
TRIPLET = {'r1': 16.8, 'r2': 101.0, 'o1': 33.7, 'o2': 125.0}
DELAYED = 3.5  # ms, of calcium


def spikes(trains: np.ndarray) -> b2.SpikeGeneratorGroup:
    steps, neurons = np.nonzero(trains)
    return b2.SpikeGeneratorGroup(trains.shape[1], neurons, steps * DT * ms)


def run(build) -> np.ndarray:
    """Weights after each step, shape ``(STEPS, pairs)``."""
    b2.start_scope()
    b2.defaultclock.dt = DT * ms
    pre, post = trains()
    sources, targets = spikes(pre), spikes(post)
    synapses = build(sources, targets)
    seen = b2.StateMonitor(synapses, 'w', record=True, when='end')
    b2.Network(sources, targets, synapses, seen, *synapses.contained_objects).run(STEPS * DT * ms)
    return seen.w.T


def pair(pre_first: bool):
    def build(sources, targets):
        synapses = b2.Synapses(sources, targets, PAIR, on_pre=ON_PRE, on_post=ON_POST)
        synapses.connect(j='i')
        synapses.w = 0.4
        synapses.pre.delay = np.repeat(DELAYS, PER_DELAY) * ms
        if not pre_first:
            synapses.pre.order, synapses.post.order = 1, 0
        return synapses

    return build


def late_targets(sources, targets):
    """Each synapse knows its target after a delay of its own."""
    synapses = pair(True)(sources, targets)
    synapses.pre.delay = 0 * ms
    synapses.post.delay = np.arange(PER_DELAY * len(DELAYS)) % 8 * DT * ms
    return synapses


def triplet(sources, targets):
    """Both traces of each side count after they were seen."""
    model = '\n'.join(f'd{x}/dt = -{x} / ({tau}*ms) : 1 (event-driven)' for x, tau in TRIPLET.items())
    on_pre = 'w = clip(w - o1 * (7e-3 + 2e-3 * r2), 0, 1)\nr1 += 1\nr2 += 1'
    on_post = 'w = clip(w + r1 * (5e-3 + 6e-3 * o2), 0, 1)\no1 += 1\no2 += 1'
    synapses = b2.Synapses(sources, targets, f'{model}\nw : 1', on_pre=on_pre, on_post=on_post)
    synapses.connect(j='i')
    synapses.w = 0.4
    synapses.pre.delay = np.repeat(DELAYS, PER_DELAY) * ms
    return synapses


def nearest(sources, targets):
    """A spike sets a trace to 1."""
    synapses = b2.Synapses(sources, targets, PAIR, on_pre=ON_PRE.replace('+= 1', '= 1'), on_post=ON_POST.replace('+= 1', '= 1'))
    synapses.connect(j='i')
    synapses.w = 0.4
    synapses.pre.delay = np.repeat(DELAYS, PER_DELAY) * ms
    return synapses


def calcium(sources, targets):
    synapses = b2.Synapses(sources, targets, 'w : 1\nc : 1\nup : 1\ndown : 1', on_pre='c += 1', on_post='c += 2')
    synapses.connect(j='i')
    synapses.w = 0.4
    synapses.pre.delay = DELAYED * ms
    synapses.run_regularly(CALCIUM, when='before_synapses')
    return synapses


def rates(code: str) -> np.ndarray:
    b2.start_scope()
    b2.defaultclock.dt = DT * ms
    wave = 'r = 1 + 0.5 * sin(2 * pi * 20*Hz * t + phase) : 1\nphase : 1'
    sources, targets = b2.NeuronGroup(4, wave), b2.NeuronGroup(4, wave)
    sources.phase, targets.phase = np.arange(4) / 2, -np.arange(4) / 3
    synapses = b2.Synapses(sources, targets, 'w : 1\ntheta : 1')
    synapses.connect()
    synapses.w, synapses.theta = 0.4, 1.0
    synapses.run_regularly(code, when='synapses')
    seen = b2.StateMonitor(synapses, 'w', record=True, when='end')
    b2.Network(sources, targets, synapses, seen, *synapses.contained_objects).run(STEPS * DT * ms)
    return seen.w.T


OJA = 'w += dt / (200*ms) * r_post * (r_pre - r_post * w)'
BCM = 'w += dt / (200*ms) * r_pre * r_post * (r_post - theta)\ntheta = r_post**2 + (theta - r_post**2) * exp(-dt / (50*ms))'

if __name__ == '__main__':
    pre, _ = trains()
    found = {'version': np.array(b2.__version__)}
    runs = {'pre_first': pair(True), 'post_first': pair(False), 'calcium': calcium}
    found |= {name: run(build)[9::10] for name, build in runs.items()}
    more = {'late_targets': late_targets, 'triplet': triplet, 'nearest': nearest}
    found |= {name: run(build)[49::50] for name, build in more.items()}
    found |= {'oja': rates(OJA)[9::10], 'bcm': rates(BCM)[9::10]}
    np.savez_compressed(Path(__file__).with_name('brian2.npz'), **found)
