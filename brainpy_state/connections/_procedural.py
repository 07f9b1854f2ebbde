"""`ProceduralConnection`: synapses that take no memory."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .. import environ, event
from .._errors import ParameterError
from ..event import _draws
from ..modules import short
from ..numerics import with_unit
from ..random._keys import Seed
from . import _check
from ._connect import Connection, as_csr, as_delayed, precision
from ._pairs import Listing
from ._rows import row_lengths, values_of
from ._sampling import Choices, Gaps, keys_of, root
from .drawn import Drawn, Weight, in_steps

_WEIGHT_LAW, _DELAY_LAW = slice(_draws.WEIGHT_LAW, _draws.DELAY_LAW), slice(_draws.DELAY_LAW, _draws.P)


class ProceduralConnection(Connection):
    """Synapses that are drawn again whenever their source spikes, instead of being stored.

    Rules make it with ``procedural=True``. It has the synapses, weights and delays that they would store with the same seed, so it
    trades memory for time. What it tells of single synapses is drawn when asked for.

    Parameters
    ----------
    structure : event.Procedural
        What is drawn.
    weight : quantity or number
        Of each synapse; where the structure draws weights, what these are multiplied by. Kept as a `ParamState`.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError
        If the weight is not one number.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> comm = bst.pairwise_bernoulli(1000, 1000, p=0.1, weight=2. * u.nS, seed=1, procedural=True)
    >>> type(comm).__name__, comm(np.zeros(1000)).shape
    ('ProceduralConnection', (1000,))
    """

    structure: event.Procedural

    def __init__(self, structure: event.Procedural, weight: Any, name: str | None = None):
        if callable(weight) or np.ndim(u.get_mantissa(weight)):
            raise ParameterError(
                'procedural synapses keep no weights of their own: give one number, or draw them, such as by drawn.normal(...).'
            )
        super().__init__(structure, weight, name)

    @property
    def has_delays(self) -> bool:
        return self.structure.rule.longest >= 0

    @property
    def n_synapses(self) -> int:
        """The number of synapses, counted when asked for."""
        return int(self.outdegree.sum())

    @property
    def targets(self) -> np.ndarray:
        return self.stored().targets

    @property
    def weights(self) -> Any:
        return self.stored().weights

    @property
    def delays(self) -> Any:
        return self.stored().delays if self.has_delays else None

    @property
    def outdegree(self) -> np.ndarray:
        return row_lengths(draw_of(self.structure))

    def toarray(self) -> Any:
        return self.stored().toarray()

    def stored(self) -> Connection:
        """The same synapses, stored.

        Raises
        ------
        ParameterError
            If there are 2**31 or more.
        """
        (pre, post), rule, words = self.structure.shape, self.structure.rule, _words(self.structure)
        numbers, weight = words.view(np.float64), self.acting_weight
        of_weights = (keys_of(words[1], pre), numbers[_WEIGHT_LAW], rule.weight) if rule.weight else None
        of_delays = (keys_of(words[2], pre), numbers[_DELAY_LAW], np.min_scalar_type(rule.longest)) if self.has_delays else None
        draw = draw_of(self.structure)
        _check.synapses(type(self).__name__, pre * (post * draw.p if isinstance(draw, Gaps) else rule.width))
        rows = Listing(type(self).__name__, draw).rows()
        drawn, steps = values_of(rows, of_weights, of_delays)
        if drawn is not None:
            is_one = u.get_mantissa(weight) == 1
            weight = with_unit(drawn, u.get_unit(weight)) if is_one else drawn * weight
        if steps is None:
            return Connection(as_csr(rows, post), weight)
        with environ.context(dt=self.made_for):
            return Connection(as_delayed(type(self).__name__, rows, steps, post), weight)

    def __repr__(self) -> str:
        pre, post = self.structure.shape
        return f'{type(self).__name__}({pre} -> {post}, weight={short(self.acting_weight)})'


def connect_again(rule: str, draw: Gaps | Choices, weight: Weight, *, delay: Drawn | None, seed: Seed) -> ProceduralConnection:
    """The connection that draws the pairs of a rule at each spike."""
    words = np.zeros(_draws.WORDS, np.uint64)
    numbers = words.view(np.float64)
    words[:3] = [root(each) for each in (seed, (seed, 'weight'), (seed, 'delay'))]
    kind, where, dtype, longest = 'choices', 0, '', -1
    if isinstance(draw, Gaps):
        with np.errstate(divide='ignore'):
            numbers[_draws.LOG_Q], numbers[_draws.P] = np.log1p(-draw.p), draw.p
        kind, where = 'gaps', draw.where
    else:
        where = int(draw.skip_own)
    if isinstance(weight, Drawn):
        numbers[_WEIGHT_LAW], dtype = weight.law(), precision(weight)
        weight = with_unit(1.0, weight.unit)
    if delay is not None:
        numbers[_DELAY_LAW], longest = in_steps(rule, delay, environ.get('dt', desc=f'{rule} counts delays in time steps'))
    pairs, shape = jnp.asarray(words.view(np.uint32).reshape(-1, 2)), (len(draw.keys), draw.n)
    return ProceduralConnection(event.Procedural(pairs, shape, event.Rule(kind, draw.width, where, dtype, longest)), weight)


def draw_of(structure: event.Procedural) -> Gaps | Choices:
    """What it draws for each source."""
    (pre, post), rule, words = structure.shape, structure.rule, _words(structure)
    keys = keys_of(words[0], pre)
    if rule.kind == 'choices':
        return Choices(keys, post, np.full(pre, rule.width), skip_own=bool(rule.where))
    return Gaps(keys, post, float(words.view(np.float64)[_draws.P]), rule.where)


def _words(structure: event.Procedural) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(structure.words)).view(np.uint64).ravel()
