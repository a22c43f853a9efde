"""The live view draws what the engine draws, and goes on drawing it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Page

from perse_engine.avatar.avatar import Avatar
from tests.web.conftest import Studio
from tests.web.live import artifact_named, engine_pixels, open_avatar, pixels, psnr_db, set_state, settle, until

SAME_DB = 40.0


def half_of_everything(avatar: Avatar) -> dict[str, Any]:
    return {category: {ids[0]: 0.5} for category, ids in avatar.variants().items()}


@pytest.mark.parametrize(
    ("case", "part"),
    [
        ("neutral", {}),
        ("eyelids", {"expression": {"eyeBlinkLeft": 0.8, "eyeBlinkRight": 1.0}}),
        (
            "mouth",
            {
                "expression": {"jawOpen": 0.6, "mouthSmileLeft": 0.8, "mouthPucker": 0.1},
                "pose": {"yaw_deg": 15, "pitch_deg": 4, "roll_deg": -5, "gaze": {"yaw_deg": 12, "pitch_deg": -10}},
            },
        ),
        ("mixed look", {"camera": {"yaw_deg": 20, "pitch_deg": 8, "distance": 0.7, "fov_deg": 18}}),
    ],
)
def test_a_state_looks_as_the_engine_draws_it(
    live: Page, studio: Studio, tiny_avatar: Avatar, case: str, part: dict[str, Any]
) -> None:
    set_state(live, part | ({"look": half_of_everything(tiny_avatar)} if case == "mixed look" else {}))
    assert psnr_db(pixels(live), engine_pixels(live, studio)) > SAME_DB


def test_a_state_drawn_again_is_the_same_picture(live: Page) -> None:
    before = pixels(live)
    set_state(live, {"expression": {"jawOpen": 0.7}})
    assert np.abs(pixels(live) - before).max() > 0.2
    set_state(live, {"expression": {}})
    assert np.array_equal(pixels(live), before)


def test_the_base_is_drawn_before_attributes_are_fetched(page: Page, studio: Studio, tiny_avatar: Avatar) -> None:
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.headers.get("range", "")) if r.url.endswith("/content") else None)
    open_avatar(page, studio)
    settle(page)
    assert len(asked) == 2 and all(a.startswith("bytes=") for a in asked)
    category, ids = next(iter(tiny_avatar.variants().items()))
    set_state(page, {"look": {category: {ids[0]: 1.0}}})
    set_state(page, {"look": {category: {ids[0]: 0.5}}})
    assert len(asked) == 3


def test_it_is_told_how_much_of_a_file_has_come(live: Page, studio: Studio) -> None:
    told = live.evaluate(
        """async url => {
          const { Source } = await import("/web/viewer/source.js"), told = [];
          const bytes = await new Source(url, {}).read(4, 300004, fraction => told.push(fraction));
          return [bytes.byteLength, ...told];
        }""",
        f"/v1/artifacts/{artifact_named(studio, 'bundle.glb')['id']}/content",
    )
    size, fractions = told[0], told[1:]
    assert size == 300000 and fractions == sorted(fractions) and fractions[-1] == 1


def test_a_lost_context_comes_back(page: Page, studio: Studio) -> None:
    open_avatar(page, studio)
    set_state(page, {"expression": {"mouthSmileLeft": 0.8}})
    before = pixels(page)
    page.evaluate(
        """async () => {
          const { viewer } = perse, loss = viewer.gl.getExtension("WEBGL_lose_context");
          const next = name => new Promise(resolve => viewer.addEventListener(name, resolve, { once: true }));
          const lost = next("lost"); loss.loseContext(); await lost;
          const restored = next("restored"); setTimeout(() => loss.restoreContext(), 50); await restored;
          await viewer.settled();
        }"""
    )
    assert np.abs(pixels(page) - before).max() < 0.01


def test_two_avatars_on_one_page(page: Page, studio: Studio) -> None:
    page.goto(f"{studio.url}/embed#{studio.avatar_id}")
    page.wait_for_selector("perse-avatar[data-live]")
    page.evaluate(
        """async () => {
          const first = document.querySelector("perse-avatar"), second = first.cloneNode();
          delete second.dataset.live;
          const loaded = new Promise(resolve => second.addEventListener("load", resolve));
          document.body.append(second);
          await loaded;
        }"""
    )
    assert page.locator("perse-avatar[data-live]").count() == 2


def test_the_page_around_it_moves_an_embedded_avatar(page: Page, studio: Studio) -> None:
    page.goto(f"{studio.url}/embed#{studio.avatar_id}")
    page.wait_for_selector("perse-avatar[data-live]")
    told = {"expression": {"jawOpen": 0.4}, "pose": {"yaw_deg": 10, "roll_deg": "much"}}
    page.evaluate("state => window.postMessage({ type: 'perse-state', state }, '*')", told)
    state = "document.querySelector('perse-avatar').state"
    until(page, f"{state}.expression.jawOpen === 0.4")
    assert page.evaluate(f"[{state}.pose.yaw_deg, {state}.pose.roll_deg]") == [10, 0]


def test_an_embedded_avatar_wears_what_its_address_says(page: Page, studio: Studio) -> None:
    look = {"eyeglasses": {"round-black": 1}}
    page.goto(f"{studio.url}/embed#{studio.avatar_id}?s={quote(json.dumps({'look': look}))}")
    page.wait_for_selector("perse-avatar[data-live]")
    viewer = "document.querySelector('perse-avatar').viewer"
    picture = f"{viewer}.settled().then(() => {viewer}.canvas.toDataURL())"
    worn = page.evaluate(picture)
    assert page.evaluate(f"{viewer}.drawnState.look") == look
    page.evaluate(f"{viewer}.show({{...{viewer}.state, look: {{}}}})")
    assert page.evaluate(picture) != worn


def test_an_unknown_avatar_is_refused_in_words(page: Page, studio: Studio) -> None:
    page.goto(f"{studio.url}/embed#")
    page.get_by_role("alert").wait_for()
