"""`sweep`: a function for all values of its parameters, as one compiled program."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from .._errors import ParameterError, TraceContextError
from .._tracebacks import entry
from ..event import threads
from ..numerics import brief, host_times
from ..record._recorder import room_for
from ..transform._args import name_of
from ..transform._devices import Devices
from ..transform._lift import lift
from ..transform._programs import shared_programs
from ._grid import Grid
from ._labelled import dataset
from ._lanes import LaneProgram, Outcome, Outgrown
from ._traced import is_traced

_NEEDS_VALUE = """\
sweep: {where} asks in Python (`if`, `int()`, a size, a seed of connections) for the value of {names}, which has none: one program \
computes all. Use `jnp.where` or `transform.cond`, or loop over it in Python:
    {{x: sweep(lambda ...: f(..., {first}=x), over=...) for x in ...}}"""
_ASKED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.TracerArrayConversionError,
    TypeError,
    ValueError,
)


@entry
def sweep(
    f: Callable[..., Any],
    over: Mapping[str, Any],
    *,
    zipped: bool = False,
    lanes: int | None = None,
    labelled: bool = False,
    mesh: Any = None,
) -> Any:
    """Call a function with all combinations of values, compiled once for all of them.

    Each combination is a lane, which is simulated as if it were alone: of the same numbers, bit for bit, as far as its loops are native;
    what is computed outside of loops, such as first values of gates, may differ in the last digit. Threads share the lanes.

    Parameters
    ----------
    f : callable
        Called with one value of each parameter, by name, which have no numbers yet (see `transform.vmap`). It builds a network or
        uses one, simulates, by `run` or a loop, and returns arrays, in any container. A `record.SpikeRecorder` among the results
        stands for its spikes. It is not emptied in between: where all lanes together record more than its ``capacity``, it gets a
        larger one and they are computed again; later calls begin with that.
    over : mapping
        Values of each parameter, by name: numbers or quantities, along a first axis.
    zipped : bool
        Whether to take the first values of all parameters together, then the second, and so on, instead of all combinations.
    lanes : int, optional
        How many combinations to simulate at once, on each device; more than 64 are hardly quicker. By default, as many as need 256 MB if
        all values of a lane were kept, but no fewer than there are threads and no more than 4,096.
    labelled : bool
        Whether to return an `xarray.Dataset`, whose dimensions are named by the parameters and whose units stand in the attribute
        ``units``; needs the package xarray.
    mesh : jax.sharding.Mesh, optional
        Devices that share the combinations, each with a copy of what ``f`` reads. They may belong to several processes
        (`jax.distributed`), all of which call this, with the same arguments and states, and get all results.

    Returns
    -------
    pytree or xarray.Dataset
        What ``f`` returns, in host memory, with first axes as long as the values of each parameter; with one axis if ``zipped``. In the
        place of a recorder stands an array of `record.Spikes`.

    Raises
    ------
    ParameterError
        If a parameter has values that are no numbers, ``f`` does not take it, or asks in Python for its value. If processes disagree
        about the function, values, states, or versions of packages.
    ShapeError
        If parameters that are ``zipped`` have different numbers of values.
    TraceContextError
        Inside of a compiled function.

    Notes
    -----
    States from outside of ``f`` begin in each lane with what they hold, and hold it afterwards. So do streams of random numbers
    (`random.Stream`, noise, Poisson sources): with the same name, or started from the same seed, all lanes have the same numbers. What
    the default generator draws, which also names streams without a seed, differs between lanes, whatever ``lanes`` is, until
    `random.seed` in ``f`` starts it from a seed, which may be a parameter. A lane then has the numbers of a `Simulation` of that seed.
    Another call of the same function with as many values compiles nothing. An error of a check inside of a lane names the values of the
    lane.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> def rate(I, tau):
    ...     cell = bst.nn.init_all_states(bst.LIF(1, tau=tau, V_th=10. * u.mV, R=1. * u.Mohm))
    ...     return {'spikes': bst.run(lambda: cell(I), 100. * u.ms).sum()}
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     found = bst.sweep(rate, {'I': [5., 15., 30.] * u.nA, 'tau': [5., 20.] * u.ms})
    >>> found['spikes'].tolist()
    [[0.0, 0.0], [18.0, 4.0], [48.0, 12.0]]
    """
    if is_traced():
        raise TraceContextError('sweep: it cannot be a part of a compiled function; use transform.vmap there.')
    grid, where, devices = Grid(over, zipped), name_of(f), None if mesh is None else Devices('sweep', mesh)
    _check_names(f, grid, where)
    if lanes is not None and (int(lanes) != lanes or lanes < 1):
        raise ParameterError(f'sweep: lanes must be an integer of 1 or more, but is {brief(lanes)}.')

    first, room, found = grid.first(), 0, None
    while found is None:
        program: Any = shared_programs(f, ('sweep', mesh, room, *grid.values), functools.partial(_built, devices, room)).find(f, first)
        if not (room := program.outgrown_by):
            program.check_agreement(where, grid)
            most = program.most_lanes(first) if lanes is None else int(lanes)
            try:
                found = _assembled(program, grid, _blocks(grid.size, most, 1 if devices is None else devices.size))
            except Outgrown as more:
                room = program.outgrown_by = 1 << int(more.args[0]).bit_length()
    results = host_times(jax.tree.unflatten(program.outcome.tree, found))
    return dataset(results, grid) if labelled else results


def _built(devices: Devices | None, room: int, f: Callable, args: dict[str, Any]) -> LaneProgram:
    outcome = Outcome()
    try:
        with room_for(room):
            lifted = lift(f, args, outcome.flat)
    except _ASKED as error:
        if names := _asked_for(f, args, outcome):
            told = ' and '.join(map(repr, names))
            raise ParameterError(_NEEDS_VALUE.format(where=name_of(f), names=told, first=names[0])) from error
        raise
    return LaneProgram(lifted, outcome, args, devices, room)


def _check_names(f: Callable, grid: Grid, where: str) -> None:
    try:
        inspect.signature(f).bind(**grid.values)
    except TypeError as error:
        raise ParameterError(f'sweep: {where} cannot be called with {", ".join(grid.values)} by name: {error}.') from None


def _blocks(size: int, most: int, devices: int) -> list[np.ndarray]:
    """The numbers of lanes, in blocks of equal length that devices share equally; the last one may repeat the last lane."""
    number = -(-size // (most * devices))
    each = -(-size // (number * devices))  # lanes of a block on a device
    if number > 1 and devices == 1:
        each = min(most, -(-each // threads()) * threads())
    length = each * devices
    return [np.minimum(np.arange(first, first + length), size - 1) for first in range(0, size, length)]


def _assembled(program: LaneProgram, grid: Grid, blocks: list[np.ndarray]) -> list[Any]:
    """Each result of all lanes, on the host."""
    whole: list[Any] = [None] * len(program.outcome.parts)
    done, devices = 0, 1 if program.devices is None else program.devices.size
    parts = [part for block in blocks for part in np.split(block, devices)]
    with contextlib.closing(program.of(grid, blocks)) as of_blocks:
        for lanes, out in zip(parts, of_blocks, strict=True):
            n = max(min(len(lanes), grid.size - done), 0)
            for k, (part, arrays) in enumerate(zip(program.outcome.parts, out, strict=True)):
                rows = _plain(arrays, n) if part is None else part.spikes(arrays, n, program.room)
                if whole[k] is None:
                    whole[k] = np.empty((grid.size, *rows.shape[1:]), rows.dtype)
                whole[k][done : done + n] = rows
            done += n
    return [x.reshape(*grid.shape, *x.shape[1:]) for x in whole]


def _plain(arrays: list[tuple[Any, bool]], n: int) -> np.ndarray:
    ((x, has_lanes),) = arrays
    return np.asarray(x)[:n] if has_lanes else np.broadcast_to(np.asarray(x), (n, *x.shape))


def _asked_for(f: Callable, args: dict[str, Any], outcome: Outcome) -> list[str]:
    """The parameters for whose values a function asks: with a number in the place of one of them, it can be traced."""
    names = []
    for name, value in args.items():
        known = jax.tree.map(lambda x: x.item() if x.ndim == 0 else np.asarray(x), value)

        def with_value(f: Callable, rest: dict[str, Any], name: str = name, known: Any = known) -> Any:
            return outcome.flat(f, {**rest, name: known})

        try:
            lift(f, {key: x for key, x in args.items() if key != name}, with_value)
        except _ASKED:
            continue
        names.append(name)
    return names
