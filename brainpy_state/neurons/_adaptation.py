"""Adaptation that models share."""

from __future__ import annotations

from typing import Any

import brainunit as u

from ..modules import Parameter, Variable, positive
from ._neuron import Neuron


class Adaptation(Neuron):
    r"""Base of adaptation: a current w against the input, which follows V and which a spike raises by b.

    A model names it before the base whose ``dV`` it changes.
    """

    order = (('V',), ('w',))

    V_rest: Any  # of the model

    tau_w: Any = Parameter(30.0 * u.ms, positive, 'time constant of the adaptation')
    a: Any = Parameter(1.0 * u.siemens, doc='adaptation below threshold')
    b: Any = Parameter(1.0 * u.mA, doc='adaptation by one spike')

    w: Any = Variable(0.0 * u.mA, 'adaptation current')

    def dV(self, V: Any, w: Any, I: Any) -> Any:  # noqa: E741
        return super().dV(V, I - w)  # type: ignore[misc]

    def dw(self, V: Any, w: Any) -> Any:
        return (self.a * (V - self.V_rest) - w) / self.tau_w

    def jump(self, w: Any) -> dict[str, Any]:
        return {'w': w + self.b}
