"""Going through the modules of a tree by generation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .. import graph
from .._typing import Path

if TYPE_CHECKING:
    from ._module import Module
    from ._param import Param


class Family:
    """What a module tells about the modules below it; they come from the root down, each once."""

    def children(self) -> Iterator[Module]:
        """The modules that this one holds itself."""
        return (child for _, child in self.named_children())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that this one holds itself, with their places, such as ``'layers.0'``."""
        return ((_joined(path), child) for path, child in self._below((1, 1)))

    def modules(self, include_self: bool = True) -> Iterator[Module]:
        """All modules of the tree."""
        return (module for _, module in self.named_modules(include_self=include_self))

    def named_modules(self, prefix: str = '', include_self: bool = True) -> Iterator[tuple[str, Module]]:
        """All modules of the tree with their places behind a prefix; that of this one is the prefix itself."""
        return ((_joined(path, prefix), module) for path, module in self._below((0 if include_self else 1, graph.EVERY_LEVEL[1])))

    def parameters(self, recurse: bool = True) -> Iterator[Param]:
        """Every `Param` of the tree, or only of this module itself."""
        return (param for _, param in self.named_parameters(recurse=recurse))

    def named_parameters(self, prefix: str = '', recurse: bool = True) -> Iterator[tuple[str, Param]]:
        """Every `Param` of the tree, or only of this module itself, with its place behind a prefix."""
        from ._param import Param  # which is a module

        levels = (1, graph.EVERY_LEVEL[1] if recurse else 1)
        return ((_joined(path, prefix), module) for path, module in self._below(levels) if isinstance(module, Param))

    def param_modules(self, allowed_hierarchy: tuple[int, int] = graph.EVERY_LEVEL) -> Iterator[Param]:
        """Every `Param` at these levels; see `graph.nodes`."""
        return (param for _, param in self.named_param_modules(allowed_hierarchy))

    def named_param_modules(self, allowed_hierarchy: tuple[int, int] = graph.EVERY_LEVEL) -> Iterator[tuple[str, Param]]:
        """Every `Param` at these levels with its place; see `graph.nodes`."""
        from ._param import Param  # which is a module

        return ((_joined(path), module) for path, module in self._below(allowed_hierarchy) if isinstance(module, Param))

    @contextmanager
    def param_precompute(self, allowed_hierarchy: tuple[int, int] = graph.EVERY_LEVEL) -> Iterator[None]:
        """Within the block, every `Param` computes its value once for each value that it holds."""
        params = tuple(self.param_modules(allowed_hierarchy))
        try:
            for param in params:
                param.cache()
            yield
        finally:
            for param in params:
                param.clear_cache()

    def _below(self, levels: tuple[int, int]) -> list[tuple[Path, Any]]:
        from ._module import Module  # which is of this class

        found = ((path, node) for path, node in graph.iter_node(self, levels) if isinstance(node, Module))
        return sorted(found, key=lambda item: len(item[0]))


def _joined(path: Path, prefix: str = '') -> str:
    return '.'.join(str(part) for part in ((prefix, *path) if prefix else path))
