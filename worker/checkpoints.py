"""What a build leaves in the store while it runs: pictures for whoever waits, and checkpoints for another machine."""

from __future__ import annotations

from pathlib import Path

from app.jobs.preview import preview_key
from app.jobs.store import ClaimedJob
from app.storage import Storage, avatar_prefix
from worker.job_child import RESTORED
from worker.mirror import Mirror

PREVIEW = "work/preview.webp"
PREVIEW_EVERY_S = 1.0
CHECKPOINT = "work/training/checkpoint.safetensors"
CHECKPOINT_EVERY_S = 15.0


def preview_of(storage: Storage, claim: ClaimedJob, folder: Path) -> Mirror:
    """The avatar as it is while it trains, as a picture."""
    key = preview_key(claim.tenant_id, str(claim.avatar_id), claim.id)
    return Mirror(storage, folder / PREVIEW, lambda _: key, "image/webp", every_s=PREVIEW_EVERY_S)


def checkpoint_of(storage: Storage, claim: ClaimedJob, folder: Path) -> Mirror:
    """The training's state: where several machines share the jobs, it must outlive its machine."""

    def key_of(copy: int) -> str:
        # Of two keys, that of the later claim, and of its later copy, is the greater.
        return f"{checkpoints_prefix(claim)}/{claim.lease_token:09d}-{copy:09d}.safetensors"

    return Mirror(storage, folder / CHECKPOINT, key_of, "application/octet-stream", every_s=CHECKPOINT_EVERY_S)


def restore(storage: Storage, claim: ClaimedJob, folder: Path) -> None:
    """Fetch the newest checkpoint that a worker left, unless this machine has its own."""
    newest = max(storage.list(checkpoints_prefix(claim)), default=None)
    if newest is not None and not (folder / CHECKPOINT).exists():
        # The child puts it where training looks, once it has claimed the folder.
        storage.download(newest, folder / RESTORED)


def checkpoints_prefix(claim: ClaimedJob) -> str:
    """Below lie the checkpoints of a build, and nothing else."""
    return f"{avatar_prefix(claim.tenant_id, str(claim.avatar_id))}/checkpoints"
