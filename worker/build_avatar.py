"""The job `create_avatar`: a child process builds, this one watches, uploads and publishes.

Where it is built in job parts, see build_parts.py.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.database.models import Avatar, now
from app.jobs.preview import PREVIEWS
from app.jobs.store import ClaimedJob, problem_of
from app.storage import avatar_prefix
from worker.build_parts import fans_out, fetch_parts, plan_parts
from worker.checkpoints import checkpoint_of, checkpoints_prefix, preview_of, restore
from worker.heart import Heart
from worker.job_child import run_create
from worker.publishing import MEDIA_TYPES, add_artifacts, add_codes, erase_earlier, upload
from worker.settle import settle
from worker.supervise import supervise
from worker.worker import Worker


def create_avatar(worker: Worker, claim: ClaimedJob, heart: Heart) -> None:
    """Build, and make the result the avatar."""
    folder = worker.settings.data_dir / "work" / claim.id
    folder.mkdir(parents=True, exist_ok=True)
    prefix = avatar_prefix(claim.tenant_id, str(claim.avatar_id))
    portrait = folder / "portrait"
    try:
        worker.storage.download(claim.input["portrait_key"], portrait)
    except KeyError:
        error = problem_of("not_found", "The portrait was deleted before the avatar was built.")
        worker.jobs.fail(claim, error, retry=False)
        return
    ending, value = _plan_or_build(worker, claim, heart, portrait, folder)
    if ending == "planned":
        return
    if ending == "done":
        _publish(worker, claim, folder, prefix, value)
        return
    if ending in ("canceled", "expired"):
        # Erase first: whoever reads "canceled" may trust that nothing is left.
        worker.storage.delete_prefix(prefix)
        shutil.rmtree(folder, ignore_errors=True)
    settle(worker, claim, ending, value)


def _plan_or_build(
    worker: Worker, claim: ClaimedJob, heart: Heart, portrait: Path, folder: Path
) -> tuple[str, Any]:  # fmt: skip
    """Fan the job out, or build the avatar, from its parts where it has some; endings as of `plan_parts`."""
    if fans_out(worker.settings, claim):
        ending, value = plan_parts(worker, claim, heart, portrait)
        if ending != "whole":
            return ending, value
    try:
        reached = fetch_parts(worker, claim, folder) if claim.parts_total else 0.0
    except KeyError:
        gone = "What the parts made was deleted before the avatar was put together."
        return "failed", {"code": "not_found", "detail": gone, "hint": None, "final": True}
    checkpoint, preview = checkpoint_of(worker.storage, claim, folder), preview_of(worker.storage, claim, folder)
    restore(worker.storage, claim, folder)
    arguments = (portrait, claim.input["recipe"], folder, reached)
    mirrors = () if worker.settings.is_embedded else (checkpoint,)
    return supervise(worker, claim, heart, run_create, arguments, mirrors, preview)


def _publish(worker: Worker, claim: ClaimedJob, folder: Path, prefix: str, detail: dict[str, Any]) -> None:
    """Upload under this attempt's own prefix; one transaction makes it the avatar."""
    attempt = f"{prefix}/attempt-{claim.lease_token}"
    made = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in MEDIA_TYPES)
    files = upload(worker.storage, made, attempt)
    latents = json.loads((folder / "latents.json").read_text())
    refused: list[bool] = []

    def publish(session: Session) -> None:
        avatar = session.get(Avatar, claim.avatar_id)
        if avatar is None or avatar.status != "building":
            # It was deleted while it was built.
            refused.append(True)
            return
        avatar.status, avatar.ready_at, avatar.detail = "ready", now(), detail
        avatar.version += 1
        add_artifacts(session, claim, files)
        add_codes(session, avatar.id, latents)

    result = {"avatar_id": claim.avatar_id, "artifacts": [f.name for f in files]}
    is_published = worker.jobs.succeed(claim, result, publish) and not refused
    if not is_published:
        worker.storage.delete_prefix(attempt)
    if is_published or refused:
        erase_earlier(worker.storage, claim, f"{prefix}/attempt")
        worker.storage.delete_prefix(checkpoints_prefix(claim))
        worker.storage.delete_prefix(f"{prefix}/{PREVIEWS}")
        shutil.rmtree(folder, ignore_errors=True)
