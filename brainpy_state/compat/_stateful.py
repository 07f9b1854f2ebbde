"""Traced functions that are asked by keys of their arguments."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import jax

from .. import transform
from .._errors import ParameterError
from ._jaxprs import optimize_jaxpr
from ._missing import NotSupportedError


class StatefulFunction(transform.StatefulFunction):
    """See `brainpy_state.transform.StatefulFunction`; a call runs it, and what is known is also given by keys of arguments.

    Parameters
    ----------
    fun, static_argnums, static_argnames, name
        As there.
    ir_optimizations : str or sequence of str, optional
        Passes of `optimize_jaxpr` for the jaxpr that it gives; what runs is made simpler by the compiler.
    return_only_write : bool
        True: the jaxpr gives new values of states that are written, and of no others.

    Raises
    ------
    NotImplementedError
        For ``return_only_write=False``.

    Notes
    -----
    With ``compile_if_miss=False``, what is asked of a call raises a ValueError unless it was traced for such arguments before.
    """

    def __init__(
        self,
        fun: Callable,
        static_argnums: int | Iterable[int] = (),
        static_argnames: str | Iterable[str] = (),
        name: str | None = None,
        ir_optimizations: Any = None,
        return_only_write: bool = True,
    ):
        if not return_only_write:
            raise NotSupportedError('StatefulFunction: return_only_write=False is not supported; get_states tells all states.')
        super().__init__(fun, static_argnums, static_argnames, name)
        self._made_from = (fun, static_argnums, static_argnames, name, ir_optimizations), {}
        self._passes = [ir_optimizations] if isinstance(ir_optimizations, str) else ir_optimizations
        self._asked: dict[Hashable, tuple[tuple, dict]] = {}
        self._compiled: set[Hashable] = set()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run on the values of the states, write the new ones, and return the result."""
        return self.jaxpr_call_auto(*args, **kwargs)

    def make_jaxpr(self, *args: Any, **kwargs: Any) -> Any:
        """Trace for such arguments."""
        super().make_jaxpr(*args, **kwargs)
        self._compiled.add(self.get_arg_cache_key(*args, **kwargs))
        return self

    def _need(self, compile_if_miss: bool, args: tuple, kwargs: dict) -> None:
        if compile_if_miss:
            self.make_jaxpr(*args, **kwargs)
        elif self.get_arg_cache_key(*args, **kwargs) not in self._compiled:
            raise ParameterError(f'{self.name}: it is not compiled for such arguments; call make_jaxpr(*args) before.')

    def get_jaxpr(self, *args: Any, compile_if_miss: bool = True, **kwargs: Any) -> Any:
        """The closed jaxpr, after the passes that were asked for."""
        self._need(compile_if_miss, args, kwargs)
        jaxpr = super().get_jaxpr(*args, **kwargs)
        return jaxpr if self._passes is None else optimize_jaxpr(jaxpr, optimizations=self._passes)

    def get_states(self, *args: Any, compile_if_miss: bool = True, **kwargs: Any) -> Any:
        """All states that it uses."""
        self._need(compile_if_miss, args, kwargs)
        return super().get_states(*args, **kwargs)

    def get_read_states(self, *args: Any, compile_if_miss: bool = True, **kwargs: Any) -> Any:
        """States that it only reads."""
        self._need(compile_if_miss, args, kwargs)
        return super().get_read_states(*args, **kwargs)

    def get_write_states(self, *args: Any, compile_if_miss: bool = True, **kwargs: Any) -> Any:
        """States that it writes."""
        self._need(compile_if_miss, args, kwargs)
        return super().get_write_states(*args, **kwargs)

    def get_out_shapes(self, *args: Any, compile_if_miss: bool = True, **kwargs: Any) -> Any:
        """Shapes and types of the result."""
        self._need(compile_if_miss, args, kwargs)
        return super().get_out_shapes(*args, **kwargs)

    def get_arg_cache_key(self, *args: Any, compile_if_miss: bool = False, **kwargs: Any) -> Hashable:
        """What tells calls apart: shapes and types of arguments, and values of static ones.

        Parameters
        ----------
        *args, **kwargs
            The arguments.
        compile_if_miss : bool
            Whether to trace for them now.
        """
        leaves, tree = jax.tree.flatten(self._hide(args, kwargs))
        key = tree, tuple(map(jax.typeof, leaves))
        positional = tuple(x if n in self._numbers else _shapes(x) for n, x in enumerate(args))
        self._asked.setdefault(key, (positional, {k: x if k in self._names else _shapes(x) for k, x in kwargs.items()}))
        if compile_if_miss:
            self.make_jaxpr(*args, **kwargs)
        return key

    def clear_cache(self) -> None:
        """Forget every trace and key."""
        super().clear_cache()
        self._asked.clear()
        self._compiled.clear()

    def _by_key(self, get: Callable, key: Hashable) -> Any:
        if key not in self._asked:
            raise ParameterError(f'{self.name}: this key is not known; get one from get_arg_cache_key(*args).')
        args, kwargs = self._asked[key]
        return get(*args, **kwargs)

    def get_jaxpr_by_cache(self, key: Hashable) -> Any:
        """``get_jaxpr`` by a key."""
        return self._by_key(self.get_jaxpr, key)

    def get_states_by_cache(self, key: Hashable) -> Any:
        """``get_states`` by a key."""
        return self._by_key(self.get_states, key)

    def get_read_states_by_cache(self, key: Hashable) -> Any:
        """``get_read_states`` by a key."""
        return self._by_key(self.get_read_states, key)

    def get_write_states_by_cache(self, key: Hashable) -> Any:
        """``get_write_states`` by a key."""
        return self._by_key(self.get_write_states, key)

    def get_out_shapes_by_cache(self, key: Hashable) -> Any:
        """``get_out_shapes`` by a key."""
        return self._by_key(self.get_out_shapes, key)

    def get_out_treedef(self, *args: Any, compile_if_miss: bool = True, **kwargs: Any) -> Any:
        """The structure of the result."""
        return jax.tree.structure(self.get_out_shapes(*args, compile_if_miss=compile_if_miss, **kwargs))

    def get_out_treedef_by_cache(self, key: Hashable) -> Any:
        """``get_out_treedef`` by a key."""
        return self._by_key(self.get_out_treedef, key)


def _shapes(x: Any) -> Any:
    def shape(leaf: Any) -> Any:
        kind = jax.typeof(leaf)
        return jax.ShapeDtypeStruct(kind.shape, kind.dtype, weak_type=kind.weak_type)

    return jax.tree.map(shape, x)
