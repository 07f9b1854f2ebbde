"""Fit an adaptive exponential neuron to a voltage trace, by gradient descent through the simulation.

The trace is made here: that of a neuron with other parameters (Brette & Gerstner 2005, doi:10.1152/jn.00686.2005), under a fluctuating
current. While it is fitted, a neuron is reset when the measured one spikes, not when it comes to the threshold itself. So there is no
jump to differentiate, and each interval is compared from its start: teacher forcing (Williams & Zipser 1989,
doi:10.1162/neco.1989.1.2.270). All first guesses are one population, fitted at the same time. At the end the best one spikes by
itself, under a current that it has not seen.

    python examples/fit_adex_to_a_voltage_trace.py --plot adex_fit.png
"""

import argparse
import time
from pathlib import Path

import brainunit as u
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import brainpy_state as bst

DT, DURATION = 0.1 * u.ms, 400.0 * u.ms
V_TH, V_RESET = -40.0 * u.mV, -70.6 * u.mV  # as the trace shows them
TRUE = {
    'tau': 9.37 * u.ms, 'R': 33.3 * u.Mohm, 'V_rest': -70.6 * u.mV, 'V_T': -50.4 * u.mV, 'delta_T': 2.0 * u.mV,
    'tau_w': 144.0 * u.ms, 'a': 4.0 * u.nS, 'b': 0.0805 * u.nA,
}  # fmt: skip
LOW, HIGH = (5.0, 15.0, -80.0, -58.0, 0.5, 20.0, 0.0, 0.0), (30.0, 80.0, -60.0, -42.0, 5.0, 300.0, 20.0, 0.3)  # in these units
CLOSE = 20  # steps within which two spikes are the same


def current(seed):
    """A current that fluctuates around a mean at which the neuron fires now and then, shape (steps, 1)."""
    noise = bst.nn.init_all_states(bst.OUProcessInput(1, mean=0.65 * u.nA, sigma=0.35 * u.nA, tau=15.0 * u.ms, seed=seed))
    return bst.run(noise, DURATION)


def no_spike(margin):
    """The spike function of a neuron that is reset from outside."""
    return 0.0 * margin


def cell(params):
    """One neuron that spikes by itself."""
    return bst.AdExIF(1, V_th=V_TH, V_reset=V_RESET, spk_reset='hard', **params)


def simulate(neuron, drive, spikes=None):
    """V (mV) and spikes of each step, from rest. With the spikes of a trace, these reset the neuron."""
    bst.nn.init_all_states(neuron)

    def step(x, measured):
        spike = neuron(x)
        if spikes is not None:
            neuron.V.value = u.math.where(measured > 0, V_RESET, neuron.V.value)
            neuron.w.value = neuron.w.value + measured * neuron.b
        return neuron.V.value.to_decimal(u.mV), spike

    return bst.transform.for_loop(step, drive, jnp.zeros(drive.shape[0]) if spikes is None else spikes)


def first_guesses(n, seed):
    """A population of neurons, with parameters drawn from their ranges."""
    rng, params = np.random.default_rng(seed), {}
    for (name, value), low, high in zip(TRUE.items(), LOW, HIGH, strict=True):
        unit = u.get_unit(value)
        first = rng.uniform(0.8 * low + 0.2 * high, 0.2 * low + 0.8 * high, n)
        params[name] = bst.nn.Param(first * unit, t=bst.nn.SigmoidT(low * unit, high * unit))
    return bst.AdExIF(n, V_th=V_TH, V_reset=V_RESET, spk_fun=no_spike, **params)


def fit(neurons, drive, V, spikes, steps):
    """Fit all neurons to one trace. Returns the root mean square error of each (mV) at each step of the optimiser."""
    params = neurons.states(bst.ParamState)
    optimizer = bst.optim.Optimizer(optax.adam(optax.cosine_decay_schedule(0.1, steps)), params)

    def loss():
        found, _ = simulate(neurons, drive, spikes)
        error = jnp.sqrt(jnp.mean((found - V) ** 2, axis=0))
        return error.sum(), error

    def descend():
        slopes, error = bst.transform.grad(loss, params, has_aux=True)()
        optimizer.update(slopes)
        return error

    return np.asarray(bst.transform.jit(lambda: bst.transform.for_loop(descend, length=steps))())


def values(neurons, k):
    """The parameters of neuron k."""
    return {name: getattr(neurons, name)[k] for name in TRUE}


def coincidence(spikes, others):
    """The part of the spikes that both trains have, of all that either has."""
    a, b = (np.flatnonzero(x) for x in (spikes, others))
    hits = sum(np.any(np.abs(b - step) <= CLOSE) for step in a)
    return hits / max(a.size + b.size - hits, 1)


def plot(path, error, measured, before, after, found):
    """How the error falls, the trace beside the first guess and the fit, and the parameters."""
    figure = Figure(figsize=(12, 6), layout='constrained')
    grid = figure.add_gridspec(2, 3)
    trace, curve, bars = figure.add_subplot(grid[0, :]), figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1:])
    t = np.arange(len(measured)) * DT.to_decimal(u.ms)
    trace.plot(t, before, color='#c8401e', lw=0.8, alpha=0.6, label='first guess')
    trace.plot(t, measured, color='0.1', lw=2.2, label='trace')
    trace.plot(t, after, color='#e3a008', lw=1.0, label='fit')
    trace.set(xlabel='time (ms)', ylabel='V (mV)', xlim=(0, t[-1]), title='A current that was not used for the fit')
    trace.legend(frameon=False, ncols=3, loc='upper left', bbox_to_anchor=(0, 1.02))
    curve.semilogy(error, color='0.7', lw=0.8)
    curve.semilogy(error[:, error[-1].argmin()], color='#e3a008', lw=1.8)
    curve.set(xlabel='step of the optimiser', ylabel='error (mV)', title=f'{error.shape[1]} first guesses, fitted at once')
    ratios = [float(found[name] / TRUE[name]) for name in TRUE]
    bars.axhline(1, color='0.1', lw=1, ls='--')
    bars.plot(range(len(TRUE)), ratios, 'o', color='#e3a008')
    names = [f'{name}\n{found[name].to_decimal(u.get_unit(true)):.3g} {u.get_unit(true)}' for name, true in TRUE.items()]
    bars.set_xticks(range(len(TRUE)), names, fontsize=8)
    bars.set(ylabel='fit / true', ylim=(0.8, 1.2), title='Parameters')
    for axis in figure.axes:
        axis.spines[['top', 'right']].set_visible(False)
    figure.savefig(path, dpi=120)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--steps', type=int, default=200, help='of the optimiser')
    parser.add_argument('--guesses', type=int, default=8)
    parser.add_argument('--seed', type=int, default=0, help='of the first guesses')
    parser.add_argument('--plot', type=Path, help='write the figure to this file')
    options = parser.parse_args(arguments)

    bst.environ.set(dt=DT)
    drive, unseen = current(1), current(2)
    V, spikes = simulate(cell(TRUE), drive)
    neurons = first_guesses(options.guesses, options.seed)
    first = [values(neurons, k) for k in range(options.guesses)]
    began = time.perf_counter()
    error = fit(neurons, drive, V, spikes, options.steps)
    seconds = time.perf_counter() - began
    best = int(error[-1].argmin())
    found = values(neurons, best)

    (V, spikes), (before, _), (after, predicted) = (simulate(cell(params), unseen) for params in (TRUE, first[best], found))
    same = coincidence(spikes[:, 0], predicted[:, 0])
    print(f'error          {error[0, best]:.2f} mV, after {options.steps} steps {error[-1, best]:.3f} mV; {seconds:.1f} s')
    for name, true in TRUE.items():
        unit = u.get_unit(true)
        print(f'{name:<14} {found[name].to_decimal(unit):.4g} {unit}, true {true.to_decimal(unit):.4g} {unit}')
    print(f'same spikes    {same:.0%} under another current')
    if options.plot:
        plot(options.plot, error, V[:, 0], before[:, 0], after[:, 0], found)
    return error[-1, best], same


if __name__ == '__main__':
    main()
