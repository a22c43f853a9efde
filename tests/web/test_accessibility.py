"""Nobody is shut out: what axe says of every state of the page, light and dark."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.web.conftest import Studio
from tests.web.live import serious_faults


def test_where_an_avatar_is_made(page: Page, studio: Studio, photo: Path) -> None:
    page.goto(studio.url)
    page.locator(".tile").first.wait_for()
    assert serious_faults(page) == []
    page.locator("#photo").set_input_files(photo)
    page.get_by_label("This is me").check()
    assert serious_faults(page) == []
    page.get_by_role("button", name="Continue").click()
    page.locator(".face-box").wait_for()
    page.get_by_text("What can be changed later").click()
    assert serious_faults(page) == []


def test_where_there_is_no_avatar_yet_and_a_photo_is_refused(page: Page, studio: Studio, tmp_path: Path) -> None:
    page.route("**/v1/avatars?*", lambda route: route.fulfill(json={"data": [], "next_cursor": None}))
    page.goto(studio.url)
    page.get_by_role("heading", name="For example").wait_for()
    expect(page.get_by_role("heading", name="Your avatars")).to_be_hidden()
    Image.new("RGB", (400, 400), (90, 120, 90)).save(tmp_path / "grass.png")
    page.get_by_label("This is me").check()
    page.locator("#photo").set_input_files(tmp_path / "grass.png")
    assert "face" in page.get_by_role("alert").inner_text().lower()
    expect(page.get_by_role("button", name="Choose a photo")).to_be_visible()
    assert serious_faults(page) == []


def test_where_an_avatar_is_changed(live: Page, photo: Path) -> None:
    faults = {}
    for tab in ("Look", "Face", "Pose", "Animate", "Export"):
        live.get_by_role("tab", name=tab).click()
        if tab == "Look":
            live.get_by_role("button", name="Round black").click()
            live.locator(".reference").first.set_input_files(photo)
        if tab == "Face":
            live.get_by_text("All 52 expressions").click()
            live.get_by_role("button", name="Webcam").click()
        for fold in live.get_by_text("With curl or Python").all():
            if fold.is_visible():
                fold.click()
        faults[tab] = serious_faults(live)
    assert {tab: found for tab, found in faults.items() if found} == {}


def test_where_an_avatar_is_not_found_and_refused(page: Page, studio: Studio) -> None:
    page.goto(f"{studio.url}/#/avatar/ava_none")
    assert "no such avatar" in page.get_by_role("alert").inner_text()
    assert serious_faults(page) == []


def test_where_a_key_is_asked_for_and_refused(page: Page, studio: Studio) -> None:
    page.route("**/v1/vocabulary", lambda route: route.fulfill(status=401, json={"detail": "A key is needed."}))
    page.goto(studio.url)
    page.get_by_role("dialog").wait_for()
    assert serious_faults(page) == []
