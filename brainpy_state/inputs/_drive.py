"""Poisson drive of many sources onto a model, without simulating the sources."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import numpy as np

from .. import environ
from .._errors import ParameterError
from ..modules import Dynamics, Parameter, non_negative
from ..numerics import plain
from ..random._keys import Seed
from ..state import State
from ._base import RandomInput, as_its_mean, per_step

_MOST = 2.0**30


class PoissonInput(RandomInput):
    r"""Independent Poisson sources that each neuron of a target has for itself.

    In each step a neuron receives ``weight`` times k, where k is drawn from the Poisson distribution with the mean
    :math:`N f \Delta t`: exactly the number of events of N such processes. Call it before the target is called, in whose step it acts.

    Parameters
    ----------
    target : Neuron or Synapse
        A neuron receives delta inputs, commonly in mV, which it ignores while it is refractory. A synapse, such as
        ``projection.receptor.syn``, receives what raises its conductance.
    num_input : number, a shape that broadcasts to the size
        N, the number of sources of each neuron, zero or positive.
    freq : frequency, a shape that broadcasts to the size
        f, the rate of each source, zero or positive.
    weight : quantity, a shape that broadcasts to the size
        What an event gives, in the unit that the target receives; 0 for neurons without drive.
    seed : int, str or tuple of them, optional
        The name of its random numbers, such as ``(1, 'noise')``: the same seed gives the same numbers.
    name : str, optional
        A label for messages.

    Raises
    ------
    TypeError
        If the target is no neuron or synapse that receives input.
    ParameterError, UnitError, ShapeError
        For parameters out of range, of a wrong unit or shape, or more than 2^30 events in a step.

    Notes
    -----
    Every neuron, step, row of a batch and lane has random numbers of its own, which depend on the seed and on these alone; see
    `random.Stream`. Without a seed, the default generator gives one whenever the input is built, initialised or reset; with one,
    it then starts again with the same numbers.

    Make it before ``init_all_states``, which allocates what waits for a neuron's step. Means that are known when the step is compiled
    take some nanoseconds for each neuron, whatever they are; such as are trained take longer, see `random.Stream.poisson`. The derivative
    by the rate and by the number of sources is that of the mean (a straight-through estimate).

    NEST's ``poisson_generator`` has the same distribution; Brian2's ``PoissonInput`` draws from the binomial distribution of N and
    :math:`f \Delta t`, with a variance that is smaller by the factor :math:`1 - f \Delta t`.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> neuron = bst.LIF(100, tau=20. * u.ms, V_th=20. * u.mV)
    >>> drive = bst.PoissonInput(neuron, num_input=1000, freq=10. * u.Hz, weight=0.1 * u.mV)
    >>> neuron = bst.nn.init_all_states(neuron)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     spikes = bst.run(lambda: (drive(), neuron())[1], 10. * u.ms)
    """

    graph_invisible_attrs = ('target',)

    num_input: Any = Parameter(None, non_negative, 'number of sources', like=1.0)
    freq: Any = Parameter(None, non_negative, 'rate of each source', like=1.0 * u.Hz)
    weight: Any = Parameter(None, doc='what an event gives', any_unit=True)

    def __init__(self, target: Any, num_input: Any, freq: Any, weight: Any, *, seed: Seed = None, name: str | None = None):
        if not isinstance(target, Dynamics) or not callable(getattr(target, 'receive', None)):
            hint = '; give the model itself, since what is added to its V directly can be lost' if isinstance(target, State) else ''
            raise TypeError(f'PoissonInput: target must be a model that receives input, but is a {type(target).__name__}{hint}.')
        super().__init__(target.varshape, num_input=num_input, freq=freq, weight=weight, seed=seed, name=name)
        self.target: Any = target
        target.receives = True  # a neuron then allocates what waits for its step

    def update(self) -> None:
        """Draw the events of the step and give them to the target."""
        mean = per_step(self.freq, self.get_dt()) * self._number()
        if not isinstance(mean, jax.core.Tracer) and np.any(mean > _MOST):
            raise ParameterError(
                f'{self.label}: {np.max(mean):g} events in a step of {self.get_dt()} are expected, but at most 2^30 are possible.'
            )
        k = self.stream.poisson(mean, _shape(self.target))
        self.target.receive(self.weight * as_its_mean(k.astype(environ.dftype()), mean))

    def _number(self) -> Any:
        number = plain(self.num_input)
        return number if isinstance(number, jax.core.Tracer) else np.asarray(number, float)


def _shape(target: Dynamics) -> tuple[int, ...]:
    """The shape, with batch, of what a model receives: that of a neuron's ``delta``, or of any variable of a synapse."""
    own = vars(target)
    for name in ('delta', *reversed(target.variables)):
        if isinstance(own.get(name), State):
            return np.shape(u.get_mantissa(own[name].value))
    return target.varshape
