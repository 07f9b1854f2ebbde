"""The package's own exception classes; each also is the built-in class that people catch."""

import brainunit as u


class BrainStateError(Exception):
    """Base class of every error that this package raises on purpose."""


class TraceContextError(BrainStateError):
    """A state is used in a trace that it does not belong to."""


class BatchAxisError(BrainStateError):
    """A state and a batch axis do not fit."""


class StateTreeError(BrainStateError, ValueError):
    """A state is given a value of another tree, shape or type, where that is checked."""


class HookError(BrainStateError):
    """Base class of what goes wrong with hooks."""


class HookRegistrationError(HookError, ValueError):
    """A hook cannot be registered or removed as asked for."""


class HookCancellationError(HookError, RuntimeError):
    """A hook cancelled a write; the state holds what it held before."""


class StateNotInitializedError(BrainStateError, AttributeError):
    """A declared state is used before ``init_all_states`` created it."""


class _MissingKeyError(BrainStateError, KeyError):
    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0])


class MissingSettingError(_MissingKeyError):
    """The clock or another setting of ``environ`` is missing."""


class UnknownStateError(_MissingKeyError):
    """A key names no state."""


class ModelError(BrainStateError, TypeError):
    """A class of models contradicts itself, or one of its methods gives what it must not."""


class AssignmentError(BrainStateError, AttributeError):
    """An attribute of a model is assigned something that could not have the effect that it seems to have."""


class ParameterError(BrainStateError, ValueError):
    """A parameter has a value that is not allowed."""


class ShapeError(BrainStateError, ValueError):
    """An array has a shape that does not fit."""


class UnitError(BrainStateError, u.UnitMismatchError, TypeError, ValueError):
    """A quantity has the wrong unit, or lacks one."""


class NanError(BrainStateError, FloatingPointError, RuntimeError):
    """A NaN appeared where it was looked for."""


class StoreError(BrainStateError, OSError):
    """A store of records cannot be made, opened, written or read."""


class FileError(BrainStateError, OSError):
    """A file of states cannot be written, or is none that can be read."""
