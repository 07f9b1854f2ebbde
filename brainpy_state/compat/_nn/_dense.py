"""Dense layers: with masks, signs or standardised weights, sparse ones, and corrections of low rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from ... import nn
from ..._errors import ParameterError, ShapeError
from ...layers import first_value
from ...modules import Module
from ...numerics import with_unit
from ...state import ParamState, State
from ._sizes import Typed, mask_of, standardized

_he = jax.nn.initializers.he_normal()
_zeros = jax.nn.initializers.zeros
_lecun = jax.nn.initializers.lecun_normal()


class Linear(Typed, nn.Linear):
    """See `brainpy_state.nn.Linear`.

    Parameters
    ----------
    in_size, out_size, w_init, b_init, name
        As there.
    w_mask : array or callable, optional
        What weights are multiplied by, shape ``(in_size[-1], out_size[-1])``.
    param_type : type of State
        The class of the state ``weight``.
    """

    def __init__(
        self,
        in_size: Any,
        out_size: Any,
        w_init: Any = _he,
        b_init: Any = _zeros,
        w_mask: Any = None,
        name: str | None = None,
        param_type: type[State] = ParamState,
    ):
        super().__init__(in_size, out_size, w_init, None if b_init is _zeros else b_init, name=name)
        weight = self.weight.value['weight']
        if b_init is _zeros:  # without a draw, so that seeds give what they give there
            zeros = jnp.zeros(u.math.shape(weight)[-1:], u.get_mantissa(weight).dtype)
            self.weight.value = {**self.weight.value, 'bias': with_unit(zeros, u.get_unit(weight))}
        self.w_mask = mask_of(self.label, w_mask, u.math.shape(weight))
        self.retype(param_type)

    def effective(self, value: dict[str, Any]) -> Any:
        """The weights with the mask."""
        return value['weight'] if self.w_mask is None else value['weight'] * self.w_mask


class ScaledWSLinear(Linear):
    """`Linear` with standardised weights; see `weight_standardization`.

    Parameters
    ----------
    in_size, out_size, w_init, b_init, w_mask, name, param_type
        See `Linear`.
    ws_gain : bool
        Whether each output has a trained factor.
    eps : float
        The least variance.
    """

    def __init__(
        self,
        in_size: Any,
        out_size: Any,
        w_init: Any = _he,
        b_init: Any = _zeros,
        w_mask: Any = None,
        ws_gain: bool = True,
        eps: float = 1e-4,
        name: str | None = None,
        param_type: type[State] = ParamState,
    ):
        super().__init__(in_size, out_size, w_init, b_init, w_mask, name, param_type)
        self.eps = eps
        if ws_gain:
            weight = self.weight.value['weight']
            self.weight.value = {**self.weight.value, 'gain': jnp.ones((1, weight.shape[-1]), u.get_mantissa(weight).dtype)}

    def effective(self, value: dict[str, Any]) -> Any:
        """The standardised weights with the mask."""
        w = standardized(value['weight'], self.eps, value.get('gain'))
        return w if self.w_mask is None else w * self.w_mask


class SignedWLinear(Typed, nn.Module):
    """Absolute values of weights, times signs.

    Parameters
    ----------
    in_size, out_size : int or tuple of int
        Shapes of input and output; the layer acts on the last axis.
    w_init : callable, array or quantity
        First weights, shape ``(in_size[-1], out_size[-1])``.
    w_sign : array, optional
        Factors of that shape; 1 by default.
    name : str, optional
        A label for messages.
    param_type : type of State
        The class of the state ``weight``.
    """

    def __init__(
        self,
        in_size: Any,
        out_size: Any,
        w_init: Any = _he,
        w_sign: Any = None,
        name: str | None = None,
        param_type: type[State] = ParamState,
    ):
        super().__init__(name)
        plain = nn.Linear(in_size, out_size, w_init, None)  # which checks sizes
        self.in_size, self.out_size = plain.in_size, plain.out_size
        self.weight = ParamState(plain.weight.value['weight'])
        self.w_sign = mask_of(self.label, w_sign, u.math.shape(self.weight.value))
        self.retype(param_type)

    def update(self, x: Any) -> Any:
        """Multiply by the weights, shape ``(..., *in_size)`` to ``(..., *out_size)``."""
        w = u.math.abs(self.weight.value)
        return u.math.matmul(x, w if self.w_sign is None else w * self.w_sign)


class SparseLinear(Typed, nn.Module):
    """A sparse matrix, of which the elements that are there are trained.

    Parameters
    ----------
    spar_mat : brainunit.sparse.CSR, CSC or COO, shape ``(pre, post)``
        The first weights.
    b_init : callable, array or quantity, optional
        First bias, shape ``(post,)``.
    in_size : int or tuple of int, optional
        The shape of the input without batch axes.
    name : str, optional
        A label for messages.
    param_type : type of State
        The class of the state ``weight``.

    Raises
    ------
    TypeError
        If the matrix is no sparse one.
    """

    def __init__(
        self, spar_mat: Any, b_init: Any = None, in_size: Any = None, name: str | None = None, param_type: type[State] = ParamState
    ):
        super().__init__(name)
        if not isinstance(spar_mat, u.sparse.SparseMatrix):
            raise TypeError(f'{self.label}: spar_mat is a matrix of brainunit.sparse, but is {spar_mat!r}.')
        pre, post = spar_mat.shape
        given = (pre,) if in_size is None else (in_size,) if isinstance(in_size, int) else tuple(in_size)
        if given[-1] != pre:
            raise ShapeError(f'{self.label}: in_size is {given}, but the matrix has {pre} rows.')
        self.spar_mat, self.in_size, self.out_size = spar_mat, given, (*given[:-1], post)
        value = {'weight': spar_mat.data}
        if b_init is not None:
            value['bias'] = first_value(b_init, (post,), self.label, 'b_init')
        self.weight = ParamState(value)
        self.retype(param_type)

    def update(self, x: Any) -> Any:
        """Multiply by the matrix, shape ``(..., pre)`` to ``(..., post)``."""
        value = self.weight.value
        y = x @ self.spar_mat.with_data(value['weight'])
        return y + value['bias'] if 'bias' in value else y


class LoRA(Typed, nn.Module):
    """A trained matrix of low rank, alone or added to what another layer gives.

    Parameters
    ----------
    in_features, lora_rank, out_features : int
        Numbers of inputs, of the rank, and of outputs.
    base_module : Module or callable, optional
        The layer that it corrects.
    kernel_init : callable or array
        First values of both factors.
    param_type : type of State
        The class of the state ``weight``.
    in_size : int or tuple of int, optional
        The shape of the input without batch axes.

    Notes
    -----
    Source: Hu et al. 2021, arXiv:2106.09685.
    """

    def __init__(
        self,
        in_features: int,
        lora_rank: int,
        out_features: int,
        *,
        base_module: Module | Callable | None = None,
        kernel_init: Any = _lecun,
        param_type: type[State] = ParamState,
        in_size: Any = None,
    ):
        super().__init__()
        if base_module is not None and not callable(base_module):
            raise ParameterError(f'{self.label}: base_module must be a layer, but is {base_module!r}.')
        self.in_features, self.out_features, self.base_module = in_features, out_features, base_module
        self.in_size = (in_features,) if in_size is None else (in_size,) if isinstance(in_size, int) else tuple(in_size)
        self.out_size = (*self.in_size[:-1], out_features)
        shapes = {'lora_a': (in_features, lora_rank), 'lora_b': (lora_rank, out_features)}
        self.weight = ParamState({name: first_value(kernel_init, shape, self.label, 'kernel_init') for name, shape in shapes.items()})
        self.retype(param_type)

    def update(self, x: Any) -> Any:
        """The correction, with what the other layer gives, shape ``(..., in_features)`` to ``(..., out_features)``."""
        value = self.weight.value
        y = x @ value['lora_a'] @ value['lora_b']
        return y if self.base_module is None else y + self.base_module(x)
