"""The step that `docs/design.md` follows from Python to native code."""

import brainunit as u

import brainpy_state as bst
from brainpy_state.event import _fuse
from brainpy_state.event._plan import plan


def test_a_step_of_lif_is_planned_as_the_design_says(monkeypatch):
    parts, extract = [], _fuse._extract
    monkeypatch.setattr(_fuse, '_extract', lambda *args: parts.append(extract(*args)) or parts[-1])
    neuron = bst.nn.init_all_states(bst.LIF(1000, tau=20.0 * u.ms))
    with bst.environ.context(dt=0.1 * u.ms):
        report = bst.explain(lambda: neuron(25.0 * u.mA))
    assert str(report) == 'native: 20 equations on up to 1000 items'
    (jaxpr, pairs) = parts[-1]
    todo = plan(jaxpr, dict(pairs))
    assert [(stage.size, [node.name for node in stage.nodes]) for stage in todo.stages] == [
        (1, ['neg', 'mul', 'add', 'expm1', 'div']),
        (1000, ['sub', 'add', 'mul', 'mul', 'add', 'sub', 'ge', 'select_n', 'sub']),
    ]
    assert todo.aliases == {1: 1} and all(stage.operation is None for stage in todo.stages)
