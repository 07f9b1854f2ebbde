"""Projections: how what a connection delivers reaches its target."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import brainunit as u
import numpy as np

from .._errors import ShapeError
from ..neurons import Neuron
from ..nn import Module, check_unit
from ..state import State
from ..synapses import Synapse, SynOut

Description = functools.partial  # what `Expon.desc(...)` returns


class Receptor(Module):
    """A synapse and its output on a target; all projections of the same description share one."""

    def __init__(self, syn: Synapse, out: SynOut):
        super().__init__()
        self.syn, self.out = syn, out

    def update(self) -> Callable[[Any], Any]:
        """Do one step; returns the current during it as a function of the target's potential."""
        return functools.partial(self.out.current, self.syn.update())


class AlignPostProj(Module):
    """Spikes through a connection into synapses that are kept once for each target neuron.

    Call it with the spikes of the source, then call the target. What it delivers raises the
    conductance in the target's next step. The synapses belong to the target: projections with the
    same ``syn`` and ``out`` share them.

    Parameters
    ----------
    comm : callable
        From spikes ``(..., n_pre)`` to input ``(..., n_post)``, such as a `Connection`.
    syn : description
        Such as ``Expon.desc(tau=5. * u.ms)``; its size is that of the target unless given.
    out : description
        Such as ``COBA.desc(E=0. * u.mV)``.
    post : Neuron
        The target.
    name : str, optional
        A label for messages.

    Raises
    ------
    TypeError
        If ``syn`` or ``out`` is not a description of a linear synapse and an output.

    Notes
    -----
    Called several times before the target, deliveries add up.

    Examples
    --------
    >>> import brainunit as u
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> post = bst.LIF(2)
    >>> proj = bst.AlignPostProj(comm=bst.one_to_one(2, 2, weight=1. * u.mS),
    ...                          syn=bst.Expon.desc(), out=bst.CUBA.desc(), post=post)
    >>> post = bst.nn.init_all_states(post)
    >>> proj(jnp.array([1., 0.]))
    """

    graph_invisible_attrs = ('post', 'receptor')

    def __init__(self, *, comm: Callable[[Any], Any], syn: Description, out: Description, post: Neuron, name: str | None = None):
        super().__init__(name)
        for role, given, base in (('syn', syn, Synapse), ('out', out, SynOut), ('post', post, Neuron)):
            if role == 'post':
                fits = isinstance(given, base)
            else:
                fits = isinstance(given, Description) and isinstance(given.func, type) and issubclass(given.func, base)
            if not fits:
                need = f'a {base.__name__}' if role == 'post' else f'a description of a {base.__name__}, such as `Class.desc(...)`'
                raise TypeError(f'{self.label}: {role} must be {need}, but is {given!r}.')
        self.comm, self.post = comm, post
        self.receptor = _shared_receptor(post, syn, out)

    def update(self, spikes: Any) -> None:
        """Deliver the spikes of the source."""
        x = self.comm(spikes)
        _check_delivery(self, x, self.receptor.syn.g)
        self.receptor.syn.receive(x)


class DeltaProj(Module):
    """Spikes through a connection into jumps of the target's potential.

    Parameters
    ----------
    comm : callable
        From spikes ``(..., n_pre)`` to jumps ``(..., n_post)`` in volts.
    post : Neuron
        The target. A refractory neuron ignores jumps.
    name : str, optional
        A label for messages.
    """

    graph_invisible_attrs = ('post',)

    def __init__(self, *, comm: Callable[[Any], Any], post: Neuron, name: str | None = None):
        super().__init__(name)
        if not isinstance(post, Neuron):
            raise TypeError(f'{self.label}: post must be a Neuron, but is {post!r}.')
        self.comm, self.post = comm, post
        post.receives = True

    def update(self, spikes: Any) -> None:
        """Deliver the spikes of the source."""
        x = self.comm(spikes)
        _check_delivery(self, x, self.post.delta)
        self.post.receive(x)


def _check_delivery(projection: Any, x: Any, target: State) -> None:
    check_unit(x, target.value, projection.label, 'weight')
    given, expected = np.shape(u.get_mantissa(x)), target.value.shape
    if given != expected:
        raise ShapeError(f'{projection.label}: comm delivers shape {given}, but its target {projection.post.label} has shape {expected}.')


def _shared_receptor(post: Neuron, syn: Description, out: Description) -> Receptor:
    """The receptor of this description on a target, made when it is first asked for."""
    key = _structure(syn), _structure(out)
    if key not in post._merged:
        size = (post.varshape,)
        receptor = Receptor(syn.func(*(syn.args or size), **syn.keywords), out.func(*(out.args or size), **out.keywords))
        if receptor.syn.varshape != post.varshape:
            raise ShapeError(f'{post.label}: a synapse of size {receptor.syn.varshape} cannot act on a population of size {post.varshape}.')
        post.receptors.append(receptor)
        post._merged[key] = receptor
    return post._merged[key]


def _structure(x: Any) -> Any:
    """A hashable value that is equal for descriptions that build the same thing."""
    if isinstance(x, Description):
        return x.func, _structure(x.args), tuple((k, _structure(v)) for k, v in sorted(x.keywords.items()))
    if isinstance(x, (tuple, list)):
        return tuple(map(_structure, x))
    if isinstance(x, u.Quantity):
        return str(x.unit.dim), float(x.unit.magnitude), _structure(x.mantissa)
    if isinstance(x, State) or callable(x):
        return id(x), type(x)  # the post neuron's receptor keeps x alive
    array = np.asarray(x)
    return array.shape, str(array.dtype), array.tobytes()
