"""What projections and inputs need is allocated by `init_all_states`; before that, the error says so."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state._errors import StateNotInitializedError
from brainpy_state.nn import init_all_states


def comm(weight):
    return bst.one_to_one(2, 2, weight=weight)


ADDED = {
    'jumps': lambda post: bst.DeltaProj(comm=comm(1.0 * u.mV), post=post),
    'jumps after a delay': lambda post: bst.DeltaProj(comm=comm(1.0 * u.mV), post=post, delay=0.1 * u.ms),
    'jumps after many delays': lambda post: bst.DeltaProj(
        comm=bst.all_to_all(2, 2, weight=1.0 * u.mV), post=post, delay=np.full(4, 0.1) * u.ms
    ),
    'jumps after plasticity': lambda post: bst.DeltaProj(comm=comm(1.0 * u.mV), post=post, stp=bst.STP.desc()),
    'a synapse at the target': lambda post: bst.AlignPostProj(
        comm=comm(1.0 * u.mS), syn=bst.Expon.desc(), out=bst.CUBA.desc(), post=post
    ),
    'a synapse at the source': lambda post: bst.AlignPreProj(comm=comm(1.0), syn=bst.AMPA.desc(), out=bst.COBA.desc(), post=post),
    'a current': lambda post: bst.CurrentProj(comm=comm(1.0 * u.mA), post=post),
    'a gap junction': lambda post: bst.GapJunction(post, post, comm(1.0 * u.siemens)),
    'random input': lambda post: bst.PoissonInput(post, 1, 1.0 * u.Hz, 1.0 * u.mV),
}  # fmt: skip


def deliver(source):
    return source() if isinstance(source, (bst.GapJunction, bst.PoissonInput)) else source(jnp.ones(2))


@pytest.mark.slow
@pytest.mark.parametrize('add', ADDED.values(), ids=ADDED)
def test_what_is_added_to_an_initialised_model_needs_it_initialised_again(add, dt):
    post = init_all_states(bst.LIF(2, name='N'))
    source = add(post)
    for call in (lambda: deliver(source), post):
        with pytest.raises(StateNotInitializedError, match=r'is not allocated yet; call .*init_all_states\(model\).* again if') as error:
            call()
        assert 'owner' not in str(error.value)
    init_all_states([source, post])
    deliver(source), post()


def test_an_invisible_attribute_is_not_a_place_in_the_tree():
    post = bst.LIF(2)
    projection = ADDED['a current'](post)
    assert post.label == 'LIF'
    assert projection.receptor.label == "Arrival 'receptors.0'"  # where the neuron has it


class Open(bst.nn.Dynamics):
    """Keeps no conductance."""

    s = bst.nn.Variable(0.0, 'fraction of open channels')

    def update(self, x):
        return self.s.value


def test_a_synapse_at_the_source_must_keep_its_conductance_in_g():
    post = bst.LIF(2)
    projection = bst.AlignPreProj(comm=comm(1.0 * u.mS), syn=Open(2), out=bst.COBA.desc(), post=post, name='E')
    with pytest.raises(
        TypeError, match="AlignPreProj 'E': syn must keep what it gives, its conductance, in a state g, but Open.* has none"
    ):
        init_all_states([projection, post])
