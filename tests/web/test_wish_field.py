"""One more variant, as on a picture: agreed to, learnt, worn at once, and the picture is erased."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.servers import wait_until
from tests.web.conftest import Studio
from tests.web.live import open_avatar, until


def test_a_picture_becomes_a_variant_that_is_worn_and_can_be_unlearnt(page: Page, studio: Studio, photo: Path) -> None:
    client = studio.service.client

    def photos() -> set[str]:
        return {p["id"] for p in client.get("/v1/portraits").json()["data"]}

    before = photos()
    open_avatar(page, studio)
    page.get_by_label("A picture of another hair").set_input_files(photo)
    learn = page.get_by_role("button", name="Learn it")
    assert learn.is_disabled() and photos() == before
    page.get_by_label("This is me, or the person agreed.").check()
    learn.click()
    until(page, "Object.keys(perse.session.state.look.hair ?? {})[0]?.startsWith('reference-')", 240)
    expect(page.get_by_text("The avatar has learnt it.")).to_be_visible()
    wait_until(lambda: photos() == before, 20, "the picture is erased")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Unlearn").click()
    page.get_by_role("button", name="Unlearn").wait_for(state="detached", timeout=240_000)
    page.locator("[title*='reference photo']").wait_for(state="detached", timeout=240_000)
    assert client.get(f"/v1/avatars/{studio.avatar_id}").json()["added"] == []
