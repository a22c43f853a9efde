"""Avatars in a service's database and store, finished and half way, without the minutes of building them."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from app.database.models import DEFAULT_TENANT, Artifact, Avatar, Job, JobEvent, LatentCode, Portrait, now
from app.database.session import Sessions, transaction
from app.ids import new_id
from app.jobs.preview import preview_key
from app.jobs.store import problem_of
from app.storage import LocalStorage, avatar_prefix, portrait_prefix
from perse_engine.avatar.avatar import Avatar as Model
from perse_engine.avatar.storage import save_avatar
from perse_engine.export import write_bundle
from perse_engine.portrait.analyse import PortraitReport
from perse_engine.vocabulary import ARKIT_NAMES, pose_limits_deg
from worker.publishing import MEDIA_TYPES

RECIPE: dict[str, Any] = {"preset": "preview", "categories": None, "variants": [], "seed": 0}
FILES = ("avatar.safetensors", "avatar.json", "latents.json", "bundle.glb")


def put_on_shelf(
    model: Model, photo: bytes, report: PortraitReport, folder: Path, sessions: Sessions, storage: LocalStorage
) -> str:
    """Store it as a build does; returns the avatar's id."""
    save_avatar(model, folder)
    write_bundle(folder / "bundle.glb", model)
    portrait, avatar = _portrait(storage, photo, report), new_id("ava")
    detail = {
        "variants": model.variants(), "expressions": list(ARKIT_NAMES), "pose_limits_deg": pose_limits_deg(),
        "gaussians": len(model), "backends": {"rasterizer": "cpu"}, "metrics": {},
    }  # fmt: skip
    with transaction(sessions) as session:
        session.add(portrait)
        session.add(
            Avatar(
                id=avatar, tenant_id=DEFAULT_TENANT, portrait_id=portrait.id, name="Eileen", status="ready", version=1,
                recipe=RECIPE, ready_at=now(), detail=detail, client_metadata={},
            )
        )  # fmt: skip
        session.flush()
        for name in FILES:
            data = (folder / name).read_bytes()
            key = f"{avatar_prefix(DEFAULT_TENANT, avatar)}/attempt-1/{name}"
            storage.put_bytes(key, data, MEDIA_TYPES[Path(name).suffix])
            session.add(
                Artifact(
                    id=new_id("art"), tenant_id=DEFAULT_TENANT, avatar_id=avatar, name=name, size_bytes=len(data),
                    media_type=MEDIA_TYPES[Path(name).suffix], sha256=hashlib.sha256(data).hexdigest(), storage_key=key,
                )
            )  # fmt: skip
        for category, entry in json.loads((folder / "latents.json").read_text())["categories"].items():
            for variant, vector in {"source": entry["source"], **entry["variants"]}.items():
                own = {"category": category, "variant": variant, "is_source": variant == "source", "vector": vector}
                session.add(LatentCode(avatar_id=avatar, **own))
    return avatar


@dataclass(frozen=True)
class Building:
    """An avatar whose job nobody really runs."""

    avatar_id: str
    job_id: str
    sessions: Sessions

    def fail(self, detail: str) -> None:
        """As a worker does that gives up."""
        error = problem_of("internal", detail)
        with transaction(self.sessions) as session:
            job, avatar = session.get_one(Job, self.job_id), session.get_one(Avatar, self.avatar_id)
            job.status, job.error, job.finished_at, avatar.status = "failed", error, now(), "failed"
            job.status_sequence += 1
            session.add(JobEvent(job_id=job.id, kind="done"))


def put_building(sessions: Sessions, storage: LocalStorage, photo: bytes, report: PortraitReport) -> Building:
    """As it is while a worker trains it."""
    portrait, avatar, job = _portrait(storage, photo, report), new_id("ava"), new_id("job")
    picture = io.BytesIO()
    Image.new("RGBA", (768, 256), (90, 120, 200, 255)).save(picture, "WEBP")
    storage.put_bytes(preview_key(DEFAULT_TENANT, avatar, job), picture.getvalue(), "image/webp")
    progress = {"fraction": 0.42, "stage": "training", "step": 500, "total_steps": 1200, "eta_s": 30.0, "previews": 1}
    with transaction(sessions) as session:
        session.add(portrait)
        session.add(
            Avatar(
                id=avatar, tenant_id=DEFAULT_TENANT, portrait_id=portrait.id, name="Growing", status="building",
                version=0, recipe=RECIPE, detail={}, client_metadata={},
            )
        )  # fmt: skip
        session.add(
            Job(
                id=job, tenant_id=DEFAULT_TENANT, avatar_id=avatar, kind="create_avatar", queue="train",
                status="running", attempt=1, lease_token=1, lease_expires_at=now() + timedelta(hours=1), input={},
                progress=progress,
            )
        )  # fmt: skip
    return Building(avatar, job, sessions)


def _portrait(storage: LocalStorage, photo: bytes, report: PortraitReport) -> Portrait:
    id = new_id("por")
    key = f"{portrait_prefix(DEFAULT_TENANT, id)}/portrait"
    storage.put_bytes(key, photo, "image/png")
    found = report.to_json()
    found["pose"] = {name: found.pop(name) for name in ("yaw_deg", "pitch_deg", "roll_deg")}
    return Portrait(
        id=id, tenant_id=DEFAULT_TENANT, storage_key=key, media_type="image/png",
        sha256=hashlib.sha256(photo).hexdigest(), report=found,
        consent={"version": "1", "subject": "authorised"},
    )  # fmt: skip
