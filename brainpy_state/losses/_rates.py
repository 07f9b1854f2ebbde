"""Firing rates: what they should be, and bounds of activity."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ShapeError
from ._checks import cross_entropy, labels, quantity, step, trace


def rate(spikes: Any, target: Any) -> jax.Array:
    r"""Mean squared distance of firing rates from those wanted, in Hz².

    .. math:: L = \Big\langle \Big(\frac{1}{T \Delta t} \sum_t z(t) - f^*\Big)^2 \Big\rangle \Big/ \mathrm{Hz}^2

    Parameters
    ----------
    spikes : array, shape ``(T, ..., n)``
        Numbers of spikes in each step of ``dt``.
    target : frequency, a shape that broadcasts to ``(..., n)``
        The rates wanted.

    Returns
    -------
    array, shape ``()``
        The mean over samples and neurons.

    Raises
    ------
    ShapeError, UnitError, TypeError
        If shapes, types or units do not fit.
    ParameterError
        For a rate below 0.

    Notes
    -----
    Source: Bellec et al. 2020, doi:10.1038/s41467-020-17236-y, regularisation of firing rates; there of the mean over samples.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     float(bst.losses.rate(jnp.zeros((100, 1, 2)), 10. * u.Hz))
    100.0
    """
    f = _rates('rate', spikes)
    wanted = quantity('rate', 'target', target, 1.0 * u.Hz).to_decimal(u.Hz)
    if not _broadcasts(np.shape(wanted), f.shape):
        raise ShapeError(f'rate: target has shape {np.shape(wanted)}, expected one that broadcasts to {f.shape}, samples and neurons.')
    return jnp.mean((f - wanted) ** 2)


def spike_count(spikes: Any, targets: Any) -> jax.Array:
    r"""Cross-entropy of the numbers of spikes of readout neurons.

    .. math:: L = -\Big\langle \log \frac{e^{c_y}}{\sum_k e^{c_k}} \Big\rangle, \qquad c_k = \sum_t z_k(t)

    Parameters
    ----------
    spikes : array, shape ``(T, ..., n)``
        Numbers of spikes in each step, of one neuron for each class.
    targets : int array, shape ``(...)``
        The class of each sample, from 0 to n - 1.

    Returns
    -------
    array, shape ``()``
        The mean over samples.

    Raises
    ------
    ShapeError, UnitError, TypeError
        If shapes, types or units do not fit.
    ParameterError
        If a label is no class; in compiled code when the call ends.

    Notes
    -----
    Source: Eshraghian et al. 2023, doi:10.1109/JPROC.2023.3308088, cross-entropy of spike counts.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> float(bst.losses.spike_count(jnp.array([[[1., 0.]], [[1., 1.]]]), jnp.array([0])))  # log(1 + exp(1 - 2))
    0.31326...
    """
    x = trace('spike_count', 'spikes', spikes)
    return cross_entropy(x.sum(0), labels('spike_count', targets, x))


def silence(spikes: Any, least: Any) -> jax.Array:
    r"""Punish neurons that fire less than a bound, as a share of the bound.

    .. math:: L = \big\langle \max(0,\, 1 - f_i / f_{min})^2 \big\rangle_i

    Parameters
    ----------
    spikes : array, shape ``(T, ..., n)``
        Numbers of spikes in each step of ``dt``.
    least : frequency, positive
        The bound.

    Returns
    -------
    array, shape ``()``
        The mean over neurons, of rates that are means over samples: 1 if all are silent, 0 if none fires less.

    Raises
    ------
    ShapeError, UnitError, TypeError
        If shapes, types or units do not fit.
    ParameterError
        If the bound is not positive.

    Notes
    -----
    A neuron without a spike has a gradient only where the surrogate is not zero: the bound revives neurons that come near the
    threshold. Source: Zenke & Vogels 2021, doi:10.1162/neco_a_01367, lower bound of activity.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     float(bst.losses.silence(jnp.zeros((100, 1, 2)), 5. * u.Hz))
    1.0
    """
    return jnp.mean(jax.nn.relu(1.0 - _share('silence', spikes, 'least', least)) ** 2)


def overactivity(spikes: Any, most: Any) -> jax.Array:
    r"""Punish neurons that fire more than a bound, as a share of the bound.

    .. math:: L = \big\langle \max(0,\, f_i / f_{max} - 1)^2 \big\rangle_i

    Parameters
    ----------
    spikes : array, shape ``(T, ..., n)``
        Numbers of spikes in each step of ``dt``.
    most : frequency, positive
        The bound.

    Returns
    -------
    array, shape ``()``
        The mean over neurons, of rates that are means over samples: 0 if none fires more.

    Raises
    ------
    ShapeError, UnitError, TypeError
        If shapes, types or units do not fit.
    ParameterError
        If the bound is not positive.

    Notes
    -----
    Source: Zenke & Vogels 2021, doi:10.1162/neco_a_01367, upper bound of activity, here for each neuron.

    Examples
    --------
    >>> import brainunit as u, jax.numpy as jnp
    >>> import brainpy_state as bst
    >>> with bst.environ.context(dt=1. * u.ms):
    ...     float(bst.losses.overactivity(jnp.ones((100, 1, 2)), 500. * u.Hz))
    1.0
    """
    return jnp.mean(jax.nn.relu(_share('overactivity', spikes, 'most', most) - 1.0) ** 2)


def _rates(where: str, spikes: Any) -> jax.Array:
    """Rates in Hz, shape ``(..., n)``."""
    return trace(where, 'spikes', spikes).mean(0) / step(where).to_decimal(u.second)


def _share(where: str, spikes: Any, name: str, bound: Any) -> jax.Array:
    """Rates of neurons as parts of a bound, means over samples, shape ``(n,)``."""
    hertz = quantity(where, name, bound, 1.0 * u.Hz, positive=True).to_decimal(u.Hz)
    if np.ndim(hertz):
        raise ShapeError(f'{where}: {name} has shape {np.shape(hertz)}, but must be one frequency.')
    f = _rates(where, spikes)
    return f.reshape(-1, f.shape[-1]).mean(0) / hertz


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False
