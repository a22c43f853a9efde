"""What runs inside a job's own process: the engine's work, reporting over a pipe, stopping when told."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from worker.engine_host import child_environment

REPORT_EVERY_S = 0.5
RESTORED = "restored.safetensors"
"""A checkpoint that another worker left in storage."""


class PipeProgress:
    """Sends progress to the parent, at most twice a second, and raises `Cancelled` when the parent says stop."""

    def __init__(self, connection: Connection) -> None:
        from perse_engine.pipeline import OverallProgress

        self._connection = connection
        self._overall = OverallProgress()
        self._last = 0.0
        self._stage = ""

    def report(self, stage: str, step: int, total_steps: int) -> None:
        """See `Progress`."""
        if self._connection.poll():
            from perse_engine.errors import Cancelled

            self._connection.recv()
            raise Cancelled("The job was asked to stop.")
        fraction, eta_s = self._overall.update(stage, step, total_steps)
        now = time.monotonic()
        if stage == self._stage and now - self._last < REPORT_EVERY_S:
            return
        self._last, self._stage = now, stage
        progress = {
            "fraction": round(fraction, 4),
            "stage": stage,
            "step": step,
            "total_steps": total_steps,
            "eta_s": None if eta_s is None else round(eta_s, 1),
        }
        self._connection.send(("progress", progress))


def run_create(connection: Connection, portrait: Path, recipe: dict[str, Any], folder: Path) -> None:
    """Build an avatar in `folder`; the last message is ('done', result), ('failed', error) or ('canceled', None)."""
    child_environment()
    from perse_engine.errors import BackendMissing, Cancelled, EngineError, PortraitError, UnknownName, UnsupportedWish
    from perse_engine.pipeline import claim_folder, create_avatar
    from perse_engine.recipe import Recipe

    try:
        data, wanted = portrait.read_bytes(), _recipe(Recipe, recipe)
        if (folder / RESTORED).exists():
            claim_folder(folder / "work", data, wanted)
            (folder / "work" / "training").mkdir(exist_ok=True)
            (folder / RESTORED).replace(folder / "work" / "training" / "checkpoint.safetensors")
        made = create_avatar(data, wanted, folder, PipeProgress(connection))
    except Cancelled:
        connection.send(("canceled", None))
        return
    except EngineError as error:
        # What was asked for stays as impossible as it is.
        final = isinstance(error, PortraitError | BackendMissing | UnknownName | UnsupportedWish)
        connection.send(("failed", {"code": error.code, "detail": error.message, "hint": error.hint, "final": final}))
        return
    detail = {
        "variants": made.avatar.variants(),
        "expressions": list(made.avatar.binding.rig.shape_names),
        "pose_limits_deg": made.avatar.details["pose_limits_deg"],
        "backends": made.avatar.details["backends"],
        "gaussians": len(made.avatar),
        "metrics": {k: made.metrics[k] for k in ("source_view", "heldout", "pose", "render_ms", "train_s")},
    }
    connection.send(("done", detail))


def _recipe(recipe_type: Any, value: dict[str, Any]) -> Any:
    categories = value.get("categories")
    return recipe_type.of(
        value["preset"],
        categories=None if categories is None else tuple(categories),
        variants=tuple((str(c), str(i)) for c, i in value.get("variants", [])),
        seed=value.get("seed", 0),
    )
