"""Tiny models for the package's tests."""

from __future__ import annotations

from tests.perse_engine.models.fixtures import cpu_tiny, tiny_store

__all__ = ["cpu_tiny", "tiny_store"]
