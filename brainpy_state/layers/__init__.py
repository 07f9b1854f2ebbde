"""Layers: dense, convolution, pooling, normalisation, dropout, embedding, readouts, and sequences of them."""

from ._conv import Conv1d as Conv1d
from ._conv import Conv2d as Conv2d
from ._dropout import Dropout as Dropout
from ._embedding import Embedding as Embedding
from ._linear import Flatten as Flatten
from ._linear import Linear as Linear
from ._norm import BatchNorm0d as BatchNorm0d
from ._norm import BatchNorm1d as BatchNorm1d
from ._norm import BatchNorm2d as BatchNorm2d
from ._norm import LayerNorm as LayerNorm
from ._pooling import AdaptiveAvgPool1d as AdaptiveAvgPool1d
from ._pooling import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from ._pooling import AvgPool1d as AvgPool1d
from ._pooling import AvgPool2d as AvgPool2d
from ._pooling import MaxPool1d as MaxPool1d
from ._pooling import MaxPool2d as MaxPool2d
from ._readout import LeakyRateReadout as LeakyRateReadout
from ._sequential import Sequential as Sequential
