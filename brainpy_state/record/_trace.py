"""`Trace`: values that were recorded at some steps, such as a potential every millisecond."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from .._errors import ParameterError, ShapeError
from .._optional import needed
from .._tracebacks import entries
from ..numerics import brief, whole_steps, with_unit


@entries
@dataclass(frozen=True, eq=False)
class Trace:
    """Values at some steps, in the order of time.

    Attributes
    ----------
    step : int array, shape (n,)
        The number of the step at whose start each value holds.
    values : quantity or array, shape (n, ...)
        A row for each of these steps; of neurons, the last axis is theirs.
    dt : time
        The time step.
    of : int array, optional
        The neurons that the items of the last axis belong to; None for values that are of no neurons.
    name : str
        What it is, for labels.

    Raises
    ------
    ShapeError
        If there is not one row for each step, or one item for each neuron.

    Examples
    --------
    >>> import brainunit as u
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> trace = bst.record.Trace(np.arange(3), np.array([[0.], [1.], [2.]]) * u.mV, 1. * u.ms, name='V')
    >>> trace.t, trace.values.shape
    (Quantity([0. 1. 2.], "ms"), (3, 1))
    """

    step: np.ndarray
    values: Any
    dt: Any
    of: np.ndarray | None = None
    name: str = ''

    def __post_init__(self) -> None:
        shape = np.shape(u.get_mantissa(self.values))
        if np.ndim(self.step) != 1 or shape[:1] != np.shape(self.step):
            raise ShapeError(f'Trace: values have shape {shape} and step {np.shape(self.step)}; expected a row for each step.')
        if self.of is not None and shape[-1:] != np.shape(self.of):
            raise ShapeError(
                f'Trace: values have shape {shape}, expected a last axis of {np.shape(self.of)}, the neurons that they are of.'
            )

    @property
    def t(self) -> Any:
        """Time of each value; float64."""
        return with_unit(self.step * float(u.get_mantissa(self.dt)), u.get_unit(self.dt))

    def __len__(self) -> int:
        return self.step.size

    def between(self, start: Any, stop: Any) -> Trace:
        """The values from one time to another (not included).

        Raises
        ------
        ParameterError, UnitError
            If ``start`` is after ``stop``, or a time is no multiple of the time step, or no time.
        """
        first, last = (
            int(whole_steps(t, self.dt, f'Trace.between: {name}', signed=True)) for name, t in (('start', start), ('stop', stop))
        )
        if first > last:
            raise ParameterError(f'Trace.between: start = {brief(start)} is after stop = {brief(stop)}.')
        low, high = np.searchsorted(self.step, (first, last))
        part = copy.copy(self)
        vars(part).update(step=self.step[low:high], values=self.values[low:high])
        return part

    def to_xarray(self) -> Any:
        """An `xarray.DataArray` with the dimension ``time``, of neurons ``neuron``, and units among its attributes.

        Raises
        ------
        ImportError
            If xarray is not installed.
        """
        xarray = needed('xarray', 'views', 'Trace.to_xarray')
        values, time = np.asarray(u.get_mantissa(self.values)), self.t
        dims = ['time', *(f'axis_{k}' for k in range(1, values.ndim))]
        coords: dict[str, Any] = {'time': ('time', u.get_mantissa(time), {'units': str(u.get_unit(time))})}
        if self.of is not None:
            dims[-1] = 'neuron'
            coords['neuron'] = self.of
        attributes = {'units': str(u.get_unit(self.values)), 'dt': brief(self.dt)}
        return xarray.DataArray(values, coords, dims, self.name or None, attributes)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row for each time and a column for each neuron, or of any other item; units are in ``attrs``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pandas = needed('pandas', 'views', 'Trace.to_pandas')
        values, time = np.asarray(u.get_mantissa(self.values)), self.t
        columns = self.of if self.of is not None and values.ndim == 2 else None
        index = pandas.Index(u.get_mantissa(time), name=f'time ({u.get_unit(time)})')
        frame = pandas.DataFrame(values.reshape(len(self), -1), index, columns)
        frame.attrs = {'name': self.name, 'units': str(u.get_unit(self.values)), 'dt': brief(self.dt)}
        return frame
