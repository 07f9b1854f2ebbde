"""The kinds of states: labels that say what a value means, to select by."""

from __future__ import annotations

import brainunit as u
import jax
import numpy as np

from ._state import State


class ShortTermState(State):
    """A transient value, such as the input of one step or the time of the last spike.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Counter(bst.nn.Module):
    ...     def __init__(self):
    ...         self.n = bst.ShortTermState(np.zeros(2))
    >>> list(Counter().states(bst.ShortTermState))
    [('n',)]
    """


class LongTermState(State):
    """A persistent value, such as a running average or a momentum.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Counter(bst.nn.Module):
    ...     def __init__(self):
    ...         self.n = bst.LongTermState(np.zeros(2))
    >>> list(Counter().states(bst.LongTermState))
    [('n',)]
    """


class ParamState(LongTermState):
    """A trainable parameter.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Counter(bst.nn.Module):
    ...     def __init__(self):
    ...         self.n = bst.ParamState(np.zeros(2))
    >>> list(Counter().states(bst.ParamState))
    [('n',)]
    """


class BatchState(LongTermState):
    """A value whose leading axis is a batch axis.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Counter(bst.nn.Module):
    ...     def __init__(self):
    ...         self.n = bst.BatchState(np.zeros(2))
    >>> list(Counter().states(bst.BatchState))
    [('n',)]
    """


class DelayState(ShortTermState):
    """Past values of something, kept for as long as a delay lasts.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Counter(bst.nn.Module):
    ...     def __init__(self):
    ...         self.n = bst.DelayState(np.zeros(2))
    >>> list(Counter().states(bst.DelayState))
    [('n',)]
    """


class HiddenState(ShortTermState):
    """A dynamical variable, such as a membrane potential or a conductance.

    Raises
    ------
    TypeError
        If the first value is not an array or a quantity.

    Examples
    --------
    >>> import numpy as np
    >>> import brainpy_state as bst
    >>> class Counter(bst.nn.Module):
    ...     def __init__(self):
    ...         self.n = bst.HiddenState(np.zeros(2))
    >>> list(Counter().states(bst.HiddenState))
    [('n',)]
    """

    _accepts = (jax.Array, np.ndarray, u.Quantity)

    @property
    def varshape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return tuple(self.value.shape)

    @property
    def num_state(self) -> int:
        """How many dynamical variables it holds."""
        return 1
