"""`Leaf`: an array or number in the value of a state, and what a file says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import TraceContextError
from ._units import unit_as_json, unit_of_json

NOTHING = 'nothing'  # None, or a container without anything in it
PLAIN = {'bool': bool, 'int': int, 'float': float, 'complex': complex, 'str': str, 'bytes': bytes}

_UNKNOWN = """\
{where} holds a {given}, which cannot be written to a file: {value}
Files hold arrays, quantities, random keys, numbers, texts and None, in containers. Leave this state out by a filter."""


class Leaf(NamedTuple):
    """A leaf of a state's value.

    Attributes
    ----------
    place : str
        Where it is within the value: ``''`` if it is the value, else such as ``.mu['weight']``.
    kind : str
        ``'array'`` of JAX, ``'key'``: random keys of JAX, ``'numpy'`` array, ``'scalar'`` of NumPy, a name in `PLAIN`, or `NOTHING`.
    value : array, number, text or None
        Without unit. What there is of `NOTHING`, as text.
    unit : Unit or None
        None if the leaf is no quantity.
    dtype : str
        Of arrays and scalars; of keys the name of the generator.
    weak : bool
        Whether JAX lets the type of the array give way to those of others, as it does of a Python number.

    Examples
    --------
    >>> import tempfile
    >>> import brainpy_state as bst
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bst.save_states(folder + '/weights.npz', bst.nn.Linear(3, 4))
    ...     file = bst.files.read(folder + '/weights.npz', 'states')
    >>> file.entries['weight'].leaves[0].shape
    (4,)
    """

    place: str
    kind: str
    value: Any
    unit: Any = None
    dtype: str = ''
    weak: bool = False

    @classmethod
    def of(cls, where: str, place: str, x: Any) -> Self:
        """A leaf of a value.

        Raises
        ------
        TypeError
            If files cannot hold it.
        TraceContextError
            If it is traced.
        """
        value, unit = (x.mantissa, x.unit) if isinstance(x, u.Quantity) else (x, None)
        if isinstance(value, jax.core.Tracer):
            raise TraceContextError(f'{where} is traced: files are written outside of compiled functions.')
        if isinstance(value, jax.Array):
            if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
                return cls(place, 'key', value, unit, str(jax.random.key_impl(value)))
            return cls(place, 'array', value, unit, str(value.dtype), value.weak_type)
        if isinstance(value, (np.ndarray, np.generic)) and not _of_objects(value):
            return cls(place, 'numpy' if isinstance(value, np.ndarray) else 'scalar', value, unit, str(value.dtype))
        if type(value) in PLAIN.values():
            return cls(place, type(value).__name__, value, unit)
        if unit is None and not jax.tree.leaves(value):
            return cls(place, NOTHING, 'None' if value is None else f'an empty {type(value).__name__}')
        raise TypeError(_UNKNOWN.format(where=where, given=type(value).__name__, value=_short(value)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array; that of a number is ``()``."""
        return tuple(np.shape(self.value)) if self.is_array else ()

    @property
    def is_array(self) -> bool:
        """Whether the value is an array, with an entry of its own in a file."""
        return self.kind in ('array', 'key', 'numpy', 'scalar')

    @property
    def stored(self) -> Any:
        """The array that is written: numbers of a type that NumPy's files know."""
        return jax.random.key_data(self.value) if self.kind == 'key' else self.value

    def as_json(self, entry: str | None) -> dict[str, Any]:
        """What the JSON of a file says of the leaf; ``entry`` is the name of its array."""
        made: dict[str, Any] = {'place': self.place, 'kind': self.kind}
        if self.is_array:
            made |= {'entry': entry, 'dtype': self.dtype, 'shape': list(self.shape)}
        else:
            made['value'] = _text(self.value)
        if self.weak:
            made['weak'] = True
        return made if self.unit is None else {**made, 'unit': unit_as_json(self.unit)}

    @classmethod
    def of_json(cls, made: Mapping[str, Any], array: np.ndarray | None) -> Self:
        """The leaf that a file describes; arrays are those of NumPy until `given` makes them what they were.

        Raises
        ------
        ValueError
            If the array is not the one described.
        """
        kind, unit = made['kind'], unit_of_json(made['unit']) if 'unit' in made else None
        if array is None:
            return cls(made['place'], kind, made['value'] if kind == NOTHING else _of_text(kind, made['value']), unit)
        dtype = made['dtype']
        if kind == 'key':
            leaf = cls(made['place'], kind, jax.random.wrap_key_data(jnp.asarray(array), impl=dtype), unit, dtype)
        else:
            array = array if str(array.dtype) == dtype else array.view(np.dtype(dtype))
            leaf = cls(made['place'], kind, array, unit, dtype, made.get('weak', False))
        if list(leaf.shape) != made['shape']:
            raise ValueError(f'an array has the shape {leaf.shape}, not {tuple(made["shape"])}')
        return leaf

    @property
    def given(self) -> Any:
        """What a state holds, of a leaf that was read, without unit."""
        if self.kind == 'array':
            x = jnp.asarray(self.value)
            return _weak(x) if self.weak else x
        return self.value[()] if self.kind == 'scalar' else self.value


def _weak(x: jax.Array) -> jax.Array:
    """The same numbers, of a weak type if that exists."""
    made = jnp.full(x.shape, x.dtype.type(0).item())
    return made.at[...].set(x) if made.dtype == x.dtype else x


def _of_objects(value: Any) -> bool:
    return value.dtype.hasobject or type(value) not in (np.ndarray, np.memmap, value.dtype.type)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f'{text[:97]}...'


def _text(value: Any) -> str:
    """A plain value as text that gives it back exactly."""
    if isinstance(value, complex):
        return f'{value.real!r} {value.imag!r}'
    return value.hex() if isinstance(value, bytes) else value if isinstance(value, str) else repr(value)


def _of_text(kind: str, text: str) -> Any:
    if kind == 'complex':
        return complex(*map(float, text.split()))
    if kind == 'bool':
        return text == 'True'
    if kind not in PLAIN:
        raise ValueError(f'{kind!r} is no kind of value')
    return bytes.fromhex(text) if kind == 'bytes' else PLAIN[kind](text)
