"""From a network to a graph of NIR."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .. import layers
from .._errors import BrainStateError, ParameterError
from ..layers._windows import Windowed
from ..modules import Module
from ._graph import Graph
from ._nodes import Maker, Signal, has_node, is_membrane, is_synapse
from ._units import SECOND, Clock

_MISFITS = 'to_nir: {n} of the parts of the network cannot be written:\n{lines}\nThere are nodes for {known}.'


def to_nir(model: Any, *, euler: Any = None, time: Any = SECOND) -> Any:
    r"""Write a network as a graph of NIR.

    Parameters
    ----------
    model : Module
        A `Sequential`, one layer or neuron, or, for recurrent networks and others with several ways, a `Graph`. They may be made of
        `Linear`, `Conv1d`, `Conv2d`, `AvgPool2d`, `Flatten`, `Delay`, `LeakyRateReadout`, `Expon`, `IF`, `LIF`, the classes of
        `brainpy_state.nir`, and again `Sequential` and `Graph`. A `Projection` cannot be written; edges of a `Graph` say the same.
    euler : time, optional
        The time step of forward Euler with which other software will run the graph. Time constants become those with which this rule does
        what exact steps do here: :math:`\tau = \Delta t / (1 - e^{-\Delta t / \tau'})`.
    time : time
        Which the number 1 stands for in the graph, a second by default.

    Returns
    -------
    nir.NIRGraph
        Nodes have the names of parts of a `Graph`, or the places in a `Sequential`. ``nir.write(path, graph)`` stores it.

    Raises
    ------
    ParameterError
        If parts are of a kind, or have options, for which NIR has no node, in one error that names all of them. Neurons need
        ``spk_reset='hard'``, no refractory period and no ``V_initializer``.
    ImportError
        If the package ``nir`` is not installed.

    Notes
    -----
    Numbers are in volts, amperes and ohms. Images have their channels last here and first in a graph: weights, parameters of neurons and
    the order of flattened elements are written accordingly. A synapse in front of neurons is written as one ``CubaLIF``. What a spike
    adds to an `Expon` does not depend on ``dt``; in a graph it is the number 1 for one step. So ``w_in`` follows from ``dt``, which must be
    set then.
    Surrogate gradients and the numerical method are no part of a graph.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> net = bst.nn.Sequential(bst.nn.Linear(3, 2, b_init=None), bst.LIF(2, tau=10. * u.ms, spk_reset='hard'))
    >>> graph = bst.nir.to_nir(net)
    >>> graph.nodes['1'].tau, graph.nodes['1'].v_threshold
    (array([0.01, 0.01]), array([0.001, 0.001]))
    """
    writer = _Writer(Clock('to_nir', time, euler))
    graph = writer.network(model)
    if writer.misfits:
        raise ParameterError(_MISFITS.format(n=len(writer.misfits), lines='\n'.join(writer.misfits), known=has_node()))
    return graph


_Nodes = list[tuple[str, Any]]  # one after the other
_Edges = list[tuple[str, str]]


class _Writer:
    """A walk through a network, which notes what cannot be written."""

    def __init__(self, clock: Clock):
        self.maker = Maker(clock)
        self.misfits: list[str] = []

    def network(self, model: Any) -> Any:
        """The graph of a whole network; None where something does not fit."""
        if not isinstance(model, Module):
            raise TypeError(f'to_nir: model must be a Sequential, a Graph, or another module, but is {model!r}.')
        if not isinstance(model, Graph) and model.in_size is None:
            raise ParameterError(f'to_nir: the in_size of {model.label} is not known; give it to the first layer.')
        channels_last = any(isinstance(m, Windowed) and m.channel_axis == -1 for m in model.nodes().values())
        graph: Any = model if isinstance(model, Graph) else _Chain(model)
        return self.graph(graph, '', {name: Signal.of(size, -1 if channels_last else 0) for name, size in graph.inputs.items()})[0]

    def graph(self, model: Any, place: str, signals: dict[str, Signal]) -> tuple[Any, list[Signal]]:
        """The graph of a `Graph` whose inputs are known, and what it gives."""
        given, nodes, edges, ends, taken = dict(signals), [], [], {name: (name, name) for name in (*model.inputs, *model.outputs)}, {}
        for name in model.order:
            known = [signals[a] for a in model.sources(name) if a in signals]
            taken[name] = known[0] if known else Signal.plain(model.parts[name].in_size)  # the first signal comes in the next step
            new, signals[name] = self.modules(model.parts[name], place, name, taken[name])
            nodes += new
            edges += _one_after_the_other(new)
            ends[name] = (new[0][0], new[-1][0]) if new else (name, name)
        for a, b in model.edges:
            if b in taken and not signals[a].is_same(taken[b]):
                self.misfits.append(f'    {place}{b}: what comes from {a!r} has another shape, or order of elements, than it takes.')
        edges = [(ends[a][1], ends[b][0]) for a, b in model.edges] + edges
        results = {name: signals[model.sources(name)[0]] for name in model.outputs}
        return None if self.misfits else self._graph(given, nodes, results, edges), list(results.values())

    def modules(self, model: Any, place: str, name: str, signal: Signal) -> tuple[_Nodes, Signal]:
        """The nodes of the layers of a `Sequential`, or of one module, one after the other."""
        if isinstance(model, Graph):
            return self._subgraph(model, place, name, signal)
        parts = list(model) if isinstance(model, layers.Sequential) else [model]
        nodes: _Nodes = []
        k = 0
        while k < len(parts):
            n = 2 if is_synapse(parts[k]) and k + 1 < len(parts) and is_membrane(parts[k + 1]) else 1
            own = (name if n == len(parts) else f'{name}.{k}') if name else str(k)
            few = parts[k : k + n]
            nested = isinstance(few[0], (layers.Sequential, Graph))
            new, signal = self.modules(few[0], place, own, signal) if nested else self._made(few, place, own, signal)
            nodes += new
            k += n
        return nodes, signal

    def _made(self, parts: list[Any], place: str, name: str, signal: Signal) -> tuple[_Nodes, Signal]:
        try:
            made, after = self.maker.made(parts, signal)
            return [(f'{name}{ending}', node) for ending, node in made.items()], after
        except (BrainStateError, ValueError) as error:
            kinds = ', '.join(type(part).__name__ for part in parts)
            self.misfits.append(f'    {place}{name} ({kinds}): {str(error).rstrip(".")}.')
            size = getattr(parts[-1], 'out_size', None)
            return [], signal if size is None else Signal.plain(tuple(size))

    def _subgraph(self, model: Graph, place: str, name: str, signal: Signal) -> tuple[_Nodes, Signal]:
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            self.misfits.append(f'    {place}{name} (Graph): within another graph it must have one input and one output.')
            return [], signal
        graph, (after,) = self.graph(model, f'{place}{name}.', dict.fromkeys(model.inputs, signal))
        return [(name, graph)], after

    def _graph(self, inputs: dict[str, Signal], nodes: _Nodes, outputs: dict[str, Signal], edges: _Edges) -> Any:
        nir = self.maker.nir
        entries = {name: nir.Input(np.array(signal.places.shape)) for name, signal in inputs.items()}
        exits = {name: nir.Output(np.array(signal.places.shape)) for name, signal in outputs.items()}
        return nir.NIRGraph(entries | dict(nodes) | exits, edges)


class _Chain:
    """One module as if it were a `Graph`."""

    order, outputs, edges = ('',), ('output',), (('input', ''), ('', 'output'))

    def __init__(self, model: Module):
        self.parts, self.inputs = {'': model}, {'input': model.in_size}

    def sources(self, target: str) -> list[str]:
        return [a for a, b in self.edges if b == target]


def _one_after_the_other(nodes: _Nodes) -> _Edges:
    names = [name for name, _ in nodes]
    return list(itertools.pairwise(names))
