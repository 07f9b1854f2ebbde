"""The time of the first spike, and classification by who is first."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from ._checks import cross_entropy, labels, quantity, step, trace


def first_spike_times(spikes: Any) -> Any:
    r"""When each neuron fires first, as a function that has a derivative.

    .. math:: t_1 = \Delta t \sum_{n=0}^{T-1} \prod_{m=0}^{n} (1 - z_m)

    The product is 1 until the first spike, and 0 from then on, so the sum counts the steps before it.

    Parameters
    ----------
    spikes : array, shape ``(T, ..., n)``
        Spikes of each step: 0 or 1, or between. More than one counts as one.

    Returns
    -------
    time, shape ``(..., n)``
        The start of the step of the first spike; ``T * dt`` for a neuron that is silent.

    Raises
    ------
    ShapeError, UnitError, TypeError
        If shapes, types or units do not fit.

    Notes
    -----
    The derivative by spikes is exact for this formula, and goes on through the surrogate of the neurons: a spike more at step n
    would bring the first one forward by as many steps as lie between; without the first one, the second would be the first. Spikes
    after the first have none.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     bst.losses.first_spike_times(jnp.array([[0., 0.], [0., 0.], [1., 0.], [1., 0.]]))
    Quantity([2. 4.], "ms")
    """
    return _steps('first_spike_times', spikes) * step('first_spike_times')


def first_spike(spikes: Any, targets: Any, *, tau: Any) -> jax.Array:
    r"""Cross-entropy of first-spike times: the neuron of the right class shall fire before all others.

    .. math:: L = -\Big\langle \log \frac{e^{-t_y / \tau}}{\sum_k e^{-t_k / \tau}} \Big\rangle

    Parameters
    ----------
    spikes : array, shape ``(T, ..., n)``
        Spikes of one neuron for each class.
    targets : int array, shape ``(...)``
        The class of each sample, from 0 to n - 1.
    tau : time, positive
        How much earlier is clearly earlier; the time constant of membrane or synapses is a good choice.

    Returns
    -------
    array, shape ``()``
        The mean over samples.

    Raises
    ------
    ShapeError, UnitError, TypeError
        If shapes, types or units do not fit.
    ParameterError
        If a label is no class, in compiled code when the call ends; if ``tau`` is not positive.

    Notes
    -----
    Times are those of `first_spike_times`, and so is the derivative: it comes through the surrogate, and reaches silent neurons too.
    Source of the loss: Göltz et al. 2021, doi:10.1038/s42256-021-00388-x, without its regularisation.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=1. * u.ms):  # two steps, one sample, two classes
    ...     float(bst.losses.first_spike(jnp.array([[[1., 0.]], [[0., 1.]]]), jnp.array([0]), tau=1. * u.ms))
    0.31326...
    """
    steps = _steps('first_spike', spikes)
    in_steps = quantity('first_spike', 'tau', tau, 1.0 * u.ms, positive=True) / step('first_spike')
    chosen = labels('first_spike', targets, steps[None])
    return cross_entropy(-steps / u.Quantity(in_steps).to_decimal(u.UNITLESS), chosen)


def _steps(where: str, spikes: Any) -> jax.Array:
    z = trace(where, 'spikes', spikes)
    return jnp.cumprod(jnp.where(z > 1, 0.0, 1 - z), axis=0).sum(0)
