"""An avatar's metrics.json: every number, with the command, machine and commit that made it."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from perse_engine.evaluation.protocols import (
    expression_response,
    heldout,
    interpolation,
    leakage,
    pose_response,
    source_view,
)
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.progress import Progress
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.dataset import Dataset

STAGE = "evaluation"
TIMED_RENDERS = 10


def evaluate(
    renderer: Renderer, subject: Subject, dataset: Dataset, face_oval: np.ndarray, progress: Progress
) -> dict[str, object]:
    """Run every protocol; numbers as in docs/reference/evaluation.md."""
    parts = (
        ("source_view", lambda: source_view(renderer, subject, face_oval)),
        ("heldout", lambda: heldout(renderer, dataset)),
        ("pose", lambda: pose_response(renderer)),
        ("expression", lambda: expression_response(renderer)),
        ("leakage", lambda: leakage(renderer, dataset)),
        ("interpolation", lambda: interpolation(renderer, dataset)),
        ("render_ms", lambda: render_ms(renderer)),
    )
    out: dict[str, object] = {}
    for i, (name, run) in enumerate(parts):
        progress.report(STAGE, i, len(parts))
        out[name] = run()
    out["gaussians"] = len(renderer.avatar)
    out["peak_memory_mb"] = peak_memory_mb()
    out["provenance"] = provenance()
    progress.report(STAGE, len(parts), len(parts))
    return out


def render_ms(renderer: Renderer) -> float:
    """Median time of a warm render at 512 px, ms."""
    camera = Camera.orbit()
    times = []
    for i in range(TIMED_RENDERS + 2):
        start = time.perf_counter()
        renderer.render(Look(), Pose(2.0 * i), Expression({"jawOpen": 0.3}), camera)
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times[2:]))


def peak_memory_mb() -> float:
    """The largest resident size that this process had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def provenance() -> dict[str, object]:
    """Command, commit and machine; no path and no host name."""
    root = Path(__file__).parents[2]
    git = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=root, capture_output=True, text=True, check=False
    )
    return {
        "command": " ".join([Path(sys.argv[0]).name, *(Path(a).name for a in sys.argv[1:])]),
        "commit": git.stdout.strip() or None,
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def table(metrics: Mapping[str, object]) -> str:
    """The metrics as aligned lines for people."""
    lines: list[str] = []

    def add(prefix: str, value: object) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                add(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            lines.append(f"{prefix:<52} {value:.3f}" if isinstance(value, float) else f"{prefix:<52} {value}")

    add("", metrics)
    return "\n".join(lines)
