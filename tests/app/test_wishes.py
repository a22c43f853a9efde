"""Own words: what they mean, and avatars that are made from them."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.jobs.store import JobStore
from perse_engine.vocabulary import find_variant
from tests.app.test_routes import assert_problem, create


def wishes(client: TestClient, text: str) -> list[dict[str, Any]]:
    response = client.post("/v1/vocabulary/wishes", json={"text": text})
    assert response.status_code == 200, response.text
    return list(response.json()["wishes"])


def test_words_become_wishes_with_variants_that_an_avatar_takes(client: TestClient, jobs: JobStore) -> None:
    hat, beard = wishes(client, "a red beanie and a short shiny beard")
    assert (hat["category"], hat["variant"]["id"], hat["not_understood"]) == ("hat", "beanie-red", [])
    assert beard["slots"] == {"length": "short"} and beard["not_understood"] == ["shiny"]
    found = find_variant("beard", beard["variant"]["id"])
    assert found is not None and found.prompt == beard["variant"]["prompt"]
    wanted = [{"category": w["category"], "id": w["variant"]["id"]} for w in (hat, beard)]
    made = create(client, variants=wanted)
    assert made.status_code == 202, made.text
    claim = jobs.claim("test", ["train"], 30)
    assert claim is not None
    assert claim.input["recipe"]["variants"] == [["hat", "beanie-red"], ["beard", beard["variant"]["id"]]]


def test_a_prompt_is_as_good_as_the_id_that_it_means(client: TestClient) -> None:
    made = create(client, variants=[{"category": "beard", "prompt": "a short beard"}]).json()
    assert made["avatar"]["recipe"]["variants"] == [["beard", "wish-style-full-length-short"]]


def test_a_category_without_words_says_what_to_add(client: TestClient) -> None:
    hat, nose = wishes(client, "a red beanie and a nose")
    assert hat["problem"] is None and nose["variant"] is None
    assert nose["problem"]["code"] == "unsupported_wish" and "wide" in nose["problem"]["hint"]


@pytest.mark.parametrize("text", ["a purple zebra", "!", "short short"])
def test_words_for_nothing_are_refused(client: TestClient, text: str) -> None:
    assert_problem(client.post("/v1/vocabulary/wishes", json={"text": text}), 422, "unsupported_wish")


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "a\0b"}, {"text": "x" * 501}, {"text": "a", "to": 1}])
def test_wishes_keep_to_the_contract(client: TestClient, body: dict[str, Any]) -> None:
    assert_problem(client.post("/v1/vocabulary/wishes", json=body), 422, "invalid_request")


@pytest.mark.parametrize(
    ("wish", "code", "word"),
    [
        ({"category": "beard", "id": "wish-length-enormous"}, "unknown_name", "slot or a value"),
        ({"category": "beard", "id": "wish-"}, "unknown_name", "slot or a value"),
        ({"category": "beard", "id": "nothing"}, "unknown_name", "beard/nothing"),
        ({"category": "tail", "id": "wish-length-short"}, "unknown_name", "'tail'"),
        ({"category": "beard", "prompt": "a red beanie"}, "unsupported_wish", "hat"),
        ({"category": "beard", "prompt": "a beard and a red beanie"}, "unsupported_wish", "hat"),
        ({"category": "beard", "prompt": "a short shiny beard"}, "unsupported_wish", "'shiny'"),
        ({"category": "nose", "prompt": "a nose"}, "unsupported_wish", "nose"),
        ({"category": "beard", "id": "full-brown", "prompt": "a short beard"}, "invalid_request", ""),
        ({"category": "beard"}, "invalid_request", ""),
    ],
)
def test_variants_that_cannot_be_are_told(client: TestClient, wish: dict[str, str], code: str, word: str) -> None:
    response = create(client, variants=[wish])
    assert_problem(response, 422, code)
    assert word in response.json()["detail"]
