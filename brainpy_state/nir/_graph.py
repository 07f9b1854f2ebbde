"""`Graph`: modules along edges, with cycles."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from .. import environ
from .._errors import ParameterError, ShapeError
from .._typing import Size, as_size
from ..layers._layer import Layer
from ..modules import Allocated, Module
from ..state import ShortTermState
from ._units import number, taken

Edge = tuple[str, str]


class Graph(Module):
    """A network of modules along edges, which may form cycles.

    In a step each module is called once, with the sum of what arrives along its edges. In a cycle, the edge that leads back takes what
    its source gave in the step before, 0 in the first step. Which edge that is follows from a search in depth from the inputs, edges in
    the order given; where weights stand on the way back, it is the edge to them, so they are the weights of the last spikes. Signals on
    edges are plain numbers in SI units: a `Neuron` takes them in amperes, and what a module gives in millivolts goes on in volts.

    Parameters
    ----------
    inputs : dict of str to (int or tuple of int)
        Names of inputs and their shapes without batch axes.
    parts : dict of str to Module
        Modules by name, which take and give one array; each has an ``out_size``.
    edges : sequence of (str, str)
        From an input or a module, to a module or an output.
    outputs : sequence of str
        Names of outputs.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError
        If an edge has an end that does not exist or is there twice, a name is used twice, or no signal reaches a module or an output.
    ShapeError
        If what an edge brings does not have the shape that its target takes.

    Notes
    -----
    States: ``last``, what the source of each edge that leads back has given in the last step.

    Examples
    --------
    A layer of neurons with spikes from each to all in the next step:

    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> parts = {'weights': bst.nn.Linear(3, 5, w_init=1.), 'neurons': bst.LIF(5, V_th=0.1 * u.volt),
    ...          'recurrent': bst.nn.Linear(5, 5, w_init=-0.1)}
    >>> edges = [('input', 'weights'), ('weights', 'neurons'), ('neurons', 'recurrent'), ('recurrent', 'neurons'), ('neurons', 'output')]
    >>> net = bst.nn.init_all_states(bst.nir.Graph({'input': 3}, parts, edges))
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     [net(jnp.ones(3)).tolist()[0] for _ in range(3)]
    [1.0, 1.0, 1.0]
    """

    last: Any = Allocated()

    def __init__(
        self,
        inputs: Mapping[str, Size],
        parts: Mapping[str, Module],
        edges: Iterable[Edge],
        outputs: Sequence[str] = ('output',),
        *,
        name: str | None = None,
    ):
        super().__init__(name)
        self.inputs = {key: as_size(size, self.label) for key, size in inputs.items()}
        self.parts, self.outputs, self.edges = dict(parts), tuple(outputs), [(str(a), str(b)) for a, b in edges]
        self._check_names()
        self.order = search_order(self.inputs, self.edges)
        self._check_reached()
        self._check_sizes()
        self.back = self._edges_back()
        before = {b: [a for a in self.sources(b) if a in self.parts and (a, b) not in self.back] for b in self.order}
        self.order = list(graphlib.TopologicalSorter(before).static_order())

    @property
    def in_size(self) -> tuple[int, ...] | None:  # type: ignore[override]
        """The shape of the input, without batch axes; None where there are several."""
        return next(iter(self.inputs.values())) if len(self.inputs) == 1 else None

    @property
    def out_size(self) -> tuple[int, ...] | None:  # type: ignore[override]
        """The shape of the output, without batch axes; None where there are several."""
        return self.size_of(self.sources(self.outputs[0])[0]) if len(self.outputs) == 1 else None

    def sources(self, target: str) -> list[str]:
        """Where the edges to a module or an output come from."""
        return [a for a, b in self.edges if b == target]

    def size_of(self, source: str) -> tuple[int, ...] | None:
        """The shape of what an input or a module gives, without batch axes."""
        return self.inputs[source] if source in self.inputs else self.parts[source].out_size

    def _edges_back(self) -> list[Edge]:
        """The edges that take what their source gave in the step before."""
        place = {name: k for k, name in enumerate(self.order)}
        found = []
        for a, b in self.edges:
            if a not in place or b not in place or place[a] < place[b]:
                continue
            while isinstance(self.parts[a], Layer) and len(self.sources(a)) == 1 and [x for x, _ in self.edges].count(a) == 1:
                a, b = self.sources(a)[0], a
            found.append((a, b))
        return found

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make room for what goes along the edges that lead back."""
        batch = () if batch_size is None else (batch_size,)
        self.last = {name: ShortTermState(jnp.zeros((*batch, *(self.size_of(name) or ())), environ.dftype())) for name, _ in self.back}

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Set what goes along the edges that lead back to 0."""
        for name, _ in self.back:
            state, size = self.last[name], self.size_of(name) or ()
            batch = state.value.shape[: state.value.ndim - len(size)] if batch_size is None else (batch_size,)
            state.begin_with(jnp.zeros((*batch, *size), state.value.dtype))

    def update(self, *args: Any) -> Any:
        """Advance one step.

        Parameters
        ----------
        *args : array, shape ``(batch, *size)``
            One for each input, in their order.

        Returns
        -------
        array, or tuple of array
            The output, or one for each.
        """
        if len(args) != len(self.inputs):
            raise ParameterError(f'{self.label}: {len(args)} arrays are given, but its inputs are {", ".join(self.inputs)}.')
        values = dict(zip(self.inputs, args, strict=True))
        for name in self.order:
            x = self._arriving(name, values)
            try:
                values[name] = number(self.parts[name](taken(self.parts[name], x)))
            except Exception as error:
                error.add_note(f'in {name!r} of {self.label}')
                raise
        for name, _ in self.back:
            self.last[name].value = values[name].astype(self.last[name].value.dtype)
        results = tuple(self._arriving(name, values) for name in self.outputs)
        return results[0] if len(results) == 1 else results

    def _arriving(self, target: str, values: dict[str, Any]) -> Any:
        terms = [self.last[a].value if (a, target) in self.back else values[a] for a in self.sources(target)]
        return sum(terms[1:], terms[0])

    def _check_names(self) -> None:
        names = [*self.inputs, *self.parts, *self.outputs]
        if twice := sorted({x for x in names if names.count(x) > 1}):
            raise ParameterError(f'{self.label}: {", ".join(map(repr, twice))} names several of inputs, parts and outputs.')
        if not self.inputs or not self.outputs:
            raise ParameterError(f'{self.label}: there must be an input and an output.')
        for a, b in self.edges:
            if a not in (*self.inputs, *self.parts) or b not in (*self.parts, *self.outputs):
                raise ParameterError(
                    f'{self.label}: the edge from {a!r} to {b!r} must begin at one of {[*self.inputs, *self.parts]} '
                    f'and end at one of {[*self.parts, *self.outputs]}.'
                )
        if repeated := sorted({edge for edge in self.edges if self.edges.count(edge) > 1}):
            raise ParameterError(f'{self.label}: the edges {repeated} are there more than once.')

    def _check_reached(self) -> None:
        led_to = {b for a, b in self.edges if a in self.inputs or a in self.order}
        if missing := [x for x in self.parts if x not in self.order] + [x for x in self.outputs if x not in led_to]:
            raise ParameterError(f'{self.label}: {", ".join(map(repr, missing))} must lie on a way from an input to an output or a cycle.')

    def _check_sizes(self) -> None:
        for name in self.parts:
            if self.parts[name].out_size is None:
                raise ParameterError(f'{self.label}: the part {name!r} must tell its out_size; give it an `in_size`.')
        for a, b in self.edges:
            taken_size = self.parts[b].in_size if b in self.parts else self.size_of(self.sources(b)[0])
            if taken_size is not None and self.size_of(a) != tuple(taken_size):
                raise ShapeError(f'{self.label}: {a!r} gives shape {self.size_of(a)}, but {b!r} takes {tuple(taken_size)}.')


def search_order(inputs: Iterable[str], edges: Sequence[Edge]) -> list[str]:
    """Modules that can be reached from the inputs, each after those before it but for edges that lead back.

    A search in depth, in the order of edges; outputs, from which nothing goes on, are left out.
    """
    after: dict[str, list[str]] = {}
    for a, b in edges:
        after.setdefault(a, []).append(b)
    seen, done = set(inputs), []
    stack = [iter(after.get(name, ())) for name in reversed(list(inputs))]
    path: list[str | None] = [None] * len(stack)
    while stack:
        following = next((x for x in stack[-1] if x not in seen and x in after), None)
        if following is not None:
            seen.add(following)
            stack.append(iter(after[following]))
            path.append(following)
            continue
        stack.pop()
        name = path.pop()
        if name is not None:
            done.append(name)
    return done[::-1]
