"""What all tests of stores start from."""

import os

import pytest

from brainpy_state.record import _zarr

from . import growing


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Chunks of a few rows, and nothing waits for the disk."""
    monkeypatch.setattr(_zarr, 'CHUNK', growing.CHUNK)
    monkeypatch.setattr(os, 'fsync', lambda file: None)


@pytest.fixture
def real(monkeypatch, small):
    """Chunks as they are."""
    monkeypatch.undo()
