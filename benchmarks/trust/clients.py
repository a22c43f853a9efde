"""What scenarios ask the API for: portraits, avatars, jobs, and how they wait."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import skimage.data
from PIL import Image

from app.database.models import DEFAULT_TENANT, Artifact, Avatar, now
from app.database.session import transaction
from app.ids import new_id
from app.jobs.store import TERMINAL
from app.storage import avatar_prefix
from benchmarks.trust.stack import CONSENT, Stack
from worker.publishing import sha256_of

RECIPE = {"preset": "preview", "categories": None, "variants": [], "seed": 0}
MODEL = ("avatar.json", "avatar.safetensors")


def sample_portrait() -> bytes:
    """The public-domain sample (NASA, in scikit-image), PNG."""
    file = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(file, "PNG")
    return file.getvalue()


def upload(client: httpx.Client, photo: bytes) -> str:
    """A portrait's id."""
    answer = client.post("/v1/portraits", files={"file": ("photo", photo)}, data={"consent": CONSENT})
    return str(checked(answer)["id"])


def create(client: httpx.Client, portrait_id: str, preset: str, **options: Any) -> tuple[str, str]:
    """Ids of an avatar that is being built, and of its job."""
    made = checked(client.post("/v1/avatars", json={"portrait_id": portrait_id, "preset": preset} | options))
    return made["avatar"]["id"], made["job"]["id"]


def wait_for(client: httpx.Client, job_id: str, timeout_s: float = 600.0) -> dict[str, Any]:
    """The job when it has ended."""
    deadline = time.monotonic() + timeout_s
    while True:
        job = checked(client.get(f"/v1/jobs/{job_id}", headers={"Prefer": "wait=10"}))
        if job["status"] in TERMINAL:
            return job
        if time.monotonic() > deadline:
            raise TimeoutError(f"The {job['kind']} job is still {job['status']} after {timeout_s:.0f} s.")


def checked(answer: httpx.Response) -> dict[str, Any]:
    """The JSON of a success."""
    if answer.status_code >= 400:
        raise RuntimeError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    return dict(answer.json())


def until_answered(ask: Callable[[], httpx.Response], timeout_s: float = 300.0) -> httpx.Response:
    """As a client does whose service is restarted now and then: ask again until there is an answer."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            answer = ask()
            if answer.status_code < 500 and answer.status_code not in (409, 429):
                return answer
            reason = f"{answer.status_code} {answer.text[:200]}"
        except httpx.TransportError as error:
            reason = repr(error)
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer within {timeout_s:.0f} s; the last: {reason}")
        time.sleep(0.2)


def add_ready_avatar(stack: Stack, model: Path, tenant: str = DEFAULT_TENANT) -> str:
    """Put a finished avatar's model into the store and the database, as a job would have; returns its id."""
    from perse_engine.avatar.storage import load_avatar

    id = new_id("ava")
    detail = {"variants": load_avatar(model).variants(), "added": []}
    avatar = Avatar(
        id=id, tenant_id=tenant, portrait_id="por_none", status="ready", version=1, recipe=RECIPE, ready_at=now(),
        detail=detail, client_metadata={},
    )  # fmt: skip
    for name in MODEL:
        stack.storage.put_file(_key(tenant, id, name), model / name, "application/octet-stream")
    with transaction(stack.sessions) as session:
        session.add(avatar)
        session.flush()
        session.add_all(_artifact(tenant, id, model / name) for name in MODEL)
    return id


def _key(tenant: str, id: str, name: str) -> str:
    return f"{avatar_prefix(tenant, id)}/attempt-1/{name}"


def _artifact(tenant: str, id: str, path: Path) -> Artifact:
    return Artifact(
        id=new_id("art"), tenant_id=tenant, avatar_id=id, name=path.name, media_type="application/octet-stream",
        size_bytes=path.stat().st_size, sha256=sha256_of(path), storage_key=_key(tenant, id, path.name),
    )  # fmt: skip
