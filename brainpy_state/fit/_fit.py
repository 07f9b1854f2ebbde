"""`fit` and `evaluate`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .. import environ, random
from .._errors import NanError, ParameterError, UnitError
from .._tracebacks import entry
from ..optim import Optimizer
from ..transform import grad, jit
from ..transform._devices import Devices
from ..transform._error_if import error_if
from ..transform._lift import lift
from ..transform._program import Program
from ..transform._programs import programs_of
from ..transform._units import numbers_of
from ._checkpoint import Checkpoint
from ._data import Arrays, Batch, Batches, natural, source
from ._diagnose import first_not_finite
from ._history import History, extended, kept_states

_VALIDATION = 'validation '

_STOPPED = """\
fit: {what} in epoch {epoch}, step {step}. {state}
Every state holds what it held before this step. Lower the learning rate, clip gradients (optax.clip_by_global_norm), or scale the input."""


class _NotFiniteError(NanError):
    """The loss, or a weight after the update, is not finite."""


@entry
def fit(
    loss: Callable[..., Any],
    optimizer: Optimizer,
    data: Any,
    *,
    epochs: int,
    batch_size: int | None = None,
    remainder: str | None = None,
    validation: Any = None,
    best: str | None = None,
    seed: int = 0,
    history: History | None = None,
    checkpoint: str | os.PathLike | None = None,
    on_epoch: Callable[[History], Any] | None = None,
    mesh: Any = None,
) -> History:
    """Train the states of an optimiser on minibatches.

    Parameters
    ----------
    loss : callable
        ``loss(*batch)`` returns a number, or that and a dict of metrics, also numbers: ``(loss, {'accuracy': ...})``. It resets a model,
        simulates, and is compiled once for each shape of a batch, with ``environ``'s ``fit`` True, and False for validation.
    optimizer : optim.Optimizer
        What to train, and how.
    data : tuple of arrays, iterable, or callable
        ``(x, y)``: samples along the leading axes, in an order that changes in each epoch. Or batches, each a tuple: an iterable that
        can be gone through again, or a function of the number of the epoch, from 0, that returns an iterable. The leading axis of the
        last array of a batch is its number of samples.
    epochs : int
        How many epochs in all; those of ``history`` count.
    batch_size : int
        Samples of a batch, for arrays.
    remainder : {'keep', 'drop'}, optional
        Where batches do not divide the samples: a smaller batch at the end, or leave out those that are last in the order. By default
        that is an error.
    validation : tuple of arrays, iterable, or callable, optional
        Data for an `evaluate` after each epoch.
    best : str, optional
        The curve by which weights are the best, of the validation if there is one: ``'loss'`` by default, where less is better; or the
        name of a metric, where more is better.
    seed : int
        The order of samples and, for each epoch, the start of the default generator of random numbers, which afterwards goes on as before.
    history : History, optional
        Where to go on, with states as they are. The result is that of a training without a break, bit for bit.
    checkpoint : path, optional
        A file that is written after each epoch, as a whole or not at all. If it is there at the start, the training goes on from it, in any
        process, and gives what it would have given without a break, bit for bit.
    on_epoch : callable, optional
        Called with the history after each epoch: ``print`` shows progress, a function of yours may end the training: by returning True.
    mesh : jax.sharding.Mesh, optional
        Devices that share the samples of each batch, which their number must divide, along the first axes of all its arrays. They may
        belong to several processes (`jax.distributed`), which all call this with the same arguments and states; the first one writes the
        checkpoint, in a folder that all see. Results are those of one device to rounding, if the loss is a mean over samples; random
        numbers in it are others on each device. States that the loss writes without reading them keep what they hold.

    Returns
    -------
    History
        Loss and metrics of each epoch, means over samples, and the best weights. States hold what the last epoch gave;
        ``history.restore_best(optimizer)`` takes the best.

    Raises
    ------
    NanError
        A FloatingPointError, if the loss or a weight would not be finite. It names the step and the first state that is not finite;
        every state holds what it held before that step.
    StateTreeError, FileError
        If the checkpoint belongs to another model, is damaged, or cannot be written. States are as they were before the epoch, or after it.
    ParameterError, ShapeError, TypeError, UnitError
        If arguments do not fit. What the loss raises also leaves states as they were before the step.

    Examples
    --------
    >>> import jax.numpy as jnp, numpy as np, optax
    >>> import brainpy_state as bst
    >>> w = bst.ParamState(jnp.zeros(2))
    >>> def loss(x, y):
    ...     return jnp.mean((x @ w.value - y) ** 2)
    >>> x = np.random.default_rng(0).normal(size=(60, 2)).astype('float32')
    >>> history = bst.fit(loss, bst.optim.Optimizer(optax.sgd(0.1), w), (x, x @ np.float32([1, 2])), epochs=20, batch_size=10)
    >>> bool(history['loss'][-1] < 1e-6)
    True
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f'fit: the second argument is an optim.Optimizer, but is a {type(optimizer).__name__}.')
    batches = source('fit', 'data', data, batch_size, remainder)
    held_out = None if validation is None else _validation('fit', validation, batch_size)
    epochs, seed = natural('fit', 'epochs', epochs, 0), natural('fit', 'seed', seed, 0)
    kept = None if checkpoint is None else _kept(checkpoint, optimizer, batches, seed, best, history, held_out is not None)
    history = _begun(history if kept is None else kept.history(), epochs, seed)
    devices = None if mesh is None else Devices('fit', mesh)
    step = _step(loss, optimizer, best, devices)
    if devices is not None:
        begin = [('seed', seed), ('the number of epochs done', len(history)), ('data', getattr(batches, 'arrays', None))]
        devices.check_agreement('', [*((s.label, s.peek()) for s in optimizer.trained), *begin])
    if kept is not None and len(history) == epochs > 0:
        with random.seed_context(_derived(seed)):
            kept.begin(step, batches.shuffled((seed, 0)), history)
    for epoch in range(len(history), epochs):
        with random.seed_context(_derived(seed, epoch)):
            taken = batches.shuffled((seed, epoch))
            numbers = _epoch(loss, optimizer, step, taken if kept is None else kept.begin(step, taken, history), epoch)
        if devices is not None:
            devices.leave([*optimizer.trained, *optimizer.states().values()])
        if held_out is not None:
            with random.seed_context(_derived(seed, epochs=0)):
                found = _means(held_out.batches(epoch), lambda args: _evaluated(loss, args))
            numbers |= {_VALIDATION + name: value for name, value in found.items()}
        history = _with_best(extended(history, epochs, numbers), optimizer, best, held_out is not None)
        if kept is not None and (devices is None or jax.process_index() == 0):
            kept.write(history)
        if on_epoch is not None and isinstance(ends := on_epoch(history), (bool, np.bool_, jax.Array)) and ends:
            break
    return history


@entry
def evaluate(loss: Callable[..., Any], data: Any, *, batch_size: int | None = None, seed: int = 0) -> dict[str, float]:
    """Loss and metrics on data, without training.

    Parameters
    ----------
    loss : callable
        As of `fit`; runs with ``environ``'s ``fit`` False. States that it writes keep what the last batch gave.
    data : tuple of arrays, iterable, or callable
        As of `fit`; the number of the epoch is 0.
    batch_size : int, optional
        Samples of a batch, for arrays; all at once by default. The last batch may be smaller.
    seed : int
        The start of the default generator of random numbers, which afterwards goes on as before.

    Returns
    -------
    dict
        ``'loss'`` and the metrics, means over samples.

    Raises
    ------
    ParameterError, ShapeError, TypeError, UnitError
        As `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> w = bst.ParamState(2.)
    >>> bst.evaluate(lambda x: (w.value * x).mean(), (np.arange(4.),), batch_size=2)
    {'loss': 3.0}
    """
    batches = _validation('evaluate', data, batch_size)
    with random.seed_context(_derived(natural('evaluate', 'seed', seed, 0), epochs=0)):
        return _means(batches.batches(0), lambda args: _evaluated(loss, args))


def _validation(where: str, data: Any, batch_size: int | None) -> Arrays | Batches:
    """Data that is gone through as a whole."""
    name = 'validation' if where == 'fit' else 'data'
    if not isinstance(data, tuple):
        return source(where, name, data, None if where == 'fit' else batch_size, None)
    leaves = jax.tree.leaves(data)
    size = batch_size if batch_size is not None or not leaves or not np.ndim(leaves[0]) else len(leaves[0])
    return source(where, name, data, size, 'keep')


def _kept(
    path: Any, optimizer: Optimizer, batches: Arrays | Batches, seed: int, best: str | None, history: History | None, validated: bool
) -> Checkpoint:
    if history is not None:
        raise ParameterError('fit: give `history`, to go on with states as they are, or `checkpoint`, which has a history, but not both.')
    by = (_VALIDATION if validated else '') + (best or 'loss')
    return Checkpoint(path, optimizer, {'seed': seed, 'best': by, **batches.facts})


def _begun(history: History | None, epochs: int, seed: int) -> History:
    if history is None:
        return History(epochs, seed)
    if not isinstance(history, History):
        raise TypeError(f'fit: history must be a History, but is a {type(history).__name__}.')
    if len(history) and history.seed != seed:
        raise ParameterError(f'fit: seed = {seed}, but the history was begun with {history.seed}; the order of samples would be another.')
    if len(history) > epochs:
        raise ParameterError(f'fit: epochs = {epochs} in all, but the history has {len(history)} already.')
    return history


def _derived(seed: int, epoch: int = 0, *, epochs: int = 1) -> int:
    """A seed for the draws of an epoch, or of the validation."""
    return int(np.random.SeedSequence((seed, epochs, epoch)).generate_state(1)[0] >> 1)


def _step(loss: Callable, optimizer: Optimizer, best: str | None, devices: Devices | None) -> Callable:
    """One compiled update, which is refused where a number is not finite."""
    forward = _forward(loss)
    gradient = grad(forward, optimizer.params, return_value=True, has_aux=True)
    gradient = gradient if devices is None else devices.averaged(gradient)

    @jit
    def step(*args: Any) -> dict[str, Any]:
        with environ.context(fit=True):
            grads, value, metrics = gradient(*args)
            if best not in (None, 'loss', *metrics):
                raise ParameterError(f'fit: best = {best!r}, but the loss returns {", ".join(map(repr, ["loss", *metrics]))}.')
            optimizer.update(grads, **({'value': value} if optimizer.takes_extra else {}))
        new = jax.tree.leaves(numbers_of([state.value for state in optimizer.trained]))
        broken = jnp.stack([~jnp.isfinite(x).all() for x in new])
        error_if(~jnp.isfinite(value), _NotFiniteError, 'The loss is not finite')
        error_if(broken.any(), _NotFiniteError, 'Weights would not be finite after the update')
        return {'loss': value, **metrics}

    return step


def _forward(loss: Callable) -> Callable:
    """A loss that always returns a number and a dict of metrics."""

    def forward(*args: Any) -> tuple[Any, dict[str, Any]]:
        return _parts(loss(*args))

    return forward


def _parts(out: Any) -> tuple[Any, dict[str, Any]]:
    value, metrics = out if isinstance(out, tuple) and len(out) == 2 else (out, {})
    if not isinstance(metrics, dict) or isinstance(value, (tuple, dict, list)):
        raise TypeError(f'fit: a loss returns a number, or (number, dict of metrics), but returned {jax.tree.structure(out)}.')
    if 'loss' in metrics or any(str(name).startswith(_VALIDATION) for name in metrics):
        raise ParameterError(f"fit: a metric cannot be called 'loss' or begin with {_VALIDATION!r}; given {list(metrics)}.")
    for name, x in {'the loss': value, **{f'metric {k!r}': v for k, v in metrics.items()}}.items():
        if u.get_dim(x) != u.DIMENSIONLESS:
            raise UnitError(f'fit: {name} has the unit {u.get_unit(x)}, but must be a plain number: divide by what counts as 1.')
        if np.size(u.get_mantissa(x)) != 1:
            raise TypeError(f'fit: {name} has shape {np.shape(x)}, but must be one number, such as a mean over the batch.')
    return jnp.reshape(_plain(value), ()), {name: jnp.reshape(_plain(x), ()) for name, x in metrics.items()}


def _plain(x: Any) -> Any:
    x = u.Quantity(x).to_decimal(u.UNITLESS)
    return x if jnp.issubdtype(jnp.result_type(x), jnp.floating) else jnp.asarray(x, environ.dftype())


def _epoch(loss: Callable, optimizer: Optimizer, step: Callable, batches: Iterable[Batch], epoch: int) -> dict[str, float]:
    done = 0

    def one(args: tuple[Any, ...]) -> dict[str, Any]:
        nonlocal done
        try:
            found = step(*args)
        except _NotFiniteError as error:
            with environ.context(fit=True):
                state = first_not_finite(_forward(loss), optimizer, args)
            raise NanError(_STOPPED.format(what=error, epoch=epoch + 1, step=done + 1, state=state)) from None
        done += 1
        return found

    return _means(batches, one)


def _evaluated(loss: Callable, args: tuple[Any, ...]) -> dict[str, Any]:
    """Loss and metrics of a batch; the program is kept with what the loss refers to."""
    return programs_of(loss, ('evaluate',), _evaluation)(args)


def _evaluation(loss: Callable, args: Any) -> Program:
    def call(loss: Callable, args: Any) -> dict[str, Any]:
        with environ.context(fit=False):
            value, metrics = _parts(loss(*args))
        return {'loss': value, **metrics}

    lifted = lift(loss, args, call=call)
    return Program(lifted.pure, lifted, lifted.reads, lifted.writes, args)


def _means(batches: Any, call: Callable[[tuple[Any, ...]], dict[str, Any]]) -> dict[str, float]:
    """Means of what each batch gives, by its number of samples."""
    sums: dict[str, float] = {}
    total = 0
    for args, size in batches:
        for name, value in call(args).items():
            sums[name] = sums.get(name, 0.0) + size * float(value)
        total += size
    return {name: sums[name] / total for name in sorted(sums, key=lambda name: name != 'loss')}


def _with_best(history: History, optimizer: Optimizer, best: str | None, validated: bool) -> History:
    name = (_VALIDATION if validated else '') + (best or 'loss')
    curve = history[name] if best in (None, 'loss') else -history[name]
    if math.isfinite(curve[-1]) and (history.best_epoch is None or curve[-1] < curve[history.best_epoch - 1]):
        history.best_epoch, history.best = len(history), kept_states(optimizer).to_dict_values()
    return history
