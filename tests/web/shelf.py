"""A finished avatar in a service's database and store, without the minutes of building it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from app.database.models import DEFAULT_TENANT, Artifact, Avatar, LatentCode, Portrait, now
from app.database.session import Sessions, transaction
from app.ids import new_id
from app.storage import LocalStorage, avatar_prefix, portrait_prefix
from perse_engine.avatar.avatar import Avatar as Model
from perse_engine.avatar.storage import save_avatar
from perse_engine.export import write_bundle
from perse_engine.portrait.analyse import PortraitReport
from perse_engine.vocabulary import ARKIT_NAMES, pose_limits_deg
from worker.publishing import MEDIA_TYPES

FILES = ("avatar.safetensors", "avatar.json", "latents.json", "bundle.glb")


def put_on_shelf(
    model: Model, photo: bytes, report: PortraitReport, folder: Path, sessions: Sessions, storage: LocalStorage
) -> str:
    """Store it as a build does; returns the avatar's id."""
    save_avatar(model, folder)
    write_bundle(folder / "bundle.glb", model)
    portrait, avatar = new_id("por"), new_id("ava")
    photo_key = f"{portrait_prefix(DEFAULT_TENANT, portrait)}/portrait"
    storage.put_bytes(photo_key, photo, "image/png")
    detail = {
        "variants": model.variants(), "expressions": list(ARKIT_NAMES), "pose_limits_deg": pose_limits_deg(),
        "gaussians": len(model), "backends": {"rasterizer": "cpu"}, "metrics": {},
    }  # fmt: skip
    recipe = {"preset": "preview", "categories": None, "variants": [], "seed": 0}
    with transaction(sessions) as session:
        session.add(
            Portrait(
                id=portrait, tenant_id=DEFAULT_TENANT, storage_key=photo_key, media_type="image/png",
                sha256=hashlib.sha256(photo).hexdigest(), report=report.to_json(),
                consent={"version": "1", "subject": "authorised"},
            )
        )  # fmt: skip
        session.add(
            Avatar(
                id=avatar, tenant_id=DEFAULT_TENANT, portrait_id=portrait, name="Eileen", status="ready", version=1,
                recipe=recipe, ready_at=now(), detail=detail, client_metadata={},
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
