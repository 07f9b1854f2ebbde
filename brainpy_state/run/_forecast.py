"""`forecast`: the memory that a call will need, found without making it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax

from .._tracebacks import entry
from ..modules import lifecycle
from ..transform._args import Static, name_of
from ..transform._jit import Bound, Jitted
from ..transform._lift import lift
from ..transform._program import Program
from ..transform._programs import Programs
from ._memory import Item, Messages, existing, made, messages, outputs, size_of
from ._run import Chunks, run
from ._simulation import Simulation
from ._steps import arguments

_KINDS = ('states', 'delays', 'connectivity', 'parameters', 'recorders', 'inputs', 'outputs', 'residuals', 'working')


@dataclass(frozen=True)
class Forecast:
    """The memory that a call will need, in bytes; printed, a table.

    Attributes
    ----------
    peak : int
        At the peak of the call, of what is listed here. The process itself takes some hundred megabytes besides.
    held : int
        How much of it is allocated already; ``peak - held`` is to come, and must be free.
    states, delays, parameters, recorders : int
        The states that the call uses and other arrays of the modules that these belong to, each once.
    connectivity : int
        Synapses, with weights and delays of their own.
    inputs : int
        Arguments of the call, and arrays outside of modules.
    outputs : int
        What the call returns. Of `run` both what is in the end in host memory and the results of one chunk.
    residuals : int
        What loops keep of each step until it is used, such as for a gradient.
    working : int
        What else there is while the program runs: the next values of states, and temporary arrays.
    items : tuple of (kind, path, bytes)
        What there is of each kind, the largest first.
    messages : (bytes, number, steps), optional
        Of a simulation that is divided between devices: what each sends to each other one, in how many messages, once in how many steps.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.nn.init_all_states(bst.LIF(1000))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     memory = bst.forecast(bst.run, neuron, 10. * u.ms)
    >>> memory.peak >= memory.states
    True
    """

    items: tuple[Item, ...]
    held: int
    peak: int
    messages: Messages | None = None

    def __getattr__(self, name: str) -> int:
        if name not in _KINDS:
            raise AttributeError(f'Forecast has no {name!r}; kinds of memory are {", ".join(_KINDS)}.')
        return sum(item.bytes for item in self.items if item.kind == name)

    def __str__(self) -> str:
        rows = []
        for kind in _KINDS:
            items = [item for item in self.items if item.kind == kind]
            largest = [f'{item.path} {_readable(item.bytes)}' for item in items[:2]]
            rows += [(kind, _readable(getattr(self, kind)), ', '.join(largest) + ', ...' * (len(items) > 2))] if items else []
        rows += [('peak', _readable(self.peak), f'{_readable(self.held)} allocated already, {_readable(self.peak - self.held)} to come')]
        if self.messages is not None:
            often = 'each step' if self.messages.steps == 1 else f'every {self.messages.steps} steps'
            plural = 's' if self.messages.number > 1 else ''
            told = f'in {self.messages.number} message{plural} to each other device, {often}'
            rows += [('messages', _readable(self.messages.bytes), told)]
        return '\n'.join(f'{kind:<13}{size:>10}   {text}' for kind, size, text in rows)


@entry
def forecast(f: Callable, *args: Any, **kwargs: Any) -> Forecast:
    """The memory that a call would need, found without making it.

    Write ``forecast(simulation.run, duration)`` for what ``simulation.run(duration)`` needs, ``forecast(run, step, duration)`` for
    ``run(step, duration)``, or ``forecast(train, x, y)`` for ``train(x, y)``. Nothing is computed or changed, but the program is
    compiled as it would be for the call: a later run, or call of a function that `jit` has made, does not compile it again.

    Parameters
    ----------
    f : callable
        `run`, the method of a `Simulation`; or a function that `jit` could compile, such as what `grad` returns.
    *args, **kwargs
        Its arguments, or ``jax.ShapeDtypeStruct`` in the place of arrays.

    Returns
    -------
    Forecast
        A table of what takes memory, with the peak.

    Raises
    ------
    TypeError
        If ``f`` cannot be called with these arguments.
    ParameterError
        If a duration is no multiple of ``dt``.
    StateNotInitializedError
        If a model that ``f`` uses has no states yet; they are small beside synapses, records and residuals.

    Notes
    -----
    The peak is on the device that runs the program: elsewhere than on a CPU, without what `run` keeps in host memory. Spikes that
    recorders have moved to the host take 8 bytes each, and are not foreseen. A function that `jit` has not made is
    forecast as if it had.

    Connections are built first, and take 4 bytes a synapse, also with a delay that a rule has drawn (which takes 1 or 2 more while
    it is drawn), and 2, 4 or 8 for a weight of its own. Delays of synapses that a projection is given take 4 more once states are there.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neurons = bst.nn.init_all_states(bst.LIF(1000))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     needed = bst.forecast(bst.run, lambda: neurons(1. * u.mA), 1. * u.second, chunk=100. * u.ms)
    >>> needed.states, needed.outputs  # V and spike; 10,000 steps, and a tenth of that
    (8000, 44000000)
    """
    if not callable(f):
        raise TypeError(f'forecast: the first argument is what would be called, but is {f!r}; for a run: forecast(run, step, duration).')
    if inspect.isroutine(f):
        try:
            inspect.signature(f).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f'forecast: {name_of(f)} cannot be called so: {error}; for a run: forecast(run, step, duration).') from None
    with lifecycle.open() as undo:  # states may be created, and recorders enlarged
        try:
            if isinstance(simulation := getattr(f, '__self__', None), Simulation) and f == simulation.run:
                return _of_simulation(simulation, *args, **kwargs)
            return _of_run(Chunks(*args, **kwargs)) if f is run else _of_call(*_program(f, args, kwargs))
        finally:
            undo.restore()


def _of_run(chunks: Chunks) -> Forecast:
    program = chunks.steps.program()
    there = existing(program, ())
    (_, out), working = made(program, arguments(0, 0))
    chunk = outputs(out)
    whole = [item._replace(bytes=item.bytes // chunks.length * chunks.total) for item in chunk]
    chunk = [item._replace(path=f'{item.path} of a chunk') for item in chunk]
    held, on_device = _sum(there), _sum(chunk) + _sum(working)
    if jax.default_backend() != 'cpu':
        return _forecast([*there, *whole, *chunk, *working], held, held + on_device)
    before_last = (chunks.total - 1) // chunks.length * chunks.length  # steps
    peak = max(on_device + _sum(whole) * before_last // max(chunks.total, 1), _sum(chunk) + _sum(whole))
    return _forecast([*there, *whole, *chunk, *working], held, held + peak)


def _of_simulation(simulation: Simulation, duration: Any, **_: Any) -> Forecast:
    program, samples = simulation.needs(duration)
    there = existing(program, ())
    _, working = made(program, arguments(0, 0))
    records = [Item('outputs', path, size) for path, size in samples.items()]
    held = _sum(there)
    found = _forecast([*there, *records, *working], held, held + _sum(records) + _sum(working))
    return replace(found, messages=messages(program, arguments(0, 0)))


def _of_call(program: Program, args: Any) -> Forecast:
    there = existing(program, args)
    out, working = made(program, args)
    abstract = sum(size_of(x) for x in jax.tree.leaves(args) if isinstance(x, jax.ShapeDtypeStruct))
    items = [*there, *outputs(out), *working]
    return _forecast(items, _sum(there) - abstract, _sum(items))


def _program(f: Callable, args: tuple, kwargs: dict[str, Any]) -> tuple[Program, Any]:
    if isinstance(f, (Jitted, Bound)):
        return f.program(*args, **kwargs)
    given = jax.tree.map(lambda x: x if hasattr(x, 'shape') else Static(x), (args, kwargs))  # other numbers take no memory
    return Programs(_traced).find(f, given), given


def _traced(f: Callable, args: Any) -> Program:
    lifted = lift(f, args, call=lambda f, args: f(*args[0], **args[1]))
    return Program(lifted.pure, lifted, lifted.reads, lifted.writes, args)


def _forecast(items: Sequence[Item], held: int, peak: int) -> Forecast:
    return Forecast(tuple(sorted((i for i in items if i.bytes), key=lambda i: (_KINDS.index(i.kind), -i.bytes))), held, peak)


def _sum(items: Sequence[Item]) -> int:
    return sum(item.bytes for item in items)


def _readable(size: float) -> str:
    for unit in ('B', 'KiB', 'MiB', 'GiB'):
        if size < 1000 or unit == 'GiB':
            break
        size /= 1024
    return f'{size:.0f} {unit}' if size >= 100 or unit == 'B' else f'{size:.3g} {unit}'
