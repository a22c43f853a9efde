"""Every operation of the API's contract can be had through the client, or is left out on purpose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.client import Drive, Perse
from app.database.session import Sessions
from app.settings import Settings
from app.storage import LocalStorage
from tests.app.conftest import JPEG, PromptEngine
from tests.app.contract import operation_at
from tests.app.live import live_service

CONTRACT = json.loads((Path(__file__).parents[2] / "docs/reference/openapi.json").read_text())
LEFT_OUT = {
    ("HEAD", "/v1/portraits/{portrait_id}/image"): "GET tells the same",
    ("HEAD", "/v1/artifacts/{artifact_id}/content"): "the artifact has its size",
    ("GET", "/livez"): "for what keeps the service running",
    ("GET", "/readyz"): "for what keeps the service running",
}


class Heard(httpx.HTTPTransport):
    """The network, and which operations went over it."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: set[tuple[str, str]] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        template = operation_at(CONTRACT, request.method.lower(), request.url.path)
        assert template is not None, f"{request.method} {request.url.path} is not in the contract"
        self.operations.add((request.method, template))
        return super().handle_request(request)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def perse(
    settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine, heard: Heard
) -> Iterator[Perse]:
    lenient = settings.model_copy(update={"webhook_allow_http": True, "webhook_allow_private": True})
    with live_service(lenient, sessions, storage, engine) as url, Perse(url, transport=heard) as perse:
        yield perse


def make_and_change(perse: Perse, folder: Path) -> None:
    """Portraits, avatars, jobs, variants, looks, renders, animations, exports and files."""
    portrait = next(perse.portraits(), None) or perse.upload(JPEG, consent="self")
    perse.portrait(portrait.id).image()
    made = perse.create(portrait, wish="a red beanie")
    made.building().preview()
    avatar = made.wait(on_progress=print, timeout_s=120)
    next(perse.avatars()).refresh()
    avatar.render()
    avatar.add_variant("hair", "short curly auburn hair").wait()
    avatar.remove_variant("hair", avatar.refresh().added[0].id).wait()  # type: ignore[index]
    avatar.save_look("party", {})
    assert avatar.look("party") == avatar.looks()["party"]
    avatar.delete_look("party")
    avatar.latents()
    avatar.animate(Drive(clip="nod", seconds=1)).wait().artifacts()[0].save(folder)
    avatar.export("ply").wait()
    avatar.download(folder)
    next(perse.jobs()).refresh()
    perse.create(JPEG, consent="self").cancel()
    avatar.delete()
    portrait.delete()


def be_told(perse: Perse) -> None:
    """Webhook endpoints and what they were sent."""
    endpoint = perse.register_webhook("http://127.0.0.1:9/nobody")
    perse.webhook_endpoint(next(perse.webhook_endpoints()).id)
    endpoint.rotate_secret()
    perse.create(JPEG, consent="self").wait(timeout_s=120)
    endpoint.replay(next(endpoint.deliveries()).id)
    endpoint.delete()


def test_the_client_reaches_every_operation(perse: Perse, heard: Heard, tmp_path: Path) -> None:
    perse.vocabulary()
    perse.wishes("a red beanie")
    perse.meet([JPEG], consent="self").capture(JPEG)
    make_and_change(perse, tmp_path)
    be_told(perse)
    there = {(method.upper(), path) for path, ways in CONTRACT["paths"].items() for method in ways}
    assert len(there) > 40
    assert there - heard.operations == LEFT_OUT.keys()
