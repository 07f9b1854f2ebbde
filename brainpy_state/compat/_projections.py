"""Projections that read their source by themselves."""

from __future__ import annotations

import warnings
from typing import Any

import brainunit as u

from .. import modules, projections
from .._errors import ParameterError, ShapeError
from ..modules import call_order, init_all_states
from ..projections._receptors import Receptor, build
from ._reach import Delayed, Prefetch


class _Reading:
    """A projection whose leading arguments say what it reads and what becomes of that, one function after the other."""

    def __init__(self, *chain: Any, delay: Any = None, **options: Any):
        chain = tuple(step for step in chain if step is not None)
        if chain and isinstance(chain[0], Delayed) and isinstance(chain[0].source, Prefetch):
            chain[0].release()
            if delay is not None:
                raise ParameterError(f'{type(self).__name__}: both delay = {delay} and a delayed source are given; drop one.')
            delay, chain = chain[0].time, (chain[0].source, *chain[1:])
        self._chain = chain
        super().__init__(delay=delay, **options)  # type: ignore[call-arg]

    def _read(self, *args: Any) -> Any:
        reads, *others = self._chain if self._chain and isinstance(self._chain[0], (Prefetch, Delayed)) else (None, *self._chain)
        if reads is not None:
            args = (reads(),)
        for function in others:
            args = (function(*args),)
        (x,) = args
        return x

    def update(self, *args: Any) -> None:
        """Deliver what the source gives, or what is given."""
        super().update(self._read(*args))  # type: ignore[misc]


class AlignPostProj(_Reading, projections.AlignPostProj):
    """See `brainpy_state.AlignPostProj`; ``AlignPostProj(prefetch, function, ..., comm=, syn=, out=, post=)``.

    Where synapses of another size than the target are given, making it is a warning, and calling it the error: scripts make
    projections that they never call.
    """

    _misfit: ShapeError | None = None

    def __init__(self, *chain: Any, **options: Any):
        try:
            super().__init__(*chain, **options)
        except ShapeError as error:
            warnings.warn(f'{error} Calling this projection will fail.', stacklevel=2)
            size = options['post'].varshape
            syn, out = (build(options[part], lambda: size) for part in ('syn', 'out'))
            self._misfit, self.receptor = error, Receptor(syn, out, None)

    @call_order(9)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Initialise the target, if it was not: the synapses stand there."""
        if self._misfit is not None:
            init_all_states(self.receptor, batch_size, **kwargs)
            return
        super().init_state(batch_size, **kwargs)
        if any(name not in vars(self.syn) for name in self.syn.variables):
            init_all_states(self.post, batch_size, **kwargs)

    def update(self, *args: Any) -> None:
        """Deliver what the source gives, or what is given."""
        if self._misfit is not None:
            raise self._misfit
        super().update(*args)

    @property
    def syn(self) -> Any:
        """The synapses, on the target."""
        return self.receptor.syn

    @property
    def out(self) -> Any:
        """The output of the synapses."""
        return self.receptor.out


class AlignPreProj(_Reading, projections.AlignPreProj):
    """See `brainpy_state.AlignPreProj`."""


class DeltaProj(_Reading, projections.DeltaProj):
    """See `brainpy_state.DeltaProj`."""


class CurrentProj(_Reading, projections.CurrentProj):
    """See `brainpy_state.CurrentProj`."""

    @call_order(2)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make the state in which the current waits, of what the source gives."""
        if self._chain and isinstance(self._chain[0], (Prefetch, Delayed)):
            self.initial = 0.0 * u.get_unit(self._read())
            if isinstance(self.line, modules.Delay):
                self.line.initial = self.initial
                self.line.init_state(batch_size, **kwargs)
        super().init_state(batch_size, **kwargs)
