"""Projections whose synapses have delays of their own deliver into one ring of their receptor."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import CUBA, LIF, AlignPostProj, Connection, Expon, ParameterError, UnitError, all_to_all

TAU = 5.0
DECAY = np.exp(-0.1 / TAU)


def projection(post, weight, steps, pre=1, tau=TAU):
    """All to all, with these delays in steps."""
    delay = np.asarray(steps) * 0.1 * u.ms
    synapse = Expon.desc(tau=tau * u.ms, g_initializer=0.0 * u.pA)
    return AlignPostProj(
        comm=all_to_all(pre, post.varshape[0], weight=weight), syn=synapse, out=CUBA.desc(scale=1.0), post=post, delay=delay
    )


def conductance(net, post, sent, steps=20):
    """The conductance that acts in each step, where projection k sends in the steps ``sent[k]``, and is called only then."""
    found = []
    for i in range(steps):
        for proj, when in zip(net, sent, strict=True):
            if i in when:
                proj(jnp.ones(1))
        before = np.asarray(post.receptors[0].syn.g.value.to_decimal(u.pA))
        post()
        after = np.asarray(post.receptors[0].syn.g.value.to_decimal(u.pA)) / DECAY
        assert (after >= before - 1e-5).all()
        found.append(after)
    return np.array(found)


def filtered(arrivals, steps=20):
    """What arrives, as {step: (value for each target)}, through the synapse."""
    g, found = np.zeros(2), []
    for i in range(steps):
        g = g + np.asarray(arrivals.get(i, (0.0, 0.0)))
        found.append(g)
        g = g * DECAY
    return np.array(found)


@pytest.fixture
def post(dt):
    return LIF(2, V_th=1e6 * u.mV, R=1.0 * u.Mohm)


def test_the_ring_is_as_long_as_the_longest_delay_of_all(post):
    short, long = projection(post, 1.0 * u.pA, [2, 3]), projection(post, 1.0 * u.pA, [7, 0])
    bst.nn.init_all_states([short, long, post])
    assert short.line.ring is long.line.ring is post.receptors[0].ring
    assert post.receptors[0].ring.waiting.value.shape == (8, 2)
    assert [x.line.slots.indices.tolist() for x in (short, long)] == [[2 * 2, 3 * 2 + 1], [7 * 2, 1]]


def test_another_receptor_has_a_ring_of_its_own(post):
    one, other = projection(post, 1.0 * u.pA, [2, 3]), projection(post, 1.0 * u.pA, [7, 0], tau=3.0)
    assert one.line.ring is not other.line.ring


@pytest.mark.slow
def test_each_arrives_after_its_own_delays_also_from_steps_in_which_others_send_nothing(post):
    net = [projection(post, 1.0 * u.pA, [2, 3]), projection(post, 10.0 * u.pA, [7, 0])]
    bst.nn.init_all_states([net, post])
    found = conductance(net, post, [(0, 9), (4,)])
    expected = filtered({2: (1, 0), 3: (0, 1), 4: (0, 10), 9 + 2: (11, 0), 9 + 3: (0, 1)})
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_spikes_of_several_calls_before_the_target_add_up(post):
    proj = projection(post, 1.0 * u.pA, [2, 3])
    bst.nn.init_all_states([proj, post])
    found = conductance([proj, proj], post, [(0,), (0,)])
    np.testing.assert_allclose(found, filtered({2: (2, 0), 3: (0, 2)}), rtol=1e-5, atol=1e-6)


def test_units_of_one_kind_may_differ(post):
    net = [projection(post, 1.0 * u.pA, [1, 1]), projection(post, 2e-3 * u.nA, [1, 2])]
    bst.nn.init_all_states([net, post])
    found = conductance(net, post, [(0,), (0,)])
    np.testing.assert_allclose(found, filtered({1: (3, 1), 2: (0, 2)}), rtol=1e-5, atol=1e-6)


def test_a_weight_of_another_kind_names_projection_and_units(post):
    proj = projection(post, 1.0 * u.nS, [2, 3])
    bst.nn.init_all_states([proj, post])
    with pytest.raises(UnitError, match='AlignPostProj.*: weight = .* has the unit nS, but needs one like pA'):
        proj(jnp.ones(1))


def test_places_are_found_once_for_each_dt(post):
    proj = AlignPostProj(
        comm=all_to_all(1, 2, weight=1.0 * u.pA), syn=Expon.desc(g_initializer=0.0 * u.pA), out=CUBA.desc(scale=1.0), post=post,
        delay=[0.2, 0.4] * u.ms,
    )  # fmt: skip
    bst.nn.init_all_states([proj, post])
    first = proj.line.slots
    bst.nn.init_all_states([proj, post])
    assert proj.line.slots is first
    with bst.environ.context(dt=0.2 * u.ms):
        bst.nn.init_all_states([proj, post])
    assert proj.line.slots.indices.tolist() == [1 * 2, 2 * 2 + 1]


def test_delays_that_were_drawn_share_it_too(post):
    # a rule has put the synapses in the order of their delays
    comm = Connection(all_to_all(1, 2, weight=1.0).structure, 1.0 * u.pA, delay_steps=np.array([2, 4], np.uint8))
    synapse = Expon.desc(tau=TAU * u.ms, g_initializer=0.0 * u.pA)
    net = [AlignPostProj(comm=comm, syn=synapse, out=CUBA.desc(scale=1.0), post=post), projection(post, 1.0 * u.pA, [2, 9])]
    bst.nn.init_all_states([net, post])
    found = conductance(net, post, [(0,), (0,)])
    np.testing.assert_allclose(found, filtered({2: (2, 0), 4: (0, 1), 9: (0, 1)}), rtol=1e-5, atol=1e-6)


def test_too_many_places_are_an_error(dt):
    post = LIF(1 << 16)
    comm = Connection(bst.event.CSR.from_pairs([0, 0], [5, 6], (1, 1 << 16)), 1.0 * u.pA)
    synapse = Expon.desc(g_initializer=0.0 * u.pA)
    proj = AlignPostProj(comm=comm, syn=synapse, out=CUBA.desc(scale=1.0), post=post, delay=[0.1, 3276.7] * u.ms)
    with pytest.raises(ParameterError, match=r'32768 steps of delay onto 65536 neurons are more than 2\*\*31 places'):
        bst.nn.init_all_states([proj, post])
