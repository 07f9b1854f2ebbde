"""No value of a trace outlives it; the tests are in `leaks.py`."""

import pytest


@pytest.mark.slow
def test_no_value_of_a_trace_outlives_it(python):
    python('-m', 'pytest', '-q', '-n0', '-p', 'no:cacheprovider', 'tests/transform/leaks.py')
