"""Gap junctions."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax.numpy as jnp
import numpy as np

from .. import event
from .._errors import ShapeError
from ..connections import Connection
from ..modules import Dynamics, Module, call_order, check_unit
from ..neurons import Neuron
from ..numerics import with_unit
from ._receptors import Arrival, add_receptor


class GapJunction(Module):
    r"""Electrical coupling, :math:`I_j = \sum_i g_{ij} (V_i - V_j)`.

    Call it once in each step, before the neurons. The current acts during their next step, with the partner's
    potential at its start; the neuron's own potential counts as it changes, so strong coupling is stable.

    Parameters
    ----------
    pre, post : Neuron or Dynamics
        The two populations; they may be one. One that gives its own ``update`` has a state ``V``, and takes the current by
        `Dynamics.sum_current_inputs` with its potential, ``self.sum_current_inputs(x, V)``.
    comm : Connection
        Which neurons are coupled; its weights are the conductances.
    symmetric : bool
        Whether current flows both ways through each junction of ``comm``, as it does in tissue; else only into ``post``.
    name : str, optional
        A label for messages.

    Raises
    ------
    TypeError, ShapeError, UnitError
        If populations and connection do not fit, or weights are no conductances.

    Notes
    -----
    Source: Gerstner et al. 2014, *Neuronal Dynamics*, section 3.1; Hahne et al. 2015, doi:10.3389/fninf.2015.00022, on its accuracy.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> a, b = bst.LIF(1, V_initializer=0.5 * u.mV), bst.LIF(1)
    >>> gap = bst.GapJunction(a, b, bst.one_to_one(1, 1, weight=0.2 * u.siemens))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     _ = bst.nn.init_all_states([a, b, gap])
    ...     _ = gap(), a(), b()
    >>> bool(b.V.value[0] > 0. * u.mV)
    True
    """

    graph_invisible_attrs = ('pre', 'post', 'into_post', 'into_pre')

    def __init__(self, pre: Any, post: Any, comm: Connection, *, symmetric: bool = True, name: str | None = None):
        super().__init__(name)
        if not (isinstance(pre, Dynamics) and isinstance(post, Dynamics) and isinstance(comm, Connection)):
            raise TypeError(
                f'{self.label}: pre and post must be neurons and comm a Connection, but they are {pre!r}, {post!r} and {comm!r}.'
            )
        sizes = (int(np.prod(pre.varshape)), int(np.prod(post.varshape)))
        if comm.structure.shape != sizes:
            raise ShapeError(f'{self.label}: comm couples {comm.structure.shape} neurons, but pre and post have {sizes}.')
        if isinstance(pre, Neuron):
            check_unit(comm.acting_weight, pre.input_like / u.get_unit(1.0 * u.mV), self.label, 'weight')
        self.pre, self.post, self.comm = pre, post, comm
        self.into_post = Arrival(_through_conductance)
        self.into_pre = Arrival(_through_conductance) if symmetric else None
        add_receptor(post, self.into_post)
        if self.into_pre is not None:
            add_receptor(pre, self.into_pre)

    def not_allocated(self) -> list[str]:
        """Names of what `init_all_states` has still to make: in which currents wait for the neurons."""
        return [name for name in ('into_post', 'into_pre') if (x := getattr(self, name)) is not None and x.not_allocated()]

    @call_order(1)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make the states in which currents wait for the neurons."""
        weight = self.comm.acting_weight
        coupled: Any = ((self.into_post, self.post), (self.into_pre, self.pre))
        for receptor, neuron in coupled:
            if receptor is not None:
                nothing = u.math.zeros_like(neuron.V.value)
                unit = u.get_unit(weight)
                receptor.wait_with(
                    (with_unit(u.get_mantissa(nothing), unit * u.get_unit(nothing)), with_unit(u.get_mantissa(nothing), unit))
                )

    def update(self) -> None:
        """Deliver the currents that follow from the potentials of this moment."""
        weight, structure = self.comm.acting_weight, self.comm.structure
        mantissa, unit = u.get_mantissa(weight), u.get_unit(weight)
        each, scale = (mantissa, 1) if mantissa.ndim else (None, mantissa)
        coupled: Any = ((self.into_post, self.pre, event.to_post), (self.into_pre, self.post, event.to_pre))
        for receptor, source, product in coupled:
            if receptor is not None:
                V = source.V.value
                v = u.get_mantissa(V)
                drive, total = (scale * product(structure, each, x) for x in (v, jnp.ones_like(v)))
                receptor.receive((with_unit(drive, unit * u.get_unit(V)), with_unit(total, unit)))


def _through_conductance(waiting: tuple[Any, Any], V: Any) -> Any:
    drive, conductance = waiting
    return drive - conductance * V
