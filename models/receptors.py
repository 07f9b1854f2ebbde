"""Receptors that models of this folder are made of."""

from __future__ import annotations

from typing import Any

import brainunit as u

import brainpy_state as bst


class NMDA(bst.nn.Dynamics):
    r"""The NMDA receptors that a source drives: a gate that saturates, one for each source instead of one for each synapse.

    .. math::
        \frac{ds}{dt} = \alpha\,x\,(1 - s) - \frac{s}{\tau_\mathrm{decay}}, \qquad
        \frac{dx}{dt} = -\frac{x}{\tau_\mathrm{rise}} + \sum_k \delta(t - t_k)

    Notes
    -----
    x is solved exactly; s is solved exactly with the mean of x over the step.
    """

    alpha: Any = bst.nn.Parameter(0.5 / u.ms, bst.nn.positive, 'rate of opening')
    tau_rise: Any = bst.nn.Parameter(2.0 * u.ms, bst.nn.positive, 'time constant of the rise')
    tau_decay: Any = bst.nn.Parameter(100.0 * u.ms, bst.nn.positive, 'time constant of the decay')

    s: Any = bst.nn.Variable(0.0, 'fraction of open channels')
    x: Any = bst.nn.Variable(0.0, 'what opens them')

    def update(self, spikes: Any) -> Any:
        """One step; returns s at its start."""
        s, x, dt = self.s.value, self.x.value + spikes, self.get_dt()
        left = bst.numerics.decay(dt, self.tau_rise)
        opening = self.alpha * x * (self.tau_rise / dt * (1.0 - left))
        self.s.value = bst.numerics.exp_euler(lambda s: opening * (1.0 - s) - s / self.tau_decay, s, dt)
        self.x.value = x * left
        return s
