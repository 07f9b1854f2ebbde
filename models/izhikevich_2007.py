"""A reward that comes seconds late finds the one synapse of 100,000 to which it belongs.

Izhikevich 2007, *Cereb. Cortex* 17:2443, doi:10.1093/cercor/bhl152, figure 1, by the script that the author published with it, daspnet.m
(ModelDB 84167): 1,000 neurons with 100 synapses each, driven by noise. Whenever a neuron fires within 20 ms after another from which a
chosen synapse leads to it, dopamine is released 1 to 3 s later. The synapse begins with nothing, and within half an hour comes to the
greatest weight that there is, 4 mV (in the published scheme, after 27 and 33 minutes with two seeds). From there it may come down again for
some minutes, there too.

    python -m models.izhikevich_2007 --plot reward.png

All delays are 1 ms, as in the script, which has a place for delays up to 20 ms but uses none. It takes V through two steps of forward Euler
of 0.5 ms, and u through one of 1 ms; here both go through two of exponential Euler. Only the last spikes of two neurons make a pair, as in
the script. The text and figures of the paper could not be compared: what is quoted from them is marked as not checked. Other numbers are
those of the published scheme, written anew in `izhikevich_2007_reference`.

The chosen synapse is not the only one that grows: dopamine finds others eligible by chance, and 4 % of all are as strong after an hour.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

import brainpy_state as bst
from brainpy_state.plasticity import DopamineSTDP, Trace
from brainpy_state.record import SpikeMonitor, SpikeRecorder, StateMonitor

from . import report
from .report import Published

SIZES = EXCITATORY, INHIBITORY = 800, 200
OUT_DEGREE = 100
EXCHANGE, DT = 1.0 * u.ms, 0.5 * u.ms  # spikes and noise are held over the first, neurons are integrated in steps of the second
DRIVE = u.mV / u.ms  # the unit of what flows into these neurons
NOISE = 6.5 * DRIVE  # the greatest, of a uniform distribution around nothing
STRONGEST, W_EXC, W_INH = 4.0 * DRIVE, 1.0 * DRIVE, -1.0 * DRIVE
WINDOW, SOONEST, LATEST = 20, 1001, 3000  # ms: of a coincidence, and from there to its reward
INTERVAL = 10.0 * u.ms  # between changes of weights
TONIC, REWARD = 0.002 / INTERVAL, 0.5 / INTERVAL  # dopamine
TAU_D = 200.0 * u.ms
STRONG = 3.6  # mV, nine tenths of the greatest
DURATION = 3600.0 * u.second


class Rule(DopamineSTDP):
    """`DopamineSTDP` by pairs of nearest spikes."""

    x = Trace('tau_plus', side='pre', at_spike='set', doc='the last spike of the source')
    y = Trace('tau_minus', side='post', at_spike='set', doc='the last spike of the target')


RULE = Rule.desc(
    w_0=1.0 * DRIVE, w_max=STRONGEST, tau_plus=20.0 * u.ms, tau_minus=20.0 * u.ms, tau_c=1000.0 * u.ms, tau_d=TAU_D, b=-TONIC,
    A_plus=0.1 * np.exp(1.0 / 20.0),  # the script measures from when a spike arrives, which takes 1 ms
    A_minus=0.15, equal_times='post_first', interval=INTERVAL,
)  # fmt: skip


class Cells(bst.nn.Dynamics):
    """Neurons that go on by 1 ms in shorter steps, with their input held."""

    fired = bst.nn.Variable(0.0, 'spikes of the last ms')

    def __init__(self, dt: Any):
        super().__init__(sum(SIZES))
        self.dt, self.steps = dt, round(float(EXCHANGE / dt))
        exc = np.arange(sum(SIZES)) < EXCITATORY
        self.N = bst.Izhikevich(
            sum(SIZES), a=np.where(exc, 0.02, 0.1) / u.ms, b=0.2 / u.ms, c=-65.0 * u.mV, d=np.where(exc, 8.0, 2.0) * DRIVE,
            V_initializer=-65.0 * u.mV, u_initializer=-13.0 * DRIVE,
        )  # fmt: skip

    def get_spike(self) -> Any:
        return self.fired.value

    def update(self, noise: Any) -> Any:
        """One ms."""
        I = self.sum_current_inputs(noise)
        fired = jnp.zeros_like(self.fired.value)
        with bst.environ.context(dt=self.dt):
            for _ in range(self.steps):
                fired = jnp.maximum(fired, self.N(I))
        self.fired.value = fired
        return fired


class Network(bst.nn.Module):
    """The cells, their synapses, and what rewards a coincidence.

    Parameters
    ----------
    seed : int
        Decides connections.
    dt : time
        The step of the neurons; it divides 1 ms.
    """

    def __init__(self, seed: int = 1, dt: Any = DT):
        super().__init__()
        n = sum(SIZES)
        self.cells = Cells(dt)
        exc = bst.fixed_outdegree(
            EXCITATORY, n, OUT_DEGREE, weight=lambda shape: np.where(np.arange(*shape) == 0, 0.0, 1.0) * W_EXC, seed=(seed, 'E')
        )
        inh = bst.fixed_outdegree(INHIBITORY, EXCITATORY, OUT_DEGREE, weight=1.0, seed=(seed, 'I')).structure
        rows = bst.event.CSR(inh.indptr, inh.indices, (INHIBITORY, n))
        self.E = bst.CurrentProj(comm=exc, post=self.cells, plasticity=RULE)
        self.I = bst.CurrentProj(comm=bst.Connection(rows, W_INH), post=self.cells)
        self.source, self.target = 0, int(exc.targets[0])  # of the chosen synapse, the first
        self.since = bst.ShortTermState(jnp.asarray(WINDOW, jnp.int32))  # ms since the source has fired
        self.due = bst.ShortTermState(jnp.zeros(LATEST + 1, bool))  # rewards of the coming ms
        self.now = bst.ShortTermState(jnp.asarray(0, jnp.int32))
        self.rewards = SpikeRecorder(1)

    def reward(self, fired: Any) -> None:
        """Release dopamine where it is time, and look for coincidences."""
        now, due = self.now.value, self.due.value
        released = due[now]
        self.rewards(released[None].astype(fired.dtype))
        self.E.plasticity.release(jnp.where(released, float(REWARD * TAU_D), 0.0))
        since = jnp.minimum(self.since.value + 1, WINDOW)
        hit = (fired[self.target] > 0) & (since < WINDOW)
        later = (now + bst.random.randint(SOONEST, LATEST + 1)) % (LATEST + 1)
        due = due.at[now].set(False)
        self.due.value = due.at[later].set(due[later] | hit)
        self.since.value = jnp.where(fired[self.source] > 0, 0, since)
        self.now.value = (now + 1) % (LATEST + 1)

    def update(self) -> None:
        """One ms."""
        fired = self.cells.get_spike()
        self.E(fired[:EXCITATORY])
        self.I(fired[EXCITATORY:])
        self.reward(fired)
        self.cells(NOISE * (2.0 * bst.random.random(self.cells.varshape) - 1.0))

    def chosen(self) -> Any:
        """Weight and eligibility of the chosen synapse, in mV/ms."""
        return jnp.stack([self.weights()[0], self.E.plasticity.c.value[0]])

    def weights(self) -> Any:
        """Those that learn, in mV/ms."""
        return self.E.comm.weight.value / DRIVE


def build(seed: int = 1, dt: Any = DT) -> bst.Simulation:
    """A simulation of the experiment in steps of 1 ms; call ``run`` on it. The same seed gives the same spikes.

    Parameters
    ----------
    seed : int
        Decides connections, noise and delays of rewards.
    dt : time
        The step of the neurons; it divides 1 ms.
    """
    net = Network(seed, dt)
    record = {'spikes': SpikeMonitor(net.cells), 'rewards': net.rewards, 'chosen': StateMonitor(net.chosen, every=1.0 * u.second)}
    return bst.Simulation(net, dt=EXCHANGE, record=record, seed=seed)


SOURCE = 'the published scheme, 2 seeds'  # `izhikevich_2007_reference`
PUBLISHED = {
    'rate': Published('1.24 Hz', SOURCE, 1.12, 1.36, 'Hz', checked=True),
    'minutes until strong': Published('within an hour', 'figure 1', 0.0, 60.0, 'min'),
    'chosen weight, last 10 min': Published('4 mV', 'figure 1', 3.0, 4.0, 'mV'),
    'mean weight of others': Published('0.73 mV', SOURCE, 0.62, 0.88, 'mV', checked=True),
    'others below 0.1 mV': Published('0.32', SOURCE, 0.28, 0.36, 'of all', checked=True),
    'others that are strong': Published('0.040', SOURCE, 0.03, 0.055, 'of all', checked=True),
    'rewards an hour, last 10 min': Published('180 to 280', SOURCE, 120.0, 400.0, checked=True),
}


def describe(weights: np.ndarray, chosen: np.ndarray, rate: float, rewards: np.ndarray) -> dict[str, float]:
    """What `PUBLISHED` speaks of, and how much more often rewards come at the end.

    Parameters
    ----------
    weights : float array, shape (n_synapses,)
        At the end, in mV; the first is that of the chosen synapse.
    chosen : float array, shape (seconds,)
        Its weight in each second, in mV.
    rate : float
        Mean rate of all neurons in Hz.
    rewards : float array
        Their times in seconds.
    """
    last, others = min(600, len(chosen)), weights[1:]
    strong = np.flatnonzero(chosen >= STRONG)
    return {
        'rate': rate,
        'minutes until strong': strong[0] / 60.0 if strong.size else np.nan,
        'chosen weight, last 10 min': float(chosen[-last:].mean()),
        'mean weight of others': float(others.mean()),
        'others below 0.1 mV': float((others < 0.1).mean()),
        'others that are strong': float((others >= STRONG).mean()),
        'rewards an hour, first 10 min': 3600.0 / last * float((rewards < last).sum()),
        'rewards an hour, last 10 min': 3600.0 / last * float((rewards >= len(chosen) - last).sum()),
    }


def summary(simulation: bst.Simulation) -> dict[str, float]:
    """See `describe`."""
    weights = np.asarray(simulation.models[0].weights())
    rate = float(bst.record.mean_firing_rate(simulation['spikes']).to_decimal(u.Hz))
    return describe(weights, np.asarray(simulation['chosen'].values)[:, 0], rate, simulation['rewards'].t.to_decimal(u.second))


def check(simulation: bst.Simulation) -> dict[str, bool]:
    """Whether each published number is found again."""
    return report.holds(PUBLISHED, summary(simulation))


def plot(path: Path, simulation: bst.Simulation) -> None:
    """Figure 1: the last second of spikes, the chosen synapse with its rewards, and the weights of all."""
    spikes, chosen, rewards, end = simulation['spikes'], simulation['chosen'], simulation['rewards'], simulation.t
    minutes = float(end.to_decimal(u.second)) / 60.0
    with report.figure(path, (11, 7)) as canvas:
        (raster, often), (course, weights) = canvas.subplots(2, 2)
        shown = spikes.between(max(end - 1.0 * u.second, 0.0 * u.second), end)
        bst.plots.raster({'E': shown.of(0, EXCITATORY), 'I': shown.of(EXCITATORY, sum(SIZES))}, most=sum(SIZES), ax=raster)
        raster.set(title='Izhikevich 2007, figure 1', xlabel='the last second', xticks=[])
        t, (w, c) = chosen.t.to_decimal(u.second) / 60.0, np.asarray(chosen.values).T
        course.plot(t, w, color=bst.plots.PALETTE[0], label='weight (mV)')
        course.plot(t, c, color='0.6', lw=0.6, zorder=0, label='eligibility (mV)')
        at = rewards.t.to_decimal(u.second) / 60.0
        course.plot(at, np.full(len(at), -0.3), 'x', color=bst.plots.PALETTE[1], ms=3, label='rewards')
        course.set(xlabel='t (min)', xlim=(0, minutes), title='the chosen synapse')
        course.legend(frameon=False)
        width = 5.0
        per_bin = np.histogram(at, np.arange(0.0, minutes + width, width))[0]
        often.stairs(per_bin / width, np.arange(len(per_bin) + 1) * width, color='0.25')
        often.set(xlabel='t (min)', ylabel='rewards a minute', xlim=(0, minutes), ylim=(0, None), title='rewards')
        each = np.asarray(simulation.models[0].weights())
        bst.plots.weights(each[1:], bins=80, name='weight (mV)', ax=weights)
        weights.plot(each[0], 1, 'o', color=bst.plots.PALETTE[1], clip_on=False, label='the chosen one')
        weights.set(yscale='log', ylim=(0.8, None), ylabel='synapses', title=f'after {minutes:g} min')
        weights.legend(frameon=False)


def main() -> None:
    parser = report.common_arguments(__doc__, duration=float(DURATION.to_decimal(u.ms)))
    parser.set_defaults(dt=float(DT.to_decimal(u.ms)))
    options = report.parse(parser)
    bst.environ.set(precision=options.precision)
    clock = report.Stopwatch()
    simulation = build(options.seed, options.dt * u.ms)
    clock.lap('build_s')
    simulation.run(options.duration * u.ms)
    clock.lap('run_s')
    found = summary(simulation)
    rows = [('build, run', f'{clock.timings["build_s"]:.2f}, {clock.timings["run_s"]:.2f} s with compiling')]
    result = {'seed': options.seed, 'dt_ms': options.dt, 'duration_ms': options.duration, **clock.timings, 'found': found}
    result |= {'spikes': len(simulation['spikes']), 'rewards': len(simulation['rewards']), 'peak_rss_mb': report.peak_rss_mb()}
    report.show('Izhikevich 2007', report.comparison(PUBLISHED, found) + rows, result, options)
    if options.plot:
        plot(options.plot, simulation)


if __name__ == '__main__':
    main()
