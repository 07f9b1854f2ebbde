"""The collector of garbage rests while programs are made, and is as it was afterwards."""

import gc

import brainunit as u
import pytest

import brainpy_state as bst


@pytest.fixture
def states():
    seen = []
    cell = bst.State(u.math.zeros(3))

    def step():
        seen.append(gc.isenabled())
        cell.value = cell.value + 1.0

    return seen, step


@pytest.mark.parametrize('on', [True, False])
def test_rests_while_tracing(states, on):
    seen, step = states
    before = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        bst.transform.jit(step)()
        assert seen == [False]
        assert gc.isenabled() is on
    finally:
        (gc.enable if before else gc.disable)()


def test_goes_on_after_an_error():
    before = gc.isenabled()
    gc.enable()
    try:
        with pytest.raises(ZeroDivisionError):
            bst.transform.jit(lambda: 1 // 0)()
        assert gc.isenabled()
    finally:
        (gc.enable if before else gc.disable)()
