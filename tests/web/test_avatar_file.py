"""Export of what is on screen: buttons, and lines for shell and Python, give what the API gives for the same state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page

from tests.web.conftest import Studio
from tests.web.lines import lines_of, written
from tests.web.live import artifact_named, set_state

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


def test_buttons_and_lines_give_what_is_on_screen(live: Page, studio: Studio, tmp_path: Path) -> None:
    open_export(live)
    live.get_by_role("spinbutton", name="Width, px").fill("320")
    live.get_by_label("Upside down").check()
    for fold in live.get_by_text("With curl or Python").all()[-2:]:
        fold.click()
    for what, name in (("picture", "avatar.png"), ("file", "avatar.ply")):
        with live.expect_download() as waiting:
            live.get_by_role("button", name=f"Save the {what}").click()
        assert waiting.value.suggested_filename == name.replace("avatar", "Eileen")
        for way in ("curl", "Python"):
            (tmp_path / name).unlink(missing_ok=True)
            written(lines_of(live, f"The same {what} with {way}"), way, tmp_path)
            assert (tmp_path / name).read_bytes() == Path(waiting.value.path()).read_bytes()
    assert (tmp_path / "avatar.ply").read_bytes() == exported(studio, **ON_SCREEN, format="ply", y_down=True)
    with Image.open(tmp_path / "avatar.png") as picture:
        assert picture.size == (320, 1024) and picture.mode == "RGBA"


def test_only_kinds_that_can_be_turned_ask_whether(live: Page) -> None:
    open_export(live)
    shown, asked = {}, {}
    if not live.get_by_label("The same file with curl").is_visible():
        live.get_by_text("With curl or Python").all()[-1].click()
    kinds = live.get_by_label("Kind of file")
    for value in ("ply", "spz", "splat", "glb", "rig", "both", "mesh"):
        kinds.select_option(value)
        shown[value] = live.get_by_label("Upside down").is_visible()
        asked[value] = lines_of(live, "The same file with curl")
    assert [value for value, is_shown in shown.items() if is_shown] == ["ply", "splat"]
    assert '"format":"glb","content":"mesh"' in asked["mesh"] and '"format":"spz"' in asked["spz"]


def test_the_latents_are_saved(live: Page, studio: Studio) -> None:
    open_export(live)
    with live.expect_download() as waiting:
        live.get_by_role("button", name="latents.json").click()
    content = artifact_named(studio, "latents.json")["links"]["content"]
    assert Path(waiting.value.path()).read_bytes() == studio.service.client.get(content).content
