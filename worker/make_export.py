"""The job `export` inside its own process: one file of an avatar."""

from __future__ import annotations

from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.child import PipeProgress, answer

if TYPE_CHECKING:
    from perse_engine.export.avatar_files import ExportWish

SHARES = {"avatar": 0.3, "subject": 0.4, "export": 0.3}


def run_export(connection: Connection, folder: Path, input: dict[str, Any]) -> None:
    """Write the file of `input['wish']` beside the model in `folder`; messages as of `answer`."""
    answer(connection, partial(_made, connection, folder, input))


def _made(connection: Connection, folder: Path, input: dict[str, Any]) -> dict[str, Any]:
    from perse_engine.export.avatar_files import frame_of

    wish = _wish(input["wish"])
    name = _export(folder, wish, input["digest"], PipeProgress(connection, SHARES))
    return {"files": [name], "result": {"frame": frame_of(wish)}}


def _wish(told: dict[str, Any]) -> ExportWish:
    from perse_engine.export.avatar_files import ExportWish
    from perse_engine.look import Look
    from perse_engine.scene import Expression, Gaze, Pose

    pose = Pose(**told["pose"] | {"gaze": Gaze(**told["pose"]["gaze"])})
    return ExportWish(
        told["format"], Look.from_json(told["look"]), pose, Expression(told["expression"]), told["content"],
        told["y_down"], told["spz_version"],
    )  # fmt: skip


def _export(folder: Path, wish: ExportWish, digest: str, progress: PipeProgress) -> str:
    from perse_engine.avatar.storage import load_avatar
    from perse_engine.export.avatar_files import SUFFIXES, export_avatar
    from perse_engine.head.build import build_subject
    from perse_engine.head.flame.flame_head import flame_of_avatar
    from perse_engine.portrait.analyse import analyse_portrait
    from perse_engine.portrait.decode import decode_portrait

    progress.report("avatar", 0, 1)
    avatar = load_avatar(folder)
    progress.report("subject", 0, 1)
    rig = None
    if wish.needs_rig:
        # The texture is no part of the model: the head is built again from the stored, sanitised portrait.
        analysis = analyse_portrait(decode_portrait((folder / "portrait").read_bytes()))
        rig = build_subject(analysis, flame_of_avatar(avatar.details)).look
    progress.report("export", 0, 1)
    name = f"export-{digest[:12]}.{SUFFIXES[wish.format]}"
    export_avatar(folder / name, avatar, wish, rig)
    return name
