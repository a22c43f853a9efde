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
    return Mirror(storage, folder / PREVIEW, key, "image/webp", every_s=PREVIEW_EVERY_S)


def checkpoint_of(storage: Storage, claim: ClaimedJob, folder: Path) -> Mirror:
    """The training's state: where several machines share the jobs, it must outlive its machine."""
    key = f"{avatar_prefix(claim.tenant_id, str(claim.avatar_id))}/checkpoint/checkpoint.safetensors"
    media_type = "application/octet-stream"
    return Mirror(storage, folder / CHECKPOINT, key, media_type, every_s=CHECKPOINT_EVERY_S)


def restore(storage: Storage, checkpoint: Mirror, folder: Path) -> None:
    """Fetch what another worker left, unless this machine has its own."""
    if not checkpoint.path.exists() and storage.head(checkpoint.key) is not None:
        # The child puts it where training looks, once it has claimed the folder.
        storage.download(checkpoint.key, folder / RESTORED)
