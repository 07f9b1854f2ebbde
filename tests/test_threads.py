"""Threads that run models at once get what they would get one after another."""

import sys
import threading

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import environ
from brainpy_state.random._claims import claim, release
from brainpy_state.transform import cond, for_loop, grad, jit, jit_error_if, vmap
from brainpy_state.transform._programs import Programs

STEPS = 20


@pytest.fixture(autouse=True)
def frequent_switches():
    """Python changes threads a thousand times as often as it does by itself."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


def at_once(*works):
    """Start functions in threads of their own at one moment; their results, or the exceptions that they raised."""
    barrier = threading.Barrier(len(works))
    results = [None] * len(works)

    def run(k):
        barrier.wait()
        try:
            results[k] = works[k]()
        except Exception as error:
            results[k] = error

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class Network(bst.nn.Module):
    """Neurons with recurrent synapses and noise, of which a rate is learnt."""

    def __init__(self, n, seed):
        super().__init__()
        self.neurons = bst.LIF(n, V_rest=-60.0 * u.mV, V_reset=-60.0 * u.mV, V_th=-50.0 * u.mV, tau=5.0 * u.ms)
        self.recurrent = bst.AlignPostProj(
            comm=bst.pairwise_bernoulli(n, n, 0.5, weight=0.5 * u.mA, seed=seed),
            syn=bst.Expon.desc(n, g_initializer=0.0 * u.mA),
            out=bst.CUBA.desc(scale=1.0),
            post=self.neurons,
        )
        self.rng = bst.RandomState(seed)
        self.drive = bst.ParamState(jnp.full(n, 15.0))
        self.scale = 1.0

    def update(self):
        self.recurrent(self.neurons.get_spike())
        noise = self.rng.normal(0.0, 5.0, size=self.drive.value.shape)
        self.neurons((self.drive.value * self.scale + noise) * u.mA)
        jit_error_if(self.neurons.V.value > 1.0 * u.volt, 'too high')
        return self.neurons.V.value / u.mV


def eagerly(net):
    return jnp.stack([net() for _ in range(STEPS // 4)])


def stepwise(net):
    step, V = jit(net), []
    for k in range(STEPS):
        net.scale = (1.0, 1.5)[k // 5 % 2]  # compiled again
        V.append(step())
    return jnp.stack(V)


def in_a_loop(net):
    return jnp.concatenate([for_loop(net, length=STEPS) for _ in range(2)])


def with_choices(net):
    rest = net.neurons.V.value / u.mV
    return for_loop(lambda k: cond(k % 2 == 0, net, lambda: rest), jnp.arange(STEPS))


def by_gradients(net):
    def loss():
        return jnp.mean((for_loop(net, length=STEPS) + 55.0) ** 2)

    for _ in range(2):
        net.drive.value -= 0.1 * grad(loss, net.drive)()
    return net.drive.value


def in_lanes(net):
    shared = net.states((bst.ParamState, bst.RandomState))
    own = {path: s for path, s in net.states().items() if path not in shared}
    for s in own.values():
        s.begin_with(jax.tree.map(lambda x: jnp.stack([x, x]), s.value))
    return vmap(lambda: for_loop(net, length=STEPS), in_states=own)()


def failing(net):
    @jit
    def step():
        net()
        raise RuntimeError('on purpose')

    for _ in range(3):
        with pytest.raises(RuntimeError, match='on purpose'):
            step()
    return net()


WAYS = [eagerly, stepwise, in_a_loop, with_choices, by_gradients, in_lanes, failing]


def run(k):
    """One model, in a world of its own: values by which two runs are compared."""
    with environ.context(dt=(0.1 + 0.05 * k) * u.ms, precision=(32, 64)[k % 2]):
        net = bst.nn.init_all_states(Network(3 + k, seed=k))
        result = WAYS[k](net)
        assert environ.get_dt() == (0.1 + 0.05 * k) * u.ms
        states = {path: s.value for path, s in net.states().items()}
        return jax.tree.map(np.asarray, (result, states))


@pytest.mark.slow
def test_different_models_do_not_disturb_each_other():
    key = bst.random.get_key()
    expected = [run(k) for k in range(len(WAYS))]
    found = at_once(*(lambda k=k: run(k) for k in range(len(WAYS))))
    for way, one, other in zip(WAYS, expected, found, strict=True):
        assert not isinstance(other, Exception), (way, other)
        jax.tree.map(np.testing.assert_array_equal, one, other)
        assert jax.tree.map(lambda x: x.dtype, one) == jax.tree.map(lambda x: x.dtype, other)
    assert bst.random.get_key() is key


@pytest.mark.slow
def test_one_compiled_function_may_be_called_first_by_several_threads_at_once(dt):
    net = bst.nn.init_all_states(bst.nn.Linear(3, 2))
    traces = []

    @jit
    def f(x):
        traces.append(x)
        return jnp.tanh(net(x)) * environ.get('gain', 1.0)

    def work(k):
        with environ.context(gain=float(k)):
            return [f(jnp.full(3, float(k))) for _ in range(20)]

    found = at_once(*(lambda k=k: work(k) for k in range(6)))
    for k, results in enumerate(found):
        expected = jnp.tanh(net(jnp.full(3, float(k)))) * k
        np.testing.assert_allclose(results, np.broadcast_to(expected, (20, 2)), rtol=1e-6)  # fused by XLA, in float32
    made = len(traces)
    assert made <= 6
    work(1)
    assert len(traces) == made


class Growing(list):
    """A list to which another thread adds an item whenever its length was read."""

    def __len__(self):
        length = super().__len__()
        if length < 4:
            self.append(length)
        return length


def test_a_list_may_grow_in_another_thread_while_it_is_looked_at(dt):
    items = Growing()

    @jit
    def f(x):
        return x if items is None else 2.0 * x

    assert [f(1.0), f(2.0), f(2.0)] == [2.0, 4.0, 4.0]
    assert list(items) == [0, 1, 2, 3]


class Free:
    """A program that costs nothing to make, so that threads meet where programs are stored."""

    lost, reusable = False, True

    def fits(self, fn, args):
        return True

    def is_current(self, fn):
        return False


def test_threads_may_store_programs_of_one_function_at_once():
    programs = Programs(lambda fn, args: Free())

    def store(dimensions):
        for size in range(100):
            programs.find(at_once, np.ones((1,) * dimensions + (size + 1,)))

    assert at_once(*(lambda k=k: store(k) for k in range(6))) == [None] * 6


def test_a_write_that_differs_between_lanes_is_named_in_every_thread():
    shared = bst.State(0.0, name='shared')

    def write(x):
        shared.value = x

    for error in at_once(*[lambda: vmap(write)(jnp.arange(3.0))] * 8):
        assert isinstance(error, bst.BatchAxisError), error
    assert shared.value == 0.0


@pytest.mark.slow
def test_an_attribute_that_one_thread_binds_is_seen_there_whatever_others_bind():
    class Scale(bst.nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = 0.0

        def update(self, x):
            return x * self.factor

    class Failing(bst.nn.Module):
        def init_state(self):
            self.tried = object()
            raise RuntimeError('on purpose')

    def scale():
        module = Scale()
        f, wrong = jit(module), 0
        for k in range(2000):
            module.factor = float(k % 2)
            wrong += float(f(1.0)) != module.factor
        return wrong

    def fail():
        module, failed = Failing(), 0
        for _ in range(2000):
            try:
                bst.nn.init_all_states(module)
            except RuntimeError:
                failed += 1
        return 2000 - failed

    assert at_once(scale, scale, fail, fail, fail, fail) == [0] * 6


def test_what_is_set_for_the_process_reaches_running_threads():
    f = jit(lambda: environ.get('gain') * environ.get_dt() / u.ms)
    turns, seen = threading.Barrier(3), []

    def work():
        for _ in range(4):
            turns.wait(10)
            seen.append(float(f()))
            turns.wait(10)

    def change():
        for k in range(4):
            environ.set(gain=1.0 + k, dt=(0.5, 0.25)[k // 2] * u.ms)
            turns.wait(10)
            turns.wait(10)

    try:
        at_once(change, work, work)
    finally:
        environ.pop('gain')
        environ.pop('dt')
    assert seen == [0.5, 0.5, 1.0, 1.0, 0.75, 0.75, 1.0, 1.0]


def in_a_run():
    with environ.context(dt=0.1 * u.ms):
        return bst.run(bst.random.rand, 0.3 * u.ms)


def drawing():
    """Ways to draw, each with what it draws from."""
    rng, own, stream = bst.RandomState(1), bst.RandomState(2), bst.random.Stream(1)
    return {
        'eagerly': lambda: rng.rand(2),
        'from the default generator': lambda: bst.random.rand(2),
        'keys': bst.random.split_key,
        'generators': lambda: bst.RandomState(bst.random.split_key()).value,
        'names of streams': lambda: bst.random.Stream().value.key,
        'a stream': lambda: stream.random(2),
        'jit': jit(lambda: own.rand(2)),
        'jit of a stream': jit(lambda: stream.random(2)),
        'for_loop': lambda: for_loop(bst.random.rand, length=2),
        'vmap': jit(lambda: vmap(lambda x: x + own.rand())(jnp.zeros(2))),
        'run': in_a_run,
    }


@pytest.mark.quick('eagerly|^jit$|keys')
@pytest.mark.parametrize('way', drawing())
def test_each_draw_of_many_threads_is_its_own(way):
    draw = drawing()[way]
    draw()
    found = at_once(*[lambda: np.asarray(draw()).tobytes()] * 16)
    assert not [x for x in found if isinstance(x, Exception)]
    assert len(set(found)) == 16


def test_threads_together_draw_what_one_would():
    rng, alone = bst.RandomState(1), bst.RandomState(1)
    expected = {np.asarray(alone.rand()).tobytes() for _ in range(16)}
    assert set(at_once(*[lambda: np.asarray(rng.rand()).tobytes()] * 16)) == expected
    np.testing.assert_array_equal(rng.value, alone.value)


def test_what_is_drawn_while_a_program_runs_is_its_own_and_changes_nothing():
    rng, alone = bst.RandomState(1), bst.RandomState(1)
    draw = jit(rng.rand)
    failing = jit(lambda: jit_error_if(rng.rand() >= 0.0, 'on purpose'))
    taken = claim([rng])
    meanwhile = [float(f()) for f in (rng.rand, draw, draw, rng.rand)]
    with pytest.raises(ValueError, match='on purpose'):
        failing()
    assert list(claim([rng])) == [rng]
    release([rng], taken)
    after = [float(f()) for f in (rng.rand, draw)]
    assert after == [float(alone.rand()) for _ in range(2)]
    with pytest.raises(ValueError, match='on purpose'):
        failing()
    after += [float(f()) for f in (draw, rng.rand)]
    assert after[2:] == [float(alone.rand()) for _ in range(2)]
    assert len({*meanwhile, *after}) == 8


def test_a_second_block_of_a_seed_in_another_thread_is_refused():
    started, ended = threading.Event(), threading.Event()

    def first():
        with bst.random.seed_context(1):
            started.set()
            ended.wait(20)
            return np.asarray(bst.random.rand())

    def second():
        started.wait(20)
        try:
            with bst.random.seed_context(2):
                pass
        finally:
            ended.set()

    key = bst.random.get_key()
    number, error = at_once(first, second)
    assert number == bst.RandomState(1).rand()
    assert isinstance(error, bst.BrainStateError)
    assert 'another thread is inside of such a block' in str(error)
    assert bst.random.get_key() is key
    with bst.random.seed_context(2):
        pass
