"""Models and inputs under their older signatures, and files of states."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.compat import brainpy, brainstate
from brainpy_state.compat.brainstate import util

pytestmark = pytest.mark.slow

braintools = pytest.importorskip('braintools')


def test_older_names_of_projections():
    assert brainpy.state.align_post_projection is brainpy.state.AlignPostProj
    assert brainpy.state.align_pre_projection is brainpy.state.AlignPreProj
    assert brainstate.__version__ == brainpy.__version__ == bst.__version__


def test_a_projection_alone_is_initialised():
    post = brainpy.state.LIF(4)
    proj = brainpy.state.align_post_projection(
        comm=brainstate.nn.AllToAll(3, 4, 0.5 * u.mS), syn=brainpy.state.Expon.desc(4), out=brainpy.state.CUBA.desc(), post=post
    )
    brainstate.nn.init_all_states(proj)
    assert proj.syn.g.value.shape == post.V.value.shape == (4,)
    brainstate.nn.init_all_states(proj, 2)


def test_a_threshold_below_the_reset_potential_is_a_warning():
    with pytest.warns(UserWarning, match='V_th = -50 mV must lie above V_reset = 0'):
        neuron = brainpy.state.LIF(2, V_rest=-65 * u.mV, V_th=-50 * u.mV)
    assert brainstate.nn.init_all_states(neuron, 3).V.value.shape == (3, 2)
    with pytest.raises(bst.ParameterError, match='must lie above V_reset'):
        bst.LIF(2, V_rest=-65 * u.mV, V_th=-50 * u.mV)


@pytest.mark.parametrize('name', ['LIFRef', 'ExpIFRef', 'AdExIFRef', 'GifRef', 'IzhikevichRef'])
def test_refractoriness_may_be_asked_for(name):
    model = getattr(brainpy.state, name)
    class_of_ones_own = type('Own', (model,), {})
    for kind in (model, class_of_ones_own):
        with brainstate.environ.context(dt=0.1 * u.ms):
            assert brainstate.nn.init_all_states(kind(3, tau_ref=2.0 * u.ms, ref_var=True)).refractory.value.shape == (3,)


def test_poisson_inputs_to_some_neurons():
    neuron = brainpy.state.LIF(50, V_th=1.0 * u.volt, tau=1e6 * u.ms)
    fast, chosen = neuron.prefetch('V'), np.arange(25)
    drive = brainpy.state.PoissonInput(target=fast, indices=chosen, num_input=100, freq=20.0 * u.Hz, weight=0.1 * u.mV)

    def step(t):
        with brainstate.environ.context(t=t):
            drive()
            brainpy.state.poisson_input(20.0 * u.Hz, 100, 0.2 * u.mV, neuron.V, np.arange(25, 50))
            neuron()

    with brainstate.environ.context(dt=0.1 * u.ms):
        brainstate.nn.init_all_states(neuron)
        brainstate.transform.for_loop(step, u.math.arange(0.0 * u.ms, 100.0 * u.ms, 0.1 * u.ms))
    V = neuron.V.value.to_decimal(u.mV)  # 200 events in a mean neuron
    assert np.mean(V[:25]) == pytest.approx(20, abs=5 * 1.4 / 5) and np.mean(V[25:]) == pytest.approx(40, abs=5 * 2.8 / 5)


def test_refractory_neurons_take_nothing():
    state = brainstate.HiddenState(jnp.zeros(3) * u.mV)
    with brainstate.environ.context(dt=0.1 * u.ms):
        brainpy.state.poisson_input(1e4 * u.Hz, 100, 1.0 * u.mV, state, refractory=jnp.array([True, False, False]))
    assert state.value[0] == 0.0 * u.mV and (state.value[1:] > 0.0 * u.mV).all()


def test_files_keep_states(tmp_path):
    path, model, other = tmp_path / 'states.msgpack', brainstate.nn.Linear(2, 3), brainstate.nn.Linear(2, 3)
    braintools.file.msgpack_save(path, model.states())
    loaded = braintools.file.msgpack_load(path, other.states())
    assert loaded['weight',].value is other.weight.value
    for name, value in model.weight.value.items():
        np.testing.assert_array_equal(other.weight.value[name], value)
    with pytest.raises(ValueError, match="no value for the state \\('bias',\\)"):
        braintools.file.msgpack_load(path, brainstate.StateDictManager({('bias',): brainstate.ParamState(0.0)}))


def test_filters_and_flat_dicts():
    assert util.OfType is util.filter.OfType and issubclass(util.OfType, bst.filter.OfType)
    weights = brainstate.nn.Linear(2, 3).states(util.OfType(brainstate.ParamState))
    assert list(weights) == [('weight',)]
    assert util.FlattedDict({('a', 'b'): 1}).to_nest() == {'a': {'b': 1}}


def test_gap_junctions_by_functions():
    def ring(pre, post):
        return np.arange(2), np.arange(1, 3)

    def run(make):
        cells = brainpy.state.LIF(3, V_th=1.0 * u.volt, V_initializer=lambda shape, **_: jnp.array([10.0, 0.0, 0.0]) * u.mV)
        junction = make(cells)
        net = brainstate.nn.Module()
        net.cells, net.junction = cells, junction
        brainstate.nn.init_all_states(net)
        for _ in range(5):
            net.junction()
            net.cells()
        return cells.V.value.to_decimal(u.mV)

    with brainstate.environ.context(dt=0.1 * u.ms):
        both = run(lambda x: brainpy.state.SymmetryGapJunction(x, 'V', ring, 1.0 * u.siemens))
        forth = run(lambda x: brainpy.state.AsymmetryGapJunction(x, 'V', x, 'V', ring, 1.0 * u.siemens))
        alone = run(lambda x: brainpy.state.SymmetryGapJunction(x, 'V', ring, 0.0 * u.siemens))
    assert both[0] < alone[0] == pytest.approx(forth[0]) and both[1] > 0 and forth[1] > 0
    with pytest.raises(bst.ParameterError, match='couples potentials'):
        brainpy.state.SymmetryGapJunction(brainpy.state.LIF(3), 'spike', ring, 1.0 * u.siemens)
