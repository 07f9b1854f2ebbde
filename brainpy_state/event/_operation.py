"""What there is to know of an operation on memory, in one place: what JAX makes of it, and what native code does."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Operation:
    """An operation that reads and writes memory, not item for item. `_lowering.define` makes a primitive of it.

    Attributes
    ----------
    name : str
        Of the primitive, and of its nodes.
    native : str
        ``'file.function'`` in `backends`: the function that writes its native code, called with a frame and its nodes.
    spikes : int, optional
        Which operand are spikes; native code gets the list of those that fire as a further operand.
    in_place : dict
        Results that are an operand, changed in place: number of the result to number of the operand.
    adds : bool
        Whether it delivers to its result, which is zero before: it may be added to a state instead, in the state's memory.
    memory : callable, optional
        Bytes that native code needs for itself, of the parameters; it gets them as the last operand.
    aval, portable : callable
        What the results are, and the operation in jax.numpy, of the operands and the parameters.
    portable_on_cpu : callable, optional
        The same, tuned for CPU.
    pallas : str
        The name of the same in kernels for GPUs; '' where the portable operation runs there.
    multiple_results : bool
    tangent, batch : callable, optional
        ``tangent(primitive, primals, tangents, **parameters)`` and ``batch(primitive, operands, axes, **parameters)``, as JAX's rules;
        those of the portable operation where there are none.
    transpose : callable, optional
        ``transpose(ct, *operands, **parameters)``.
    """

    name: str
    native: str
    spikes: int | None = None
    in_place: Mapping[int, int] = field(default_factory=dict)
    adds: bool = False
    memory: Callable[[dict[str, Any]], int] | None = None
    aval: Callable = NotImplemented
    portable: Callable = NotImplemented
    portable_on_cpu: Callable | None = None
    pallas: str = ''
    multiple_results: bool = False
    tangent: Callable | None = None
    batch: Callable | None = None
    transpose: Callable | None = None

    def write(self, frame: Any, nodes: list[Any]) -> None:
        """Write the native code of its nodes."""
        file, _, function = self.native.partition('.')
        getattr(importlib.import_module(f'{__package__}.backends.{file}'), function)(frame, nodes)


OPERATIONS: dict[str, Operation] = {}  # those that have a primitive, by its name
