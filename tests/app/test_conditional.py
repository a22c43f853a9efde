"""If-None-Match and HEAD, where there is content to spare."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from app.conditional import is_fresh
from tests.app.conftest import CONSENT, JPEG


@pytest.mark.parametrize(
    ("header", "etag", "fresh"),
    [
        ('"a"', '"a"', True),
        ('"b", "a"', '"a"', True),
        ('"b" ,W/"a"', '"a"', True),
        ('"a"', 'W/"a"', True),
        ('W/"a,b"', 'W/"a,b"', True),
        (" * ", '"a"', True),
        ('"b", "c"', '"a"', False),
        ('"ab"', '"a"', False),
        ("a", '"a"', False),
        ('"*"', '"a"', False),
        ("", '"a"', False),
        (None, '"a"', False),
    ],
)
def test_tags_are_compared_weakly_in_lists(header: str | None, etag: str, fresh: bool) -> None:
    assert is_fresh(header, etag) is fresh


@pytest.fixture
def image(client: TestClient) -> str:
    response = client.post("/v1/portraits", files={"file": ("a.jpg", JPEG)}, data={"consent": CONSENT})
    return str(response.json()["links"]["image"])


@pytest.fixture
def content(client: TestClient, ready_avatar: str) -> str:
    return str(client.get(f"/v1/avatars/{ready_avatar}/artifacts").json()["data"][0]["links"]["content"])


@pytest.fixture
def job(client: TestClient, image: str) -> str:
    made = client.post("/v1/avatars", json={"portrait_id": image.split("/")[3]})
    return str(made.headers["location"])


@pytest.mark.parametrize("kind", ["image", "content", "job"])
def test_what_the_client_has_is_not_sent_again(client: TestClient, kind: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(kind)
    etag = client.get(url).headers["etag"]
    for header in (etag, f'"other", {etag}', f"W/{etag.removeprefix('W/')}", "*"):
        answer = client.get(url, headers={"If-None-Match": header})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag), header
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("kind", ["image", "content"])
def test_head_tells_what_get_would_send(client: TestClient, kind: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(kind)
    whole, head = client.get(url), client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    own = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in whole.headers.items() if k not in own
    }
    assert int(head.headers["content-length"]) == len(whole.content)
    assert client.head(url, headers={"If-None-Match": head.headers["etag"]}).status_code == 304
    assert client.head(url.replace("_", "_x")).status_code == 404


def test_a_range_of_another_version_gets_the_whole_file(client: TestClient, content: str) -> None:
    etag = client.get(content).headers["etag"]
    for if_range, status in ((etag, 206), ('"other"', 200), (f"W/{etag}", 200)):
        assert client.get(content, headers={"Range": "bytes=0-1", "If-Range": if_range}).status_code == status


def test_any_render_is_fresh_only_when_it_was_made(client: TestClient, ready_avatar: str) -> None:
    url, any_tag = f"/v1/avatars/{ready_avatar}/renders", {"If-None-Match": "*"}
    assert client.post(url, json={}, headers=any_tag).status_code == 200
    assert client.post(url, json={}, headers=any_tag).status_code == 304
    weak = {"If-None-Match": f'"a", W/{client.post(url, json={}).headers["etag"]}'}
    assert client.post(url, json={}, headers=weak).status_code == 304
