"""Rules and networks in plain Python and NumPy, synapse by synapse, from lists of spikes instead of traces.

What a trace is worth is a sum over the spikes that a synapse knows; which it knows at equal times is the order in which they are listed.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Synapse:
    """One synapse. ``pre`` and ``post`` are the steps of the spikes that it knows, in the order in which they came.

    Subclasses say what happens at a spike of the source (``on_pre``), of the target (``on_post``), and in each step (``on_step``).
    """

    defaults: dict[str, float] = {}

    def __init__(self, w: float, dt: float, order: str = 'ignore', **params: float):
        self.p = {'w_min': 0.0, 'w_max': 1.0} | self.defaults | params
        self.w, self.dt, self.order, self.k = w, dt, order, 0
        self.pre: list[int] = []
        self.post: list[int] = []

    def all(self, spikes: list[int], tau: str) -> float:
        return sum(np.exp(-(self.k - j) * self.dt / self.p[tau]) for j in spikes)

    def last(self, spikes: list[int], tau: str) -> float:
        return self.all(spikes[-1:], tau)

    def set(self, w: float) -> None:
        self.w = min(max(w, self.p['w_min']), self.p['w_max'])

    def step(self, pre: bool, post: bool, **seen: Any) -> float:
        """What happens in the next step; the weight after it."""
        self.seen = seen
        self.on_step()
        events = {'pre': (pre, self.on_pre, self.pre), 'post': (post, self.on_post, self.post)}
        for side in ('pre', 'post') if self.order == 'pre_first' else ('post', 'pre'):
            fires, on_spike, spikes = events[side]
            if fires:
                on_spike()
                if self.order != 'ignore':
                    spikes.append(self.k)
        if self.order == 'ignore':
            for fires, _, spikes in events.values():
                if fires:
                    spikes.append(self.k)
        self.k += 1
        return self.w

    def on_pre(self) -> None:
        pass

    def on_post(self) -> None:
        pass

    def on_step(self) -> None:
        pass


class Pair(Synapse):
    defaults = {'rate': 0.01, 'alpha': 1.0, 'tau_plus': 20.0, 'tau_minus': 20.0, 'mu_plus': 1.0, 'mu_minus': 1.0, 'of_up': 1.0}

    def up(self, x: float) -> None:
        self.set(self.w + self.p['rate'] * self.p['w_max'] * (1 - self.w / self.p['w_max']) ** self.p['mu_plus'] * x)

    def down(self, y: float) -> None:
        self.set(self.w - self.p['rate'] * self.p['alpha'] * self.p['w_max'] * (self.w / self.p['w_max']) ** self.p['mu_minus'] * y)

    def on_pre(self) -> None:
        self.down(self.all(self.post, 'tau_minus'))

    def on_post(self) -> None:
        self.up(self.all(self.pre, 'tau_plus'))


class PowerLaw(Pair):
    defaults = Pair.defaults | {'w_max': np.inf, 'rate': 0.1, 'alpha': 0.11, 'mu_plus': 0.4, 'w_0': 1.0}

    def up(self, x: float) -> None:
        self.set(self.w + self.p['rate'] * self.p['w_0'] * (self.w / self.p['w_0']) ** self.p['mu_plus'] * x)

    def down(self, y: float) -> None:
        self.set(self.w - self.p['rate'] * self.p['alpha'] * self.p['w_0'] * (self.w / self.p['w_0']) ** self.p['mu_minus'] * y)


class Nearest(Pair):
    def on_pre(self) -> None:
        self.down(self.last(self.post, 'tau_minus'))

    def on_post(self) -> None:
        self.up(self.last(self.pre, 'tau_plus'))


class PreCentred(Pair):
    met = 0  # how many spikes of the source the last one of the target knew

    def on_pre(self) -> None:
        self.down(self.last(self.post, 'tau_minus'))

    def on_post(self) -> None:
        self.up(self.all(self.pre[self.met :], 'tau_plus'))
        self.met = len(self.pre)


class ReducedSymmetric(Pair):
    """Which spike comes last is told by the order; where spikes at equal times ignore each other, that of the target came first."""

    since = ''  # the last spike

    def step(self, pre: bool, post: bool, **seen: Any) -> float:
        w = super().step(pre, post, **seen)
        if pre or post:
            both = 'post' if self.order == 'pre_first' else 'pre'
            self.since = both if pre and post else 'pre' if pre else 'post'
        return w

    def last_is(self, side: str, also: bool) -> bool:
        """Whether the spike before this one was of a side; ``also``: the other side has fired in this step, and it is known."""
        return (self.since == side) or also

    def on_pre(self) -> None:
        now = self.order == 'post_first' and self.post[-1:] == [self.k]
        if self.last_is('post', now):
            self.down(self.last(self.post, 'tau_minus'))

    def on_post(self) -> None:
        now = self.order == 'pre_first' and self.pre[-1:] == [self.k]
        if self.last_is('pre', now):
            self.up(self.last(self.pre, 'tau_plus'))


class Triplet(Synapse):
    defaults = {
        'w_max': np.inf, 'A2_plus': 5e-10, 'A3_plus': 6.2e-3, 'A2_minus': 7e-3, 'A3_minus': 2.3e-4,
        'tau_plus': 16.8, 'tau_x': 101.0, 'tau_minus': 33.7, 'tau_y': 125.0,
    }  # fmt: skip

    def on_pre(self) -> None:
        slow = self.all(self.pre, 'tau_x')
        self.set(self.w - self.all(self.post, 'tau_minus') * (self.p['A2_minus'] + self.p['A3_minus'] * slow))

    def on_post(self) -> None:
        slow = self.all(self.post, 'tau_y')
        self.set(self.w + self.all(self.pre, 'tau_plus') * (self.p['A2_plus'] + self.p['A3_plus'] * slow))


class NearestTriplet(Triplet):
    defaults = Triplet.defaults | {
        'A2_plus': 8.8e-11, 'A3_plus': 5.3e-2, 'A2_minus': 6.6e-3, 'A3_minus': 3.1e-3, 'tau_x': 714.0, 'tau_y': 40.0,
    }  # fmt: skip

    def on_pre(self) -> None:
        slow = self.last(self.pre, 'tau_x')
        self.set(self.w - self.last(self.post, 'tau_minus') * (self.p['A2_minus'] + self.p['A3_minus'] * slow))

    def on_post(self) -> None:
        slow = self.last(self.post, 'tau_y')
        self.set(self.w + self.last(self.pre, 'tau_plus') * (self.p['A2_plus'] + self.p['A3_plus'] * slow))


class Inhibitory(Synapse):
    defaults = {'w_max': np.inf, 'rate': 0.001, 'rho': 3e-3, 'tau': 20.0}  # per ms

    def on_pre(self) -> None:
        self.set(self.w + self.p['rate'] * (self.all(self.post, 'tau') - 2 * self.p['rho'] * self.p['tau']))

    def on_post(self) -> None:
        self.set(self.w + self.p['rate'] * self.all(self.pre, 'tau'))


class Dopamine(Synapse):
    """The trace of the synapse is a list of what was added to it, and when; the weight is integrated in parts of a step."""

    defaults = {
        'w_max': np.inf,
        'A_plus': 1.0,
        'A_minus': 1.5,
        'tau_plus': 20.0,
        'tau_minus': 20.0,
        'tau_c': 1000.0,
        'tau_d': 200.0,
        'b': 0.0,
    }

    def __init__(self, *args: Any, **params: Any):
        super().__init__(*args, **params)
        self.marks: list[tuple[int, float]] = []
        self.released: list[int] = []

    def modulator(self, since: float) -> float:
        """Dopamine some ms after the last step."""
        t = (self.k - 1) * self.dt + since
        return sum(np.exp(-(t - j * self.dt) / self.p['tau_d']) for j in self.released) / self.p['tau_d'] - self.p['b']

    def eligibility(self, since: float) -> float:
        t = (self.k - 1) * self.dt + since
        return sum(size * np.exp(-(t - j * self.dt) / self.p['tau_c']) for j, size in self.marks)

    def on_step(self) -> None:
        nodes, weights = np.polynomial.legendre.leggauss(4)
        times = (nodes + 1) / 2 * self.dt
        self.set(self.w + sum(w * self.dt / 2 * self.eligibility(t) * self.modulator(t) for t, w in zip(times, weights, strict=True)))

    def on_pre(self) -> None:
        self.marks.append((self.k, -self.p['A_minus'] * self.all(self.post, 'tau_minus')))

    def on_post(self) -> None:
        self.marks.append((self.k, self.p['A_plus'] * self.all(self.pre, 'tau_plus')))

    def step(self, pre: bool, post: bool, **seen: Any) -> float:
        w = super().step(pre, post, **seen)
        if seen['factor']:
            self.released.append(self.k - 1)
        return w


class Factor(Dopamine):
    """The third factor is given."""

    defaults = Dopamine.defaults | {'A_minus': 1.0}

    def modulator(self, since: float) -> float:
        return self.seen['factor']


class Voltage(Synapse):
    """The mean potentials are sums over all steps."""

    defaults = {
        'w_max': np.inf, 'A_LTD': 14e-5, 'A_LTP': 8e-5, 'theta_minus': -70.6, 'theta_plus': -45.3, 'tau_x': 15.0, 'tau_minus': 10.0, 'tau_plus': 7.0,
        'rest': -70.6,
    }  # fmt: skip

    def __init__(self, *args: Any, **params: Any):
        super().__init__(*args, **params)
        self.V: list[float] = []

    def mean(self, tau: str) -> float:
        shares = np.exp(-(self.k - np.arange(self.k)) * self.dt / self.p[tau]) * np.expm1(self.dt / self.p[tau])
        return self.p['rest'] + float(np.dot(shares, np.array(self.V) - self.p['rest']))

    def step(self, pre: bool, post: bool, **seen: Any) -> float:
        w = super().step(pre, True, **seen)  # every step counts for the potential
        self.V.append(seen['V'])
        return w

    def on_pre(self) -> None:
        self.set(self.w - self.p['A_LTD'] * max(self.mean('tau_minus') - self.p['theta_minus'], 0.0))

    def on_post(self) -> None:
        V, mean = self.seen['V'], self.mean('tau_plus')
        if V > self.p['theta_plus'] and mean > self.p['theta_minus']:
            x = self.all(self.pre, 'tau_x') / self.p['tau_x']
            self.set(self.w + self.p['A_LTP'] * x * (V - self.p['theta_plus']) * (mean - self.p['theta_minus']) * self.dt)


class Calcium(Synapse):
    defaults = {
        'tau': 150e3, 'tau_Ca': 20.0, 'C_pre': 1.0, 'C_post': 2.0, 'D': 0.0, 'theta_d': 1.0, 'theta_p': 1.3, 'gamma_d': 200.0,
        'gamma_p': 321.808, 'rho_star': 0.5, 'sigma': 0.0,
    }  # fmt: skip

    def on_step(self) -> None:
        p, late = self.p, round(self.p['D'] / self.dt)
        arrived = [j + late for j in self.pre if j + late < self.k]
        c = p['C_pre'] * self.all(arrived, 'tau_Ca') + p['C_post'] * self.all(self.post, 'tau_Ca')
        up, down = c > p['theta_p'], c > p['theta_d']
        rho = (self.w - p['w_min']) / (p['w_max'] - p['w_min'])
        slope = -rho * (1 - rho) * (p['rho_star'] - rho) + p['gamma_p'] * (1 - rho) * up - p['gamma_d'] * rho * down
        noise = p['sigma'] * np.sqrt(p['tau']) * np.sqrt(float(up) + float(down)) * np.sqrt(self.dt) * self.seen['noise']
        self.set(p['w_min'] + (rho + (slope * self.dt + noise) / p['tau']) * (p['w_max'] - p['w_min']))


class Scaling(Synapse):
    defaults = {'w_max': np.inf, 'beta': 4e-5, 'rho': 0.01, 'tau_rate': 100e3, 'interval': 100.0}

    def on_step(self) -> None:
        if (self.k + 1) % round(self.p['interval'] / self.dt) == 0:
            rate = self.all(self.post, 'tau_rate') / self.p['tau_rate']
            self.set(self.w * (1 + self.p['beta'] * (self.p['rho'] - rate) * self.p['interval']))
