"""What this machine can do, and why not more."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata

from app.settings import Settings

PACKAGES = ("torch", "numba", "mediapipe", "av", "gsplat", "diffusers", "fastapi", "celery", "sqlalchemy")


def findings(settings: Settings) -> Iterator[tuple[str, str]]:
    """(subject, finding) pairs; nothing is changed."""
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    for package in PACKAGES:
        try:
            yield package, metadata.version(package)
        except metadata.PackageNotFoundError:
            yield package, "not installed"
    yield from _engine()
    yield "database", settings.resolved_database_url.split("@")[-1]
    yield "broker", "Redis" if settings.broker_url else "none: this process runs the jobs"
    yield "storage", settings.storage_url or "local folder"
    free = shutil.disk_usage(settings.data_dir if settings.data_dir.exists() else ".").free
    yield "disk", f"{free / 1e9:.0f} GB free"
    for program in ("postgres", "redis-server"):
        yield program, "on PATH" if shutil.which(program) else "not on PATH (only tests need it)"


def _engine() -> Iterator[tuple[str, str]]:
    import torch

    from perse_engine.errors import BackendMissing
    from perse_engine.splatting import choose_backend

    if torch.cuda.is_available():
        yield "gpu", torch.cuda.get_device_name()
    else:
        yield "gpu", "none that torch can use"
    for name in ("auto", "cpu", "gsplat", "reference"):
        try:
            backend, reason = choose_backend(name)
            yield f"rasterizer {name}", f"{backend}: {reason}"
        except BackendMissing as error:
            yield f"rasterizer {name}", f"missing: {error.message}"
    yield from _models()
    yield "rig flame", _flame()
    import av.codec

    has_h264 = "libx264" in av.codec.codecs_available
    yield "video", "libx264" if has_h264 else "libx264 is missing in PyAV: no turntable"


def _models() -> Iterator[tuple[str, str]]:
    from perse_engine.errors import EngineError
    from perse_engine.models.loading import ModelLoader
    from perse_engine.models.memory import find_memory
    from perse_engine.models.store import ModelStore
    from perse_engine.models.table import MODELS
    from perse_engine.recipe import ANIMATOR_MODELS, Learned

    yield "editor procedural", "needs no weights; MediaPipe's are inside its wheel"
    store, learned = ModelStore.of_this_machine(), Learned()
    loader = ModelLoader(store, find_memory(learned.memory))
    yield "models", ", ".join(m.name for m in MODELS if store.has(m.name)) or "none (perse models list)"
    backends = [("editor diffusion", learned.edit_models())]
    backends += [(f"animator {a}", {"portrait-animator": m}) for a, m in ANIMATOR_MODELS.items()]
    for subject, models in backends:
        try:
            loader.check(models)
            yield subject, f"{', '.join(models.values())} in {learned.memory}"
        except EngineError as error:
            yield subject, f"missing: {error.message}"


def _flame() -> str:
    from perse_engine.errors import EngineError
    from perse_engine.head.flame.flame_head import flame_of_this_machine

    try:
        return f"{len(flame_of_this_machine().model.template)} vertices"
    except EngineError as error:
        return f"missing: {error.message}"


def print_findings(settings: Settings) -> None:
    """A line each."""
    for subject, finding in findings(settings):
        sys.stdout.write(f"{subject:<22} {finding}\n")
