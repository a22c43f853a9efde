"""The jobs `export` and `animate`: child processes make files of a ready avatar, this one publishes them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.models import Artifact, Avatar
from app.jobs.store import ClaimedJob, problem_of
from app.jobs.uploads import erase_uploads
from app.storage import avatar_prefix
from worker.heart import Heart
from worker.make_animation import run_animation, run_drive
from worker.make_export import run_export
from worker.model_files import ReadyModel, fetch, ready_model
from worker.publishing import add_artifacts, erase_earlier, sha256_of, upload
from worker.settle import settle
from worker.supervise import supervise
from worker.worker import Worker

STEPS = {"export": (run_export,), "animate": (run_drive, run_animation)}
"""Processes one after the other; each finds in the folder what the last one left."""


def make_files(worker: Worker, claim: ClaimedJob, heart: Heart) -> None:
    """Make them, and name them in the job's result. What was uploaded for the job is erased when it has ended."""
    folder = worker.settings.data_dir / "work" / claim.id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        _make(worker, claim, heart, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if worker.jobs.has_ended(claim):
            erase_uploads(worker.storage, claim.input)


def _make(worker: Worker, claim: ClaimedJob, heart: Heart, folder: Path) -> None:
    ready = ready_model(worker, claim)
    if ready is None or not fetch(worker, ready.keys | _own_keys(claim), folder):
        error = problem_of("not_found", "The avatar, its portrait or an upload was deleted before the job ran.")
        worker.jobs.fail(claim, error, retry=False)
        return
    input = claim.input | {"name": f"animation-{claim.id.rpartition('_')[2]}"}
    for step in STEPS[claim.kind]:
        ending, value = supervise(worker, claim, heart, step, (folder, input))
        if ending != "done":
            break
    if ending == "done":
        _publish(worker, claim, folder, ready, value)
    else:
        settle(worker, claim, ending, value)


def _own_keys(claim: ClaimedJob) -> dict[str, str]:
    portrait = claim.input.get("portrait_key")
    return dict(claim.input.get("uploads", {})) | ({"portrait": portrait} if portrait else {})


def _publish(worker: Worker, claim: ClaimedJob, folder: Path, ready: ReadyModel, told: dict[str, Any]) -> None:
    attempts = f"{avatar_prefix(claim.tenant_id, str(claim.avatar_id))}/{claim.id}"
    prefix = f"{attempts}-{claim.lease_token}"
    paths = [folder / name for name in told["files"]]
    there = _already_there(worker, claim, paths)
    files = upload(worker.storage, [p for p in paths if p.name not in there], prefix)
    ids = there | {file.name: file.id for file in files}

    def publish(session: Session) -> None:
        avatar = session.get(Avatar, claim.avatar_id, with_for_update=True)
        if avatar is None or avatar.status != "ready":
            raise _Gone
        add_artifacts(session, claim, files)

    result = {"avatar_id": claim.avatar_id, "version": ready.version} | _named(claim, ids, told["files"])
    try:
        is_published = worker.jobs.succeed(claim, result | told["result"], publish)
    except _Gone:
        worker.jobs.fail(claim, problem_of("not_found", "The avatar was deleted."), retry=False)
        is_published = False
    if is_published:
        erase_earlier(worker.storage, claim, attempts)
    else:
        worker.storage.delete_prefix(prefix)


def _already_there(worker: Worker, claim: ClaimedJob, paths: list[Path]) -> dict[str, str]:
    """Artifacts of the same name and content: file name -> id. Two equal requests at one time make two jobs."""
    digests = {path.name: sha256_of(path) for path in paths}
    named = select(Artifact).where(Artifact.avatar_id == claim.avatar_id, Artifact.name.in_(digests))
    with worker.sessions() as session:
        return {a.name: a.id for a in session.scalars(named) if a.sha256 == digests[a.name]}


def _named(claim: ClaimedJob, ids: dict[str, str], names: list[str]) -> dict[str, Any]:
    files = [{"artifact_id": ids[n], "name": n, "content": f"/v1/artifacts/{ids[n]}/content"} for n in names]
    if claim.kind == "export":
        return {key: files[0][key] for key in ("artifact_id", "content")}
    return {"files": files}


class _Gone(Exception):
    """The avatar was deleted while its files were made."""
