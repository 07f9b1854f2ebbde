"""The derivative through every projection, with every kind of delay, equals central differences of the smoothed program."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import COBA, AlignPreProj, Expon, GapJunction
from brainpy_state.nn import ClipT, Param

from .smoothed import Program, Spike, agree, derivatives, public

pytestmark = pytest.mark.usefixtures('x64')

PRE, POST, STEPS = 4, 3, 30
RNG = np.random.default_rng(4)
RANGE = ClipT(0.0 * u.ms, 1.0 * u.ms)
SPIKES = (RNG.random((STEPS, PRE)) < 0.3).astype(float)


def between(shape):
    return Param(np.random.default_rng(7).uniform(0.02, 0.95, shape) * u.ms, t=RANGE)


DELAYS = {
    'no delay': lambda n: None,
    'one': lambda n: 0.3 * u.ms,
    'each source': lambda n: np.arange(PRE) * 0.1 * u.ms,
    'each synapse': lambda n: np.arange(n) % 8 * 0.1 * u.ms,
    'trained one': lambda n: between(()),
    'trained each source': lambda n: between(PRE),
    'trained each synapse': lambda n: between(n),
}


def lif(size, spike, trained):
    """A neuron that fires, with trained parameters and first potential."""
    first = np.linspace(0.0, 0.9, size)
    trained |= {'tau': bst.ParamState(3.0 * u.ms), 'V': bst.ParamState(jnp.asarray(first) * u.mV)}
    return bst.LIF(size, spk_fun=spike, tau=trained['tau'], V_initializer=trained['V'], tau_ref=0.3 * u.ms)


def project(kind, post, delay, comm, **options):
    """A projection, and its trained parameters."""
    options = {'comm': comm, 'post': post, 'delay': delay, **options}
    if kind in ('AlignPostProj', 'AlignPreProj'):
        tau, E = bst.ParamState(1.5 * u.ms), bst.ParamState(8.0 * u.mV)
        syn = Expon.desc(tau=tau, g_initializer=0.0 * (u.siemens if kind == 'AlignPostProj' else u.UNITLESS))
        return getattr(bst, kind)(syn=syn, out=COBA.desc(E=E), **options), {'tau_syn': tau, 'E': E}
    return getattr(bst, kind)(**options), {}


WEIGHTS = {'AlignPostProj': u.siemens, 'AlignPreProj': u.siemens, 'DeltaProj': u.mV, 'CurrentProj': u.mA}


def network(kind, form, listed, stp=False):
    """Two populations and what leads from the first to the second; or, with short-term plasticity, from given spikes."""
    spike, states, net = Spike(), {}, bst.nn.Module()
    weight = bst.ParamState(jnp.asarray(np.random.default_rng(3).normal(0.3, 0.5, PRE * POST)) * WEIGHTS[kind])
    pairs = list(np.ndindex(PRE, POST))
    sources, targets = zip(*pairs, strict=True)
    comm = bst.explicit_edges(PRE, POST, sources, targets, weight=weight) if listed else bst.all_to_all(PRE, POST, weight=weight)
    of_pre, of_post = {}, {}
    if not stp:
        net.pre = lif(PRE, spike, of_pre)
    net.post = lif(POST, spike, of_post)
    delay, options = DELAYS[form](PRE * POST), {}
    if stp:
        states['U'] = bst.ParamState(0.4)
        options['stp'] = bst.STP.desc(U=states['U'], tau_f=5.0 * u.ms, tau_d=3.0 * u.ms)
    net.proj, more = project(kind, net.post, delay, comm, **options)
    states |= {'weight': weight, 'drive': bst.ParamState(1.5 * u.mA), **more}
    states |= {f'pre {key}': x for key, x in of_pre.items()} | {f'post {key}': x for key, x in of_post.items()}
    if isinstance(delay, Param):
        states['delay'] = delay.val

    def step(x):
        graded = kind == 'CurrentProj' and not stp
        net.proj(x[:PRE] if stp else net.pre.V.value.to_decimal(u.mV) if graded else net.pre.get_spike())
        results = [net.post(states['drive'].value), net.post.V.value]
        return results if stp else [*results, net.pre(states['drive'].value * x[:PRE]), net.pre.V.value]

    return Program(
        net, step, jnp.asarray(SPIKES if stp else 1 + 0.5 * np.sin(np.add.outer(np.arange(STEPS), np.arange(PRE)))), spike
    ), states


LISTED = 'no delay', 'each synapse', 'trained each synapse'  # of single delays, a list of synapses knows nothing
CASES = [(kind, form, listed) for kind in WEIGHTS for form in DELAYS for listed in (True, False) if form in LISTED or not listed]
CASES = CASES[:10] + CASES[10::2]  # all of one kind, and each form with two others


def test_every_kind_of_projection_is_here():
    assert set(public(bst.projections.Projection)) == set(WEIGHTS)


@pytest.mark.slow
@pytest.mark.parametrize(('kind', 'form', 'listed'), CASES, ids=['-'.join([k, f, 'listed' if x else 'all pairs']) for k, f, x in CASES])
def test_every_projection(kind, form, listed, dt, monkeypatch):
    check(*(network(kind, form, listed) for _ in range(2)), monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize(('kind', 'form'), [*dict.fromkeys(WEIGHTS, 'each source').items(), ('DeltaProj', 'trained each synapse')])
def test_with_short_term_plasticity(kind, form, dt, monkeypatch):
    check(*(network(kind, form, True, stp=True) for _ in range(2)), monkeypatch)


def check(one, other, monkeypatch):
    """Two equal networks, since a model keeps its programs: the states of one are used in both."""
    (program, states), (twin, copies) = one, other
    found, results = derivatives(program, twin, states, monkeypatch, copies)
    assert all(np.sum(results[k]) > 0 for k in (0, *range(2, len(results), 2)))  # both populations fire
    agree(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('syn', 'form'),
    [('AMPA', 'no delay'), ('AMPA', 'each source'), ('AMPA', 'trained each synapse'), ('GABAa', 'no delay'), ('BioNMDA', 'no delay')],
)
def test_saturating_synapses_at_the_source(syn, form, dt, monkeypatch):
    post, delay = bst.LIF(POST, tau=2.0 * u.ms, V_th=1000.0 * u.mV, detach_reset=True), DELAYS[form](PRE * POST)
    weight, g_max, E = bst.ParamState(jnp.linspace(0.1, 1.0, PRE * POST)), bst.ParamState(3.0 * u.siemens), bst.ParamState(8.0 * u.mV)
    offset = bst.ParamState(1.0 * u.mV)
    proj = AlignPreProj(
        comm=bst.all_to_all(PRE, POST, weight=weight), syn=getattr(bst, syn).desc(g_max=g_max), delay=delay, post=post,
        out=bst.MgBlock.desc(E=E, V_offset=offset),
    )  # fmt: skip
    net = bst.nn.Module()
    net.post, net.proj = post, proj
    states = {'weight': weight, 'g_max': g_max, 'E': E, 'offset': offset} | ({'delay': delay.val} if isinstance(delay, Param) else {})

    def step(x):
        proj(x)
        post()
        return [post.V.value]

    program = Program(net, step, jnp.asarray(SPIKES), Spike())
    agree(derivatives(program, program, states, monkeypatch)[0])


@pytest.mark.slow
@pytest.mark.parametrize('symmetric', [True, False])
def test_gap_junctions(symmetric, dt, monkeypatch):
    def build():
        spike, states, net = Spike(), {'drive': bst.ParamState(1.5 * u.mA)}, bst.nn.Module()
        of_pre, of_post = {}, {}
        net.pre, net.post = lif(PRE, spike, of_pre), lif(POST, spike, of_post)
        states['weight'] = bst.ParamState(jnp.linspace(0.01, 0.2, PRE * POST) * u.siemens)
        net.gap = GapJunction(net.pre, net.post, bst.all_to_all(PRE, POST, weight=states['weight']), symmetric=symmetric)
        states |= {f'pre {key}': x for key, x in of_pre.items()} | {f'post {key}': x for key, x in of_post.items()}

        def step(x):
            net.gap()
            return [net.post(states['drive'].value), net.post.V.value, net.pre(states['drive'].value * x), net.pre.V.value]

        return Program(net, step, jnp.ones((STEPS, PRE)), spike), states

    check(build(), build(), monkeypatch)
