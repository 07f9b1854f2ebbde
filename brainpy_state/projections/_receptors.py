"""What stands on a target neuron and makes a current of what arrives."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ShapeError
from ..modules import Allocated, Dynamics, Module
from ..state import ShortTermState, State
from ..synapses import Synapse, SynOut
from ._delayed import DelayedConnection, Ring

Description = functools.partial  # what `Expon.desc(...)` returns
Current = Callable[[Any], Any]


class Receptor(Module):
    """A synapse and its output on a target; all projections of the same description share one.

    Attributes
    ----------
    syn, out : Synapse, SynOut
    tag : str or None
        The label of the projections.
    ring : Ring or None
        What those of them deliver whose synapses have delays of their own.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> post = bst.LIF(1)
    >>> options = {'comm': bst.one_to_one(1, 1, weight=1. * u.mS), 'syn': bst.Expon.desc(), 'out': bst.CUBA.desc(), 'post': post}
    >>> a, b = bst.AlignPostProj(**options), bst.AlignPostProj(**options)
    >>> type(a.receptor).__name__, a.receptor is b.receptor
    ('Receptor', True)
    """

    kind = 'current'

    def __init__(self, syn: Synapse, out: SynOut, tag: str | None = None):
        super().__init__()
        self.syn, self.out, self.tag = syn, out, tag
        self.ring: Ring | None = None

    def add(self, projection: Any) -> None:
        """Take another projection, which then delivers into the ring if its synapses have delays of their own."""
        if isinstance(projection.line, DelayedConnection):
            if self.ring is None:
                self.ring = projection.line.ring
            else:
                projection.line.deliver_into(self.ring)

    def update(self) -> Current:
        """Do one step; returns the current during it as a function of the target's potential."""
        if self.ring is not None:
            self.syn.receive(self.ring.take())
        return functools.partial(self.out.current, self.syn.update())


class Arrival(Module):
    """What waits for the target's next step, and acts during that step only.

    The target keeps it, so it does not refer to the projection, which refers to the target: a model without cycles ends when dropped.
    """

    waiting: Any = Allocated()

    def __init__(self, current: Callable[[Any, Any], Any], out: SynOut | None = None, tag: str | None = None, kind: str = 'current'):
        super().__init__()
        self.current, self.out, self.tag, self.kind = current, out, tag, kind

    def wait_with(self, nothing: Any) -> None:
        """Make the state, of the shape and unit of ``nothing``."""
        self.waiting = ShortTermState(nothing)

    def receive(self, x: Any) -> None:
        """Add to what waits."""
        self.waiting.value = jax.tree.map(operator.add, self.waiting.value, x, is_leaf=lambda leaf: isinstance(leaf, u.Quantity))

    def update(self) -> Current:
        """Take what waits; returns the current during the step as a function of the target's potential."""
        waiting = self.waiting.value
        self.waiting.value = jax.tree.map(jnp.zeros_like, waiting)
        return functools.partial(self.current, waiting)


def as_it_is(x: Any, V: Any) -> Any:
    """What arrives as what acts."""
    return x


def add_receptor(neuron: Dynamics, receptor: Receptor | Arrival) -> None:
    """Let a neuron have a receptor, which then knows where it stands."""
    neuron.receptors.append(receptor)
    neuron.locate('receptors')


def build(description: Any, size: Callable[[], Any]) -> Any:
    """What a description describes, of the size that ``size()`` gives unless it says one; or what is there already."""
    if not isinstance(description, Description):
        return description
    return description.func(*(description.args or (size(),)), **description.keywords)


def shared_receptor(post: Dynamics, syn: Any, out: Any, tag: str | None = None) -> Receptor:
    """The receptor of this description on a target, made when it is first asked for."""
    key = _structure(syn), _structure(out), tag
    if key not in post._merged:
        receptor = Receptor(build(syn, lambda: post.varshape), build(out, lambda: post.varshape), tag)
        if receptor.syn.varshape != post.varshape:
            raise ShapeError(f'{post.label}: a synapse of size {receptor.syn.varshape} cannot act on a population of size {post.varshape}.')
        add_receptor(post, receptor)
        post._merged[key] = receptor
    return post._merged[key]


class _Same:
    """An object as a key, equal to itself alone; copied and pickled together with what it stands for."""

    def __init__(self, of: Any):
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.of is self.of

    def __hash__(self) -> int:
        return hash(_Same)  # also before the object itself has been restored


def _structure(x: Any) -> Any:
    """A hashable value that is equal for descriptions that build the same thing."""
    if isinstance(x, Description):
        return x.func, _structure(x.args), tuple((k, _structure(v)) for k, v in sorted(x.keywords.items()))
    if isinstance(x, (tuple, list)):
        return tuple(map(_structure, x))
    if isinstance(x, u.Quantity):
        return str(x.unit.dim), float(x.unit.magnitude), _structure(x.mantissa)
    if isinstance(x, (State, jax.core.Tracer)) or callable(x):  # what is traced has no values yet to be compared
        return _Same(x)
    array = np.asarray(x)
    return array.shape, str(array.dtype), array.tobytes()
