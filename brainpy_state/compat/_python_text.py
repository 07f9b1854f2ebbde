"""Python text of a jaxpr."""

from __future__ import annotations

import enum
import itertools
import string
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from .. import transform
from ._jaxprs import constant_fold

_INFIX = {
    'add': '+', 'add_any': '+', 'sub': '-', 'mul': '*', 'div': '/', 'pow': '**', 'and': '&', 'or': '|', 'xor': '^',
    'eq': '==', 'ne': '!=', 'lt': '<', 'le': '<=', 'gt': '>', 'ge': '>=',
}  # fmt: skip
_REDUCE = {'reduce_sum': 'sum', 'reduce_max': 'max', 'reduce_min': 'min', 'reduce_prod': 'prod', 'reduce_and': 'all', 'reduce_or': 'any'}
_USUAL = ('float32', 'int32', 'bool')  # types that plain numbers in a text get


class _Text:
    """Lines of the text, and the names in it."""

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self.lines: list[str] = []
        self._fresh = (name for name in _names() if name not in ('as', 'if', 'in', 'is', 'or'))
        self._numbers = itertools.count()

    def function(self, jaxpr: Any, name: str, indent: str, give: Callable[[list[str]], str]) -> None:
        """Write a function of all that a jaxpr takes."""
        consts = jaxpr.consts if isinstance(jaxpr, ClosedJaxpr) else ()
        jaxpr = jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr
        given: dict[Any, str] = {}

        def text(x: Any) -> str:
            if isinstance(x, Literal):
                return _number(x)
            if x not in given:
                given[x] = next(self._fresh)
            return given[x]

        known = dict(zip(jaxpr.constvars, consts, strict=True)) if consts else {}
        taken = [x for x in jaxpr.constvars if x not in known]
        inner = indent + '    '
        self.lines.append(f'{indent}def {name}({", ".join(map(text, (*taken, *jaxpr.invars)))}):')
        self.lines += [f'{inner}{text(x)} = {self.value(np.asarray(value, x.aval.dtype))}' for x, value in known.items()]
        for eqn in jaxpr.eqns:
            call = self.call(eqn, [text(x) for x in eqn.invars], inner)
            outs = ', '.join(map(text, eqn.outvars)) + (',' if call.several and len(eqn.outvars) == 1 else '')
            self.lines.append(f'{inner}{outs} = {call}' if outs else f'{inner}{call}')
        self.lines.append(f'{inner}return {give([text(x) for x in jaxpr.outvars])}')

    def inner(self, jaxpr: Any, indent: str) -> str:
        """Write a function that returns a tuple, within another; its name."""
        name = f'fn_{next(self._numbers)}'
        self.function(jaxpr, name, indent, _tuple)
        return name

    def call(self, eqn: Any, operands: list[str], indent: str) -> _Call:
        """What an operation is in Python."""
        name, params = eqn.primitive.name, eqn.params
        if name in _INFIX:
            return _Call(f' {_INFIX[name]} '.join(operands))
        if name == 'neg':
            return _Call(f'-{operands[0]}')
        if name in _REDUCE:
            return _Call(f'jax.numpy.{_REDUCE[name]}({operands[0]}, axis={params["axes"]})')
        if name == 'integer_pow':
            return _Call(f'jax.lax.integer_pow({operands[0]}, {params["y"]})')
        if name in ('scan', 'while', 'cond'):
            return _Call(getattr(self, f'_{name}')(params, operands, indent), True)
        for part in params.values():
            if isinstance(part, (Jaxpr, ClosedJaxpr)):  # of `jit`, `checkpoint` and functions with derivatives of their own
                return _Call(f'{self.inner(part, indent)}({", ".join(operands)})', True)
        if set(params) <= {'accuracy'} and hasattr(jax.lax, name) and not name.startswith('dynamic_'):  # those take indices as a list
            return _Call(f'jax.lax.{name}({", ".join(operands)})')
        arrays = [f'jax.numpy.asarray({x})' if isinstance(var, Literal) else x for var, x in zip(eqn.invars, operands, strict=True)]
        options = [f'{key}={self.value(x)}' for key, x in params.items()]
        return _Call(f'jax.lax.{name}_p.bind({", ".join(arrays + options)})', eqn.primitive.multiple_results)

    def _scan(self, params: dict[str, Any], operands: list[str], indent: str) -> str:
        consts, carried = params['num_consts'], params['num_carry']
        body = self.inner(params['jaxpr'], indent)
        start, xs = operands[consts : consts + carried], operands[consts + carried :]
        step = f'step_{body}'
        self.lines += [
            f'{indent}def {step}(carry, xs):',
            f'{indent}    out = {body}({", ".join([*operands[:consts], "*carry", "*xs"])})',
            f'{indent}    return out[:{carried}], out[{carried}:]',
            f'{indent}carry_{body}, ys_{body} = jax.lax.scan({step}, {_tuple(start)}, {_tuple(xs)}, length={params["length"]}, '
            f'reverse={params["reverse"]}, unroll={params["unroll"]})',
        ]
        return f'(*carry_{body}, *ys_{body})'

    def _while(self, params: dict[str, Any], operands: list[str], indent: str) -> str:
        n, m = params['cond_nconsts'], params['body_nconsts']
        goes_on, body = self.inner(params['cond_jaxpr'], indent), self.inner(params['body_jaxpr'], indent)
        told, used = ', '.join([*operands[:n], '*x']), ', '.join([*operands[n : n + m], '*x'])
        return f'jax.lax.while_loop(lambda x: {goes_on}({told})[0], lambda x: {body}({used}), {_tuple(operands[n + m :])})'

    def _cond(self, params: dict[str, Any], operands: list[str], indent: str) -> str:
        branches = [self.inner(branch, indent) for branch in params['branches']]
        return f'jax.lax.switch({", ".join([f"{operands[0]} * 1", _tuple(branches), *operands[1:]])})'

    def value(self, x: Any) -> str:
        """An option of an operation."""
        if isinstance(x, enum.Enum):
            kind = type(x)
            self.imports.add(kind.__module__)
            return f'{kind.__module__}.{kind.__qualname__}.{x.name}'
        if isinstance(x, jax.sharding.Sharding):  # where it is computed does not matter
            return 'None'
        if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic)):
            return f'jax.numpy.dtype({str(np.dtype(x))!r})'
        if isinstance(x, np.generic):
            return repr(x.item())
        if isinstance(x, (np.ndarray, jax.Array)):
            return f'jax.numpy.array({np.asarray(x).tolist()!r}, dtype={str(x.dtype)!r})'
        if isinstance(x, tuple) and hasattr(x, '_fields'):
            return self._made(type(x), zip(x._fields, x, strict=True))
        if isinstance(x, (tuple, list)):
            inside = ', '.join(map(self.value, x))
            return f'[{inside}]' if isinstance(x, list) else f'({inside}{"," if len(x) == 1 else ""})'
        if hasattr(x, '__dataclass_fields__'):
            return self._made(type(x), ((key, getattr(x, key)) for key in x.__dataclass_fields__))
        return repr(x)

    def _made(self, kind: type, fields: Iterable[tuple[str, Any]]) -> str:
        place = f'jax.lax.{kind.__name__}'
        if not hasattr(jax.lax, kind.__name__):
            self.imports.add(kind.__module__)
            place = f'{kind.__module__}.{kind.__qualname__}'
        return f'{place}({", ".join(f"{key}={self.value(x)}" for key, x in fields)})'


class _Call(str):
    """The text of a call, which may return a tuple of one."""

    several: bool

    def __new__(cls, text: str, several: bool = False) -> _Call:
        call = super().__new__(cls, text)
        call.several = several
        return call


def _names() -> Iterator[str]:
    for length in itertools.count(1):
        yield from map(''.join, itertools.product(string.ascii_lowercase, repeat=length))


def _tuple(parts: list[str]) -> str:
    return f'({", ".join(parts)}{"," if len(parts) == 1 else ""})'


def _number(x: Literal) -> str:
    aval: Any = x.aval
    value = np.asarray(x.val, aval.dtype)
    if value.ndim == 0 and value.dtype.name in _USUAL:
        number = value.item()
        return repr(number) if np.isfinite(number) else f'float({str(number)!r})'
    return f'jax.numpy.array({value.tolist()!r}, dtype={value.dtype.name!r})'


def jaxpr_to_python_code(jaxpr: Any, fn_name: str = 'generated_function') -> str:
    """The text of a Python function that computes what a jaxpr does, with numbers in the place of what follows from numbers.

    Parameters
    ----------
    jaxpr : Jaxpr or ClosedJaxpr
        Constants of a ClosedJaxpr are written out; those of a Jaxpr are the first arguments.
    fn_name : str
        The name of the function.
    """
    text = _Text()
    folded: Any = ClosedJaxpr(constant_fold(jaxpr.jaxpr), jaxpr.consts) if isinstance(jaxpr, ClosedJaxpr) else constant_fold(jaxpr)
    text.function(folded, fn_name, '', lambda x: ', '.join(x) or 'None')
    imports = [f'import {module}' for module in sorted(text.imports)]
    return '\n'.join([*imports, *[''] * (2 * bool(imports)), *text.lines])


def fn_to_python_code(fn: Callable, *args: Any, **kwargs: Any) -> str:
    """`jaxpr_to_python_code` of a function of such arguments, with its name, if that can be one of a function.

    Where arguments are containers, the function of the text takes them, too.
    """
    name = getattr(fn, '__name__', '')
    name = name if name.isidentifier() else 'generated_function'
    jaxpr, _ = transform.make_jaxpr(fn)(*args, **kwargs)
    code = jaxpr_to_python_code(jaxpr, name)
    if all(jax.tree_util.all_leaves([x]) for x in (*args, *kwargs.values())):
        return code
    wrapped = code.replace(f'def {name}(', f'def flat_{name}(', 1)
    return f'{wrapped}\n\n\ndef {name}(*args, **kwargs):\n    return flat_{name}(*jax.tree_util.tree_leaves((args, kwargs)))'
