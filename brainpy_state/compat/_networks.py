"""Networks whose parts are called in order, and projections by the rule of their synapses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import numpy as np

from .. import connections, environ, nn, transform
from .._errors import ParameterError
from ..projections import Projection
from ..state import maybe_state
from ._projections import AlignPostProj


class Network(nn.Module):
    """Populations and projections that are attributes; a step is one of each projection, then one of each of the others."""

    def _parts(self) -> dict[str, Any]:
        return {path[-1]: part for path, part in self.nodes(allowed_hierarchy=(1, 1)).items()}

    @property
    def populations(self) -> dict[str, Any]:
        """Models that spike, by name."""
        return {name: part for name, part in self._parts().items() if isinstance(part, nn.Dynamics) and hasattr(part, 'get_spike')}

    @property
    def projections(self) -> dict[str, Any]:
        """Projections by name."""
        return {name: part for name, part in self._parts().items() if isinstance(part, Projection)}

    def update(self, t: Any = None) -> None:
        """A step of all parts."""
        projections = self.projections
        for part in projections.values():
            part()
        for name, part in self._parts().items():
            if name not in projections:
                part()

    def simulate(self, duration: Any, *, dt: Any = None, monitor: Any = None) -> dict[str, Any]:
        """Run for a duration.

        Parameters
        ----------
        duration : quantity
        dt : quantity, optional
            The time step; that of `environ` by default.
        monitor : list of str, or dict of callables, optional
            What to keep of each step: attributes by dotted path, or functions of the network.

        Returns
        -------
        dict
            What was kept, with a leading axis of time.
        """
        if monitor is not None and not isinstance(monitor, (dict, list, tuple)):
            raise TypeError(f'{self.label}.simulate: monitor is a list of paths or a dict of functions, but is {monitor!r}.')
        kept: dict[str, Callable] = dict(monitor) if isinstance(monitor, dict) else {path: _at(path) for path in monitor or ()}
        for name, function in kept.items():
            if not callable(function):
                raise TypeError(f'{self.label}.simulate: monitor[{name!r}] is a function of the network, but is {function!r}.')
        dt = environ.get_dt() if dt is None else dt
        times = u.math.arange(0.0 * u.get_unit(dt), duration, dt)

        def step(t: Any, i: Any) -> dict[str, Any]:
            with environ.context(t=t, i=i, dt=dt):
                self.update(t)
                return {name: function(self) for name, function in kept.items()}

        return dict(transform.for_loop(step, times, np.arange(times.size)))


def _at(path: str) -> Callable:
    def read(net: Any) -> Any:
        found = net
        for part in path.split('.'):
            found = getattr(found, part)
        return maybe_state(found)

    return read


class Builder(Network):
    """A network to which parts are added one by one."""

    def add(self, name: str, module: nn.Module) -> nn.Module:
        """Make a module an attribute; gives it back."""
        if hasattr(self, name):
            raise ParameterError(f'{self.label}: there is an attribute {name!r} already; give another name.')
        setattr(self, name, module)
        return module

    def connect(self, pre: Any, post: Any, *, rule: Callable, **options: Any) -> Any:
        """Make a projection between two populations, or names of them: ``rule(pre, post, **options)``."""
        pre, post = (getattr(self, x) if isinstance(x, str) else x for x in (pre, post))
        projection = rule(pre, post, **options)
        setattr(self, f'_proj_{sum(name.startswith("_proj_") for name in vars(self))}', projection)
        return projection


class _ByRule(AlignPostProj):
    """A projection that reads its source's spikes, with synapses by a rule."""

    def __init__(
        self,
        pre: Any,
        post: Any,
        *,
        weight: Any,
        syn: Any,
        out: Any,
        delay: Any = None,
        allow_autapses: bool = True,
        allow_multapses: bool = True,
        seed: int | None = None,
        **rule: Any,
    ):
        sizes = tuple(int(np.prod(model.in_size)) for model in (pre, post))
        allowed = {'allow_autapses': allow_autapses, 'allow_multapses': allow_multapses}
        comm = self._synapses(*sizes, weight=weight, seed=0 if seed is None else seed, allowed=allowed, **rule)
        super().__init__(pre.prefetch('spike'), delay=delay, comm=comm, syn=syn, out=out, post=post)

    def _synapses(self, pre: int, post: int, *, weight: Any, seed: int, allowed: dict[str, Any]) -> Any:
        raise NotImplementedError


class OneToOneProj(_ByRule):
    """From each source to the target of its number."""

    def _synapses(self, pre: int, post: int, *, weight: Any, seed: int, allowed: dict[str, Any]) -> Any:
        return connections.one_to_one(pre, post, weight=weight, seed=seed)


class AllToAllProj(_ByRule):
    """From each source to each target."""

    def _synapses(self, pre: int, post: int, *, weight: Any, seed: int, allowed: dict[str, Any]) -> Any:
        return connections.all_to_all(pre, post, weight=weight, seed=seed, allow_autapses=allowed['allow_autapses'])


class PairwiseBernoulliProj(_ByRule):
    """Each pair with probability ``p``."""

    def _synapses(self, pre: int, post: int, *, weight: Any, seed: int, allowed: dict[str, Any], p: float) -> Any:  # type: ignore[override]
        return connections.pairwise_bernoulli(pre, post, p, weight=weight, seed=seed, allow_autapses=allowed['allow_autapses'])


class FixedIndegreeProj(_ByRule):
    """``K`` synapses to each target."""

    def _synapses(self, pre: int, post: int, *, weight: Any, seed: int, allowed: dict[str, Any], K: int) -> Any:  # type: ignore[override]
        return connections.fixed_indegree(pre, post, K, weight=weight, seed=seed, **allowed)


class FixedOutdegreeProj(_ByRule):
    """``K`` synapses from each source."""

    def _synapses(self, pre: int, post: int, *, weight: Any, seed: int, allowed: dict[str, Any], K: int) -> Any:  # type: ignore[override]
        return connections.fixed_outdegree(pre, post, K, weight=weight, seed=seed, **allowed)


class FixedTotalNumberProj(_ByRule):
    """``N`` synapses between random pairs."""

    def _synapses(self, pre: int, post: int, *, weight: Any, seed: int, allowed: dict[str, Any], N: int) -> Any:  # type: ignore[override]
        return connections.fixed_total_number(pre, post, N, weight=weight, seed=seed, **allowed)
