"""`eprop_grad`: gradients of recurrent spiking networks that are computed along with the steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import brainunit as u
import jax
import numpy as np

from .._errors import ParameterError
from .._tracebacks import entry
from ..state import State
from ._args import name_of
from ._derivative import Derivative
from ._eprop_step import Step
from ._lift import lift
from ._loop import steps_of
from ._made import Made
from ._program import Program
from ._programs import shared_programs
from ._units import gradient, numbers_of
from ._variables import Parts, Variables


@entry
def eprop_grad(
    step: Callable | None = None,
    grad_states: Any = None,
    *,
    feedback: Mapping[State, State] | None = None,
    has_aux: bool = False,
    return_value: bool = False,
    unit_aware: bool = False,
) -> Any:
    r"""Gradient of a sum of losses over time by e-prop, computed along with the steps: its memory does not depend on their number.

    The counterpart of `grad` over a `for_loop`: the same step, whose losses are added up, but no backward pass.

    .. math::
        \frac{dE}{dW_{ij}} \approx \sum_t L_j^t\,e_{ij}^t, \qquad
        \varepsilon_{ij}^t =
        \frac{\partial h_j^t}{\partial h_j^{t-1}}\,\varepsilon_{ij}^{t-1} + \frac{\partial h_j^t}{\partial I_j^t}\,x_i^t, \qquad
        e_{ij}^t = \frac{\partial z_j^t}{\partial h_j^t}\,\varepsilon_{ij}^t

    :math:`x_i` is what source i sends, :math:`h_j` are all variables of target j, such as potential, adaptation and synaptic
    currents, and :math:`z_j` are its spikes. The derivatives are those of the step itself, with its surrogates and its reset.
    :math:`L_j`, the learning signal, is what the losses of steps say of j: directly, and through readouts.

    Parameters
    ----------
    step : callable
        One step: ``step(*x)`` with one slice of each input; it simulates the network and returns the step's share of the loss, one number,
        or ``(loss, aux)`` with ``has_aux``. Without it, a decorator is returned.
    grad_states : State, sequence or mapping of State
        Weights to differentiate by, such as ``net.states(ParamState)``. They multiply what sources send, as in `Linear`
        or a `Connection`, or act neuron by neuron, as a bias or a time constant.
    feedback : dict of State, optional
        From the weights of a readout to a state of the same structure, shape and unit, through which learning signals come
        back in their place: random feedback. One that is among ``grad_states`` gets the gradient of the weights that it stands
        for, so an optimiser moves both alike: adaptive feedback. Without it, feedback is symmetric: the weights themselves.
    has_aux : bool
        Whether ``step`` returns something besides the loss.
    return_value : bool
        Whether to return the sum of the losses too.
    unit_aware : bool
        As in `grad`.

    Returns
    -------
    callable
        Called with inputs ``*xs`` whose first axis is time, and ``length=`` where there are none, as a `for_loop`. It returns ``grads``,
        ``(grads, loss)``, ``(grads, aux)`` or ``(grads, loss, aux)``; ``grads`` mirrors ``grad_states``, and ``aux`` is stacked over
        time. States hold what they hold after the last step.

    Raises
    ------
    TypeError
        If ``step`` does not return one number, or weights are no floats.
    ParameterError
        If the step never reads weights, or writes them; where weights act on neurons in a way that cannot be followed, as between synapses
        with delays of their own, or by a sum over neurons; where no learning signal reaches weights; for a readout whose outputs decay
        differently; for feedback that belongs to no readout.
    StateTreeError
        If feedback has another structure, shape or unit than the weights that it stands for.

    Notes
    -----
    What is left out is the effect of a weight through the spikes of other neurons: spikes that enter a product with weights are taken as
    given, except in readouts, which are those products that no further product follows. So for one layer of neurons without recurrence
    and with symmetric feedback the gradient is exact; otherwise it is that of `grad` with ``stop_gradient`` on the spikes that
    neurons send to neurons. A call begins with empty traces.

    Memory: for each trained matrix, one array ``(batch, pre, post)`` for each variable of the targets that matters, one for each
    variable of a readout, and one for the sum. Where all targets share a trace, it has the shape ``(batch, pre, 1)``: in readouts,
    and of a potential without reset gradient and refractory period. Traces of a sparse `Connection` have the shape
    ``(batch, n_synapses)``.

    Source: Bellec et al. 2020, *Nat. Commun.* 11:3625, equation 1 and Methods, doi:10.1038/s41467-020-17236-y. There, the derivative
    of the reset by the spike is left out; here it is part of the step, unless ``detach_reset=True``.

    Examples
    --------
    >>> import brainunit as u
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> bst.environ.set(dt=1. * u.ms)
    >>> net = bst.nn.Sequential(bst.nn.Linear(3, 5, w_init=1. * u.mA), bst.LIF(5), bst.nn.LeakyRateReadout(5, 2, w_init=0.1))
    >>> net = bst.nn.init_all_states(net, batch_size=4)
    >>> online = bst.transform.eprop_grad(lambda x: jnp.mean((net(x) - 1.) ** 2), net.states(bst.ParamState))
    >>> grads = online(jnp.ones((100, 4, 3)))
    >>> grads['layers', 2, 'weight'].shape
    (5, 2)
    """
    given: dict[str, Any] = {'feedback': feedback, 'has_aux': has_aux, 'return_value': return_value, 'unit_aware': unit_aware}
    if step is None:
        return lambda step: eprop_grad(step, grad_states, **given)
    by = Variables('eprop_grad', grad_states, None)
    if not by.states:
        raise ParameterError('eprop_grad: there is nothing to differentiate by; pass weights, such as net.states(ParamState).')
    pairs = tuple((feedback or {}).items())
    key = ('eprop_grad', by.key, pairs, has_aux, unit_aware)

    def online(*xs: Any, length: int | None = None) -> Any:
        steps = steps_of(step, xs, length)

        def build(step: Callable, xs: Any) -> Program:
            lifted = lift(step, xs, call=lambda step, xs: _evaluate(by, dict(pairs), step, xs, steps, has_aux, unit_aware))
            return Program(lifted.pure, lifted, lifted.reads, lifted.writes, xs)

        found = shared_programs(step, (*key, steps), build)(step, xs)
        result = (by.pack(found.gradient),) + ((found.value,) if return_value else ()) + ((found.aux,) if has_aux else ())
        return result if len(result) > 1 else result[0]

    return Made(eprop_grad, step, {'grad_states': grad_states, **given}, online, f'eprop_grad({name_of(step)[1:-1]})', (*key, return_value))


def _evaluate(
    by: Variables, feedback: dict[State, State], step: Callable, xs: Any, steps: int, has_aux: bool, unit_aware: bool
) -> Derivative:
    """The gradient while a lift traces; in it, the loop over the steps."""
    first = jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x)[1:], jax.typeof(x).dtype, weak_type=jax.typeof(x).weak_type), xs)
    back = {instead: s for s, instead in feedback.items()}
    weights = dict.fromkeys((*(back.get(s, s) for s in by.states), *feedback))
    lifted = lift(step, (first,), call=lambda step, args: step(*args[0]))
    made = Step(lifted, tuple(weights), feedback, first, has_aux)
    grads, value, aux = made.run(xs, steps)
    found = dict(zip(weights, grads, strict=True))
    values = [s.peek() for s in by.states]
    numbers = [numbers_of(found[back.get(s, s)]) for s in by.states]
    unit = u.get_unit(made.loss) if unit_aware else None
    return Derivative(Parts(gradient(values, numbers, unit), []), value, aux)
