"""Implementations of the operations, one file a backend and family."""
