"""The OpenAPI document tells the truth, is committed, and does not change under its clients unnoticed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.jobs.preview import preview_key
from app.jobs.store import JobStore
from app.storage import LocalStorage
from tests.app.conftest import JPEG, TENANT
from tests.app.contract import METHODS, CheckedClient, check_answer
from tests.app.openapi_diff import breaking_changes
from tests.app.test_captures import capture, meet
from tests.app.test_routes import create, upload
from tests.app.test_webhooks import told_of_a_job

OPENAPI = Path(__file__).parents[2] / "docs/reference/openapi.json"


def committed() -> dict[str, Any]:
    return dict(json.loads(OPENAPI.read_text()))


def test_the_committed_file_is_current(client: CheckedClient) -> None:
    old, new = committed(), client.get("/openapi.json").json()
    breaks = "".join(f"\n  - {change}" for change in breaking_changes(old, new))
    advice = "docs/reference/openapi.json is not what the code says; meant so? python scripts/openapi.py"
    assert old == new, f"{advice}\nThis change breaks clients:{breaks}" if breaks else f"{advice}\nNo client breaks."


def test_every_route_answers_what_the_document_says(
    client: CheckedClient, jobs: JobStore, storage: LocalStorage, ready_avatar: str
) -> None:
    """Walks through all of them; the client holds each answer against the document."""
    base = f"/v1/avatars/{ready_avatar}"
    portrait = upload(client).json()["links"]
    for path in ("/livez", "/readyz", "/v1/vocabulary", "/v1/portraits", portrait["self"], portrait["image"]):
        client.get(path)
    client.head(portrait["image"])
    client.post("/v1/vocabulary/wishes", json={"text": "a red beanie and a nose"})
    client.post(f"{base}/renders", json={})
    job = client.post(f"{base}/renders", json={}, headers={"Prefer": "respond-async"}).json()["job"]
    made = create(client, metadata={"a": "b"}, variants=[{"category": "hat", "id": "beanie-red"}]).json()
    client.put(f"{base}/looks/a", json={"look": {"hair": {"long": 1}}})
    client.put(f"{base}/looks/b", json={"look": {"hair": {"code": [0.5] * 32}}})
    artifact = client.get(f"{base}/artifacts").json()["data"][0]["links"]
    for path in (base, made["avatar"]["links"]["self"], f"{base}/latents", f"{base}/looks", f"{base}/looks/b"):
        client.get(path)
    for path in ("/v1/avatars", "/v1/jobs", artifact["self"], artifact["content"]):
        client.get(path)
    client.head(artifact["content"])
    claim = jobs.claim("test", ["train"], 30)
    assert claim is not None
    storage.put_bytes(preview_key(TENANT, made["avatar"]["id"], made["job"]["id"]), b"picture", "image/webp")
    client.get(made["job"]["links"]["self"] + "/preview")
    meet(client, JPEG)
    capture(client)
    client.get(made["job"]["links"]["self"])
    jobs.fail(claim, {"type": "t", "title": "t", "code": "internal", "detail": "d"}, retry=False)
    client.get(made["job"]["links"]["self"])
    client.post(job["links"]["cancel"])
    client.get(job["links"]["events"])
    client.post(f"{base}/variants", json={"category": "hat", "prompt": "a red beanie", "method": "zero_shot"})
    client.post(f"{base}/exports", json={"format": "ply"})
    client.post(f"{base}/animations", json={"clip": "idle"})
    hook, delivery = told_of_a_job(client, jobs)
    for path in ("/v1/webhook-endpoints", hook["self"], hook["deliveries"]):
        client.get(path)
    client.post(f"{delivery}/replay")
    client.post(f"{hook['self']}/rotate-secret", json={})
    for path in (f"{base}/variants/hair/short", f"{base}/looks/a", base, portrait["self"], hook["self"]):
        client.delete(path)
    said = {(m, path) for path, operations in client.document["paths"].items() for m in METHODS if m in operations}
    assert len(said) > 25
    assert said - {(m, path) for m, path, status in client.seen if status < 300} == set()


def test_every_error_that_the_document_names_is_a_problem(client: CheckedClient) -> None:
    for operations in client.document["paths"].values():
        for operation in (operations[m] for m in METHODS if m in operations):
            for status, response in operation["responses"].items():
                if status.startswith("4"):
                    schema = response["content"]["application/problem+json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ProblemBody"}


def test_an_answer_that_is_not_in_the_document_is_found(client: CheckedClient) -> None:
    response = upload(client)
    narrow = copy.deepcopy(client.document)
    del narrow["components"]["schemas"]["PortraitBody"]["properties"]["confidence"]
    with pytest.raises(AssertionError, match="confidence"):
        check_answer(narrow, "post", "/v1/portraits", response)
    narrow = copy.deepcopy(client.document)
    del narrow["paths"]["/v1/portraits"]["post"]["responses"]["201"]
    with pytest.raises(AssertionError, match="knows only"):
        check_answer(narrow, "post", "/v1/portraits", response)


def schemas(document: dict[str, Any]) -> dict[str, Any]:
    return dict(document["components"]["schemas"])


def operation(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/v1/avatars"]["post"]
    return found


BREAKS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "path": (lambda d: d["paths"].pop("/v1/jobs"), "GET /v1/jobs: removed"),
    "method": (lambda d: d["paths"]["/v1/avatars"].pop("post"), "POST /v1/avatars: removed"),
    "answer-field": (lambda d: schemas(d)["JobBody"]["properties"].pop("stage"), "the field stage was removed"),
    "answer-optional": (lambda d: schemas(d)["JobBody"]["required"].remove("stage"), "stage is no longer always there"),
    "answer-nullable": (
        lambda d: schemas(d)["JobBody"]["properties"].update(id={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "id: may now be null",
    ),
    "answer-type": (
        lambda d: schemas(d)["JobBody"]["properties"].update(attempt={"type": "string"}),
        "attempt: the type was integer and is string",
    ),
    "status": (lambda d: operation(d)["responses"].pop("202"), "no longer answers 202"),
    "request-field": (lambda d: schemas(d)["CreateAvatar"]["properties"].pop("seed"), "the field seed was removed"),
    "request-required": (
        lambda d: schemas(d)["CreateAvatar"]["required"].append("name"), "the field name is now required",
    ),
    "request-type": (
        lambda d: schemas(d)["CreateAvatar"]["properties"].update(name={"type": "string"}),
        "name: no longer takes null",
    ),
    "request-limit": (
        lambda d: schemas(d)["CreateAvatar"]["properties"]["variants"].update(maxItems=5), "maxItems is now 5",
    ),
    "request-enum": (
        lambda d: schemas(d)["RenderBody"]["properties"]["format"]["enum"].remove("webp"), "no longer takes 'webp'",
    ),
    "parameter": (
        lambda d: operation(d)["parameters"].append({"in": "query", "name": "x", "required": True, "schema": {}}),
        "the query parameter x is now required",
    ),
    "media-type": (lambda d: operation(d)["requestBody"]["content"].clear(), "is no longer accepted"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_changes_that_break_clients_are_named(name: str) -> None:
    change, sentence = BREAKS[name]
    new = committed()
    change(new)
    found = breaking_changes(committed(), new)
    assert found and all(sentence in f for f in found), found


HARMLESS: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing": lambda d: None,
    "path": lambda d: d["paths"].update({"/v2": d["paths"]["/v1/jobs"]}),
    "answer-field": lambda d: schemas(d)["JobBody"]["properties"].update(more={"type": "string"}),
    "request-field": lambda d: schemas(d)["CreateAvatar"]["properties"].update(more={"type": "string"}),
    "request-wider": lambda d: schemas(d)["RenderBody"]["properties"]["format"]["enum"].append("avif"),
    "answer-enum": lambda d: schemas(d)["JobBody"]["properties"]["status"]["enum"].append("paused"),
    "words": lambda d: operation(d).update(description="other words"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_other_changes_are_not(name: str) -> None:
    new = committed()
    HARMLESS[name](new)
    assert breaking_changes(committed(), new) == []
