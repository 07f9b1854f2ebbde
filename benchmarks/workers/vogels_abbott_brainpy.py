"""Vogels-Abbott network in brainpy's ``brainpy.state``.

The spike raster of a run is kept on the device and read after it, as brainpy's own examples do. Tracing
and compiling happen in the first call: with one repeat they cannot be told apart from the run, and
``compile_s`` is None. brainpy itself
offers fixed out-degree wiring; the pairwise Bernoulli matrices of this network are given to it as
brainevent CSR matrices, or its own wiring is taken with ``--wiring fixed_outdegree``.
"""

import time

START = time.perf_counter()

import brainevent  # noqa: E402
import brainpy.state as bp  # noqa: E402
import brainstate  # noqa: E402
import braintools  # noqa: E402
import brainunit as u  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402
import vogels_abbott_parameters as p  # noqa: E402
from spike_statistics import summarize  # noqa: E402
from worker import emit, parse_options, peak_rss_mb, time_call, time_runs, versions_of  # noqa: E402

IMPORT_S = time.perf_counter() - START


class BernoulliConnection(brainstate.nn.Module):
    """Spikes times a sparse matrix whose entries exist with a fixed probability."""

    def __init__(self, n_pre: int, n_post: int, weight, random: np.random.Generator):
        super().__init__()
        out_degree = random.binomial(n_post, p.CONNECTION_PROBABILITY, n_pre)
        targets = [random.choice(n_post, k, replace=False, shuffle=False) for k in out_degree]
        indices = np.concatenate(targets).astype(np.int32)
        indptr = np.concatenate([[0], np.cumsum(out_degree)]).astype(np.int32)
        self.matrix = brainevent.CSR((weight, indices, indptr), shape=(n_pre, n_post))

    def update(self, spikes):
        return brainevent.BinaryArray(spikes) @ self.matrix


class Network(brainstate.nn.Module):
    """Excitatory and inhibitory projections onto one population."""

    def __init__(self, options):
        super().__init__()
        random = np.random.default_rng(options.seed)
        coba, size = options.synapses == 'coba', options.neurons
        self.n_e, n_i = p.population_sizes(size)
        self.coba = coba
        if coba:
            mean, sd = p.COBA_V_START
            start = braintools.init.Normal(mean * u.mV, sd * u.mV)
            w_e, w_i = p.COBA_W_E * u.mS, p.COBA_W_I * u.mS
            outputs = bp.COBA.desc(E=p.COBA_E_E * u.mV), bp.COBA.desc(E=p.COBA_E_I * u.mV)
        else:
            start = braintools.init.Uniform(p.V_RESET * u.mV, p.V_TH * u.mV)
            w_e, w_i = p.CUBA_W_E * u.mS, p.CUBA_W_I * u.mS
            outputs = bp.CUBA.desc(), bp.CUBA.desc()
        self.neurons = bp.LIFRef(
            size,
            R=1.0 * (u.kohm if coba else u.ohm),
            tau=p.TAU * u.ms,
            tau_ref=p.TAU_REF * u.ms,
            V_rest=(p.COBA_V_REST if coba else p.CUBA_V_REST) * u.mV,
            V_th=p.V_TH * u.mV,
            V_reset=p.V_RESET * u.mV,
            V_initializer=start,
        )
        self.excitatory = self._project(options, self.n_e, w_e, p.TAU_E, outputs[0], random)
        self.inhibitory = self._project(options, n_i, w_i, p.TAU_I, outputs[1], random)

    def _project(self, options, n_pre, weight, tau, output, random):
        if options.wiring == 'bernoulli':
            connection = BernoulliConnection(n_pre, options.neurons, weight, random)
        else:
            connection = brainstate.nn.EventFixedProb(n_pre, options.neurons, p.CONNECTION_PROBABILITY, weight, seed=options.seed)
        return bp.AlignPostProj(
            comm=connection,
            syn=bp.Expon.desc(options.neurons, tau=tau * u.ms),
            out=output,
            post=self.neurons,
        )

    def start(self, seed: int) -> None:
        """Set all states to their start, with the conductances of a running network for COBA."""
        brainstate.random.seed(seed)
        brainstate.nn.reset_all_states(self)
        if not self.coba:
            return
        random = np.random.default_rng(seed)
        for projection, moments in (
            (self.excitatory, p.COBA_G_E_START),
            (self.inhibitory, p.COBA_G_I_START),
        ):
            g = projection.syn.g
            g.value = random.normal(*moments, g.value.shape).astype(np.float32) * u.mS

    def update(self, step):
        """One time step; returns which neurons spike at its end."""
        with brainstate.environ.context(t=step * brainstate.environ.get('dt')):
            spikes = self.neurons.get_spike() != 0.0
            self.excitatory(spikes[: self.n_e])
            self.inhibitory(spikes[self.n_e :])
            self.neurons()
            return self.neurons.get_spike() != 0.0


def main() -> None:
    wiring = {'choices': ('bernoulli', 'fixed_outdegree'), 'default': 'bernoulli'}
    options = parse_options(('--wiring', wiring))
    brainevent.config.set_backend('cpu', 'numba')
    brainstate.environ.set(dt=options.dt * u.ms)
    steps = np.arange(round(options.duration / options.dt))

    start = time.perf_counter()
    network = Network(options)
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
            **summarize(
                senders,
                spike_steps * options.dt,
                *p.population_sizes(options.neurons),
                options.duration,
            ),
            'peak_rss_mb': peak_rss_mb(),
            'wiring': options.wiring,
            'versions': versions_of('brainpy', 'brainpy-state', 'brainstate', 'brainevent', 'jax', 'numba', 'numpy'),
        }
    )


if __name__ == '__main__':
    main()
