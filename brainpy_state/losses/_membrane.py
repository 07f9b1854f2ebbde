"""Classification by the membrane potential of readout neurons."""

from __future__ import annotations

from typing import Any

import jax

from ._checks import cross_entropy, labels, trace


def max_membrane(V: Any, targets: Any, *, scale: Any = None) -> jax.Array:
    r"""Cross-entropy of the highest membrane potential over time.

    .. math:: L = -\Big\langle \log \frac{e^{m_y}}{\sum_k e^{m_k}} \Big\rangle, \qquad m_k = \max_t V_k(t)

    Parameters
    ----------
    V : array or quantity, shape ``(T, ..., n)``
        Traces of readout neurons, one for each class.
    targets : int array, shape ``(...)``
        The class of each sample, from 0 to n - 1.
    scale : quantity, optional
        What counts as 1; needed for a V with a unit.

    Returns
    -------
    array, shape ``()``
        The mean over samples. The gradient reaches V at the time of its maximum.

    Raises
    ------
    ShapeError, UnitError, TypeError
        If shapes, types or units do not fit.
    ParameterError
        If a label is no class; in compiled code when the call ends.

    Notes
    -----
    Source: Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364, readout of the "max-over-time" loss.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> V = jnp.array([[[0., 1.]], [[2., 1.]]]) * u.mV  # two steps, one sample, two classes
    >>> float(bst.losses.max_membrane(V, jnp.array([0]), scale=1. * u.mV))  # log(1 + exp(1 - 2))
    0.31326...
    """
    x = trace('max_membrane', 'V', V, scale)
    return cross_entropy(x.max(0), labels('max_membrane', targets, x))


def mean_membrane(V: Any, targets: Any, *, scale: Any = None) -> jax.Array:
    r"""Cross-entropy of the membrane potential, averaged over time.

    .. math:: L = -\Big\langle \log \frac{e^{m_y}}{\sum_k e^{m_k}} \Big\rangle, \qquad m_k = \frac 1 T \sum_t V_k(t)

    Parameters
    ----------
    V, targets, scale
        As of `max_membrane`.

    Returns
    -------
    array, shape ``()``
        The mean over samples.

    Raises
    ------
    ShapeError, UnitError, TypeError, ParameterError
        As `max_membrane`.

    Notes
    -----
    Source: Nowotny, Turner & Knight 2025, doi:10.1088/2634-4386/ada852, the loss of the integrated membrane potential.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> float(bst.losses.mean_membrane(jnp.array([[[0., 1.]], [[2., 1.]]]), jnp.array([0])))  # log 2
    0.693147...
    """
    x = trace('mean_membrane', 'V', V, scale)
    return cross_entropy(x.mean(0), labels('mean_membrane', targets, x))
