"""A run in brainpy's ``brainpy.state``, whatever the network.

The spike raster of a run is kept on the device and read after it, as brainpy's own examples do. Tracing
and compiling happen in the first call: with one repeat they cannot be told apart from the run, and
``compile_s`` is None. brainpy itself offers fixed out-degree wiring; the pairwise Bernoulli matrices of
these networks are given to it as brainevent CSR matrices, or its own wiring is taken with
``--wiring fixed_outdegree``.
"""

import time
from collections.abc import Callable

START = time.perf_counter()

import brainevent  # noqa: E402
import brainpy.state as bp  # noqa: E402
import brainstate  # noqa: E402
import braintools  # noqa: E402
import brainunit as u  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402
from spike_statistics import summarize  # noqa: E402
from worker import Option, emit, parse_options, peak_rss_mb, population_sizes, time_call, time_runs, versions_of  # noqa: E402

IMPORT_S = time.perf_counter() - START
WIRING = ('--wiring', {'choices': ('bernoulli', 'fixed_outdegree'), 'default': 'bernoulli'})


class BernoulliConnection(brainstate.nn.Module):
    """Spikes times a sparse matrix whose entries exist with a fixed probability."""

    def __init__(self, n_pre: int, n_post: int, probability: float, weight, random: np.random.Generator):
        super().__init__()
        out_degree = random.binomial(n_post, probability, n_pre)
        targets = [random.choice(n_post, k, replace=False, shuffle=False) for k in out_degree]
        indices = np.concatenate(targets).astype(np.int32)
        indptr = np.concatenate([[0], np.cumsum(out_degree)]).astype(np.int32)
        self.matrix = brainevent.CSR((weight, indices, indptr), shape=(n_pre, n_post))

    def update(self, spikes):
        return brainevent.BinaryArray(spikes) @ self.matrix


class BalancedNetwork(brainstate.nn.Module):
    """Excitatory and inhibitory projections onto one population, whose first neurons excite.

    ``excitatory`` and ``inhibitory`` are a weight, a time constant, an output, and the mean and standard
    deviation of the conductances at the start, or None for none.
    """

    def __init__(self, options, neurons: bp.Neuron, probability: float, excitatory: tuple, inhibitory: tuple):
        super().__init__()
        random = np.random.default_rng(options.seed)
        self.n_e, n_i = population_sizes(options.neurons)
        self.neurons = neurons
        self.g_start = excitatory[3], inhibitory[3]
        self.excitatory = self._project(options, self.n_e, probability, *excitatory[:3], random)
        self.inhibitory = self._project(options, n_i, probability, *inhibitory[:3], random)

    def _project(self, options, n_pre, probability, weight, tau, output, random):
        if options.wiring == 'bernoulli':
            connection = BernoulliConnection(n_pre, options.neurons, probability, weight, random)
        else:
            connection = brainstate.nn.EventFixedProb(n_pre, options.neurons, probability, weight, seed=options.seed)
        return bp.AlignPostProj(
            comm=connection,
            syn=bp.Expon.desc(options.neurons, tau=tau, g_initializer=braintools.init.Constant(0.0 * u.get_unit(weight))),
            out=output,
            post=self.neurons,
        )

    def start(self, seed: int) -> None:
        """Set all states to their start."""
        brainstate.random.seed(seed)
        brainstate.nn.reset_all_states(self)
        random = np.random.default_rng(seed)
        for projection, moments in zip((self.excitatory, self.inhibitory), self.g_start, strict=True):
            if moments is not None:
                g = projection.syn.g
                g.value = random.normal(*moments, g.value.shape).astype(np.float32) * u.get_unit(g.value)

    def update(self, step):
        """One time step; returns which neurons spike at its end."""
        with brainstate.environ.context(t=step * brainstate.environ.get('dt')):
            spikes = self.neurons.get_spike() != 0.0
            self.excitatory(spikes[: self.n_e])
            self.inhibitory(spikes[self.n_e :])
            self.neurons()
            return self.neurons.get_spike() != 0.0


def main(build: Callable, neurons: int, *extra: Option) -> None:
    """Simulate the network that ``build(options)`` gives, with all spikes recorded."""
    options = parse_options(neurons, WIRING, *extra)
    brainevent.config.set_backend('cpu', 'numba')
    brainstate.environ.set(dt=options.dt * u.ms)
    steps = np.arange(round(options.duration / options.dt))

    start = time.perf_counter()
    network = build(options)
    brainstate.nn.init_all_states(network)
    network.start(options.seed)
    build_s = time.perf_counter() - start

    simulate = brainstate.transform.jit(lambda indices: brainstate.transform.for_loop(network.update, indices))
    rasters = []

    def run() -> float:
        if rasters:
            network.start(options.seed)
        seconds = time_call(lambda: rasters.append(jax.block_until_ready(simulate(steps))))
        del rasters[:-1]
        return seconds

    times = time_runs(run, options.repeats)
    alone = options.repeats == 1
    compile_s = None if alone else times['first_run_s'] - times['run_s']
    spike_steps, senders = np.nonzero(np.asarray(rasters[-1]))
    emit(
        {
            'import_s': IMPORT_S,
            'build_s': build_s,
            'compile_s': compile_s,
            **times,
            **summarize(senders, spike_steps * options.dt, *population_sizes(options.neurons), options.duration),
            'peak_rss_mb': peak_rss_mb(),
            'wiring': options.wiring,
            'versions': versions_of('brainpy', 'brainpy-state', 'brainstate', 'brainevent', 'jax', 'numba', 'numpy'),
        }
    )
