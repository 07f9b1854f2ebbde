"""From a graph of NIR to a network."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import brainunit as u
import numpy as np

from .. import layers
from .._errors import BrainStateError, ParameterError
from .._optional import needed
from ..modules import Delay, Module
from ..neurons import LIF
from ._graph import Graph, search_order
from ._parts import (
    ChannelsFirstAvgPool2d,
    ChannelsFirstConv1d,
    ChannelsFirstConv2d,
    ChannelsFirstSumPool2d,
    Integrator,
    LeakyIntegrator,
    PerfectIF,
    Scale,
    Threshold,
    above,
)
from ._units import SECOND, Clock

Size = tuple[int, ...]

_MISFITS = 'from_nir: {n} of the nodes of the graph cannot be read:\n{lines}\nThere are modules for {known}.'
_NO_FILE = 'from_nir: {path} cannot be read as a file of NIR ({kind}: {error}); `nir.write(path, graph)` writes one.'


def from_nir(source: Any, *, euler: Any = None, time: Any = SECOND, spk_fun: Callable[[Any], Any] = above) -> Graph:
    r"""Build a network from a graph of NIR.

    Parameters
    ----------
    source : nir.NIRGraph or path
        A graph, or a file that ``nir.write`` has written.
    euler : time, optional
        The time step of forward Euler with which other software runs the graph. Time constants become those with which exact steps of
        this ``dt`` do the same: :math:`\tau' = -\Delta t / \log(1 - \Delta t / \tau)`. By default the equations of the graph are solved
        exactly for the ``dt`` that is set when the network runs.
    time : time
        Which the number 1 stands for in the graph, a second by default; ``dt`` for software that counts time in steps.
    spk_fun : callable
        From the distance to the threshold to the spike, with a surrogate gradient; `above` by default, as a spike in NIR is a V above
        the threshold. Others, such as those of ``braintools.surrogate``, spike at the threshold too.

    Returns
    -------
    Graph
        Its parts have the names of the nodes. It takes and gives plain numbers, with the axes of the graph: channels come first.
        A subgraph is a `Graph`, ``CubaLIF`` and ``CubaLI`` are a `Sequential` of a `LeakyIntegrator` for the current and the membrane.

    Raises
    ------
    ParameterError
        If a file is not one of NIR; if nodes of the graph are of a kind, or have numbers, for which there is no module, in one error that
        names all of them.
    ImportError
        If the package ``nir`` is not installed.

    Notes
    -----
    Numbers of a graph are volts, amperes and ohms. A signal is held over a step of ``dt``: a spike is the number 1 for one step.
    Source: Pedersen et al. 2024, doi:10.1038/s41467-024-52259-9.

    Examples
    --------
    >>> import brainunit as u, nir, numpy as np
    >>> import brainpy_state as bst
    >>> one = np.ones(2)
    >>> graph = nir.NIRGraph.from_list(nir.Linear(np.ones((2, 3))), nir.LIF(tau=0.01 * one, r=one, v_leak=0 * one, v_threshold=one))
    >>> bst.nir.from_nir(graph).parts['lif'].tau
    Quantity([0.01 0.01], "s")
    """
    nir = needed('nir', 'nir', 'from_nir')
    clock = Clock('from_nir', time, euler)
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        try:
            graph = nir.read(path, type_check=False)
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ParameterError(_NO_FILE.format(path=path, kind=type(error).__name__, error=error)) from None
    else:
        graph = source
    if not isinstance(graph, nir.NIRGraph):
        raise TypeError(f'from_nir: source must be a nir.NIRGraph or the path of a file of one, but is a {type(graph).__name__}.')
    reader = _Reader(clock, spk_fun)
    net = reader.graph(graph, '', None)
    if reader.misfits:
        raise ParameterError(_MISFITS.format(n=len(reader.misfits), lines='\n'.join(reader.misfits), known=', '.join(sorted(_BUILD))))
    return net


class _Reader:
    """What is built from each kind of node, and what cannot be."""

    def __init__(self, clock: Clock, spk_fun: Callable[[Any], Any]):
        self.clock, self.spk_fun = clock, spk_fun
        self.misfits: list[str] = []

    def graph(self, graph: Any, place: str, size: Size | None) -> Any:
        """A graph, of which a part may have an input of a known size; None where something does not fit."""
        kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
        inputs: dict[str, Any] = {name: size or _shape(graph.nodes[name].input_type) for name, kind in kinds.items() if kind == 'Input'}
        outputs = [name for name, kind in kinds.items() if kind == 'Output']
        if place and (len(inputs), len(outputs)) != (1, 1):
            raise ParameterError(f'a graph within another must have one input and one output, but has {len(inputs)} and {len(outputs)}')
        known: dict[str, Size | None] = dict(inputs)
        parts: dict[str, Module] = {}
        for name in search_order(inputs, graph.edges):
            if name not in graph.nodes:
                continue
            before = [s for a, b in graph.edges if b == name and (s := known.get(a)) is not None]
            node = graph.nodes[name]
            part = self.part(node, f'{place}{name}', before[0] if before else _shape(node.input_type))
            known[name] = _shape(node.output_type) if part is None else part.out_size
            if part is not None:
                parts[name] = part
        if self.misfits:
            return None
        try:
            return Graph(inputs, parts | self._not_reached(graph, kinds, parts), graph.edges, outputs)
        except (BrainStateError, ValueError) as error:
            self.misfits.append(f'    {place.rstrip(".") or "the whole"} (NIRGraph): {error}')
            return None

    def _not_reached(self, graph: Any, kinds: dict[str, str], parts: dict[str, Module]) -> dict[str, Any]:
        """Nodes on no way from an input, which `Graph` refuses by name."""
        return {name: Module() for name, kind in kinds.items() if name not in parts and kind not in ('Input', 'Output')}

    def part(self, node: Any, name: str, size: Size | None) -> Any:
        """The module of a node that takes an input of a size; None where there is none."""
        kind = type(node).__name__
        build = _BUILD.get(kind)
        try:
            if kind == 'NIRGraph':
                return self.graph(node, f'{name}.', size)
            if build is None:
                raise ParameterError('there is no module for it')
            if size is None:
                raise ParameterError('the shape of its input is not known')
            return build(self, node, size)
        except (BrainStateError, ValueError, TypeError) as error:
            self.misfits.append(f'    {name} ({kind}): {str(error).rstrip(".")}.')
            return None

    def dense(self, node: Any, size: Size) -> Module:
        weight, bias = np.asarray(node.weight), getattr(node, 'bias', None)
        if weight.ndim != 2:
            raise ParameterError(f'weight must have 2 axes, but has shape {weight.shape}')
        return layers.Linear(size, weight.shape[:1], weight.T, None if bias is None else np.asarray(bias))

    def convolution(self, node: Any, size: Size) -> Module:
        weight = np.asarray(node.weight)
        ndim = weight.ndim - 2
        given = node.padding if isinstance(node.padding, (str, bytes)) else _per_axis(node.padding, ndim)
        padding = (given.decode() if isinstance(given, bytes) else given).upper() if isinstance(given, (str, bytes)) else given
        stride = _per_axis(node.stride, ndim)
        if padding == 'SAME' and set(stride) != {1}:
            raise ParameterError(f"padding 'same' is defined for a stride of 1 only, but stride is {stride}")
        return {1: ChannelsFirstConv1d, 2: ChannelsFirstConv2d}[ndim](
            size,
            weight.shape[0],
            weight.shape[2:],
            stride,
            padding,
            rhs_dilation=_per_axis(node.dilation, ndim),
            groups=int(node.groups),
            w_init=np.moveaxis(weight, (0, 1), (-1, -2)),
            b_init=np.asarray(node.bias),
        )

    def pool(self, node: Any, size: Size) -> Module:
        kind = {'AvgPool2d': ChannelsFirstAvgPool2d, 'SumPool2d': ChannelsFirstSumPool2d}[type(node).__name__]
        padding = _per_axis(node.padding, 2)
        if kind is ChannelsFirstAvgPool2d and any(padding):
            raise ParameterError(f'a mean with padding {padding} is not defined: software differs in whether zeros are counted')
        return kind(_per_axis(node.kernel_size, 2), _per_axis(node.stride, 2), padding, in_size=size)

    def flatten(self, node: Any, size: Size) -> Module:
        return layers.Flatten(int(node.start_dim), int(node.end_dim), in_size=size)

    def scale(self, node: Any, size: Size) -> Module:
        return Scale(size, np.asarray(node.scale))

    def delay(self, node: Any, size: Size) -> Module:
        return Delay(size, self.clock.scaled(np.asarray(node.delay)) * u.second)

    def threshold(self, node: Any, size: Size) -> Module:
        return _made(Threshold, size, threshold=np.asarray(node.threshold), spk_fun=self.spk_fun)

    def integrator(self, node: Any, size: Size) -> Module:
        return _made(Integrator, size, gain=self._gain(node), V_initializer=0.0 * u.volt)

    def perfect(self, node: Any, size: Size) -> Module:
        return _made(PerfectIF, size, gain=self._gain(node), **self._spiking(node))

    def leaky(self, node: Any, size: Size) -> Module:
        rest = np.asarray(node.v_leak) * u.volt
        return _made(LeakyIntegrator, size, tau=self.clock.read_tau(_tau(node)), R=np.asarray(node.r) * u.ohm, V_rest=rest)

    def lif(self, node: Any, size: Size) -> Module:
        tau, rest = self.clock.read_tau(_tau(node)), np.asarray(node.v_leak) * u.volt
        return _made(LIF, size, R=np.asarray(node.r) * u.ohm, tau=tau, V_rest=rest, **self._spiking(node))

    def with_current(self, node: Any, size: Size) -> Module:
        """A synaptic current in front of a membrane."""
        tau = self.clock.read_tau(np.asarray(node.tau_syn))
        current = _made(LeakyIntegrator, size, tau=tau, R=np.asarray(node.w_in) * u.amp, V_rest=0.0 * u.amp)
        membrane = self.leaky if type(node).__name__ == 'CubaLI' else self.lif
        return layers.Sequential(current, membrane(node, size))

    def _gain(self, node: Any) -> Any:
        return np.asarray(node.r) / self.clock.time * (u.volt / (u.amp * u.second))

    def _spiking(self, node: Any) -> dict[str, Any]:
        threshold, reset = (np.asarray(x) * u.volt for x in (node.v_threshold, node.v_reset))
        return {'V_th': threshold, 'V_reset': reset, 'spk_reset': 'hard', 'spk_fun': self.spk_fun}


_BUILD: dict[str, Callable[[_Reader, Any, Size], Module]] = {
    'Affine': _Reader.dense,
    'AvgPool2d': _Reader.pool,
    'Conv1d': _Reader.convolution,
    'Conv2d': _Reader.convolution,
    'CubaLI': _Reader.with_current,
    'CubaLIF': _Reader.with_current,
    'Delay': _Reader.delay,
    'Flatten': _Reader.flatten,
    'I': _Reader.integrator,
    'IF': _Reader.perfect,
    'LI': _Reader.leaky,
    'LIF': _Reader.lif,
    'Linear': _Reader.dense,
    'Scale': _Reader.scale,
    'SumPool2d': _Reader.pool,
    'Threshold': _Reader.threshold,
}


def _made(kind: Any, size: Size, **params: Any) -> Module:
    return kind(size, **params)


def _tau(node: Any) -> np.ndarray:
    return np.asarray(node.tau_mem if hasattr(node, 'tau_mem') else node.tau)


def _per_axis(value: Any, ndim: int) -> tuple[int, ...]:
    """One integer for each axis, of one for all or several."""
    return tuple(int(x) for x in np.broadcast_to(np.asarray(value), (ndim,)))


def _shape(types: Any) -> Size | None:
    """The shape in a type of a node, or None."""
    shape = next(iter((types or {}).values()), None)
    return None if shape is None else tuple(int(n) for n in np.atleast_1d(np.asarray(shape)))
