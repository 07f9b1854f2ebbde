"""Parameters, regularisers, metrics and gradients under their older names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.compat import brainstate
from brainpy_state.compat.brainstate import mixin, nn, transform, util

pytestmark = pytest.mark.slow

REGULARISERS = sorted(name for name in dir(nn) if name.endswith('Reg'))


@pytest.mark.parametrize('name', REGULARISERS)
def test_regularisers_have_finite_losses_gradients_and_draws(name):
    options = {'GaussianReg': (0.0, 1.0), 'ChainedReg': (nn.L2Reg(0.5),)}.get(name, ())
    reg = getattr(nn, name)(*options)
    with brainstate.random.seed_context(0):
        x = jnp.abs(jnp.asarray(reg.sample_init((3, 2)))) % 0.9 + 0.05
    loss, slope = jax.value_and_grad(lambda x: jnp.asarray(reg.loss(x), float))(x)
    assert np.isfinite(loss) and np.isfinite(slope).all() and np.isfinite(reg.reset_value()).all()


@pytest.mark.parametrize(
    ('reg', 'x', 'loss'),
    [
        (nn.HuberReg(2.0, delta=1.0), [0.5, 3.0], 2 * (0.125 + 2.5)),
        (nn.TotalVariationReg(1.0, order=2), [0.0, 1.0, 4.0], 2.0),
        (nn.GroupLassoReg(1.0, group_size=2), [3.0, 4.0, 0.0, 5.0], 10.0),
        (nn.UniformReg(1.0, -1.0, 1.0), [2.0, 0.0, -3.0], 5.0),
        (nn.MaxNormReg(1.0, 1.0), [3.0, 4.0], 16.0),
        (nn.ElasticNetReg(1.0, 2.0, 0.25), [2.0], 0.5 + 6.0),
    ],
)
def test_losses(reg, x, loss):
    np.testing.assert_allclose(reg.loss(jnp.array(x)), loss, rtol=1e-4)


def test_own_parameters_of_a_regulariser_are_trained():
    reg = nn.HuberReg(fit_hyper=True)
    assert list(reg.states(bst.ParamState)) == [('delta',)] and not nn.HuberReg().states()
    model = nn.Param(jnp.ones(3), reg=reg)
    assert float(model.reg_loss()) == pytest.approx(1.5)
    with pytest.raises(ValueError, match='order = 3 must be 1 or 2'):
        nn.TotalVariationReg(order=3)


def test_parameters():
    kept = nn.Param(jnp.array([0.5, 2.0]), t=nn.SoftplusT(0.0), reg=nn.UniformReg(1.0, 2.0, 4.0))
    assert kept.cache() is kept.value()
    assert kept.cache_stats == {'valid': True, 'has_cached_value': True}
    kept.clip(1.0)
    assert not kept.cache_stats['valid']
    np.testing.assert_allclose(kept.value(), [1, 2], rtol=1e-6)
    kept.reset_to_prior()
    np.testing.assert_allclose(kept.value(), [3, 3], rtol=1e-6)
    assert float(nn.Param(3.0, precompute=lambda x: x**2).value()) == 9
    made = nn.Param.init(lambda size: jnp.ones(size), (2, 3), t=nn.SoftplusT(0.0))
    assert made.value().shape == (2, 3) and isinstance(nn.Param.init(1.0), nn.Const)
    with pytest.raises(ValueError, match=r'the shape \(2,\) of the data does not broadcast to \(3,\)'):
        nn.Param.init(jnp.ones(2), 3)
    with pytest.raises(ValueError, match='a constant is not trained'):
        nn.Const(1.0, fit=True)


@pytest.mark.parametrize(
    't',
    [nn.SoftsignT(-1.0, 2.0), nn.ScaledSigmoidT(-1.0, 2.0, 2.0), nn.OrderedT(), nn.MaskedT(jnp.array([True, False, True]), nn.SoftplusT(0.0)), nn.NegativeT()],
)  # fmt: skip
def test_maps_go_back(t):
    x = jnp.array([-0.5, 0.3, 1.2])
    np.testing.assert_allclose(t.inverse(t.forward(x)), x, rtol=1e-4, atol=1e-5)


def test_shares_add_up():
    y = nn.SimplexT().forward(jnp.array([0.3, -1.0]))
    assert y.shape == (3,) and float(y.sum()) == pytest.approx(1)
    np.testing.assert_allclose(nn.SimplexT().inverse(y), [0.3, -1.0], rtol=1e-4)
    assert float(nn.ExpT(0.0).log_abs_det_jacobian(jnp.array([1.0, 2.0]))) == pytest.approx(3)


def test_metrics():
    labels, predictions = jnp.array([0, 0, 1, 2, 2, 2]), jnp.array([0, 1, 1, 2, 2, 0])
    found = nn.MultiMetric(
        p=nn.PrecisionMetric(3), r=nn.RecallMetric(3, 'micro'), f=nn.F1ScoreMetric(3, 'weighted'), m=nn.ConfusionMatrix(3)
    )
    for part in (slice(0, 2), slice(2, 6)):
        found.update(predictions=predictions[part], labels=labels[part])
    result = found.compute()
    assert float(result['p']) == pytest.approx(2 / 3) and float(result['r']) == pytest.approx(4 / 6)
    assert float(result['f']) == pytest.approx((0.5 * 2 + 2 / 3 + 0.8 * 3) / 6)
    assert result['m'].tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    spread, x = nn.WelfordMetric(), np.arange(10.0)
    spread.update(values=x[:3])
    spread.update(values=x[3:])
    np.testing.assert_allclose([spread.compute().mean, spread.compute().standard_deviation], [x.mean(), x.std()], rtol=1e-6)
    right = nn.AccuracyMetric()
    right.update(logits=jnp.eye(3), labels=jnp.array([0, 1, 1]))
    assert float(right.compute()) == pytest.approx(2 / 3)
    right.reset()
    assert np.isnan(right.compute())


def test_gradients_are_clipped_together():
    clipped, norm = nn.clip_grad_norm({'a': jnp.array([3.0]), 'b': jnp.array([4.0])}, 1.0, return_norm=True)
    assert float(norm) == 5 and float(clipped['a'][0]) == pytest.approx(0.6)
    assert nn.clip_grad_norm([jnp.array([-3.0])], 1.5, 'inf')[0].tolist() == [-1.5]


class Cell(nn.Module):
    def init_state(self):
        self.h = bst.ShortTermState(brainstate.random.rand(2))
        self.n = bst.ShortTermState(jnp.zeros(()))

    def update(self, x):
        self.n.value += 1
        self.h.value = self.h.value + x
        return self.h.value.sum()


def test_lanes_by_filters():
    cell = Cell()
    states = transform.vmap2_new_states(cell, {}, axis_size=3)
    assert cell.h.value.shape == (3, 2) and len(states[0]) == 2
    before = cell.h.value
    transform.vmap2(cell, state_in_axes={0: util.filter.OfType(bst.ShortTermState)})(jnp.arange(3.0))
    np.testing.assert_allclose(cell.h.value - before, [[0, 0], [1, 1], [2, 2]], atol=1e-6)
    transform.vmap2(cell)(jnp.zeros(3))
    assert cell.n.value.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match='declare states that get a lane axis in state_out_axes'):
        transform.vmap2(cell, unexpected_out_state_mapping='warn')
    ensemble = nn.Map(Cell(), 4)
    ensemble.init_all_states()
    assert ensemble(jnp.ones(4)).shape == (4,)
    assert nn.Vmap(nn.Linear(2, 3))(jnp.ones((5, 2))).shape == (5, 3)


def test_functions_are_looked_at():
    total, gain = bst.State(jnp.zeros(())), bst.ParamState(2.0)

    def step(x):
        total.value += gain.value * x

    finder = transform.StateFinder(step, usage='both', return_type='list')
    assert finder(1.0) == {'read': [gain], 'write': [total]}
    compiled = transform.jit(step, name='named')
    assert compiled.__name__ == 'named' and compiled.origin_fun is step and compiled.compile(1.0) is not None
    assert total.value == 0 and compiled.eval_shape(1.0) is None
    with pytest.raises(ValueError, match=r'in_shardings is not supported; put arguments on devices with jax\.device_put'):
        transform.jit(step, in_shardings=1)

    @transform.named_scope('power', static_argnums=-1)
    def power(x, n):
        return x**n

    assert float(power(jnp.array(2.0), 3)) == 8 and power.__name__ == 'power'


def test_dicts_by_nested_keys():
    nested = brainstate.graph.treefy_states(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)))
    assert list(nested.to_flat()) == [('layers', 0, 'weight'), ('layers', 1, 'weight')] and nested.to_flat().to_nest() == nested
    params, rest = nested.split(bst.ParamState, ...)
    assert not rest and jax.tree.structure(params) == jax.tree.structure(nested)
    assert util.merge_dicts({'a': {'b': 1}}, {'a': {'c': 2}}) == util.unflatten_dict({'a.b': 1, 'a.c': 2})


def test_types_and_modes():
    class A: ...

    class B: ...

    class AB(A, B): ...

    assert isinstance(AB(), mixin.JointTypes[A, B]) and not isinstance(A(), mixin.JointTypes(A, B))
    assert isinstance(A(), mixin.OneOfTypes[A, B]) and mixin.JointTypes[A, B] == mixin.JointTypes[B, A]
    both = mixin.JointMode(mixin.Training(), mixin.Batching(32))
    assert both.has(mixin.Training) and not both.is_a(mixin.Training) and both.batch_size == 32

    class Sized(mixin.ParamDesc):
        def __init__(self, size, rate=0.1):
            self.size, self.rate = size, rate

    assert Sized.desc(3)(rate=0.5).rate == 0.5 and Sized.desc(3).identifier[0] is Sized


def test_several_variables_in_one_state():
    import brainunit as u

    state = brainstate.HiddenTreeState({'v': jnp.ones(3) * u.mV, 'i': jnp.zeros(3) * u.mA})
    state.set_value({'i': jnp.ones(3) * u.uA})
    assert state.get_value('i')[0] == 1e-3 * u.mA and state.get_value(0)[0] == 1 * u.mV and state.varshape == (3,)
    with pytest.raises(ValueError, match='there is no variable 5'):
        state.set_value({5: jnp.ones(3)})
    group = brainstate.HiddenGroupState(jnp.zeros((3, 2)))
    group.set_value([jnp.ones(3), jnp.ones(3)])
    assert group.value.sum() == 6
    with brainstate.StateTraceStack() as stack:
        group.value = group.value * 2
    stack.recovery_original_values()
    assert group.value.sum() == 6 and stack.been_writen == [True]


def test_first_values():
    init = nn.init
    assert init.Normal(1.0, 2.0, seed=1)((3,)).tolist() == init.Normal(1.0, 2.0, seed=1)((3,)).tolist()
    x = init.KaimingNormal(seed=0)((400, 50))
    assert float(x.std()) == pytest.approx(np.sqrt(2 / 400), rel=0.02)  # 3 standard errors
    np.testing.assert_allclose(init.Orthogonal(seed=0)((3, 3)) @ init.Orthogonal(seed=0)((3, 3)).T, np.eye(3), atol=1e-5)
    assert init.param(init.ZeroInit(), 3, batch_size=2).shape == (2, 3) and init.calculate_init_gain('relu') == pytest.approx(2**0.5)
    with pytest.raises(ValueError, match='mode is one of'):
        init.VarianceScaling(1.0, 'fan', 'normal')


def test_settings_call_what_is_registered():
    seen = []
    brainstate.environ.register_default_behavior('mine', seen.append)
    try:
        with brainstate.environ.context(mine=1):
            pass
        assert seen == [1] and brainstate.environ.list_registered_behaviors() == ['mine']
        with pytest.raises(ValueError, match='there is one for .mine. already'):
            brainstate.environ.register_default_behavior('mine', print)
    finally:
        assert brainstate.environ.unregister_default_behavior('mine')


def test_methods_in_lanes():
    cell = nn.MGUCell(2, 3)
    nn.vmap_call_all_fns(cell, 'init_state', fn_if_not_exist='pass', axis_size=4)
    cell.h.value += 1
    nn.vmap_reset_all_states(cell, axis_size=4)
    assert cell.h.value.shape == (4, 3) and (cell.h.value == 0).all()
    with pytest.raises(ValueError, match='axis_size must be a positive integer, but is 0'):
        nn.vmap_call_all_fns(cell, 'init_state', axis_size=0)
