"""`ProgressBar` and `pbar`: what is shown of a compiled loop, and when."""

import functools
import sys
import types

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state import ParamState, State
from brainpy_state.transform import (
    ProgressBar,
    checkpoint,
    checkpointed_for_loop,
    checkpointed_scan,
    for_loop,
    grad,
    jit,
    jvp,
    scan,
    vmap,
)
from brainpy_state.transform import _progress as progress

pytestmark = pytest.mark.slow


class FakeBar:
    """Stands in for ``tqdm.auto.tqdm``: notes what would be shown."""

    made = []

    def __init__(self, total, desc):
        self.total, self.desc, self.n = total, desc, 0
        self.shown, self.postfix, self.closed = [], [], 0
        self.made.append(self)

    def update(self, steps):
        assert not self.closed
        self.n += steps
        self.shown.append(self.n)

    def set_postfix_str(self, text, refresh):
        self.postfix.append(text)

    def close(self):
        self.closed += 1


@pytest.fixture
def bars(monkeypatch):
    """Every bar that is shown."""
    auto = types.ModuleType('tqdm.auto')
    auto.tqdm = FakeBar
    monkeypatch.setitem(sys.modules, 'tqdm', types.ModuleType('tqdm'))
    monkeypatch.setitem(sys.modules, 'tqdm.auto', auto)
    monkeypatch.setattr(FakeBar, 'made', [])
    yield FakeBar.made
    jax.effects_barrier()


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by half a second whenever somebody looks at it."""
    times = iter(np.arange(0, 1000, 0.5).tolist())
    monkeypatch.setattr(progress, 'time', types.SimpleNamespace(perf_counter=lambda: next(times)))


def seen(bars):
    """What each bar has shown, when all of it has arrived; every one must be closed once."""
    jax.effects_barrier()
    assert [bar.closed for bar in bars] == [1] * len(bars)
    return [bar.shown for bar in bars]


def double(x):
    return 2 * x


def carried(c, x):
    return c + x, 2 * x


LOOPS = {
    'for_loop': lambda xs, pbar: for_loop(double, xs, pbar=pbar),
    'for_loop by length': lambda xs, pbar: for_loop(lambda: 1.0, length=len(xs), pbar=pbar),
    'reverse': lambda xs, pbar: for_loop(double, xs, pbar=pbar, reverse=True),
    'unrolled': lambda xs, pbar: for_loop(double, xs, pbar=pbar, unroll=3),
    'scan': lambda xs, pbar: scan(carried, 0.0, xs, pbar=pbar),
    'checkpointed_for_loop': lambda xs, pbar: checkpointed_for_loop(double, xs, pbar=pbar),
    'checkpointed_for_loop of base 2': lambda xs, pbar: checkpointed_for_loop(double, xs, base=2, pbar=pbar),
    'checkpointed_scan': lambda xs, pbar: checkpointed_scan(carried, 0.0, xs, pbar=pbar),
    'jit': lambda xs, pbar: jit(lambda xs: for_loop(double, xs, pbar=pbar))(xs),
    'vmap': lambda xs, pbar: vmap(lambda a: for_loop(lambda x: a * x, xs, pbar=pbar))(jnp.arange(2.0)),
    'vmap of all': lambda xs, pbar: vmap(lambda xs: for_loop(double, xs, pbar=pbar))(jnp.stack([xs, xs])),
    'grad': lambda xs, pbar: grad(lambda a: for_loop(lambda x: jnp.sin(a * x), xs, pbar=pbar).sum())(1.0),
    'jvp': lambda xs, pbar: jvp(lambda a: for_loop(lambda x: jnp.sin(a * x), xs, pbar=pbar), (1.0,), (1.0,)),
}


@pytest.mark.parametrize('call', LOOPS.values(), ids=LOOPS)
def test_steps_are_told_once_each_in_order_up_to_the_last(call, bars):
    xs = jnp.arange(10.0)
    for _ in range(2):
        jax.block_until_ready(call(xs, 3))
        jax.effects_barrier()
    assert seen(bars) == [[1, 3, 6, 9, 10]] * 2
    assert [bar.total for bar in bars] == [10, 10]


@pytest.mark.parametrize('call', LOOPS.values(), ids=LOOPS)
def test_results_are_those_of_a_loop_without_a_bar(call, bars):
    xs = jnp.linspace(0.0, 1.0, 10)
    jax.tree.map(np.testing.assert_array_equal, call(xs, 4), call(xs, None))


@pytest.mark.parametrize('loop', [for_loop, checkpointed_for_loop])
def test_states_and_random_numbers_are_those_of_a_loop_without_a_bar(loop, bars):
    def step(x):
        h.value = 0.5 * h.value + x + bst.random.rand()
        return h.value

    h, found = State(jnp.zeros(())), []
    for pbar in (None, 4):
        bst.random.seed(3)
        h.value = jnp.zeros(())
        found.append([loop(step, jnp.arange(10.0), pbar=pbar), h.value, bst.random.DEFAULT.value])
    jax.tree.map(np.testing.assert_array_equal, *found)


@pytest.mark.parametrize(
    ('pbar', 'shown'),
    [
        (True, list(range(1, 11))),
        (1, list(range(1, 11))),
        (5, [1, 5, 10]),
        (10, [1, 10]),
        (11, [1, 10]),
        (ProgressBar(), list(range(1, 11))),
        (ProgressBar(freq=4), [1, 4, 8, 10]),
        (ProgressBar(count=2), [1, 5, 10]),
        (ProgressBar(count=1), [1, 10]),
        (ProgressBar(count=4), [1, 3, 6, 9, 10]),
        (ProgressBar(count=1000), list(range(1, 11))),
    ],
    ids=str,
)
def test_steps_shown_of_ten(pbar, shown, bars):
    for_loop(double, jnp.arange(10.0), pbar=pbar)
    assert seen(bars) == [shown]


@pytest.mark.parametrize('pbar', [None, False])
def test_no_bar(pbar, bars):
    for_loop(double, jnp.arange(10.0), pbar=pbar)
    assert seen(bars) == []


@pytest.mark.parametrize(('steps', 'count'), [(39, 20), (100, 7), (5, 3), (1000, 20)])
def test_a_count_is_not_exceeded_but_for_the_first_step(steps, count, bars):
    for_loop(double, jnp.arange(1.0 * steps), pbar=ProgressBar(count=count))
    (shown,) = seen(bars)
    assert count / 2 < len(shown) - 1 <= count


@pytest.mark.parametrize(('steps', 'shown'), [(0, []), (1, [[1]]), (2, [[1, 2]])])
def test_short_loops(steps, shown, bars):
    for_loop(double, jnp.arange(1.0 * steps), pbar=1000)
    assert seen(bars) == shown


def test_a_second_loop_shows_a_new_bar_and_compiles_nothing(bars, compilations):
    f = functools.partial(for_loop, double, pbar=4)
    f(jnp.arange(8.0))
    with compilations() as found:
        f(jnp.arange(8.0))
        f(jnp.arange(8.0))
    assert found == []
    assert seen(bars) == [[1, 4, 8]] * 3


def test_equal_bars_share_a_program_and_others_do_not(bars, compilations):
    traces = []

    def step(x):
        traces.append(x)
        return x

    for bar in (ProgressBar(freq=2), ProgressBar(freq=2), 2, ProgressBar(freq=2, desc='other'), None):
        for_loop(step, jnp.arange(4.0), pbar=bar)
    assert len(traces) == 3
    assert [bar.desc for bar in bars] == [None, None, None, 'other']
    assert seen(bars) == [[1, 2, 4]] * 4


def test_two_loops_of_one_compiled_function_show_a_bar_each(bars):
    @jit
    def both(xs):
        a = for_loop(double, xs, pbar=ProgressBar(freq=2, desc='a'))
        return for_loop(double, a, pbar=ProgressBar(freq=3, desc='b'))

    jax.block_until_ready(both(jnp.arange(4.0)))
    assert seen(bars) == [[1, 2, 4], [1, 3, 4]]
    assert [bar.desc for bar in bars] == ['a', 'b']


def test_a_loop_inside_of_a_loop_shows_its_bar_for_each_step(bars):
    for_loop(lambda x: for_loop(lambda y: x * y, jnp.arange(4.0), pbar=2), jnp.arange(3.0))
    assert seen(bars) == [[1, 2, 4]] * 3


def test_a_loop_that_is_computed_again_is_shown_again(bars):
    jax.block_until_ready(grad(checkpoint(lambda a: for_loop(lambda x: jnp.sin(a * x), jnp.arange(4.0), pbar=2).sum()))(1.0))
    assert seen(bars) == [[1, 2, 4]] * 2


@pytest.mark.parametrize('base', [None, 2, 3, 100])
def test_the_backward_pass_of_a_checkpointed_loop_is_not_shown(base, bars):
    w, h = ParamState(jnp.array(0.5)), State(jnp.zeros(()))

    def step(x):
        h.value = jnp.tanh(h.value * w.value + x)
        return h.value

    def loss(pbar):
        h.value = jnp.zeros(())
        return checkpointed_for_loop(step, jnp.linspace(0, 1, 10), base=base, pbar=pbar).sum()

    for _ in range(2):
        told = grad(lambda: loss(1), w)()
        jax.block_until_ready(told)
        jax.effects_barrier()
    assert [bar.n for bar in bars] == [10, 10]
    assert all(shown == sorted(set(shown)) for shown in seen(bars))
    np.testing.assert_array_equal(told, grad(lambda: loss(None), w)())


def test_where_a_gradient_is_taken_the_blocks_in_which_a_step_is_due_are_shown(bars):
    xs = jnp.linspace(0, 1, 100)  # ten blocks of ten
    jax.block_until_ready(grad(lambda a: checkpointed_for_loop(lambda x: jnp.sin(a * x), xs, pbar=25).sum())(1.0))
    assert seen(bars) == [[10, 30, 50, 80, 100]]


def test_an_error_within_the_loop_does_not_harm_the_next_bar(bars):
    def step(x):
        bst.transform.jit_error_if(x > 2, 'too large')
        return x

    with pytest.raises(ValueError, match='too large'):
        for_loop(step, jnp.arange(4.0), pbar=2)
    for_loop(step, jnp.arange(4.0) / 2, pbar=2)
    assert seen(bars) == [[1, 2, 4]] * 2


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'freq': 0}, 'freq is 0, but must be a positive integer'),
        ({'freq': -3}, 'freq is -3'),
        ({'freq': 2.0}, 'freq is 2.0'),
        ({'freq': True}, 'freq is True'),
        ({'freq': '3'}, "freq is '3'"),
        ({'count': 0}, 'count is 0, but must be a positive integer'),
        ({'count': 1.5}, 'count is 1.5'),
        ({'freq': 3, 'count': 4}, 'give freq or count, not both'),
    ],
    ids=str,
)
def test_a_wrong_bar_is_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        ProgressBar(**options)


def test_a_description_that_is_no_text_is_an_error():
    with pytest.raises(TypeError, match='desc must be a string, but is 3'):
        ProgressBar(desc=3)


@pytest.mark.parametrize('pbar', [0, -1])
def test_a_number_of_steps_that_is_not_positive_is_an_error(pbar):
    with pytest.raises(ValueError, match=f'freq is {pbar}'):
        for_loop(double, jnp.arange(3.0), pbar=pbar)


@pytest.mark.parametrize('pbar', ['yes', 2.5, object()], ids=['str', 'float', 'object'])
@pytest.mark.parametrize('call', [LOOPS[name] for name in ('for_loop', 'scan', 'checkpointed_for_loop', 'checkpointed_scan')])
def test_what_is_no_bar_is_an_error(call, pbar):
    with pytest.raises(TypeError, match='pbar must be a ProgressBar or the number of steps between displays'):
        call(jnp.arange(3.0), pbar)


def clocked(i):
    return i * bst.environ.get_dt().to_decimal(u.ms)


def test_the_real_time_factor_is_shown_where_the_clock_is_read(bars, clock):
    with bst.environ.context(dt=0.5 * u.ms):
        for_loop(clocked, jnp.arange(8), pbar=4)
    assert seen(bars) == [[1, 4, 8]]
    # looked at when it begins and at every step shown: 1.0 s after 4 steps, 1.5 s after 8
    assert bars[0].postfix == ['real-time factor 500', 'real-time factor 375']


@pytest.mark.parametrize(
    ('step', 'dt'),
    [
        (double, 0.5 * u.ms),
        (lambda i: bst.environ.get_dt() * i, 0.5),
        (lambda i: for_loop(clocked, jnp.arange(2) + i), 0.5 * u.ms),
    ],
    ids=['not read', 'no time', 'a loop inside'],
)
def test_there_is_no_real_time_factor_where_a_step_is_none_of_the_clock(step, dt, bars):
    with bst.environ.context(dt=dt):
        for_loop(step, jnp.arange(8), pbar=4)
    assert seen(bars) == [[1, 4, 8]]
    assert bars[0].postfix == []


def test_another_time_step_is_another_factor(bars, clock):
    for dt in (0.5, 1.0):
        with bst.environ.context(dt=dt * u.ms):
            for_loop(clocked, jnp.arange(2), pbar=2)
    seen(bars)
    assert [bar.postfix for bar in bars] == [['real-time factor 1e+03'], ['real-time factor 500']]
