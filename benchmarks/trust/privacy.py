"""Whose is what: another tenant's ids, and what is left of what was erased."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from app.database.models import Job, WebhookDelivery, WebhookEndpoint
from app.database.session import transaction
from app.ids import new_id
from app.jobs.store import enqueue
from app.keys import create_key
from benchmarks.trust.clients import add_ready_avatar, checked, create, sample_portrait, upload, wait_for
from benchmarks.trust.promise import Promise, exactly, figure, holds
from benchmarks.trust.stack import Stack, embedded, full_stack

OWNER, STRANGER = "tenant_owner", "tenant_stranger"
METHODS = ("get", "head", "put", "post", "delete", "patch")
BODIES: Mapping[str, dict[str, Any]] = {
    "/looks/{name}": {"look": {}},
    "/variants": {"category": "hat", "prompt": "a red beanie"},
    "/exports": {"format": "ply"},
    "/animations": {"clip": "idle"},
    "/renders": {},
    "/rotate-secret": {},
}
"""What routes want that look at their body before they look for the id."""


def strangers(folder: Path, model: Path) -> list[Promise]:
    """Every route of the OpenAPI document that names something, with what belongs to another tenant."""
    with embedded(folder, PERSE_REQUIRE_KEY="true") as stack:
        keys = {tenant: create_key(stack.sessions, "trust", tenant) for tenant in (OWNER, STRANGER)}
        with stack.client(keys[OWNER]) as owner, stack.client(keys[STRANGER]) as stranger:
            ids = _things(stack, owner, model)
            document = checked(owner.get("/openapi.json"))
            answers = {
                f"{method.upper()} {path}": stranger.request(method, url, json=body)
                for method, path, url, body in _requests(document, ids)
            }
            portrait = {"portrait_id": ids["portrait_id"]}
            answers["POST /v1/avatars of a portrait"] = stranger.post("/v1/avatars", json=portrait)
            lists = {p: stranger.get(p).json()["data"] for p in document["paths"] if _is_list(document, p)}
            seen = [owner.get(f"/v1/avatars/{ids['avatar_id']}").status_code, owner.get("/v1/jobs").status_code]
        wrong = {name: answer.status_code for name, answer in answers.items() if answer.status_code != 404}
        return [
            figure("routes asked with another tenant's ids", len(answers)),
            holds("all answer 404", not wrong, str(wrong) if wrong else "yes"),
            exactly("rows of another tenant in lists", sum(map(len, lists.values())), 0),
            holds("and the owner still has everything", seen == [200, 200], str(seen)),
        ]


def erase(folder: Path, preset: str) -> list[Promise]:
    """A real avatar with everything that is made of it, and what the store's own disk holds after its erasure."""
    with full_stack(folder) as stack, stack.client(timeout_s=120) as client:
        assert stack.store is not None
        before = stack.store.bytes_of_objects()
        portrait = upload(client, sample_portrait())
        avatar, job = create(client, portrait, preset)
        ended = wait_for(client, job)
        base = f"/v1/avatars/{avatar}"
        client.post(f"{base}/renders", json={"width_px": 64, "height_px": 64}).raise_for_status()
        for kind, body in (("exports", {"format": "glb"}), ("animations", {"clip": "idle", "seconds": 0.5})):
            wait_for(client, checked(client.post(f"{base}/{kind}", json=body))["job"]["id"])
        objects, size = sum(1 for _ in stack.storage.list("t")), stack.store.bytes_of_objects() - before
        erased = wait_for(client, checked(client.delete(base))["job"]["id"])
        client.delete(f"/v1/portraits/{portrait}").raise_for_status()
        left = sum(1 for _ in stack.storage.list("t"))
        copies = [f for part in folder.glob("data-*") for f in part.glob(f"*/{avatar}*")]
        return [
            holds("the avatar was built", ended["status"] == "succeeded", ended["status"]),
            figure("objects before", objects),
            figure("bytes before", size),
            exactly("objects left, as the job says", float(erased["result"]["objects_left"]), 0),
            exactly("objects left, as the store lists them", left, 0),
            exactly("bytes left on the store's disk", stack.store.bytes_of_objects() - before, 0),
            exactly("copies in workers' caches", len(copies), 0),
            exactly("the avatar afterwards", client.get(base).status_code, 404),
        ]


def _things(stack: Stack, owner: httpx.Client, model: Path) -> dict[str, str]:
    """One of everything that a path can name."""
    avatar = add_ready_avatar(stack, model, OWNER)
    portrait = upload(owner, sample_portrait())
    owner.put(f"/v1/avatars/{avatar}/looks/own", json={"look": {}}).raise_for_status()
    artifact = checked(owner.get(f"/v1/avatars/{avatar}/artifacts"))["data"][0]["id"]
    endpoint = WebhookEndpoint(
        id=new_id("whe"), tenant_id=OWNER, url="https://example.com/", events=[], secret="whsec_AAAA"
    )
    with transaction(stack.sessions) as session:
        job: Job = enqueue(session, tenant_id=OWNER, kind="render", queue="nobody", input={}, avatar_id=avatar)
        session.add(endpoint)
        session.flush()
        delivery = WebhookDelivery(id=new_id("whd"), endpoint_id=endpoint.id, job_id=job.id, event="job.failed")
        session.add(delivery)
    return {
        "avatar_id": avatar, "portrait_id": portrait, "job_id": job.id, "artifact_id": artifact, "name": "own",
        "endpoint_id": endpoint.id, "delivery_id": delivery.id, "category": "hair", "variant": "source",
    }  # fmt: skip


def _requests(document: dict[str, Any], ids: dict[str, str]) -> Iterator[tuple[str, str, str, dict[str, Any] | None]]:
    for path, operations in document["paths"].items():
        names = re.findall(r"{(\w+)}", path)
        if not names or not path.startswith("/v1/"):
            continue
        body = next((body for end, body in BODIES.items() if path.endswith(end)), None)
        for method in (m for m in METHODS if m in operations):
            yield method, path, path.format(**ids), body if method in ("put", "post") else None


def _is_list(document: dict[str, Any], path: str) -> bool:
    get = document["paths"][path].get("get", {})
    return "{" not in path and any(p["name"] == "cursor" for p in get.get("parameters", []))
