"""Files of simulations: everything that decides how one goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import brainunit as u
import numpy as np

from .. import files, random
from .._errors import StateTreeError
from ..modules import Module
from ..numerics import brief
from ..record import Recorder
from ..record._layout import differences
from ..state import State
from ..transform._error_if import Flag

KIND = 'a simulation'
_SHOWN = 20


def states_of(models: Sequence[Module], touched: Sequence[State], recorders: Sequence[Recorder]) -> dict[str, State]:
    """All that decides how a simulation goes on, by name: states of its models, and others that its steps use; buffers of recorders not."""
    buffers = {state for recorder in recorders for state in recorder.states().values()}
    found: dict[str, State] = {}
    kinds = [type(model).__name__ for model in models]
    for k, model in enumerate(models):
        prefix = '' if len(models) == 1 else f'{kinds[k]}.' if kinds.count(kinds[k]) == 1 else f'{kinds[k]}{k}.'
        found |= {f'{prefix}{name}': state for name, state in _named(model).items()}
    known = {*found.values(), *buffers}
    default = random.DEFAULT
    for state in dict.fromkeys(touched):
        if state not in known and not isinstance(state, Flag):  # a check that has failed leaves nothing behind
            name = 'random' if state is default else f'elsewhere.{len(found)}.{state.label}'
            found[name] = state
    return {name: state for name, state in found.items() if state not in buffers}


def _named(model: Module) -> dict[str, State]:
    return files.named(model, who='Simulation') if model.states() else {}


def save(path: Any, states: Mapping[str, State], recorders: Mapping[str, Recorder], about: dict[str, Any]) -> None:
    """Write a file, as a whole or not at all."""
    records: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, recorder in recorders.items():
        position, columns = recorder.content()
        records[name] = {'layout': _comparable(recorder), 'position': position}
        arrays |= {f'{name}/{key}': x for key, x in columns.items()}
    files.write(path, KIND, states, {**about, 'records': records}, arrays)


def load(path: Any, states: Mapping[str, State], recorders: Mapping[str, Recorder], made_of: dict[str, Any], dt: Any) -> int:
    """Put back what a file has, after all of it was compared; the number of the next step."""
    entries, about, extra = files.read(path, KIND)
    who = f'Simulation.load: {path}'
    found = [] if _same_time(about['dt'], dt) else [f'dt: {about["dt"]["text"]} in the file, {brief(dt)} here']
    found += files.differences(entries, states)
    found += differences(about['made of'], made_of, place='the file')
    layouts = {name: x['layout'] for name, x in about['records'].items()}
    found += differences(layouts, {name: _comparable(x) for name, x in recorders.items()}, 'record', place='the file')
    if found:
        lines = [*found[:_SHOWN], *([f'and {len(found) - _SHOWN} more'] if len(found) > _SHOWN else [])]
        shown = '\n'.join(f'    {line}' for line in lines)
        raise StateTreeError(f'{who} is of another simulation; nothing was changed. Differences: {len(found)}.\n{shown}')
    files.restore(entries, states, who)
    for name, recorder in recorders.items():
        columns = {key.rpartition('/')[2]: x for key, x in extra.items() if key.rpartition('/')[0] == name}
        recorder.put_back(about['records'][name]['position'], columns)
    return about['i']


def time_as_json(dt: Any) -> dict[str, Any]:
    """A time step."""
    return {'text': brief(dt), 'seconds': float(dt.to_decimal(u.second))}


def _same_time(made: Mapping[str, Any], dt: Any) -> bool:
    return bool(np.isclose(made['seconds'], float(dt.to_decimal(u.second)), rtol=1e-6, atol=0.0))


def _comparable(recorder: Recorder) -> dict[str, Any]:
    layout = recorder.layout()
    arrays = {key: [list(shape), np.dtype(dtype).name] for key, (shape, dtype) in layout.arrays.items()}
    fixed = {key: x.tolist() for key, x in layout.fixed.items()}
    return json.loads(json.dumps({'kind': layout.kind, 'span': layout.span, 'arrays': arrays, 'attributes': layout.attributes, **fixed}))
