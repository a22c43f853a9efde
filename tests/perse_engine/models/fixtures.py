"""A store of tiny models and the memory preset that runs them, for the packages that ask for them."""

from __future__ import annotations

import pytest

from perse_engine.models.memory import MEMORY_PRESETS, MemoryPreset
from perse_engine.models.pull import pull
from perse_engine.models.store import ModelStore
from perse_engine.models.table import find_model
from perse_engine.progress import SilentProgress
from tests.perse_engine.models.tiny_models import SAVERS, SIDE, save_tiny_models

CPU_TINY = MemoryPreset(
    "cpu-tiny", memory_gb=1000, dtype="float32", steps=2, edit_px=SIDE, lora_steps=1, video_px=SIDE, chunk_frames=13,
    overlap_frames=1, needs_gpu=False,
)  # fmt: skip


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """Every tiny model, pulled from a folder as a user without a network pulls them."""
    folder = tmp_path_factory.mktemp("models")
    save_tiny_models(folder / "saved")
    store = ModelStore(folder / "store")
    for name in SAVERS:
        accepted = find_model(name).licence.name
        pull(store, name, SilentProgress(), accepted=accepted, source=folder / "saved")
    return store


@pytest.fixture
def cpu_tiny(tiny_store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> MemoryPreset:
    """This machine is as `become_tiny` makes it."""
    become_tiny(monkeypatch, tiny_store)
    return CPU_TINY


def become_tiny(monkeypatch: pytest.MonkeyPatch, store: ModelStore) -> None:
    """The memory preset 'cpu-tiny' exists, the store of this machine is `store`, and there is no network."""

    def refuse(*_: object) -> None:
        raise AssertionError("A job reached for the network.")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setenv("PERSE_MODELS", str(store.folder))
    monkeypatch.setitem(MEMORY_PRESETS, CPU_TINY.name, CPU_TINY)


__all__ = ["CPU_TINY", "become_tiny", "cpu_tiny", "tiny_store"]
