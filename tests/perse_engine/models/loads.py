"""Watching what is loaded, and what of it is still in memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from perse_engine.models.loading import ModelLoader

LIBRARIES = ("diffusers", "transformers")


def networks() -> set[int]:
    """Modules of the model libraries that hold weights now."""
    gc.collect()
    return {
        id(thing)
        for thing in gc.get_objects()
        if issubclass(type(thing), torch.nn.Module)
        and type(thing).__module__.startswith(LIBRARIES)
        and any(not p.is_meta for p in thing.parameters())
    }


def watch_loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """A growing list of every model that is loaded, with the number of others' networks that were alive then."""
    before, seen = networks(), list[tuple[str, int]]()
    for way in ("pipeline", "transformer"):
        _watch(monkeypatch, way, before, seen)
    return seen


def _watch(monkeypatch: pytest.MonkeyPatch, way: str, before: set[int], seen: list[tuple[str, int]]) -> None:
    load = getattr(ModelLoader, way)

    @contextmanager
    def watched(self: ModelLoader, name: str, *more: Any) -> Iterator[Any]:
        seen.append((name, len(networks() - before)))
        with load(self, name, *more) as loaded:
            yield loaded

    monkeypatch.setattr(ModelLoader, way, watched)
