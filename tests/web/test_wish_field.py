"""One more variant, as on a picture: agreed to, learnt, worn at once, and the picture is erased."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.servers import wait_until
from tests.web.conftest import Studio
from tests.web.live import engine_pixels, open_avatar, pixels, psnr_db, settle, until


def test_a_picture_becomes_a_variant_that_is_worn(page: Page, studio: Studio, photo: Path) -> None:
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
    wait_until(lambda: photos() == before, 120, "the picture is erased")
    assert [one["method"] for one in client.get(f"/v1/avatars/{studio.avatar_id}").json()["added"]] == ["inversion"]
    expect(page.get_by_role("button", name="Unlearn")).to_be_visible()
    settle(page)
    assert psnr_db(pixels(page), engine_pixels(page, studio)) > 40
