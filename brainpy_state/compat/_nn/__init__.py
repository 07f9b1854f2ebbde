"""Layers under their older names and signatures, over those of this package."""

from ._activations import CELU as CELU
from ._activations import ELU as ELU
from ._activations import GELU as GELU
from ._activations import GLU as GLU
from ._activations import SELU as SELU
from ._activations import ElementWiseBlock as ElementWiseBlock
from ._activations import Hardshrink as Hardshrink
from ._activations import Hardsigmoid as Hardsigmoid
from ._activations import Hardswish as Hardswish
from ._activations import Hardtanh as Hardtanh
from ._activations import Identity as Identity
from ._activations import LeakyReLU as LeakyReLU
from ._activations import LogSigmoid as LogSigmoid
from ._activations import LogSoftmax as LogSoftmax
from ._activations import Mish as Mish
from ._activations import PReLU as PReLU
from ._activations import ReLU6 as ReLU6
from ._activations import RReLU as RReLU
from ._activations import Softmax as Softmax
from ._activations import Softmax2d as Softmax2d
from ._activations import Softmin as Softmin
from ._activations import Softshrink as Softshrink
from ._activations import Softsign as Softsign
from ._activations import SpikeBitwise as SpikeBitwise
from ._activations import Tanhshrink as Tanhshrink
from ._activations import Threshold as Threshold
from ._cells import URLSTMCell as URLSTMCell
from ._conv import Conv1d as Conv1d
from ._conv import Conv2d as Conv2d
from ._conv import Conv3d as Conv3d
from ._conv import ConvTranspose1d as ConvTranspose1d
from ._conv import ConvTranspose2d as ConvTranspose2d
from ._conv import ConvTranspose3d as ConvTranspose3d
from ._conv import ScaledWSConv1d as ScaledWSConv1d
from ._conv import ScaledWSConv2d as ScaledWSConv2d
from ._conv import ScaledWSConv3d as ScaledWSConv3d
from ._dense import Linear as Linear
from ._dense import LoRA as LoRA
from ._dense import ScaledWSLinear as ScaledWSLinear
from ._dense import SignedWLinear as SignedWLinear
from ._dense import SparseLinear as SparseLinear
from ._dropout import AlphaDropout as AlphaDropout
from ._dropout import Dropout as Dropout
from ._dropout import Dropout1d as Dropout1d
from ._dropout import Dropout2d as Dropout2d
from ._dropout import Dropout3d as Dropout3d
from ._dropout import DropoutFixed as DropoutFixed
from ._dropout import FeatureAlphaDropout as FeatureAlphaDropout
from ._embedding import Embedding as Embedding
from ._functions import hard_shrink as hard_shrink
from ._functions import hard_swish as hard_swish
from ._functions import logsumexp as logsumexp
from ._functions import prelu as prelu
from ._functions import rrelu as rrelu
from ._functions import soft_shrink as soft_shrink
from ._functions import softmin as softmin
from ._functions import sparse_plus as sparse_plus
from ._functions import sparse_sigmoid as sparse_sigmoid
from ._functions import tanh_shrink as tanh_shrink
from ._maps import LogT as LogT
from ._maps import MaskedT as MaskedT
from ._maps import NegativeT as NegativeT
from ._maps import OrderedT as OrderedT
from ._maps import PowerT as PowerT
from ._maps import ReluT as ReluT
from ._maps import ScaledSigmoidT as ScaledSigmoidT
from ._maps import SimplexT as SimplexT
from ._maps import SoftsignT as SoftsignT
from ._maps import UnitVectorT as UnitVectorT
from ._metrics import AccuracyMetric as AccuracyMetric
from ._metrics import AverageMetric as AverageMetric
from ._metrics import ConfusionMatrix as ConfusionMatrix
from ._metrics import F1ScoreMetric as F1ScoreMetric
from ._metrics import Metric as Metric
from ._metrics import MetricState as MetricState
from ._metrics import MultiMetric as MultiMetric
from ._metrics import PrecisionMetric as PrecisionMetric
from ._metrics import RecallMetric as RecallMetric
from ._metrics import Statistics as Statistics
from ._metrics import WelfordMetric as WelfordMetric
from ._norms import BatchNorm0d as BatchNorm0d
from ._norms import BatchNorm1d as BatchNorm1d
from ._norms import BatchNorm2d as BatchNorm2d
from ._norms import BatchNorm3d as BatchNorm3d
from ._norms import GroupNorm as GroupNorm
from ._norms import LayerNorm as LayerNorm
from ._norms import RMSNorm as RMSNorm
from ._pads import CircularPad1d as CircularPad1d
from ._pads import CircularPad2d as CircularPad2d
from ._pads import CircularPad3d as CircularPad3d
from ._pads import ConstantPad1d as ConstantPad1d
from ._pads import ConstantPad2d as ConstantPad2d
from ._pads import ConstantPad3d as ConstantPad3d
from ._pads import ReflectionPad1d as ReflectionPad1d
from ._pads import ReflectionPad2d as ReflectionPad2d
from ._pads import ReflectionPad3d as ReflectionPad3d
from ._pads import ReplicationPad1d as ReplicationPad1d
from ._pads import ReplicationPad2d as ReplicationPad2d
from ._pads import ReplicationPad3d as ReplicationPad3d
from ._pads import ZeroPad1d as ZeroPad1d
from ._pads import ZeroPad2d as ZeroPad2d
from ._pads import ZeroPad3d as ZeroPad3d
from ._param import Const as Const
from ._param import Param as Param
from ._penalties import ChainedReg as ChainedReg
from ._penalties import ElasticNetReg as ElasticNetReg
from ._penalties import EntropyReg as EntropyReg
from ._penalties import GroupLassoReg as GroupLassoReg
from ._penalties import HuberReg as HuberReg
from ._penalties import L1Reg as L1Reg
from ._penalties import L2Reg as L2Reg
from ._penalties import MaxNormReg as MaxNormReg
from ._penalties import OrthogonalReg as OrthogonalReg
from ._penalties import SpectralNormReg as SpectralNormReg
from ._penalties import TotalVariationReg as TotalVariationReg
from ._pools import AdaptiveAvgPool1d as AdaptiveAvgPool1d
from ._pools import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from ._pools import AdaptiveAvgPool3d as AdaptiveAvgPool3d
from ._pools import AdaptiveMaxPool1d as AdaptiveMaxPool1d
from ._pools import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from ._pools import AdaptiveMaxPool3d as AdaptiveMaxPool3d
from ._pools import AvgPool1d as AvgPool1d
from ._pools import AvgPool2d as AvgPool2d
from ._pools import AvgPool3d as AvgPool3d
from ._pools import LPPool1d as LPPool1d
from ._pools import LPPool2d as LPPool2d
from ._pools import LPPool3d as LPPool3d
from ._pools import MaxPool1d as MaxPool1d
from ._pools import MaxPool2d as MaxPool2d
from ._pools import MaxPool3d as MaxPool3d
from ._pools import MaxUnpool1d as MaxUnpool1d
from ._pools import MaxUnpool2d as MaxUnpool2d
from ._pools import MaxUnpool3d as MaxUnpool3d
from ._pools import Unflatten as Unflatten
from ._priors import BetaReg as BetaReg
from ._priors import CauchyReg as CauchyReg
from ._priors import DirichletReg as DirichletReg
from ._priors import ExponentialReg as ExponentialReg
from ._priors import GammaReg as GammaReg
from ._priors import GaussianReg as GaussianReg
from ._priors import HorseshoeReg as HorseshoeReg
from ._priors import InverseGammaReg as InverseGammaReg
from ._priors import LogNormalReg as LogNormalReg
from ._priors import LogUniformReg as LogUniformReg
from ._priors import SpikeAndSlabReg as SpikeAndSlabReg
from ._priors import StudentTReg as StudentTReg
from ._priors import UniformReg as UniformReg
from ._regs import Regularization as Regularization
from ._sizes import standardized as weight_standardization

__all__ = [
    'CELU',
    'ELU',
    'GELU',
    'GLU',
    'SELU',
    'AccuracyMetric',
    'AdaptiveAvgPool1d',
    'AdaptiveAvgPool2d',
    'AdaptiveAvgPool3d',
    'AdaptiveMaxPool1d',
    'AdaptiveMaxPool2d',
    'AdaptiveMaxPool3d',
    'AlphaDropout',
    'AverageMetric',
    'AvgPool1d',
    'AvgPool2d',
    'AvgPool3d',
    'BatchNorm0d',
    'BatchNorm1d',
    'BatchNorm2d',
    'BatchNorm3d',
    'BetaReg',
    'CauchyReg',
    'ChainedReg',
    'CircularPad1d',
    'CircularPad2d',
    'CircularPad3d',
    'ConfusionMatrix',
    'Const',
    'ConstantPad1d',
    'ConstantPad2d',
    'ConstantPad3d',
    'Conv1d',
    'Conv2d',
    'Conv3d',
    'ConvTranspose1d',
    'ConvTranspose2d',
    'ConvTranspose3d',
    'DirichletReg',
    'Dropout',
    'Dropout1d',
    'Dropout2d',
    'Dropout3d',
    'DropoutFixed',
    'ElasticNetReg',
    'ElementWiseBlock',
    'Embedding',
    'EntropyReg',
    'ExponentialReg',
    'F1ScoreMetric',
    'FeatureAlphaDropout',
    'GammaReg',
    'GaussianReg',
    'GroupLassoReg',
    'GroupNorm',
    'Hardshrink',
    'Hardsigmoid',
    'Hardswish',
    'Hardtanh',
    'HorseshoeReg',
    'HuberReg',
    'Identity',
    'InverseGammaReg',
    'L1Reg',
    'L2Reg',
    'LPPool1d',
    'LPPool2d',
    'LPPool3d',
    'LayerNorm',
    'LeakyReLU',
    'Linear',
    'LoRA',
    'LogNormalReg',
    'LogSigmoid',
    'LogSoftmax',
    'LogT',
    'LogUniformReg',
    'MaskedT',
    'MaxNormReg',
    'MaxPool1d',
    'MaxPool2d',
    'MaxPool3d',
    'MaxUnpool1d',
    'MaxUnpool2d',
    'MaxUnpool3d',
    'Metric',
    'MetricState',
    'Mish',
    'MultiMetric',
    'NegativeT',
    'OrderedT',
    'OrthogonalReg',
    'PReLU',
    'Param',
    'PowerT',
    'PrecisionMetric',
    'RMSNorm',
    'RReLU',
    'ReLU6',
    'RecallMetric',
    'ReflectionPad1d',
    'ReflectionPad2d',
    'ReflectionPad3d',
    'Regularization',
    'ReluT',
    'ReplicationPad1d',
    'ReplicationPad2d',
    'ReplicationPad3d',
    'ScaledSigmoidT',
    'ScaledWSConv1d',
    'ScaledWSConv2d',
    'ScaledWSConv3d',
    'ScaledWSLinear',
    'SignedWLinear',
    'SimplexT',
    'Softmax',
    'Softmax2d',
    'Softmin',
    'Softshrink',
    'Softsign',
    'SoftsignT',
    'SparseLinear',
    'SpectralNormReg',
    'SpikeAndSlabReg',
    'SpikeBitwise',
    'Statistics',
    'StudentTReg',
    'Tanhshrink',
    'Threshold',
    'TotalVariationReg',
    'URLSTMCell',
    'Unflatten',
    'UniformReg',
    'UnitVectorT',
    'WelfordMetric',
    'ZeroPad1d',
    'ZeroPad2d',
    'ZeroPad3d',
    'hard_shrink',
    'hard_swish',
    'logsumexp',
    'prelu',
    'rrelu',
    'soft_shrink',
    'softmin',
    'sparse_plus',
    'sparse_sigmoid',
    'tanh_shrink',
    'weight_standardization',
]
