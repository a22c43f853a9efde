"""What runs inside the processes of a build that fans out: planning, one part of the dataset, and taking the parts."""

from __future__ import annotations

import shutil
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.archive import pack, unpack
from worker.engine_host import child_environment
from worker.job_child import PipeProgress, failed, recipe_of

if TYPE_CHECKING:
    from perse_engine.recipe import Recipe

SUBJECT = "subject.zip"
"""The subject as the planning process built it: every part and the join work with this very one."""
PART = "part.zip"
TAKEN = "parts"
"""Where a job that joins finds its subject and its parts, as archives."""
PART_SHARES = {"edits": 0.7, "betweens": 0.1, "videos": 0.15, "synthesis": 0.05}
"""About how much of a part each stage takes, where models make the pictures."""


def run_plan(connection: Connection, portrait: Path, recipe: dict[str, Any], folder: Path, most: int) -> None:
    """Build the subject in `folder` and pack it; the last message is ('done', plan) or as of `run_create`.

    The plan has `parts`, lists of at most `most` variants, and `span`, where the stage lies in the whole's progress.
    Where there are less than two parts, nothing is built.
    """
    child_environment()
    from perse_engine.errors import Cancelled, EngineError
    from perse_engine.pipeline import STAGE_SHARES, begin_avatar
    from perse_engine.synthesis.parts import part_variants

    try:
        wanted = recipe_of(recipe)
        parts = part_variants(wanted, most)
        if len(parts) > 1:
            begin_avatar(portrait.read_bytes(), wanted, folder, PipeProgress(connection))
            _pack_subject(folder)
    except Cancelled:
        connection.send(("canceled", None))
        return
    except EngineError as error:
        connection.send(failed(error))
        return
    stages = list(STAGE_SHARES)
    start = sum(STAGE_SHARES[s] for s in stages[: stages.index("synthesis")])
    connection.send(("done", {"parts": parts, "span": (start, start + STAGE_SHARES["synthesis"])}))


def _pack_subject(folder: Path) -> None:
    begun = folder / "begun"
    begun.mkdir()
    (folder / "work" / "subject").rename(begun / "subject")
    (folder / "portrait_analysis.json").rename(begun / "portrait_analysis.json")
    pack(begun, folder / SUBJECT)


def run_part(connection: Connection, folder: Path, recipe: dict[str, Any], variants: list[list[str]]) -> None:
    """Make and pack what a dataset has of some variants, with the subject in `folder`; messages as of `run_create`."""
    child_environment()
    from perse_engine.errors import Cancelled, EngineError
    from perse_engine.head.storage import load_subject
    from perse_engine.synthesis.parts import synthesize_part

    wanted = recipe_of(recipe)
    progress = PipeProgress(connection, {"synthesis": 1.0} if wanted.learned is None else PART_SHARES)
    try:
        unpack(folder / SUBJECT, folder)
        own = tuple((category, id) for category, id in variants)
        synthesize_part(load_subject(folder / "subject"), wanted, own, folder / "dataset", progress)
    except Cancelled:
        connection.send(("canceled", None))
        return
    except EngineError as error:
        connection.send(failed(error))
        return
    (folder / "dataset").mkdir(exist_ok=True)
    pack(folder / "dataset", folder / PART)
    connection.send(("done", None))


def take_parts(folder: Path, portrait: bytes, recipe: Recipe) -> None:
    """Put the subject and the parts that lie in `folder`/parts where `create_avatar` looks; what it has stays."""
    from perse_engine.pipeline import claim_folder
    from perse_engine.synthesis.parts import take_part

    archives = folder / TAKEN
    if not archives.exists():
        return
    work, unpacked = folder / "work", folder / "unpacked"
    claim_folder(work, portrait, recipe)
    for archive in sorted(archives.iterdir()):
        shutil.rmtree(unpacked, ignore_errors=True)
        unpack(archive, unpacked)
        if archive.name != SUBJECT:
            take_part(unpacked, work / "dataset")
        elif not (work / "subject").exists():
            (unpacked / "portrait_analysis.json").replace(folder / "portrait_analysis.json")
            (unpacked / "subject").rename(work / "subject")
    shutil.rmtree(unpacked, ignore_errors=True)
    shutil.rmtree(archives)
