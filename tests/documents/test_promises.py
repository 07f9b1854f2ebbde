"""What the documents of this folder say in prose, without code that shows it."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst


class Leaky(bst.nn.Module):
    """A trainable time constant and a state that init_state makes."""

    def __init__(self):
        self.tau = bst.ParamState(4.0 * u.ms)

    def init_state(self, batch_size=None):
        self.v = bst.ShortTermState(jnp.zeros((2,) if batch_size is None else (batch_size, 2)) * u.mV)

    def update(self, x=16.0 * u.mV):
        self.v.value = self.v.value + (x - self.v.value) / self.tau.value * bst.environ.get_dt()
        return self.v.value


@pytest.fixture
def model():
    with bst.environ.context(dt=1.0 * u.ms):
        yield bst.nn.init_all_states(Leaky())


def mV(x):
    return np.asarray(x.to_decimal(u.mV)).tolist()


# state management


def test_random_states_stand_beside_the_other_kinds_and_hold_a_raw_key():
    assert bst.RandomState is bst.random.RandomState
    assert issubclass(bst.RandomState, bst.State)
    key = bst.RandomState(0).value
    assert (key.shape, key.dtype) == ((2,), np.uint32)


# the state model


def test_a_write_may_change_the_shape_unless_it_is_checked():
    s = bst.State(jnp.zeros(10))
    s.value = jnp.zeros(3)
    with bst.check_state_value_tree(signature=True), pytest.raises(ValueError, match=r'float32\[3\].*float32\[4\]'):
        s.value = jnp.zeros(4)
    assert s.value.shape == (3,)


def test_a_compiled_loop_never_lets_a_state_change_its_shape():
    s = bst.State(jnp.zeros(1), name='grows')

    def grow():
        s.value = jnp.concatenate([s.value, s.value])

    with pytest.raises(bst.BrainStateError, match=r"'grows' changes inside the loop from float32\[1\] to float32\[2\]"):
        bst.transform.for_loop(grow, length=3)
    assert s.value.shape == (1,)


@pytest.mark.parametrize('raw', [jax.jit, jax.vmap, jax.grad], ids=lambda f: f.__name__)
def test_a_raw_jax_transform_cannot_write_a_state(raw):
    s = bst.State(jnp.zeros(()))

    def step(x):
        s.value = s.value + x
        return jnp.sum(s.value)

    with pytest.raises(bst.TraceContextError, match=r'brainpy_state\.transform\.jit\(step\)'):
        raw(step)(jnp.ones(2) if raw is jax.vmap else 1.0)
    assert s.value == 0


def test_nor_can_one_that_is_called_by_a_compiled_function():
    s = bst.State(jnp.zeros(()))

    def step(x):
        s.value = s.value + x

    with pytest.raises(bst.TraceContextError, match='inside a raw JAX transform'):
        bst.transform.jit(lambda x: jax.jit(step)(x))(1.0)
    assert s.value == 0


def test_a_state_that_leaves_its_trace_cannot_be_read():
    escaped = []
    bst.transform.jit(lambda x: escaped.append(bst.State(x)))(1.0)
    with pytest.raises(bst.TraceContextError, match='created inside'):
        escaped[0].value


def test_a_split_and_merged_model_has_states_of_its_own_that_can_be_used_at_once(model):
    @bst.transform.jit
    def step_of_a_copy(n):
        copy = bst.graph.treefy_merge(*bst.graph.treefy_split(model))
        for _ in range(2):
            copy()
        return copy.v.value * n

    assert mV(step_of_a_copy(2.0)) == [14.0, 14.0]
    copy = bst.graph.treefy_merge(*bst.graph.treefy_split(model))
    assert mV(bst.transform.jit(copy)()) == [4.0, 4.0]
    assert mV(model.v.value) == [0.0, 0.0]


def test_hooks_see_each_operation_of_one_state():
    seen = []
    s = bst.State(1.0)
    for kind in ('read', 'write_before', 'write_after', 'restore'):
        s.register_hook(kind, lambda ctx, kind=kind: seen.append(kind))
    s.value = 2.0
    s.value
    s.restore_value(3.0)
    assert seen == ['write_before', 'write_after', 'read', 'restore']


def test_hooks_of_every_state_see_states_being_made():
    made = []
    handle = bst.register_state_hook('init', lambda ctx: made.append(ctx.state_name))
    bst.State(0.0, name='a')
    handle.remove()
    bst.State(0.0, name='b')
    assert made == ['a']


def test_a_hook_before_a_write_may_replace_cancel_or_refuse_the_value():
    s = bst.State(0.5)

    def replace(ctx):
        ctx.transformed_value = min(ctx.value, 1.0)

    with s.temporary_hook('write_before', replace):
        s.value = 3.0
    assert s.value == 1.0

    def cancel(ctx):
        ctx.cancel, ctx.cancel_reason = True, 'frozen'

    with s.temporary_hook('write_before', cancel), pytest.raises(bst.HookCancellationError, match='frozen'):
        s.value = 2.0

    def refuse(ctx):
        if ctx.value < 0:
            raise ValueError('negative')

    with s.temporary_hook('write_before', refuse), pytest.raises(ValueError, match='negative'):
        s.value = -1.0
    assert s.value == 1.0


# the state paradigm


@pytest.mark.parametrize('batch_size', [None, 3])
def test_a_compiled_step_sees_that_states_were_initialised_again(model, batch_size):
    step = bst.transform.jit(model)
    step(), step()
    bst.nn.init_all_states(model, batch_size=batch_size)
    step()
    assert np.unique(model.v.value.to_decimal(u.mV)).tolist() == [4.0]
    assert model.v.value.shape == ((2,) if batch_size is None else (batch_size, 2))


def test_a_loop_repeats_a_step_without_arguments(model):
    steps = bst.transform.for_loop(lambda: model(), length=3)
    assert mV(steps[:, 0]) == [4.0, 7.0, 9.25]
    assert mV(bst.transform.for_loop(model, length=2)[-1]) == mV(model.v.value)


def test_scan_threads_a_carry_beside_the_states(model):
    total, steps = bst.transform.scan(lambda carry, x: (carry + x, model(x)), 0.0 * u.mV, jnp.full(3, 16.0) * u.mV)
    assert total == 48.0 * u.mV
    assert mV(steps[:, 1]) == [4.0, 7.0, 9.25]


@pytest.mark.slow
def test_checkpointed_loops_give_the_same_results_and_gradients(model):
    xs = jnp.linspace(0.0, 16.0, 37) * u.mV

    def plain(xs):
        return bst.transform.for_loop(model, xs)

    def checkpointed(xs):
        return bst.transform.checkpointed_for_loop(model, xs)

    def scanned(xs):
        return bst.transform.checkpointed_scan(lambda carry, x: (carry, model(x)), 0.0, xs)[1]

    results = []
    for loop in (plain, checkpointed, scanned):

        def loss(loop=loop):
            bst.nn.init_all_states(model)
            return jnp.mean(loop(xs).to_decimal(u.mV) ** 2)

        gradient, value = bst.transform.grad(loss, model.tau, return_value=True)()
        results.append((float(value), float(u.get_mantissa(gradient)), mV(model.v.value)))
    # the same operations in another order of compilation: some rounding of 32-bit floats
    for result in results[1:]:
        assert all(np.allclose(a, b, rtol=1e-5) for a, b in zip(results[0], result, strict=True))
    assert results[0][1] != 0


def test_a_compiled_step_is_compiled_once_for_all_times_and_again_for_another_dt(model, compilations):
    step = bst.transform.jit(lambda: model(16.0 * u.mV * bst.environ.get('t') / u.ms))
    with bst.environ.context(t=1.0 * u.ms):
        step()
    with compilations() as found, bst.environ.context(t=2.0 * u.ms):
        step()
    assert not found
    assert mV(model.v.value) == [4.0 + 7.0] * 2
    with bst.environ.context(t=0.0 * u.ms, dt=4.0 * u.ms):
        step()
    assert mV(model.v.value) == [0.0, 0.0]


# thinking in states, modules and transforms


def test_a_model_itself_can_be_compiled(model):
    compiled = bst.transform.jit(model)
    assert [mV(compiled(16.0 * u.mV))[0] for _ in range(2)] == [4.0, 7.0]


def test_vmap_shares_what_is_not_declared_and_maps_what_is(model):
    tau = model.tau.value
    bst.nn.init_all_states(model, batch_size=3)
    each = bst.transform.vmap(model, in_states=model.states(bst.ShortTermState))
    out = each(jnp.array([4.0, 8.0, 16.0]) * u.mV)
    assert mV(out[:, 0]) == mV(model.v.value[:, 1]) == [1.0, 2.0, 4.0]
    assert model.tau.value is tau


def test_vmap_refuses_to_write_different_lanes_into_a_shared_state(model):
    with pytest.raises(bst.BatchAxisError, match="'v' is shared by all lanes"):
        bst.transform.vmap(model)(jnp.array([4.0, 8.0]) * u.mV)
    assert mV(model.v.value) == [0.0, 0.0]
