"""How many steps a call of a simulation does."""

import time

import pytest

from brainpy_state.run._pace import Pace


@pytest.mark.parametrize(
    ('call', 'step', 'least', 'most'),
    [
        (0.0, 1e-3, 0.2, 0.3),  # a quarter of a second
        (0.05, 1e-3, 0.2, 0.3),
        (0.3, 1e-3, 1.2, 2.0),  # no more than a fourth of the time for what is not steps
        (0.3, 1e-6, 1.2, 2.0),
        (0.0, 2.0, 4.0, 10.0),  # steps that take long
    ],
)
def test_a_call_takes_a_fraction_of_a_second_or_some_times_what_it_takes_at_least(monkeypatch, call, step, least, most):
    now = [0.0]
    monkeypatch.setattr(time, 'perf_counter', lambda: now[0])
    pace, took = Pace(), 0.0
    for k in range(12):
        with pace(10**9):
            took = call + step * pace.steps + (5.0 if k == 0 else 0.0)  # the first compiles
            now[0] += took
    assert least <= took <= most
