"""Adaptation that models share."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Parameter, Variable, positive
from ..numerics import with_unit
from ._neuron import Neuron


def _nothing(model: Any, _: tuple[int, ...]) -> Any:
    """0 in the unit of `b`"""
    return with_unit(0.0, u.get_unit(model.b))


class Adaptation(Neuron):
    r"""Base of adaptation: a current w against the input, which follows V and which a spike raises by b.

    A model names it before the base whose ``dV`` it changes. w is kept in the unit of b, unless ``w_initializer`` has another.
    """

    order = (('V',), ('w',))

    V_rest: Any  # of the model

    tau_w: Any = Parameter(30.0 * u.ms, positive, 'time constant of the adaptation')
    a: Any = Parameter(1.0 * u.siemens, doc='adaptation below threshold')
    b: Any = Parameter(1.0 * u.mA, doc='adaptation by one spike')

    w: Any = Variable(_nothing, 'adaptation current')

    def dV(self, V: Any, w: Any, I: Any) -> Any:  # noqa: E741
        return super().dV(V, I - w)  # type: ignore[misc]

    def dw(self, V: Any, w: Any) -> Any:
        return (self.a * (V - self.V_rest) - w) / self.tau_w

    def jump(self, w: Any) -> dict[str, Any]:
        return {'w': w + self.b}
