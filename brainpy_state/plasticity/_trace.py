"""`Trace`: a variable of a rule, at one end of its synapses, of each synapse, or of all together."""

from __future__ import annotations

from typing import Any

from .._errors import ModelError
from ..modules import Variable

SIDES = ('pre', 'post', 'synapse', 'global')


class Trace(Variable):
    """A variable of a rule that decays exponentially, declared in the class body.

    Parameters
    ----------
    tau : str or None
        The name of the parameter that is its time constant; None where it keeps its value.
    side : {'pre', 'post', 'synapse', 'global'}
        Whose it is: of each source, each target, each synapse, or one for all. The first two count spikes, unless they follow something;
        the others change where the rule says so.
    at_spike : {'add', 'set'}
        What a spike does: adds 1 (all earlier spikes count), or sets it to 1 (only the nearest counts).
    of : str, optional
        What it follows instead of counting spikes: ``'pre'`` or ``'post'``, a variable of the target, such as ``'V'``, or a method of the
        rule.
    delay : str, optional
        The name of a parameter, which may be None: how much later it counts spikes than they come to the synapses, or how long ago that was
        what it follows.
    init : quantity or number
        Its first value, with its unit. One that follows the target begins with what it follows.
    doc : str
        What it means.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> class Hebb(bst.plasticity.SynapticRule):
    ...     tau = bst.nn.Parameter(20. * u.ms, bst.nn.positive, 'time constant')
    ...     x = bst.plasticity.Trace('tau', side='pre', doc='spikes of the source')
    ...     def on_post(self, w, x):
    ...         return w + 0.1 * u.mV * x
    >>> sorted(Hebb.variables)
    ['waited', 'x']
    """

    def __init__(
        self,
        tau: str | None,
        *,
        side: str,
        at_spike: str = 'add',
        of: str | None = None,
        delay: str | None = None,
        init: Any = 0.0,
        doc: str = '',
    ):
        at_ends = side in ('pre', 'post')
        if side not in SIDES or at_spike not in ('add', 'set'):
            raise ModelError(
                f"Trace: side is {side!r} and at_spike {at_spike!r}; sides are {', '.join(SIDES)}; a spike can 'add' or 'set'."
            )
        if not at_ends and (of or delay or at_spike == 'set'):
            raise ModelError(f'Trace: side is {side!r}, but only one of sources or targets (pre, post) counts or follows anything.')
        if of is not None and (tau is None or at_spike == 'set'):
            raise ModelError(f'Trace: it follows {of!r}, so it needs a time constant, and takes no at_spike.')
        super().__init__(init, doc)
        self.tau, self.side, self.at_spike, self.of, self.delay = tau, side, at_spike, of, delay

    @property
    def counts(self) -> bool:
        """Whether it counts spikes."""
        return self.side in ('pre', 'post') and self.of is None

    def shape_of(self, cls: Any) -> str:
        """What shape it has, in words."""
        return {'pre': '(n_pre,)', 'post': '(n_post,)', 'synapse': '(n_synapses,)', 'global': '()'}[self.side]

    def shape_in(self, obj: Any) -> tuple[int, ...]:
        """One for each source, target or synapse, or one for all."""
        return obj.sizes[self.side]

    def _default(self, obj: Any, shape: tuple[int, ...]) -> Any:
        return self.init if self.of is None or self.side == 'pre' else obj.at_first(self.of)
