"""Metrics that collect over batches: ``update`` with what a batch gave, ``compute``, and ``reset``."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ... import environ
from ..._errors import ParameterError, ShapeError
from ...graph import Node
from ...state import LongTermState

_AVERAGES = ('micro', 'macro', 'weighted')


class MetricState(LongTermState):
    """What a metric has collected."""


class Metric(Node):
    """Base of metrics."""

    def reset(self) -> None:
        """Forget what was collected."""
        raise NotImplementedError(f'{type(self).__name__}: Must override `reset()` method.')

    def update(self, **kwargs: Any) -> None:
        """Collect what a batch gave."""
        raise NotImplementedError(f'{type(self).__name__}: Must override `update()` method.')

    def compute(self) -> Any:
        """The metric of all that was collected."""
        raise NotImplementedError(f'{type(self).__name__}: Must override `compute()` method.')


class _Sums(Metric):
    """A metric of sums, each in a `MetricState`."""

    def __init__(self) -> None:
        for name, first in self._first().items():
            setattr(self, name, MetricState(first))

    def _first(self) -> dict[str, Any]:
        raise NotImplementedError

    def reset(self) -> None:
        """Forget what was collected."""
        for name, first in self._first().items():
            getattr(self, name).value = first


def _of(metric: Any, kwargs: dict[str, Any]) -> Any:
    if metric.argname not in kwargs:
        raise TypeError(f"{type(metric).__name__}.update: Expected keyword argument '{metric.argname}'.")
    return jnp.asarray(kwargs[metric.argname])


class AverageMetric(_Sums):
    """The mean of all numbers.

    Parameters
    ----------
    argname : str
        The name of the argument of ``update``.
    """

    def __init__(self, argname: str = 'values'):
        self.argname = argname
        super().__init__()

    def _first(self) -> dict[str, Any]:
        return {'total': jnp.zeros((), environ.dftype()), 'count': jnp.zeros((), environ.ditype())}

    def update(self, **kwargs: Any) -> None:
        """Collect numbers."""
        values = _of(self, kwargs)
        self.total.value += values.sum().astype(self.total.value.dtype)  # type: ignore[attr-defined]
        self.count.value += values.size  # type: ignore[attr-defined]

    def compute(self) -> Any:
        """The mean; nan of nothing."""
        return self.total.value / self.count.value  # type: ignore[attr-defined]


class Statistics(NamedTuple):
    """Mean, standard error of the mean, and standard deviation."""

    mean: Any
    standard_error_of_mean: Any
    standard_deviation: Any


class WelfordMetric(_Sums):
    """Mean and standard deviation of all numbers, by sums that do not cancel.

    Parameters
    ----------
    argname : str
        The name of the argument of ``update``.

    Notes
    -----
    Source: Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115, equation 2.1.
    """

    def __init__(self, argname: str = 'values'):
        self.argname = argname
        super().__init__()

    def _first(self) -> dict[str, Any]:
        zero = jnp.zeros((), environ.dftype())
        return {'count': jnp.zeros((), environ.ditype()), 'mean': zero, 'm2': zero}

    def update(self, **kwargs: Any) -> None:
        """Collect numbers."""
        values = _of(self, kwargs)
        before, total = self.count.value, self.count.value + values.size  # type: ignore[attr-defined]
        step = values.mean() - self.mean.value  # type: ignore[attr-defined]
        dtype = self.mean.value.dtype  # type: ignore[attr-defined]
        self.mean.value += (step * values.size / total).astype(dtype)  # type: ignore[attr-defined]
        self.m2.value += (values.var() * values.size + step**2 * values.size * before / total).astype(dtype)  # type: ignore[attr-defined]
        self.count.value = total  # type: ignore[attr-defined]

    def compute(self) -> Statistics:
        """`Statistics` of all numbers."""
        deviation = jnp.sqrt(self.m2.value / self.count.value)  # type: ignore[attr-defined]
        return Statistics(self.mean.value, deviation / jnp.sqrt(self.count.value), deviation)  # type: ignore[attr-defined]


class AccuracyMetric(AverageMetric):
    """The share of labels that the largest logit meets."""

    def update(self, *, logits: Any, labels: Any, **_: Any) -> None:
        """Collect a batch: logits of shape ``(..., classes)`` and labels of shape ``(...)``, integers."""
        if logits.ndim != labels.ndim + 1:
            raise ShapeError(f'AccuracyMetric: Expected logits.ndim==labels.ndim+1, got {logits.ndim} and {labels.ndim}.')
        if not jnp.issubdtype(labels.dtype, jnp.integer):
            raise ParameterError(f'AccuracyMetric: Expected integer labels.dtype, got {labels.dtype}.')
        super().update(**{self.argname: logits.argmax(axis=-1) == labels})


class _Share(_Sums):
    """True positives as a share of something, for two classes or for each of several."""

    missed: str  # the name of what else is counted: false positives or false negatives

    def __init__(self, num_classes: int | None = None, average: str = 'macro'):
        if average not in _AVERAGES:
            raise ParameterError(f'{type(self).__name__}: average is one of {", ".join(_AVERAGES)}, but is {average!r}.')
        self.num_classes, self.average = num_classes, average
        super().__init__()

    def _first(self) -> dict[str, Any]:
        zero = jnp.zeros(() if self.num_classes is None else (self.num_classes,), environ.ditype())
        return {'true_positives': zero, self.missed: zero, 'support': zero}

    def update(self, *, predictions: Any, labels: Any, **_: Any) -> None:
        """Collect a batch: predicted and true classes, integers of one shape."""
        classes = 1 if self.num_classes is None else jnp.arange(self.num_classes).reshape((-1, *(1,) * jnp.ndim(labels)))
        predicted, true = predictions == classes, labels == classes
        axes = tuple(range(-jnp.ndim(labels), 0))
        wrong = predicted & ~true if self.missed == 'false_positives' else true & ~predicted
        for name, hits in (('true_positives', predicted & true), (self.missed, wrong), ('support', true)):
            state = getattr(self, name)
            state.value += jnp.sum(hits, axes).astype(state.value.dtype)

    def per_class(self) -> Any:
        """The share of each class; 0 where there is nothing."""
        true, missed = self.true_positives.value, getattr(self, self.missed).value  # type: ignore[attr-defined]
        return _ratio(true, true + missed)

    def compute(self) -> Any:
        """The share, averaged over classes."""
        if self.num_classes is None:
            return self.per_class()
        if self.average == 'micro':
            true, missed = self.true_positives.value.sum(), getattr(self, self.missed).value.sum()  # type: ignore[attr-defined]
            return _ratio(true, true + missed)
        return _averaged(self.per_class(), self.support.value, self.average)  # type: ignore[attr-defined]


def _ratio(part: Any, whole: Any) -> Any:
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1), 0.0)


def _averaged(shares: Any, support: Any, average: str) -> Any:
    return shares.mean() if average == 'macro' else _ratio((shares * support).sum(), support.sum())


class PrecisionMetric(_Share):
    """True positives as a share of all that were predicted.

    Parameters
    ----------
    num_classes : int, optional
        Two, of which 1 is the positive one, by default.
    average : {'macro', 'micro', 'weighted'}
        Of several classes: the mean, that of all cases together, or weighted by how often they occur.
    """

    missed = 'false_positives'


class RecallMetric(_Share):
    """True positives as a share of all that are there; parameters as of `PrecisionMetric`."""

    missed = 'false_negatives'


class F1ScoreMetric(Metric):
    """The harmonic mean of precision and recall; parameters as of `PrecisionMetric`."""

    def __init__(self, num_classes: int | None = None, average: str = 'macro'):
        self.precision_metric, self.recall_metric = PrecisionMetric(num_classes, average), RecallMetric(num_classes, average)

    def reset(self) -> None:
        """Forget what was collected."""
        self.precision_metric.reset()
        self.recall_metric.reset()

    def update(self, *, predictions: Any, labels: Any, **_: Any) -> None:
        """Collect a batch: predicted and true classes, integers of one shape."""
        self.precision_metric.update(predictions=predictions, labels=labels)
        self.recall_metric.update(predictions=predictions, labels=labels)

    def compute(self) -> Any:
        """The score, averaged over classes."""
        precision, recall = self.precision_metric, self.recall_metric
        if precision.num_classes is None or precision.average == 'micro':
            p, r = precision.compute(), recall.compute()
            return _ratio(2 * p * r, p + r)
        p, r = precision.per_class(), recall.per_class()
        return _averaged(_ratio(2 * p * r, p + r), precision.support.value, precision.average)  # type: ignore[attr-defined]


class ConfusionMatrix(_Sums):
    """How often a class, the row, was taken for another, the column.

    Parameters
    ----------
    num_classes : int
    """

    def __init__(self, num_classes: int):
        self.num_classes = num_classes
        super().__init__()

    def _first(self) -> dict[str, Any]:
        return {'matrix': jnp.zeros((self.num_classes, self.num_classes), environ.ditype())}

    def update(self, *, predictions: Any, labels: Any, **_: Any) -> None:
        """Collect a batch: predicted and true classes, integers of one shape.

        Raises
        ------
        ParameterError
            If one is no class; of traced values, those are left out.
        """
        given = {'Predictions': jnp.ravel(jnp.asarray(predictions)), 'Labels': jnp.ravel(jnp.asarray(labels))}
        for name, x in given.items():
            if not isinstance(x, jax.core.Tracer) and np.any((np.asarray(x) < 0) | (np.asarray(x) >= self.num_classes)):
                raise ParameterError(f'ConfusionMatrix: {name} contain values outside [0, {self.num_classes}).')
        row, column = given['Labels'], given['Predictions']
        inside = (row >= 0) & (column >= 0)
        self.matrix.value = self.matrix.value.at[row, column].add(inside.astype(self.matrix.value.dtype), mode='drop')  # type: ignore[attr-defined]

    def compute(self) -> Any:
        """The matrix."""
        return self.matrix.value  # type: ignore[attr-defined]


class MultiMetric(Metric):
    """Several metrics that are updated together.

    Parameters
    ----------
    **metrics : Metric
        By the names of the results.

    Raises
    ------
    ValueError, TypeError
        If a name is that of a method, or a value is no metric.
    """

    def __init__(self, **metrics: Metric):
        for name, metric in metrics.items():
            if name in ('reset', 'update', 'compute', '_metric_names'):
                raise ParameterError(f"MultiMetric: Metric name '{name}' is reserved for class methods; give another one.")
            if not isinstance(metric, Metric):
                raise TypeError(f'MultiMetric: {name} must be a Metric, but is {metric!r}.')
            setattr(self, name, metric)
        self._metric_names = list(metrics)

    def reset(self) -> None:
        """Forget what was collected."""
        for name in self._metric_names:
            getattr(self, name).reset()

    def update(self, **updates: Any) -> None:
        """Give all of it to each metric."""
        for name in self._metric_names:
            getattr(self, name).update(**updates)

    def compute(self) -> dict[str, Any]:
        """All metrics by name."""
        return {name: getattr(self, name).compute() for name in self._metric_names}
