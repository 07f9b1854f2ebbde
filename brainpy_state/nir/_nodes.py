"""Which node of NIR says what a module does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import brainunit as u
import jax
import numpy as np

from .. import environ, layers
from .._errors import ParameterError
from .._optional import needed
from ..layers._conv import Conv
from ..layers._pooling import _Pool
from ..layers._windows import Windowed
from ..modules import Delay
from ..neurons import IF, LIF, LIFRef, Neuron
from ..numerics import plain
from ..synapses import Expon
from ._parts import Integrator, LeakyIntegrator, PerfectIF, Scale, SumPool2d, Threshold
from ._units import Clock, number


class Signal(NamedTuple):
    """What goes along an edge: the shape here; and for each element of the array in the graph, its place in the flattened array here."""

    size: tuple[int, ...]
    places: np.ndarray

    @classmethod
    def plain(cls, size: tuple[int, ...]) -> Signal:
        """An array that is the same here and in the graph."""
        return cls(size, np.arange(int(np.prod(size))).reshape(size))

    @classmethod
    def of(cls, size: tuple[int, ...], channel_axis: int) -> Signal:
        """An image, whose channels are first in the graph."""
        return cls(size, np.moveaxis(cls.plain(size).places, channel_axis, 0))

    def is_same(self, other: Signal) -> bool:
        return self.size == other.size and np.array_equal(self.places, other.places)

    def array(self, value: Any) -> np.ndarray:
        """A parameter for each element, in SI units and in the order of the graph."""
        return np.broadcast_to(np.asarray(number(value)), self.size).reshape(-1)[self.places]


class Maker:
    """Nodes for modules.

    Parameters
    ----------
    clock : Clock
        What numbers are as times.
    """

    def __init__(self, clock: Clock):
        self.nir, self.clock = needed('nir', 'nir', 'to_nir'), clock

    def made(self, parts: list[Any], signal: Signal) -> tuple[dict[str, Any], Signal]:
        """The nodes of one module, or of a synapse and the membrane behind it, by what is added to a name; and what they give.

        Raises
        ------
        ParameterError
            If there is none.
        """
        size = getattr(parts[0], 'in_size', None)
        if size is not None and tuple(size) != signal.size:
            raise ParameterError(f'it takes shape {tuple(size)}, but {signal.size} arrives')
        return self._one(parts[0], signal) if len(parts) == 1 else self.cuba(parts[0], parts[1], signal)

    def _one(self, module: Any, signal: Signal) -> tuple[dict[str, Any], Signal]:
        make = next((f for kind, f in _MAKE.items() if isinstance(module, kind)), None)
        if make is None:
            raise ParameterError('NIR has no node for it')
        return make(self, module, signal)

    def cuba(self, synapse: Any, membrane: Any, signal: Signal) -> tuple[dict[str, Any], Signal]:
        first, second = (self._one(module, signal)[0][''] for module in (synapse, membrane))
        shared = {'tau_syn': first.tau, 'tau_mem': second.tau, 'r': second.r, 'v_leak': second.v_leak, 'w_in': first.r}
        if isinstance(second, self.nir.LI):
            return {'': self.nir.CubaLI(**shared)}, signal
        return {'': self.nir.CubaLIF(**shared, v_threshold=second.v_threshold, v_reset=second.v_reset)}, signal

    def dense(self, layer: layers.Linear, signal: Signal) -> tuple[dict[str, Any], Signal]:
        if len(signal.size) != 1:
            raise ParameterError(f'it acts on the last of the axes {signal.size}, in NIR on all; put Flatten before it')
        value = layer.weight.value
        node = self._weighted(layer.effective(value), value.get('bias'), signal)
        return {'': node}, Signal.plain(tuple(layer.out_size or ()))

    def _weighted(self, weight: Any, bias: Any, signal: Signal) -> Any:
        matrix = np.asarray(number(weight))[signal.places].T
        return self.nir.Linear(matrix) if bias is None else self.nir.Affine(matrix, np.asarray(number(bias)))

    def rate_readout(self, layer: layers.LeakyRateReadout, signal: Signal) -> tuple[dict[str, Any], Signal]:
        if len(signal.size) != 1:
            raise ParameterError(f'it acts on the last of the axes {signal.size}, in NIR on all; put Flatten before it')
        _check_first_value(layer, 'r')
        after = Signal.plain(layer.varshape)
        leak = self._leak(layer.tau, self._gain(layer.tau), 0.0, after)
        return {'.weight': self._weighted(layer.weight.value, None, signal), '.leak': leak}, after

    def convolution(self, layer: Conv, signal: Signal) -> tuple[dict[str, Any], Signal]:
        after = self._window(layer, signal)
        value = layer.weight.value
        kernel = np.moveaxis(np.asarray(number(layer.effective(value))), (-1, -2), (0, 1))
        bias = np.asarray(number(value['bias'])) if 'bias' in value else np.zeros(layer.out_channels, kernel.dtype)
        numbers = {'stride': layer.stride, 'padding': _conv_padding(layer), 'dilation': layer.rhs_dilation}
        shape: Any = signal.places.shape[1:]
        if layer.ndim == 1:
            shape, numbers = shape[0], {k: x if isinstance(x, str) else x[0] for k, x in numbers.items()}
        kind = {1: self.nir.Conv1d, 2: self.nir.Conv2d}[layer.ndim]
        return {'': _typed(kind(shape, kernel, groups=layer.groups, bias=bias, **numbers), signal, after)}, after

    def pool(self, layer: _Pool, signal: Signal) -> tuple[dict[str, Any], Signal]:
        kind = self.nir.SumPool2d if isinstance(layer, SumPool2d) else self.nir.AvgPool2d
        after = self._window(layer, signal)
        padding = _padding(layer, signal)
        if kind is self.nir.AvgPool2d and any(padding):
            raise ParameterError(f'the padding is {padding}, but must be 0: others may count what lies beyond the edges')
        return {'': _typed(kind(*map(np.array, (layer.kernel_size, layer.stride, padding))), signal, after)}, after

    def _window(self, layer: Windowed, signal: Signal) -> Signal:
        """What a layer with windows gives."""
        if len(signal.size) != layer.ndim + 1 or not signal.is_same(Signal.of(signal.size, layer.channel_axis)):
            raise ParameterError(f'its channels are at axis {layer.channel_axis}, those of what arrives, of shape {signal.size}, are not')
        size = jax.eval_shape(layer, jax.ShapeDtypeStruct((1, *signal.size), environ.dftype())).shape[1:]
        return Signal.of(size, layer.channel_axis)

    def flatten(self, layer: layers.Flatten, signal: Signal) -> tuple[dict[str, Any], Signal]:
        if layer.in_size is None:
            raise ParameterError('its in_size is not given, so it flattens the batch too; give in_size')
        axes = range(len(signal.size))
        first, last = axes[layer.start_axis], axes[layer.end_axis]
        if (first, last) != (0, axes[-1]) and not signal.is_same(Signal.plain(signal.size)):
            raise ParameterError('only all axes of an image with the channels last can be flattened')
        size = tuple(layer.out_size or ())
        end = last if layer.end_axis != -1 else -1
        return {'': self.nir.Flatten({'input': np.array(signal.places.shape)}, first, end)}, Signal(size, signal.places.reshape(size))

    def delay(self, layer: Delay, signal: Signal) -> tuple[dict[str, Any], Signal]:
        if np.any(u.get_mantissa(layer.initial)):
            raise ParameterError('its `initial` is not 0, and NIR has no first values')
        return {'': self.nir.Delay(signal.array(layer.time) / self.clock.time)}, signal

    def scale(self, layer: Scale, signal: Signal) -> tuple[dict[str, Any], Signal]:
        return {'': self.nir.Scale(signal.array(layer.scale.value))}, signal

    def threshold(self, layer: Threshold, signal: Signal) -> tuple[dict[str, Any], Signal]:
        return {'': self.nir.Threshold(signal.array(layer.threshold))}, signal

    def integrator(self, layer: Integrator, signal: Signal) -> tuple[dict[str, Any], Signal]:
        _check_first_value(layer, 'V')
        return {'': self.nir.I(signal.array(layer.gain) * self.clock.time)}, signal

    def leaky(self, layer: LeakyIntegrator, signal: Signal) -> tuple[dict[str, Any], Signal]:
        _check_first_value(layer, 'V', may_be_zero=False)
        return {'': self._leak(layer.tau, layer.R, layer.V_rest, signal)}, signal

    def exponential(self, layer: Expon, signal: Signal) -> tuple[dict[str, Any], Signal]:
        _check_first_value(layer, 'g')
        gain = self._gain(layer.tau)
        if layer.acts == 'mean':
            gain = plain(layer.tau / environ.get_dt())
        return {'': self._leak(layer.tau, gain, 0.0, signal)}, signal

    def _gain(self, tau: Any) -> Any:
        """What a low-pass filter must multiply a spike of one step by, to rise by 1."""
        return -1.0 / np.expm1(-np.asarray(plain(environ.get_dt() / tau), float))

    def _leak(self, tau: Any, gain: Any, rest: Any, signal: Signal) -> Any:
        return self.nir.LI(tau=self._tau(tau, signal), r=signal.array(gain), v_leak=signal.array(rest))

    def _tau(self, tau: Any, signal: Signal) -> np.ndarray:
        return signal.array(self.clock.write_tau(tau))

    def lif(self, neuron: LIF, signal: Signal) -> tuple[dict[str, Any], Signal]:
        threshold, reset = self._spiking(neuron, signal)
        rest = neuron.V_rest if isinstance(neuron, LIF) else 0.0
        values = {'r': signal.array(neuron.R), 'v_leak': signal.array(rest), 'v_threshold': threshold, 'v_reset': reset}
        return {'': self.nir.LIF(tau=self._tau(neuron.tau, signal), **values)}, signal

    def perfect(self, neuron: PerfectIF, signal: Signal) -> tuple[dict[str, Any], Signal]:
        threshold, reset = self._spiking(neuron, signal)
        return {'': self.nir.IF(signal.array(neuron.gain) * self.clock.time, threshold, reset)}, signal

    def _spiking(self, neuron: Neuron, signal: Signal) -> tuple[np.ndarray, np.ndarray]:
        """Threshold and reset of a neuron that has nothing that NIR has not."""
        if type(neuron) not in (IF, LIF, LIFRef, PerfectIF):
            raise ParameterError('NIR has no node for it')
        _check_first_value(neuron, 'V', may_be_zero=False)
        faults = []
        if neuron.spk_reset != 'hard':
            faults.append(f"spk_reset is {neuron.spk_reset!r}, but NIR sets V to v_reset, which is spk_reset='hard'")
        if neuron.tau_ref is not None:
            faults.append('it has a refractory period; tau_ref=None is without')
        if neuron.receptors or neuron.receives:
            faults.append('projections lead to it; make a Graph of modules and edges')
        if faults:
            raise ParameterError('; '.join(faults))
        return signal.array(neuron.V_th), signal.array(neuron.V_reset)


_MAKE: dict[type, Callable[[Maker, Any, Signal], tuple[dict[str, Any], Signal]]] = {
    layers.Linear: Maker.dense,
    layers.Conv1d: Maker.convolution,
    layers.Conv2d: Maker.convolution,
    layers.AvgPool2d: Maker.pool,
    SumPool2d: Maker.pool,
    layers.Flatten: Maker.flatten,
    layers.LeakyRateReadout: Maker.rate_readout,
    Delay: Maker.delay,
    Scale: Maker.scale,
    Threshold: Maker.threshold,
    Integrator: Maker.integrator,
    LeakyIntegrator: Maker.leaky,
    Expon: Maker.exponential,
    PerfectIF: Maker.perfect,
    LIF: Maker.lif,
    IF: Maker.lif,
}


def has_node() -> str:
    """Names of the classes of which something can be written."""
    return ', '.join(sorted({kind.__name__ for kind in _MAKE} | {'Sequential', 'Graph'}))


def is_synapse(module: Any) -> bool:
    """Whether a module may be the current of a ``CubaLIF``."""
    return isinstance(module, Expon) or (isinstance(module, LeakyIntegrator) and not np.any(u.get_mantissa(module.V_rest)))


def is_membrane(module: Any) -> bool:
    """Whether a module may be the membrane of a ``CubaLIF`` or ``CubaLI``."""
    return isinstance(module, (LIF, IF, LeakyIntegrator))


def _check_first_value(module: Any, name: str, may_be_zero: bool = True) -> None:
    """Raise if a variable does not begin as it does in NIR, at rest."""
    first = module._initializers.get(name)
    if first is not None and not (may_be_zero and not callable(first) and not np.any(u.get_mantissa(first))):
        raise ParameterError(f'{name}_initializer is given, and NIR has no first values')


def _typed(node: Any, before: Signal, after: Signal) -> Any:
    """A node with the shapes that it takes and gives, which NIR would guess wrongly for windows that are no squares."""
    node.input_type = {'input': np.array(before.places.shape)}
    node.output_type = {'output': np.array(after.places.shape)}
    return node


def _conv_padding(layer: Conv) -> Any:
    if layer.padding == 'VALID' or (layer.padding == 'SAME' and set(layer.stride) == {1}):
        return str(layer.padding).lower()
    spread = tuple((k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.rhs_dilation, strict=True))
    return _symmetric(layer, (layer.in_size or ())[:-1] if layer.channel_axis == -1 else (layer.in_size or ())[1:], spread)


def _padding(layer: _Pool, signal: Signal) -> tuple[int, ...]:
    return _symmetric(layer, signal.places.shape[1:], layer.kernel_size)


def _symmetric(layer: Any, shape: tuple[int, ...], window: tuple[int, ...]) -> tuple[int, ...]:
    """The padding of each axis, which must be the same at both ends."""
    pairs = jax.lax.padtype_to_pads(shape, window, layer.stride, layer.padding) if isinstance(layer.padding, str) else layer.padding
    if any(a != b for a, b in pairs):
        raise ParameterError(f'the padding of its axes is {list(map(tuple, pairs))}, but must be the same at both ends')
    return tuple(int(a) for a, _ in pairs)
