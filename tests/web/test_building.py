"""Waiting for an avatar: it grows before one's eyes, from any page, and a failure is told."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.web.conftest import Studio
from tests.web.live import serious_faults
from tests.web.shelf import Building


def test_its_building_is_followed_from_the_library_to_its_end(page: Page, studio: Studio, building: Building) -> None:
    page.goto(studio.url)
    expect(page.locator(".tile.building .status")).to_have_text("Being built, 42 %")
    page.get_by_role("link", name="See how Growing is built").click()
    page.locator(".cell").first.wait_for()
    shown = page.locator(".growing img")
    assert [shown.nth(i).get_attribute("alt") for i in range(shown.count())] == [
        "The avatar so far", "Turned, smiling", "With one of its variants", "Your photo",
    ]  # fmt: skip
    expect(page.get_by_text("42 %, about 30 s left")).to_be_visible()
    assert page.locator(".stages .now").inner_text() == "Training the avatar"
    assert page.get_by_role("progressbar", name="Building the avatar").get_attribute("aria-valuenow") == "42"
    assert serious_faults(page) == []
    building.fail("The disk is full.")
    expect(page.get_by_role("alert")).to_contain_text("The disk is full.")
    page.get_by_role("link", name="To all avatars").click()
    page.get_by_role("link", name="See why Growing could not be built").click()
    expect(page.get_by_role("alert")).to_contain_text("The disk is full.")
    page.get_by_role("link", name="To all avatars").click()
    erase = page.get_by_role("button", name="Delete Growing")
    erase.click()
    assert serious_faults(page) == []
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert erase.is_visible()
    erase.click()
    page.get_by_role("button", name="Delete", exact=True).click()
    erase.wait_for(state="detached")
    portraits = studio.service.client.get("/v1/portraits").json()["data"]
    avatars = studio.service.client.get("/v1/avatars").json()["data"]
    assert {a["portrait_id"] for a in avatars} <= {p["id"] for p in portraits}
    gone = studio.service.client.get(f"/v1/jobs/{building.job_id}/preview")
    assert gone.status_code == 404
