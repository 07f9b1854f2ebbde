"""Five networks as users of brainpy.state write them, in brainpy.state or, with the import changed, in this project."""

import argparse
import importlib
import time

import braintools
import jax
import numpy as np
from worker import emit, peak_rss_mb, time_call, versions_of

u = importlib.import_module('brainunit')
NETWORKS = ('ei', 'coba', 'cuba', 'cobahh', 'gamma')


def names(kernel: str):
    """``brainpy.state`` and ``brainstate``, of either package."""
    if kernel == 'brainpy_state':
        compat = importlib.import_module('brainpy_state.compat')
        return compat.brainpy.state, compat.brainstate
    return importlib.import_module('brainpy.state'), importlib.import_module('brainstate')


def balanced(bp, bs, network):
    """One population of LIF neurons with two projections onto itself: EI (1996), COBA and CUBA (2005)."""
    exc, inh, start, weights, taus, outs, current = {
        'ei': (500, 500, (-60.0, 10.0), (0.1414, -0.1414), (2.0, 2.0), (bp.CUBA.desc(),) * 2, 3.0),
        'cuba': (3200, 800, (-55.0, 2.0), (1.62, -9.0), (5.0, 10.0), (bp.CUBA.desc(),) * 2, 20.0),
        'coba': (3200, 800, (-55.0, 2.0), (0.6, 6.7), (5.0, 10.0), (bp.COBA.desc(E=0.0 * u.mV), bp.COBA.desc(E=-80.0 * u.mV)), 20.0),
    }[network]

    class Net(bs.nn.Module):
        def __init__(self):
            super().__init__()
            n, prob = exc + inh, 0.1 if network == 'ei' else 0.02
            options = {
                'V_rest': (-52.0 if network == 'ei' else -60.0 if network == 'coba' else -49.0) * u.mV,
                'V_th': -50.0 * u.mV,
                'V_reset': -60.0 * u.mV,
                'V_initializer': braintools.init.Normal(start[0] * u.mV, start[1] * u.mV),
            }
            if network == 'ei':
                self.N = bp.LIF(n, tau=10.0 * u.ms, spk_reset='soft', **options)
            else:
                self.N = bp.LIFRef(n, tau=20.0 * u.ms, tau_ref=5.0 * u.ms, **options)
            self.E, self.I = (
                bp.AlignPostProj(
                    comm=bs.nn.EventFixedProb(pre, n, prob, weight * u.mS), syn=bp.Expon.desc(n, tau=tau * u.ms), out=out, post=self.N
                )
                for pre, weight, tau, out in zip((exc, inh), weights, taus, outs, strict=True)
            )

        def update(self, t):
            with bs.environ.context(t=t):
                spikes = self.N.get_spike() != 0.0
                self.E(spikes[:exc])
                self.I(spikes[exc:])
                self.N(current * u.mA)
                return self.N.get_spike()

    return Net(), 1000.0, 0.1


def conductance_neuron(bp, bs, start, rates, conductances, capacitance, threshold):
    """A Hodgkin-Huxley neuron by hand: ``rates`` give the gates' opening and closing, ``conductances`` the current."""

    class HH(bp.Neuron):
        def init_state(self, *args, **kwargs):
            self.V = bs.HiddenState(start[0] * u.mV + bs.random.randn(*self.varshape) * start[1] * u.mV)
            for gate in rates:
                setattr(self, gate, bs.HiddenState(braintools.init.param(braintools.init.Constant(0.1), self.varshape)))
            self.spike = bs.HiddenState(braintools.init.param(lambda s: u.math.zeros(s, dtype=bool), self.varshape))

        def dV(self, V, gates, current):
            return (conductances(V, gates) + self.sum_current_inputs(current, V)) / capacitance

        def update(self, x):
            last = self.V.value
            gates = {gate: getattr(self, gate).value for gate in rates}
            V = bs.nn.exp_euler_step(self.dV, last, gates, x)
            for gate, (opening, closing) in rates.items():
                step = lambda p, opening=opening, closing=closing: (opening(last / u.mV) * (1 - p) - closing(last / u.mV) * p) / u.ms  # noqa: E731
                getattr(self, gate).value = bs.nn.exp_euler_step(step, gates[gate])
            self.spike.value = u.math.logical_and(last < threshold, threshold <= V)
            self.V.value = V
            return self.spike.value

    return HH


def cobahh(bp, bs):
    """Brette et al. 2007, benchmark 3."""
    rel = u.math.exprel
    rates = {
        'm': (lambda V: 1.28 / rel((-50.0 - V) / 4), lambda V: 1.4 / rel((V + 23.0) / 5)),
        'h': (lambda V: 0.128 * u.math.exp((-46.0 - V) / 18), lambda V: 4 / (1 + u.math.exp((-23.0 - V) / 5))),
        'n': (lambda V: 0.16 / rel((-48.0 - V) / 5), lambda V: 0.5 * u.math.exp((-53.0 - V) / 40)),
    }

    def currents(V, g):
        sodium, potassium = 20.0 * u.uS * g['m'] ** 3 * g['h'], 6.0 * u.uS * g['n'] ** 4
        return -0.01 * u.uS * (V + 60 * u.mV) - sodium * (V - 50 * u.mV) - potassium * (V + 90 * u.mV)

    HH = conductance_neuron(bp, bs, (-65.0, 5.0), rates, currents, 200.0 * u.pF, -20.0 * u.mV)

    class Net(bs.nn.Module):
        def __init__(self):
            super().__init__()
            self.N = HH(4000)
            self.E = bp.AlignPostProj(
                comm=bs.nn.EventFixedProb(3200, 4000, 0.02, 6.0 * u.nS),
                syn=bp.Expon.desc(4000, tau=5.0 * u.ms), out=bp.COBA.desc(E=0.0 * u.mV), post=self.N,
            )  # fmt: skip
            self.I = bp.AlignPostProj(
                comm=bs.nn.EventFixedProb(800, 4000, 0.02, 67.0 * u.nS),
                syn=bp.Expon.desc(4000, tau=10.0 * u.ms), out=bp.COBA.desc(E=-80.0 * u.mV), post=self.N,
            )  # fmt: skip

        def update(self, t):
            with bs.environ.context(t=t):
                spikes = self.N.spike.value
                self.E(spikes[:3200])
                self.I(spikes[3200:])
                return self.N(0.0 * u.nA)

    return Net(), 100.0, 0.04


def gamma(bp, bs):
    """Wang & Buzsaki 1996."""
    exp = u.math.exp
    rates = {
        'h': (lambda V: 0.35 * exp(-(V + 58) / 20), lambda V: 5 / (exp(-0.1 * (V + 28)) + 1)),
        'n': (lambda V: 0.5 / u.math.exprel(-0.1 * (V + 34)), lambda V: 0.625 * exp(-(V + 44) / 80)),
    }

    def currents(V, g):
        v = V / u.mV
        opening = 1.0 / u.math.exprel(-0.1 * (v + 35))
        m = opening / (opening + 4 * exp(-(v + 60) / 18))
        channels = -35.0 * u.mS * m**3 * g['h'] * (V - 55.0 * u.mV) - 9.0 * u.mS * g['n'] ** 4 * (V + 90.0 * u.mV)
        return channels - 0.1 * u.mS * (V + 65.0 * u.mV)

    HH = conductance_neuron(bp, bs, (-70.0, 20.0), rates, currents, 1.0 * u.uF, 20.0 * u.mV)

    class Graded(bp.Synapse):
        def init_state(self, *args, **kwargs):
            self.g = bs.HiddenState(braintools.init.param(braintools.init.ZeroInit(), self.varshape))

        def update(self, V):
            opened = 1 / (1 + exp(-V / u.mV / 2))
            self.g.value = bs.nn.exp_euler_step(lambda s: (12 * opened * (1 - s) - 0.1 * s) / u.ms, self.g.value)

    class Net(bs.nn.Module):
        def __init__(self):
            super().__init__()
            self.N, self.syn = HH(100), Graded(100)
            self.proj = bp.CurrentProj(
                self.syn.prefetch('g'),
                comm=bs.nn.AllToAll(self.N.varshape, self.N.varshape, include_self=False, w_init=0.1 * u.mS / 100),
                out=bp.COBA(E=-75.0 * u.mV), post=self.N,
            )  # fmt: skip

        def update(self, t):
            with bs.environ.context(t=t):
                self.proj()
                spikes = self.N(1.0 * u.uA)
                self.syn(self.N.V.value)
                return spikes

    return Net(), 500.0, 0.01


def main() -> None:
    """Run one network in one package."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--kernel', choices=('brainpy_state', 'brainpy'), required=True)
    parser.add_argument('--network', choices=NETWORKS, required=True)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=1)
    options = parser.parse_args()

    bp, bs = names(options.kernel)
    bs.random.seed(options.seed)
    start = time.perf_counter()
    net, duration, dt = {'cobahh': cobahh, 'gamma': gamma}.get(options.network, lambda bp, bs: balanced(bp, bs, options.network))(bp, bs)
    bs.environ.set(dt=dt * u.ms)
    bs.nn.init_all_states(net)
    build_s = time.perf_counter() - start
    times = u.math.arange(0.0 * u.ms, duration * u.ms, dt * u.ms)
    results = []

    def run() -> None:
        results[:] = [jax.block_until_ready(bs.transform.for_loop(net.update, times))]

    first = time_call(run)
    rate = float(np.mean(np.asarray(results[0]) != 0)) / dt * 1000
    later = sorted(time_call(run) for _ in range(options.repeats))
    emit({
        'build_s': build_s, 'compile_s': first, 'run_s': later[len(later) // 2], 'runs_s': later, 'first_run_s': first,
        'rate_hz': rate, 'peak_rss_mb': peak_rss_mb(), 'versions': versions_of('jax', 'braintools'),
    })  # fmt: skip


if __name__ == '__main__':
    main()
