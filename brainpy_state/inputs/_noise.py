"""Noise currents whose statistics do not depend on the time step."""

from __future__ import annotations

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import UnitError
from .._typing import Size
from ..modules import Parameter, Variable, check_unit, non_negative, positive
from ..numerics import plain, with_unit
from ..random._keys import Seed
from ._base import RandomInput, per_unit


class WienerProcessInput(RandomInput):
    r"""White noise: a current whose integral is a Wiener process.

    .. math:: I_n = \frac{\sigma}{\sqrt{\Delta t}}\,\xi_n, \qquad \xi_n \sim \mathcal{N}(0, 1) \text{ independent}

    Held over each step, its integral over a time T has the variance :math:`\sigma^2 T`, whatever dt is. A leaky
    neuron :math:`\tau\,dV/dt = -V + R I` so has the standard deviation :math:`R \sigma / \sqrt{2\tau}`, for dt well below tau.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    sigma : quantity of current times the root of a time, a shape that broadcasts to the size
        Intensity, zero or positive, such as ``20. * u.pA * u.ms**0.5``; instead of a current anything else that is driven.
    duration : time, optional
        It is 0 from the step nearest to it on; without it, never. It begins at time 0.
    seed : int, str or tuple of them, optional
        The name of its random numbers, such as ``(1, 'noise')``: the same seed gives the same numbers.
    name : str, optional
        A label for messages.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        For parameters out of range, of a wrong unit or shape.

    Notes
    -----
    Every neuron, step, row of a batch and lane has random numbers of its own, which depend on the seed and on these alone; see
    `random.Stream`. Without a seed, the default generator gives one whenever the input is built, initialised or reset; with one,
    it then starts again with the same numbers.

    Whoever has the standard deviation s at one time step gives ``s * dt**0.5``: NEST's ``noise_generator`` with ``std`` and
    its ``dt``, or the noise of Brian2, ``sigma * xi`` with sigma in such units.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> noise = bst.WienerProcessInput(4, 20. * u.pA * u.ms**0.5)
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     I = bst.run(noise, 10. * u.ms)
    >>> I.shape, I.unit
    ((100, 4), Unit("pA"))
    """

    sigma: Any = Parameter(None, non_negative, 'intensity', any_unit=True)

    def __init__(self, in_size: Size, sigma: Any, duration: Any = None, *, seed: Seed = None, name: str | None = None):
        super().__init__(in_size, sigma=sigma, seed=seed, name=name)
        self.duration = None if duration is None else self.checked_times('duration', duration, at_least=0)

    def check(self) -> None:
        if (2 * u.get_dim(self.sigma).get_dimension('time')) % 2 != 1:
            raise UnitError(
                f'{self.label}: sigma = {self.sigma} must be in units of the current times the root of a time, '
                'such as pA * ms**0.5: the standard deviation at a time step dt is sigma / dt**0.5.'
            )

    def update(self) -> Any:
        """The current of the step, shape ``(batch, *size)``."""
        root_dt = per_unit(u.ms, self.get_dt()) ** -0.5 * u.ms**0.5
        noise = self.stream.standard_normal(self.shape)
        return self.filled(self.sigma / root_dt * noise, self.is_on(self.duration))


class OUProcessInput(RandomInput):
    r"""Ornstein-Uhlenbeck process: noise that forgets within a time constant.

    .. math:: \tau\,dI = (\mu - I)\,dt + \sigma \sqrt{2\tau}\,dW

    ``sigma`` is the standard deviation that the current itself has in the long run; its autocorrelation at lag s is
    :math:`\sigma^2 e^{-|s|/\tau}`. In the first step it has the value ``x_initializer``, the mean by default.

    Parameters
    ----------
    in_size : int or tuple of int
        The shape of the population.
    mean : quantity, a shape that broadcasts to the size
        :math:`\mu`, in any unit.
    sigma : quantity, a shape that broadcasts to the size
        Standard deviation, in the unit of the mean, zero or positive.
    tau : time, a shape that broadcasts to the size
        Time constant, positive.
    duration : time, optional
        The current is 0 from the step nearest to it on; without it, never. It begins at time 0.
    x_initializer : quantity or callable, optional
        First x. To begin in the steady state: ``lambda shape: bst.random.normal(mean, sigma, shape)``.
    seed : int, str or tuple of them, optional
        The name of its random numbers, such as ``(1, 'noise')``: the same seed gives the same numbers.
    name : str, optional
        A label for messages.

    Attributes
    ----------
    x : HiddenState
        The current of the next step, shape ``(batch, *size)``.

    Raises
    ------
    ParameterError, UnitError, ShapeError
        For parameters out of range, of a wrong unit or shape.

    Notes
    -----
    Every neuron, step, row of a batch and lane has random numbers of its own, which depend on the seed and on these alone; see
    `random.Stream`. Without a seed, the default generator gives one whenever the input is built, initialised or reset; with one,
    it then starts again with the same numbers.

    The values at the steps are those of the process exactly, for any dt:
    :math:`x \leftarrow \mu + (x - \mu) e^{-\Delta t/\tau} + \sigma \sqrt{1 - e^{-2\Delta t/\tau}}\,\xi`.
    For an equation written with the amplitude a of the noise, :math:`dI = (\mu - I) dt/\tau + a\,dW`, sigma is
    :math:`a \sqrt{\tau/2}`.
    Source: Gillespie 1996, *Phys. Rev. E* 54:2084, doi:10.1103/PhysRevE.54.2084, equation 3.1.

    Examples
    --------
    >>> import brainunit as u
    >>> import brainpy_state as bst
    >>> noise = bst.nn.init_all_states(bst.OUProcessInput(4, 0.2 * u.nA, 0.05 * u.nA, 5. * u.ms))
    >>> with bst.environ.context(dt=0.1 * u.ms):
    ...     I = bst.run(noise, 10. * u.ms)
    """

    mean: Any = Parameter(None, doc='mean', any_unit=True)
    sigma: Any = Parameter(None, non_negative, 'standard deviation', any_unit=True)
    tau: Any = Parameter(None, positive, 'time constant', like=1.0 * u.ms)

    x: Any = Variable('mean', 'current of the next step')

    def __init__(
        self,
        in_size: Size,
        mean: Any,
        sigma: Any,
        tau: Any,
        duration: Any = None,
        *,
        seed: Seed = None,
        name: str | None = None,
        x_initializer: Any = None,
    ):
        super().__init__(in_size, mean=mean, sigma=sigma, tau=tau, x_initializer=x_initializer, seed=seed, name=name)
        self.duration = None if duration is None else self.checked_times('duration', duration, at_least=0)

    def check(self) -> None:
        check_unit(self.sigma, self.mean, self.label, 'sigma')

    def update(self) -> Any:
        """The current of the step, shape ``(batch, *size)``."""
        x = self.x.value
        unit, number = u.get_unit(x), u.get_mantissa(x)
        ratio = plain(self.get_dt() / self.tau)
        xp = jnp if isinstance(ratio, jax.Array) else np
        fresh = plain(self.sigma / (1.0 * unit)) * xp.sqrt(-xp.expm1(-2 * ratio))
        drive = fresh * self.stream.standard_normal(number.shape, dtype=number.dtype)
        self.relax('x', self.tau, to=self.mean, drive=with_unit(drive, unit))
        return self.filled(x, self.is_on(self.duration))
