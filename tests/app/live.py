"""The real app behind a real socket, with a worker whose engine answers at once: for tests of the client."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from sqlalchemy.orm import Session

from app.database.models import Artifact, Avatar, LatentCode, now
from app.database.session import Sessions
from app.ids import new_id
from app.jobs.preview import preview_key
from app.jobs.store import ClaimedJob, JobStore, problem_of
from app.main import create_app
from app.settings import Settings
from app.state import State
from app.storage import LocalStorage, avatar_prefix
from tests.app.conftest import PromptEngine
from tests.servers import free_port, listens, wait_until
from worker.run_job import run_job
from worker.worker import Worker

FILES = {"latents.json": b"0123456789" * 1000, "preview.png": b"\x89PNG picture"}
MADE = {"export": ("ply",), "animate": ("mp4", "json")}
FRAME = ("handedness", "up", "face", "subject_left", "origin", "units", "colours")
STEPS = 3
FAILS, GOES_ON = 1, 2
"""Seeds of avatars whose building fails, or goes on until it is canceled."""


@contextmanager
def live_service(settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine) -> Iterator[str]:
    """The service's address."""
    port = free_port()
    app = create_app(State(settings, sessions, storage, engine))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", ws="none", timeout_graceful_shutdown=1))
    worker = Worker(settings, sessions, storage, engine, threading.Event())
    threads = [threading.Thread(target=server.run), threading.Thread(target=_work, args=(worker,))]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: listens(port), 120, "the service listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        worker.stopping.set()
        server.should_exit = True
        for thread in threads:
            thread.join(60)


def _work(worker: Worker) -> None:
    """Run jobs as a worker does, but for building and learning, which take no engine here."""
    jobs = JobStore(worker.sessions)
    while not worker.stopping.is_set():
        claim = jobs.claim("test", ("train", "files", "render", "io"), 30)
        if claim is None:
            time.sleep(0.05)
        elif claim.kind == "create_avatar":
            _build(worker, jobs, claim)
        elif claim.kind in ("add_variant", "remove_variant"):
            _change(jobs, claim)
        elif claim.kind in MADE:
            _make(worker, jobs, claim)
        else:
            run_job(worker, claim)


def _build(worker: Worker, jobs: JobStore, claim: ClaimedJob) -> None:
    """Some steps with progress and a preview each; then the avatar."""
    seed, step = claim.input["recipe"]["seed"], 0
    preview = preview_key(claim.tenant_id, str(claim.avatar_id), claim.id)
    while step < STEPS or seed == GOES_ON:
        step += 1
        told = {"stage": "training", "step": step, "total_steps": STEPS, "fraction": min(1.0, step / STEPS), "eta_s": 1}
        worker.storage.put_bytes(preview, b"RIFF picture %d" % step, "image/webp")
        told |= {"previews": step}
        if jobs.heartbeat(claim, 30, told).cancel_requested:
            jobs.finish_cancel(claim)
            return
        if worker.stopping.wait(0.1):
            return
    worker.storage.delete(preview)
    if seed == FAILS:
        jobs.fail(claim, problem_of("engine_crashed", "It broke.", "Try again."), retry=False)
    else:
        jobs.succeed(
            claim, {"avatar_id": claim.avatar_id, "artifacts": list(FILES)}, lambda s: _publish(s, worker, claim)
        )


def _change(jobs: JobStore, claim: ClaimedJob) -> None:
    """The avatar's next version says what it has."""
    wanted = claim.input.get("add") or claim.input["remove"]
    category, id = wanted["category"], wanted["id"]

    def publish(session: Session) -> None:
        avatar = session.get(Avatar, claim.avatar_id)
        assert avatar is not None
        variants = {c: [v for v in ids if (c, v) != (category, id)] for c, ids in avatar.detail["variants"].items()}
        added = [one for one in avatar.detail.get("added", []) if (one["category"], one["id"]) != (category, id)]
        if "add" in claim.input:
            variants.setdefault(category, []).append(id)
            own = {"category": category, "id": id, "prompt": "a person", "method": wanted["method"]}
            added.append(own | {"gaussians": 5, "measured": {"seconds": 1.0}})
        avatar.version += 1
        avatar.detail = avatar.detail | {"variants": variants, "added": added}

    told = {"avatar_id": claim.avatar_id, "version": 2, "category": category, "variant": id, "measured": None}
    jobs.succeed(claim, told, publish)


def _make(worker: Worker, jobs: JobStore, claim: ClaimedJob) -> None:
    """Files that say what was asked for."""
    told = str(sorted((n, v) for n, v in claim.input["wish"].items() if v)).encode()
    ids = {f"{claim.id}.{kind}": new_id("art") for kind in MADE[claim.kind]}

    def publish(session: Session) -> None:
        for name, id in ids.items():
            _add_file(session, worker, claim, id, name, told)

    files = [{"artifact_id": id, "name": name, "content": f"/v1/artifacts/{id}/content"} for name, id in ids.items()]
    result: dict[str, Any] = {"avatar_id": claim.avatar_id, "version": 1}
    if claim.kind == "export":
        result |= files[0] | {"frame": dict.fromkeys(FRAME, "?")}
        del result["name"]
    else:
        result |= {"files": files, "frames": 1, "fps": 25, "bridged_frames": 0, "has_sound": False}
    jobs.succeed(claim, result, publish)


def _add_file(session: Session, worker: Worker, claim: ClaimedJob, id: str, name: str, data: bytes) -> None:
    key = f"{avatar_prefix(claim.tenant_id, str(claim.avatar_id))}/attempt-1/{name}"
    worker.storage.put_bytes(key, data, "application/octet-stream")
    session.add(
        Artifact(
            id=id, tenant_id=claim.tenant_id, avatar_id=claim.avatar_id, name=name, size_bytes=len(data),
            media_type="application/octet-stream", sha256=hashlib.sha256(data).hexdigest(), storage_key=key,
        )
    )  # fmt: skip


def _publish(session: Session, worker: Worker, claim: ClaimedJob) -> None:
    avatar = session.get(Avatar, claim.avatar_id)
    assert avatar is not None
    avatar.status, avatar.ready_at, avatar.version = "ready", now(), 1
    avatar.detail = {"variants": {"hair": ["long-wavy-blonde"]}, "expressions": ["jawOpen"]}
    for name, data in FILES.items():
        _add_file(session, worker, claim, new_id("art"), name, data)
    for variant in ("source", "long-wavy-blonde"):
        own = {"category": "hair", "variant": variant, "is_source": variant == "source", "vector": [0.5] * 32}
        session.add(LatentCode(avatar_id=avatar.id, **own))
