"""Modules that wrap others."""

from __future__ import annotations

from typing import Any

from .. import environ, nn


class EnvironContext(nn.Module):
    """A module whose steps run under settings of `environ`.

    Parameters
    ----------
    layer : Module
    **settings
        As of ``environ.context``.
    """

    def __init__(self, layer: nn.Module, **settings: Any):
        super().__init__()
        if not isinstance(layer, nn.Module):
            raise TypeError(f'{self.label}: layer must be a module, but is {layer!r}.')
        self.layer, self.settings = layer, settings

    @property
    def context(self) -> dict[str, Any]:
        """The settings."""
        return self.settings

    def add_context(self, **settings: Any) -> None:
        """Set others, or others anew."""
        self.settings = {**self.settings, **settings}

    def update(self, *args: Any, context: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """A step of the module under the settings, and others for this step."""
        with environ.context(**{**self.settings, **(context or {})}):
            return self.layer(*args, **kwargs)
