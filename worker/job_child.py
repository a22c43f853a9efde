"""What runs inside a job's own process: the engine's work, reporting over a pipe, stopping when told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.engine_host import child_environment

if TYPE_CHECKING:
    from perse_engine.errors import EngineError
    from perse_engine.recipe import Recipe

REPORT_EVERY_S = 0.5
RESTORED = "restored.safetensors"
"""A checkpoint that another worker left in storage."""


class PipeProgress:
    """Sends progress to the parent, at most twice a second, and raises `Cancelled` when the parent says stop."""

    def __init__(self, connection: Connection, shares: Mapping[str, float] | None = None, reached: float = 0.0) -> None:
        from perse_engine.pipeline import STAGE_SHARES, OverallProgress

        self._connection = connection
        self._overall = OverallProgress(STAGE_SHARES if shares is None else shares)
        # Progress does not fall back behind what another process has reached.
        self._overall.fraction = reached
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


def told_as_failed(error: EngineError) -> tuple[str, dict[str, Any]]:
    """The message of a child whose work is impossible; only a damaged model file may be whole at the next attempt."""
    from perse_engine.errors import CorruptFile

    final = not isinstance(error, CorruptFile)
    return "failed", {"code": error.code, "detail": error.message, "hint": error.hint, "final": final}


def failed(error: EngineError) -> tuple[str, dict[str, Any]]:
    """The message of a build whose child gives up; `final`, what was asked for stays as impossible as it is."""
    from perse_engine.errors import (
        BackendMissing,
        EditsRejected,
        InvalidValue,
        PortraitError,
        UnknownName,
        UnsupportedWish,
    )

    impossible = PortraitError | BackendMissing | UnknownName | UnsupportedWish | InvalidValue | EditsRejected
    told = {"code": error.code, "detail": error.message, "hint": error.hint, "final": isinstance(error, impossible)}
    return "failed", told


def run_create(
    connection: Connection, portrait: Path, recipe: dict[str, Any], folder: Path, reached: float = 0.0
) -> None:
    """Build an avatar in `folder`; the last message is ('done', result), ('failed', error) or ('canceled', None).

    Parts of its dataset that lie in `folder` are taken; progress begins at `reached`, 0..1.
    """
    child_environment()
    from perse_engine.errors import Cancelled, EngineError
    from perse_engine.pipeline import claim_folder, create_avatar
    from worker.part_child import take_parts

    try:
        data, wanted = portrait.read_bytes(), recipe_of(recipe)
        take_parts(folder, data, wanted)
        if (folder / RESTORED).exists():
            claim_folder(folder / "work", data, wanted)
            (folder / "work" / "training").mkdir(exist_ok=True)
            (folder / RESTORED).replace(folder / "work" / "training" / "checkpoint.safetensors")
        made = create_avatar(data, wanted, folder, PipeProgress(connection, reached=reached))
    except Cancelled:
        connection.send(("canceled", None))
        return
    except EngineError as error:
        connection.send(failed(error))
        return
    detail = {
        **_told(made.avatar),
        "expressions": list(made.avatar.binding.rig.shape_names),
        "pose_limits_deg": made.avatar.details["pose_limits_deg"],
        "backends": made.avatar.details["backends"],
        "rejected": _rejected(made.avatar.details),
        "metrics": {k: made.metrics[k] for k in ("source_view", "heldout", "pose", "render_ms", "train_s")},
    }
    connection.send(("done", detail))


def run_variant(connection: Connection, folder: Path, change: dict[str, Any]) -> None:
    """Change the variants of the avatar in `folder`, its portrait beside it; messages as of `run_create`.

    `change` holds `add`: {category, id, method}, or `remove`: {category, id}. Of method 'reference', the portrait is
    the photo that shows the variant.
    """
    child_environment()
    from perse_engine.errors import Cancelled, EngineError
    from perse_engine.variants import FILES, STAGE_SHARES, add_reference_to_folder, add_to_folder, remove_from_folder
    from perse_engine.vocabulary import find_variant

    progress = PipeProgress(connection, STAGE_SHARES)
    wanted = change.get("add") or change["remove"]
    result: dict[str, Any] = {"category": wanted["category"], "variant": wanted["id"], "measured": None}
    try:
        if wanted.get("method") == "reference":
            photo, category = (folder / "portrait").read_bytes(), wanted["category"]
            avatar, added = add_reference_to_folder(folder, category, photo, progress, wanted["id"])
            result["measured"] = dict(added.measured)
        elif "add" in change:
            spec = find_variant(wanted["category"], wanted["id"])
            assert spec is not None, "the API names variants that there are"
            portrait = folder / "portrait"
            data = portrait.read_bytes() if portrait.exists() else None
            avatar, added = add_to_folder(folder, spec, progress, method=wanted["method"], portrait=data)
            result["measured"] = dict(added.measured)
        else:
            avatar = remove_from_folder(folder, wanted["category"], wanted["id"], progress)
    except Cancelled:
        connection.send(("canceled", None))
        return
    except EngineError as error:
        connection.send(told_as_failed(error))
        return
    connection.send(("done", {"files": list(FILES), "detail": _told(avatar), "result": result}))


def _told(avatar: Any) -> dict[str, Any]:
    """What an avatar's row says of its variants."""
    added = [
        {
            "category": one.category,
            "id": one.variant,
            "prompt": one.prompt,
            "method": one.method,
            "gaussians": one.gaussians,
            "measured": dict(one.measured),
        }
        for one in avatar.added
    ]
    return {"variants": avatar.variants(), "added": added, "gaussians": len(avatar)}


def _rejected(details: Mapping[str, Any]) -> list[str]:
    """A sentence for each variant that a learned editor or animator could not make."""
    return [sentence for stage in ("edits", "videos") for sentence in details.get(stage, {}).get("rejected", ())]


def recipe_of(value: dict[str, Any]) -> Recipe:
    """What a job's input says is to be built."""
    from perse_engine.recipe import Acceptance, FrameLimits, Learned, Recipe

    named = dict(value.get("learned") or {})
    attempts = named.pop("attempts", Acceptance.attempts)
    accepted = Acceptance(**named.pop("acceptance", {}), attempts=attempts)
    frames = FrameLimits(**named.pop("frames", {}))
    categories = value.get("categories")
    return Recipe.of(
        value["preset"],
        categories=None if categories is None else tuple(categories),
        variants=tuple((str(c), str(i)) for c, i in value.get("variants", [])),
        editor=value.get("editor", "procedural"),
        animator=value.get("animator", "rig"),
        rig=value.get("rig", "landmarks"),
        seed=value.get("seed", 0),
        learned=Learned(**named, acceptance=accepted, frames=frames) if named else None,
    )
