"""What runs inside a job's own process: building an avatar, and changing its variants."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.child import PipeProgress, answer, build_told_as_failed

if TYPE_CHECKING:
    from perse_engine.recipe import Recipe

RESTORED = "restored.safetensors"
"""A checkpoint that another worker left in storage."""


def run_create(
    connection: Connection, portrait: Path, recipe: dict[str, Any], folder: Path, reached: float = 0.0
) -> None:
    """Build an avatar in `folder`; the last message is that of `answer`.

    Parts of its dataset that lie in `folder` are taken; progress begins at `reached`, 0..1.
    """
    answer(connection, partial(_create, connection, portrait, recipe, folder, reached), build_told_as_failed)


def _create(
    connection: Connection, portrait: Path, recipe: dict[str, Any], folder: Path, reached: float
) -> dict[str, Any]:
    from perse_engine.pipeline import claim_folder, create_avatar
    from perse_engine.stages import stage_shares
    from worker.part_child import take_parts

    data, wanted = portrait.read_bytes(), recipe_of(recipe)
    take_parts(folder, data, wanted)
    if (folder / RESTORED).exists():
        claim_folder(folder / "work", data, wanted)
        (folder / "work" / "training").mkdir(exist_ok=True)
        (folder / RESTORED).replace(folder / "work" / "training" / "checkpoint.safetensors")
    made = create_avatar(data, wanted, folder, PipeProgress(connection, stage_shares(wanted), reached))
    return {
        **_told(made.avatar),
        "expressions": list(made.avatar.binding.rig.shape_names),
        "pose_limits_deg": made.avatar.details["pose_limits_deg"],
        "backends": made.avatar.details["backends"],
        "rejected": _rejected(made.avatar.details),
        "metrics": {k: made.metrics[k] for k in ("source_view", "heldout", "pose", "render_ms", "train_s")},
    }


def run_variant(connection: Connection, folder: Path, change: dict[str, Any]) -> None:
    """Change the variants of the avatar in `folder`, its portrait beside it; the last message is that of `answer`.

    `change` holds `add`: {category, id, method}, or `remove`: {category, id}. Of method 'reference', the portrait is
    the photo that shows the variant.
    """
    answer(connection, partial(_change, connection, folder, change))


def _change(connection: Connection, folder: Path, change: dict[str, Any]) -> dict[str, Any]:
    from perse_engine.variants import FILES, STAGE_SHARES, add_reference_to_folder, add_to_folder, remove_from_folder
    from perse_engine.vocabulary import find_variant

    progress = PipeProgress(connection, STAGE_SHARES)
    wanted = change.get("add") or change["remove"]
    result: dict[str, Any] = {"category": wanted["category"], "variant": wanted["id"], "measured": None}
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
    return {"files": list(FILES), "detail": _told(avatar), "result": result}


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
