"""Spiking networks with units: simulate at event speed, train unchanged."""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING

from ._garbage import no_collection as _no_collection

if _TYPE_CHECKING:
    from . import datasets as datasets
    from . import nir as nir
    from . import plots as plots

_importing = _no_collection()  # a look at all that JAX has imported takes as long as this import itself
_importing.__enter__()

from . import _bridge as _bridge
from . import encode as encode
from . import environ as environ
from . import event as event
from . import graph as graph
from . import losses as losses
from . import nn as nn
from . import numerics as numerics
from . import optim as optim
from . import plasticity as plasticity
from . import random as random
from . import record as record
from . import transform as transform
from ._errors import AssignmentError as AssignmentError
from ._errors import BatchAxisError as BatchAxisError
from ._errors import BrainStateError as BrainStateError
from ._errors import FileError as FileError
from ._errors import HookCancellationError as HookCancellationError
from ._errors import HookError as HookError
from ._errors import HookRegistrationError as HookRegistrationError
from ._errors import ModelError as ModelError
from ._errors import ParameterError as ParameterError
from ._errors import ShapeError as ShapeError
from ._errors import StateTreeError as StateTreeError
from ._errors import TraceContextError as TraceContextError
from ._errors import UnitError as UnitError
from ._errors import UnknownStateError as UnknownStateError
from ._version import __version__ as __version__
from .connections import Connection as Connection
from .connections import ProceduralConnection as ProceduralConnection
from .connections import all_to_all as all_to_all
from .connections import distance_dependent as distance_dependent
from .connections import drawn as drawn
from .connections import explicit_edges as explicit_edges
from .connections import fixed_indegree as fixed_indegree
from .connections import fixed_outdegree as fixed_outdegree
from .connections import fixed_total_number as fixed_total_number
from .connections import from_matrix as from_matrix
from .connections import one_to_one as one_to_one
from .connections import pairwise_bernoulli as pairwise_bernoulli
from .connections import spatial as spatial
from .connections import symmetric_pairwise_bernoulli as symmetric_pairwise_bernoulli
from .files import load_states as load_states
from .files import save_states as save_states
from .fit import History as History
from .fit import evaluate as evaluate
from .fit import fit as fit
from .inputs import ConstantInput as ConstantInput
from .inputs import Input as Input
from .inputs import OUProcessInput as OUProcessInput
from .inputs import PoissonEncoder as PoissonEncoder
from .inputs import PoissonInput as PoissonInput
from .inputs import PoissonSpike as PoissonSpike
from .inputs import RampInput as RampInput
from .inputs import RandomInput as RandomInput
from .inputs import SectionInput as SectionInput
from .inputs import SinusoidalInput as SinusoidalInput
from .inputs import SpikeTime as SpikeTime
from .inputs import StepInput as StepInput
from .inputs import WienerProcessInput as WienerProcessInput
from .neurons import ALIF as ALIF
from .neurons import HH as HH
from .neurons import IF as IF
from .neurons import LIF as LIF
from .neurons import AdEx as AdEx
from .neurons import AdExIF as AdExIF
from .neurons import AdExIFRef as AdExIFRef
from .neurons import AdQuaIF as AdQuaIF
from .neurons import AdQuaIFRef as AdQuaIFRef
from .neurons import Channel as Channel
from .neurons import CobaLIF as CobaLIF
from .neurons import ConductanceNeuron as ConductanceNeuron
from .neurons import CubaLIF as CubaLIF
from .neurons import ExpIF as ExpIF
from .neurons import ExpIFRef as ExpIFRef
from .neurons import FitzHughNagumo as FitzHughNagumo
from .neurons import Gate as Gate
from .neurons import Gif as Gif
from .neurons import GifRef as GifRef
from .neurons import HindmarshRose as HindmarshRose
from .neurons import Izhikevich as Izhikevich
from .neurons import IzhikevichRef as IzhikevichRef
from .neurons import LIFRef as LIFRef
from .neurons import MorrisLecar as MorrisLecar
from .neurons import Neuron as Neuron
from .neurons import QuaIF as QuaIF
from .neurons import TraubMilesHH as TraubMilesHH
from .neurons import WangBuzsakiHH as WangBuzsakiHH
from .projections import AlignPostProj as AlignPostProj
from .projections import AlignPreProj as AlignPreProj
from .projections import CurrentProj as CurrentProj
from .projections import DeltaProj as DeltaProj
from .projections import GapJunction as GapJunction
from .projections import Projection as Projection
from .random import RandomState as RandomState
from .run import Forecast as Forecast
from .run import Simulation as Simulation
from .run import explain as explain
from .run import forecast as forecast
from .run import run as run
from .run import sweep as sweep
from .state import BatchState as BatchState
from .state import DelayState as DelayState
from .state import HiddenState as HiddenState
from .state import HookContext as HookContext
from .state import HookHandle as HookHandle
from .state import InitHookContext as InitHookContext
from .state import LongTermState as LongTermState
from .state import MutableWriteHookContext as MutableWriteHookContext
from .state import ParamState as ParamState
from .state import ReadHookContext as ReadHookContext
from .state import RestoreHookContext as RestoreHookContext
from .state import ShortTermState as ShortTermState
from .state import State as State
from .state import StateDictManager as StateDictManager
from .state import StateTraceStack as StateTraceStack
from .state import WriteHookContext as WriteHookContext
from .state import catch_new_states as catch_new_states
from .state import check_state_jax_tracer as check_state_jax_tracer
from .state import check_state_value_tree as check_state_value_tree
from .state import clear_state_hooks as clear_state_hooks
from .state import filter as filter
from .state import has_state_hooks as has_state_hooks
from .state import list_state_hooks as list_state_hooks
from .state import maybe_state as maybe_state
from .state import register_state_hook as register_state_hook
from .state import unregister_state_hook as unregister_state_hook
from .synapses import AMPA as AMPA
from .synapses import COBA as COBA
from .synapses import CUBA as CUBA
from .synapses import STD as STD
from .synapses import STP as STP
from .synapses import Alpha as Alpha
from .synapses import BioNMDA as BioNMDA
from .synapses import DualExpon as DualExpon
from .synapses import Expon as Expon
from .synapses import GABAa as GABAa
from .synapses import GatedSynapse as GatedSynapse
from .synapses import MgBlock as MgBlock
from .synapses import ShortTermPlasticity as ShortTermPlasticity
from .synapses import Synapse as Synapse
from .synapses import SynOut as SynOut

_importing.__exit__(None, None, None)


_LATER = ('datasets', 'nir', 'plots')


def __dir__() -> list[str]:
    return [*globals(), *_LATER]


def __getattr__(name: str) -> object:
    """What few need is imported when it is asked for."""
    if name in _LATER:
        return _importlib.import_module(f'.{name}', __name__)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
