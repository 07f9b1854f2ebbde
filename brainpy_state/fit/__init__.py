"""Training: epochs of minibatches, evaluated, resumed, and stopped before anything breaks."""

from ._fit import evaluate as evaluate
from ._fit import fit as fit
from ._history import History as History
