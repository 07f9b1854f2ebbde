"""Metrics that are filled batch by batch while a model is trained or tested."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import environ, nn
from ..state import LongTermState

__all__ = [
    'AccuracyMetric',
    'AverageMetric',
    'ConfusionMatrix',
    'F1ScoreMetric',
    'Metric',
    'MetricState',
    'MultiMetric',
    'PrecisionMetric',
    'RecallMetric',
    'Statistics',
    'WelfordMetric',
]


class MetricState(LongTermState):
    """What a metric has counted."""


class Metric(nn.Module):
    """Base: `reset`, `update` with named values, and `compute`."""

    def reset(self) -> None:
        """Forget what was counted."""
        raise NotImplementedError(f'{self.label} does not define `reset`.')

    def compute(self) -> Any:
        """The result of what was counted."""
        raise NotImplementedError(f'{self.label} does not define `compute`.')


def _needed(metric: Metric, name: str, values: dict[str, Any]) -> Any:
    if name not in values:
        raise TypeError(f'{metric.label}: update needs {name}=, but has {", ".join(values) or "nothing"}.')
    return jnp.asarray(values[name])


class WelfordMetric(Metric):
    """Mean, standard deviation and error of the mean of the values given as ``argname``.

    Source: Chan, Golub and LeVeque 1983, doi:10.1080/00031305.1983.10483115, eq. 2.1, for joining batches.
    """

    def __init__(self, argname: str = 'values'):
        super().__init__()
        self.argname = argname
        self.count = MetricState(jnp.zeros((), jnp.int32))
        self.mean, self.m2 = MetricState(jnp.zeros((), environ.dftype())), MetricState(jnp.zeros((), environ.dftype()))

    def reset(self) -> None:
        """Forget what was counted."""
        for state in (self.count, self.mean, self.m2):
            state.value = jnp.zeros_like(state.value)

    def update(self, **values: Any) -> None:
        """Take in values of any shape."""
        x = _needed(self, self.argname, values)
        n, count = x.size, self.count.value
        apart = x.mean() - self.mean.value
        self.m2.value += (x.var() * n + apart**2 * count * n / (count + n)).astype(self.m2.value.dtype)
        self.mean.value += (apart * n / (count + n)).astype(self.mean.value.dtype)
        self.count.value = count + n

    def compute(self) -> Statistics:
        """Mean, error of the mean, and standard deviation."""
        variance = self.m2.value / self.count.value
        deviation = jnp.sqrt(variance)
        return Statistics(self.mean.value, deviation / jnp.sqrt(self.count.value), deviation)


class Statistics:
    """What `WelfordMetric` computes.

    Attributes
    ----------
    mean, standard_error_of_mean, standard_deviation : array, scalar
    """

    def __init__(self, mean: Any, standard_error_of_mean: Any, standard_deviation: Any):
        self.mean, self.standard_error_of_mean, self.standard_deviation = mean, standard_error_of_mean, standard_deviation


class AverageMetric(Metric):
    """The mean of the values given as ``argname``."""

    def __init__(self, argname: str = 'values'):
        super().__init__()
        self.argname = argname
        self.total, self.count = MetricState(jnp.zeros((), environ.dftype())), MetricState(jnp.zeros((), jnp.int32))

    def reset(self) -> None:
        """Forget what was counted."""
        self.total.value, self.count.value = jnp.zeros_like(self.total.value), jnp.zeros_like(self.count.value)

    def update(self, **values: Any) -> None:
        """Take in values of any shape."""
        x = _needed(self, self.argname, values)
        self.total.value += x.sum().astype(self.total.value.dtype)
        self.count.value += np.size(x)

    def compute(self) -> Any:
        """The mean; NaN of nothing."""
        return self.total.value / self.count.value


class AccuracyMetric(AverageMetric):
    """The fraction of ``logits``, shape ``(..., classes)``, that are largest at ``labels``, shape ``(...)``."""

    def update(self, **values: Any) -> None:
        """Take in ``logits`` and ``labels``."""
        logits, labels = _needed(self, 'logits', values), _needed(self, 'labels', values)
        if logits.ndim != labels.ndim + 1:
            raise ValueError(f'{self.label}: logits {logits.shape} need one axis more than labels {labels.shape}.')
        super().update(**{self.argname: logits.argmax(axis=-1) == labels})


class ConfusionMatrix(Metric):
    """How often each label, by row, was predicted as each, by column; from ``predictions`` and ``labels``."""

    def __init__(self, num_classes: int):
        super().__init__()
        self.num_classes = num_classes
        self.matrix = MetricState(jnp.zeros((num_classes, num_classes), jnp.int32))

    def reset(self) -> None:
        """Forget what was counted."""
        self.matrix.value = jnp.zeros_like(self.matrix.value)

    def update(self, **values: Any) -> None:
        """Take in ``predictions`` and ``labels``, classes or, for predictions, a value for each class."""
        predictions, labels = _needed(self, 'predictions', values), _needed(self, 'labels', values).reshape(-1)
        if predictions.ndim > 1:
            predictions = predictions.argmax(axis=-1)
        self.matrix.value = self.matrix.value.at[labels.astype(int), predictions.reshape(-1).astype(int)].add(1)

    def compute(self) -> Any:
        """The counts, shape ``(classes, classes)``."""
        return self.matrix.value


class _OfClasses(ConfusionMatrix):
    """Base of what follows from hits, alarms and cases of each class; without ``num_classes``, of the class 1 among 0 and 1."""

    def __init__(self, num_classes: int | None = None, average: str = 'macro'):
        super().__init__(num_classes or 2)
        if average not in ('macro', 'micro', 'weighted', None):
            raise ValueError(f'{self.label}: average is {average!r}, but must be macro, micro or weighted.')
        self.binary, self.average = num_classes is None, average

    def compute(self) -> Any:
        """The measure, averaged over classes."""
        counts = self.matrix.value.astype(environ.dftype())
        hits, alarms, cases = jnp.diagonal(counts), counts.sum(axis=0), counts.sum(axis=1)
        if self.binary:
            return self.measure(hits[1], alarms[1], cases[1])
        if self.average == 'micro':
            return self.measure(hits.sum(), alarms.sum(), cases.sum())
        of_each = self.measure(hits, alarms, cases)
        return {'macro': of_each.mean(), 'weighted': (of_each * cases).sum() / cases.sum(), None: of_each}[self.average]

    @staticmethod
    def measure(hits: Any, alarms: Any, cases: Any) -> Any:
        """From how often a class was predicted rightly, predicted, and there."""
        raise NotImplementedError


def _ratio(a: Any, b: Any) -> Any:
    return jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 0.0)


class PrecisionMetric(_OfClasses):
    """How many of the predictions of a class are right."""

    measure = staticmethod(lambda hits, alarms, cases: _ratio(hits, alarms))


class RecallMetric(_OfClasses):
    """How many of the cases of a class are predicted."""

    measure = staticmethod(lambda hits, alarms, cases: _ratio(hits, cases))


class F1ScoreMetric(_OfClasses):
    """The harmonic mean of precision and recall."""

    measure = staticmethod(lambda hits, alarms, cases: _ratio(2 * hits, alarms + cases))


class MultiMetric(Metric):
    """Several metrics by name, which are updated together."""

    def __init__(self, **metrics: Metric):
        super().__init__()
        for name, metric in metrics.items():
            if hasattr(type(self), name):
                raise ValueError(f'MultiMetric: {name!r} is a method of it; give this metric another name.')
            setattr(self, name, metric)
        self._names = tuple(metrics)

    def reset(self) -> None:
        """Forget what was counted."""
        for name in self._names:
            getattr(self, name).reset()

    def update(self, **values: Any) -> None:
        """Give the values to each metric, which takes what it needs."""
        for name in self._names:
            getattr(self, name).update(**values)

    def compute(self) -> dict[str, Any]:
        """The results by name."""
        return {name: getattr(self, name).compute() for name in self._names}
