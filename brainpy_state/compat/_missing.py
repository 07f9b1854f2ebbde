"""What a name that is not there gives: an error that says so."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, NoReturn

from .._errors import ParameterError


class NotSupportedError(ParameterError, NotImplementedError):
    """An option that is there, and has no counterpart here."""


_INSTEAD = {
    'pmap2_new_states': 'transform.vmap2_new_states',
    'split_context': 'graph.treefy_split of one module that holds them all',
    'merge_context': 'graph.treefy_merge of one module that holds them all',
    'HookManager': 'register_state_hook, or register_hook of a state',
    'HookConfig': 'register_state_hook, or register_hook of a state',
    'self_assign_multi_keys': 'random.split_keys',
}


def missing(module: str, room: dict[str, Any]) -> Callable[[str], NoReturn]:
    """A module's ``__getattr__``."""

    def refuse(name: str) -> NoReturn:
        text = f'{module.removeprefix("brainpy_state.compat.")} has no {name!r} here'
        if name in _INSTEAD:
            text += f'; use {_INSTEAD[name]}'
        elif near := difflib.get_close_matches(name, [key for key in room if key[0] != '_'], n=3):
            text += f'; it has {", ".join(near)}'
        raise AttributeError(f'{text}.', name=name, obj=None)

    return refuse
