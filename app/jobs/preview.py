"""The picture of an avatar that is being built: where it lies, and its address."""

from __future__ import annotations

from app.storage import avatar_prefix

PREVIEWS = "previews"


def preview_key(tenant_id: str, avatar_id: str, job_id: str) -> str:
    """Where it lies in the store; newer ones replace it."""
    return f"{avatar_prefix(tenant_id, avatar_id)}/{PREVIEWS}/{job_id}.webp"


def preview_link(job_id: str, copies: int) -> str:
    """Its address, another one with every copy, so that whoever follows the job knows that there is a newer one."""
    return f"/v1/jobs/{job_id}/preview?copy={copies}"
