"""The names of ``brainpy.state``: models, inputs and projections."""

from __future__ import annotations

import warnings
from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from ... import environ, inputs, neurons, random, synapses
from ..._errors import ParameterError
from ..._version import __version__ as __version__
from ...connections import explicit_edges
from ...layers import LeakyRateReadout as LeakyRateReadout
from ...modules import Dynamics as _Model
from ...modules import Module
from ...neurons import Neuron as _Neuron
from ...numerics import plain
from ...projections import GapJunction as GapJunction
from ...projections import Projection as Projection
from ...state import State
from .._missing import missing
from .._networks import AllToAllProj as AllToAllProj
from .._networks import Builder as Builder
from .._networks import FixedIndegreeProj as FixedIndegreeProj
from .._networks import FixedOutdegreeProj as FixedOutdegreeProj
from .._networks import FixedTotalNumberProj as FixedTotalNumberProj
from .._networks import Network as Network
from .._networks import OneToOneProj as OneToOneProj
from .._networks import PairwiseBernoulliProj as PairwiseBernoulliProj
from .._outputs import Acting
from .._outputs import SynOut as SynOut
from .._projections import AlignPostProj as AlignPostProj
from .._projections import AlignPreProj as AlignPreProj
from .._projections import CurrentProj as CurrentProj
from .._projections import DeltaProj as DeltaProj
from .._reach import Dynamics as Dynamics
from .._reach import Prefetch, reaching

align_pre_projection, align_post_projection = AlignPreProj, AlignPostProj


class Neuron(Dynamics):
    """Base of neurons with an ``update`` of their own.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    spk_fun, spk_reset
        Kept for ``update`` to use.
    """

    def __init__(self, *in_size: Any, name: str | None = None, spk_fun: Any = None, spk_reset: str = 'soft', **params: Any):
        super().__init__(*in_size, name=name, **params)
        self.spk_fun, self.spk_reset = spk_fun, spk_reset

    def get_spike(self, *args: Any) -> Any:
        """The spikes; the state ``spike`` unless overridden."""
        return self.spike.value  # type: ignore[attr-defined]


class Synapse(Dynamics):
    """Base of synapses with an ``update`` of their own."""


def _get_spike(self: Any, V: Any = None) -> Any:
    """The spikes of the last step, also where its own V is given; or of a potential, which is at the threshold where there is one."""
    if V is None or u.get_mantissa(V) is u.get_mantissa(self.V.value):
        return self.spike.value
    return self.spk_fun((V - self.threshold()) / self.spk_width)


def _released(self: Any, spike: Any, held: Any) -> Any:
    """A neuron that is at the threshold after its reset spikes again in the next step, refractory or not."""
    return spike


_FIRST_V = {name: 0.0 for name in ('LIF', 'LIFRef', 'ALIF', 'CubaLIF', 'CobaLIF')}  # in mV
_FIRST_V |= {name: -65.0 for name in ('ExpIF', 'ExpIFRef', 'AdExIF', 'AdExIFRef', 'QuaIF', 'AdQuaIF', 'AdQuaIFRef')}


def _starting(cls: type, name: str) -> None:
    """Let V start where scripts expect it, and some models be asked for ``refractory``, which all have."""
    first = {'V_initializer': _FIRST_V[name] * u.mV} if name in _FIRST_V else {}
    asked = {'ref_var'} if name.endswith('Ref') else set()

    def start(self: Any, *args: Any, **params: Any) -> None:
        super(cls, self).__init__(*args, **first | {key: x for key, x in params.items() if key not in asked})  # type: ignore[arg-type]

    cls.__init__ = start  # type: ignore[misc]


def _require_above(self: Any, high: str, low: str, why: str) -> None:
    """As in the core; but scripts that leave V_reset out, which is 0 mV then, go on with a warning."""
    try:
        _Neuron.require_above(self, high, low, why)
    except ParameterError as error:
        if (high, low) != ('V_th', 'V_reset'):
            raise
        warnings.warn(str(error), stacklevel=2)


class _IntoState(Module):
    """Poisson events that each step adds to a state."""

    graph_invisible_attrs = ('target',)

    def __init__(self, target: Any, indices: Any, num_input: Any, freq: Any, weight: Any, name: str | None):
        super().__init__(name)
        self.target, self.indices, self.num_input, self.freq, self.weight = target, indices, num_input, freq, weight

    def update(self) -> None:
        """Draw the events of the step and add them."""
        state = self.target.get_item() if isinstance(self.target, Prefetch) else self.target
        poisson_input(self.freq, self.num_input, self.weight, state, self.indices)


def _is_given(target: Any) -> bool:
    """Whether a target takes Poisson events itself: a model that receives input, or the potential of one."""
    model = target.model if isinstance(target, Prefetch) and target.name == 'V' else target
    return isinstance(model, _Model) and callable(getattr(model, 'receive', None))


class PoissonInput(reaching(inputs.PoissonInput)):  # type: ignore[misc]
    """See `brainpy_state.PoissonInput`; ``target`` is ``model.prefetch('V')`` or the model, and ``indices`` which of it are meant.

    To other states, given or prefetched, events are added where it is called.
    """

    def __new__(
        cls, target: Any = None, indices: Any = None, num_input: Any = 1, freq: Any = None, weight: Any = None, name: Any = None
    ) -> Any:
        """A model that adds to a state, where one is given."""
        if isinstance(target, (State, Prefetch)) and not _is_given(target):
            return _IntoState(target, indices, num_input, freq, weight, name)
        return super().__new__(cls)

    def __init__(self, target: Any, indices: Any = None, num_input: Any = 1, freq: Any = None, weight: Any = None, name: str | None = None):
        target = target.model if isinstance(target, Prefetch) else target
        if indices is not None:
            number = np.zeros(target.varshape)
            number[np.asarray(indices)] = num_input
            num_input = number
        super().__init__(target, num_input, freq, weight, name=name)


def poisson_input(freq: Any, num_input: int, weight: Any, target: Any, indices: Any = None, refractory: Any = None) -> None:
    """Add to a state what ``num_input`` Poisson sources of a rate give in a step.

    Parameters
    ----------
    freq : frequency
    num_input : int
        How many sources each element has.
    weight : quantity
        What an event gives.
    target : State
        To which it is added.
    indices : array of int, optional
        Which elements; all by default.
    refractory : array of bool, optional
        Which elements take nothing.
    """
    value = target.value
    k = random.poisson(num_input * plain(freq * environ.get_dt()), size=np.shape(u.get_mantissa(value)))
    if indices is not None:
        k = jnp.zeros_like(k).at[..., jnp.asarray(indices)].set(k[..., jnp.asarray(indices)])
    target.value = value + weight * (k if refractory is None else jnp.where(refractory, 0, k)).astype(environ.dftype())


def SymmetryGapJunction(couples: Any, states: Any, conn: Any, weight: Any) -> GapJunction:
    """A `GapJunction` in both directions, within a population or between two.

    ``conn`` gives the numbers of sources and targets, from the two sizes.
    """
    pre, post = couples if isinstance(couples, tuple) else (couples, couples)
    names = states if isinstance(states, tuple) else (states, states)
    return _coupled(pre, names[0], post, names[1], conn, weight, True)


def AsymmetryGapJunction(pre: Any, pre_state: str, post: Any, post_state: str, conn: Any, weight: Any) -> GapJunction:
    """A `GapJunction` through which current flows into ``post`` only; see `SymmetryGapJunction`."""
    return _coupled(pre, pre_state, post, post_state, conn, weight, False)


def _coupled(pre: Any, pre_state: str, post: Any, post_state: str, conn: Any, weight: Any, symmetric: bool) -> GapJunction:
    if (pre_state, post_state) != ('V', 'V'):
        raise ParameterError(f'A gap junction couples potentials, V, but is asked for {pre_state!r} and {post_state!r}.')
    i, j = map(np.asarray, conn(pre.in_size, post.in_size))
    n_pre, n_post = (int(np.prod(model.in_size)) for model in (pre, post))
    edges = explicit_edges(n_pre, n_post, i, j, weight=weight((i.size,)) if callable(weight) else weight)
    return GapJunction(pre, post, edges, symmetric=symmetric)


class STP(reaching(synapses.STP)):  # type: ignore[misc]
    """See `brainpy_state.STP`; u starts at U."""

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Allocate the variables."""
        super().init_state(batch_size, **kwargs)
        self.u.value = self.u.value + self.U

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Give the variables their first values again."""
        super().reset_state(batch_size, **kwargs)
        self.u.value = self.u.value + self.U


class SpikeTime(reaching(inputs.SpikeTime)):  # type: ignore[misc]
    """See `brainpy_state.SpikeTime`; times need not be sorted, so ``need_sort`` changes nothing."""

    def __init__(self, in_size: Any, times: Any, indices: Any, spk_type: Any = None, need_sort: bool = True, name: str | None = None):
        super().__init__(in_size, indices=indices, times=times, name=name)


def _fill(room: dict[str, Any]) -> None:
    for module in (neurons, synapses, inputs):
        for name, found in vars(module).items():
            if isinstance(found, type) and issubclass(found, _Model) and name[0] != '_' and name not in room:
                room[name] = reaching(found, *([Acting] if issubclass(found, synapses.SynOut) else []))
                if issubclass(found, _Neuron) and not found.up_crossing:
                    room[name].get_spike = _get_spike
                    room[name].require_above = _require_above
                    room[name]._released = _released
                    _starting(room[name], name)


_fill(globals())
__getattr__ = missing(__name__, globals())
