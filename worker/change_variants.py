"""The jobs `add_variant` and `remove_variant`: a child process makes new model files, this one publishes them.

They start from the version of the avatar that is ready when they are run. When another job has published a newer one
meanwhile, they start again from that.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.database.models import Artifact, Avatar, LatentCode, now
from app.jobs.store import ClaimedJob, problem_of
from app.storage import avatar_prefix
from worker.heart import Heart
from worker.job_child import run_variant
from worker.model_files import ReadyModel, fetch, ready_model
from worker.publishing import add_artifacts, add_codes, erase_earlier, upload
from worker.settle import settle
from worker.supervise import supervise
from worker.worker import Worker

AGAIN_S = 0.2


def change_variants(worker: Worker, claim: ClaimedJob, heart: Heart) -> None:
    """Add or remove a variant, and make the result the avatar's next version."""
    folder = worker.settings.data_dir / "work" / claim.id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ready = ready_model(worker, claim)
    key = claim.input.get("portrait_key")
    if ready is None or not fetch(worker, ready.keys | ({"portrait": key} if key else {}), folder):
        error = problem_of("not_found", "The avatar or its portrait was deleted before the variant was changed.")
        worker.jobs.fail(claim, error, retry=False)
        shutil.rmtree(folder, ignore_errors=True)
        return
    ending, value = supervise(worker, claim, heart, run_variant, (folder, dict(claim.input)))
    if ending == "done":
        _publish(worker, claim, folder, ready, value)
        return
    if ending in ("canceled", "expired"):
        shutil.rmtree(folder, ignore_errors=True)
    settle(worker, claim, ending, value)


def _publish(worker: Worker, claim: ClaimedJob, folder: Path, ready: ReadyModel, told: dict[str, Any]) -> None:
    """Upload under this attempt's own prefix; one transaction makes it the avatar's next version."""
    attempts = f"{avatar_prefix(claim.tenant_id, str(claim.avatar_id))}/{claim.id}"
    prefix = f"{attempts}-{claim.lease_token}"
    files = upload(worker.storage, [folder / name for name in told["files"]], prefix)
    latents = json.loads((folder / "latents.json").read_text())

    def publish(session: Session) -> None:
        avatar = session.get(Avatar, claim.avatar_id, with_for_update=True)
        if avatar is None or avatar.status != "ready":
            raise _Gone
        if avatar.version != ready.version:
            raise _Newer
        avatar.version += 1
        avatar.ready_at = now()
        avatar.detail = avatar.detail | told["detail"]
        replaced = (Artifact.avatar_id == avatar.id, Artifact.name.in_(told["files"]))
        session.execute(delete(Artifact).where(*replaced))
        add_artifacts(session, claim, files)
        session.execute(delete(LatentCode).where(LatentCode.avatar_id == avatar.id))
        add_codes(session, avatar.id, latents)

    result = {"avatar_id": claim.avatar_id, "version": ready.version + 1} | told["result"]
    old = _keys_of(worker, claim, told["files"])
    try:
        is_published = worker.jobs.succeed(claim, result, publish)
    except _Newer:
        worker.storage.delete_prefix(prefix)
        error = problem_of("conflict", "The avatar was changed by another job meanwhile.")
        worker.jobs.fail(claim, error, retry=True, delay_s=AGAIN_S)
        return
    except _Gone:
        worker.storage.delete_prefix(prefix)
        worker.jobs.fail(claim, problem_of("not_found", "The avatar was deleted."), retry=False)
        shutil.rmtree(folder, ignore_errors=True)
        return
    if not is_published:
        worker.storage.delete_prefix(prefix)
        return
    erase_earlier(worker.storage, claim, attempts)
    for key in old:
        worker.storage.delete(key)
    shutil.rmtree(folder, ignore_errors=True)


def _keys_of(worker: Worker, claim: ClaimedJob, names: list[str]) -> list[str]:
    """Where the files lie that are going to be replaced."""
    with worker.sessions() as session:
        found = select(Artifact.storage_key).where(Artifact.avatar_id == claim.avatar_id, Artifact.name.in_(names))
        return list(session.scalars(found))


class _Gone(Exception):
    """The avatar was deleted while its variants were changed."""


class _Newer(Exception):
    """Another job has published a newer version."""
