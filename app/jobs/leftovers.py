"""What was stored for a job and is of no use once it has ended."""

from __future__ import annotations

from app.database.models import Job
from app.jobs.uploads import erase_uploads
from app.storage import Storage, avatar_prefix


def parts_prefix(tenant_id: str, avatar_id: str) -> str:
    """Below lies what the parts of the avatar's building hand over to it, and nothing else."""
    return f"{avatar_prefix(tenant_id, avatar_id)}/parts"


def erase_leftovers(storage: Storage, job: Job) -> None:
    """Erase its uploads, and what its parts have handed over."""
    erase_uploads(storage, job.input)
    if job.parts_total and job.avatar_id is not None:
        storage.delete_prefix(parts_prefix(job.tenant_id, job.avatar_id))
