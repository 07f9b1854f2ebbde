"""The names of ``brainstate.mixin``, for classes that inherit from them."""

from .._missing import missing


class Mixin:
    """Marks classes that add something to others."""


class ParamDesc(Mixin):
    """Marks classes with descriptions; every module has `desc`."""


class Mode:
    """How a model is used."""


class Training(Mode):
    """To be trained."""


class Batching(Mode):
    """With a batch.

    Parameters
    ----------
    batch_size, batch_axis : int
        How many, and along which axis.
    """

    def __init__(self, batch_size: int = 1, batch_axis: int = 0):
        self.batch_size, self.batch_axis = batch_size, batch_axis


__getattr__ = missing(__name__, globals())
