"""Export of what is on screen for other programs: the file is the one that the API gives for the same state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.web.conftest import Studio
from tests.web.live import set_state

ON_SCREEN: dict[str, Any] = {
    "look": {"eyeglasses": {"round-black": 0.5}},
    "expression": {"jawOpen": 0.4},
    "pose": {"yaw_deg": 20, "pitch_deg": 0, "roll_deg": 0, "gaze": {"yaw_deg": 5, "pitch_deg": 0}},
}


def open_export(page: Page) -> None:
    set_state(page, ON_SCREEN)
    page.get_by_role("tab", name="Export").click()


def exported(studio: Studio, **wish: Any) -> bytes:
    """What the API gives for a wish."""
    answer = studio.service.client.post(f"/v1/avatars/{studio.avatar_id}/exports", json=wish)
    assert answer.status_code == 202, answer.text
    job = studio.service.wait(answer.json()["job"]["id"])
    return studio.service.client.get(job["result"]["content"]).content


def test_the_file_shows_what_is_on_screen(live: Page, studio: Studio) -> None:
    open_export(live)
    live.get_by_label("Kind of file").select_option(label="GLB with a still mesh")
    with live.expect_download() as waiting:
        live.get_by_role("button", name="Save the file").click()
        live.get_by_role("progressbar", name="Writing the file").wait_for()
    assert waiting.value.suggested_filename == "Eileen.glb"
    assert Path(waiting.value.path()).read_bytes() == exported(studio, **ON_SCREEN, format="glb", content="mesh")


def test_only_kinds_that_can_be_turned_ask_whether(live: Page) -> None:
    open_export(live)
    shown = {}
    kinds = live.get_by_label("Kind of file")
    for value in ("ply", "spz", "splat", "glb", "rig", "both", "mesh"):
        kinds.select_option(value)
        shown[value] = live.get_by_label("Upside down").is_visible()
    assert [value for value, is_shown in shown.items() if is_shown] == ["ply", "splat"]


def test_the_latents_are_saved(live: Page, studio: Studio) -> None:
    open_export(live)
    with live.expect_download() as waiting:
        live.get_by_role("button", name="latents.json").click()
    stored = studio.service.client.get(f"/v1/avatars/{studio.avatar_id}/artifacts").json()["data"]
    content = next(a["links"]["content"] for a in stored if a["name"] == "latents.json")
    assert Path(waiting.value.path()).read_bytes() == studio.service.client.get(content).content
