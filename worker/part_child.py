"""What runs inside the processes of a build that fans out: planning, one part of the dataset, and taking the parts."""

from __future__ import annotations

import shutil
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.archive import pack, unpack
from worker.child import PipeProgress, answer, build_told_as_failed
from worker.job_child import recipe_of

if TYPE_CHECKING:
    from perse_engine.recipe import Recipe

SUBJECT = "subject.zip"
"""The subject as the planning process built it: every part and the join work with this very one."""
PART = "part.zip"
TAKEN = "parts"
"""Where a job that joins finds its subject and its parts, as archives."""


def run_plan(connection: Connection, portrait: Path, recipe: dict[str, Any], folder: Path, most: int) -> None:
    """Build the subject in `folder` and pack it; the last message is that of `answer`, its result the plan.

    The plan has `parts`, lists of at most `most` variants, and `span`, where the parts lie in the whole's progress.
    Where there are less than two parts, nothing is built.
    """
    answer(connection, partial(_plan, connection, portrait, recipe, folder, most), build_told_as_failed)


def _plan(connection: Connection, portrait: Path, recipe: dict[str, Any], folder: Path, most: int) -> dict[str, Any]:
    from perse_engine.pipeline import begin_avatar
    from perse_engine.stages import parts_span, stage_shares
    from perse_engine.synthesis.parts import part_variants

    wanted = recipe_of(recipe)
    parts = part_variants(wanted, most)
    if len(parts) > 1:
        begin_avatar(portrait.read_bytes(), wanted, folder, PipeProgress(connection, stage_shares(wanted)))
        _pack_subject(folder)
    return {"parts": parts, "span": parts_span(wanted)}


def _pack_subject(folder: Path) -> None:
    begun = folder / "begun"
    begun.mkdir()
    (folder / "work" / "subject").rename(begun / "subject")
    (folder / "portrait_analysis.json").rename(begun / "portrait_analysis.json")
    pack(begun, folder / SUBJECT)


def run_part(connection: Connection, folder: Path, recipe: dict[str, Any], variants: list[list[str]]) -> None:
    """Make and pack what a dataset has of some variants, with the subject in `folder`; messages as of `answer`."""
    answer(connection, partial(_part, connection, folder, recipe, variants), build_told_as_failed)


def _part(connection: Connection, folder: Path, recipe: dict[str, Any], variants: list[list[str]]) -> None:
    from perse_engine.head.storage import load_subject
    from perse_engine.identity import identity_of_this_machine
    from perse_engine.stages import part_shares
    from perse_engine.synthesis.parts import synthesize_part

    wanted = recipe_of(recipe)
    progress = PipeProgress(connection, part_shares(wanted))
    unpack(folder / SUBJECT, folder)
    own = tuple((category, id) for category, id in variants)
    identity = identity_of_this_machine() if wanted.editor == "diffusion" else None
    synthesize_part(load_subject(folder / "subject"), wanted, own, folder / "dataset", progress, identity)
    (folder / "dataset").mkdir(exist_ok=True)
    pack(folder / "dataset", folder / PART)


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
