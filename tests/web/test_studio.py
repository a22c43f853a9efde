"""The page as a person uses it: make, change, undo, share."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.web.conftest import SIZE, Studio
from tests.web.live import open_avatar, pixels, settle, until

PHONE = {"width": 390, "height": 844}


def choose(page: Page, photo: Path) -> None:
    """A photo whose person agrees."""
    page.get_by_label("This is me").check()
    page.locator("#photo").set_input_files(photo)


def test_a_photo_is_analysed_becomes_a_job_is_canceled_and_erased(page: Page, studio: Studio, photo: Path) -> None:
    page.goto(studio.url)
    choose(page, photo)
    box = page.locator(".face-box").bounding_box()
    picture = page.locator(".photo img").bounding_box()
    assert box and picture
    # The astronaut's face lies right of the middle, in the upper half.
    assert 0.3 < (box["x"] + box["width"] / 2 - picture["x"]) / picture["width"] < 0.6
    assert 0.1 < (box["y"] + box["height"] / 2 - picture["y"]) / picture["height"] < 0.4
    page.get_by_label("Name").fill("To be canceled")
    page.get_by_text("What can be changed later").click()
    expect(page.get_by_label("Hat", exact=True)).to_be_checked()
    expect(page.get_by_label("Earrings")).not_to_be_checked()
    page.get_by_label("More looks from the catalogue").select_option("earrings/hoop-silver-small")
    expect(page.get_by_label("Earrings")).to_be_checked()
    page.get_by_label("Or in your own words").fill("a red beanie")
    page.get_by_role("button", name="Build the avatar").click()
    page.locator(".stages .now").first.wait_for()
    recipe = studio.service.client.get("/v1/avatars").json()["data"][0]["recipe"]
    assert {"hat", "earrings"} <= set(recipe["categories"]) and "cloth" not in recipe["categories"]
    assert recipe["variants"] == [["earrings", "hoop-silver-small"], ["hat", "beanie-red"]]
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Choose a photo").wait_for()
    erase = page.get_by_role("button", name="Delete To be canceled")
    erase.click()
    page.get_by_role("button", name="Delete", exact=True).click()
    erase.wait_for(state="detached")


def test_who_makes_the_pictures_is_chosen_where_there_is_a_choice_and_refused_where_there_is_none(
    page: Page, studio: Studio, photo: Path
) -> None:
    def with_models(route: Route) -> None:
        told = route.fetch().json()
        told["backends"] |= {"editors": ["procedural", "diffusion"], "animators": ["rig", "wan-vace"]}
        route.fulfill(json=told)

    page.goto(studio.url)
    choose(page, photo)
    page.locator(".face-box").wait_for()
    assert page.get_by_label("Looks drawn by").count() == 0
    page.route("**/v1/vocabulary", with_models)
    page.reload()
    choose(page, photo)
    page.get_by_label("Looks drawn by").select_option("diffusion")
    page.get_by_label("Movements by").select_option("wan-vace")
    assert page.get_by_label("Shape of the head from").count() == 0
    with page.expect_request("**/v1/avatars") as asked:
        page.get_by_role("button", name="Build the avatar").click()
    body = asked.value.post_data_json
    assert (body["editor"], body["animator"], body["preset"]) == ("diffusion", "wan-vace", "draft")
    expect(page.get_by_role("alert")).to_contain_text("does not offer the editor")
    page.get_by_role("button", name="Another photo").click()


def test_nothing_is_sent_before_the_person_agrees(page: Page, studio: Studio, photo: Path) -> None:
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "POST" and "portraits" in r.url else None)
    page.goto(studio.url)
    page.locator("#photo").set_input_files(photo)
    go = page.get_by_role("button", name="Continue")
    assert go.is_disabled() and sent == []
    page.get_by_label("This is me").check()
    go.click()
    page.locator(".face-box").wait_for()
    assert len(sent) == 1


def test_a_photo_without_a_face_is_refused_in_words(page: Page, studio: Studio, tmp_path: Path) -> None:
    Image.new("RGB", (400, 400), (90, 120, 90)).save(tmp_path / "grass.png")
    page.goto(studio.url)
    choose(page, tmp_path / "grass.png")
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "face" in alert.inner_text().lower()
    expect(alert.get_by_alt_text("The photo that cannot be used")).to_be_visible()
    expect(page.get_by_role("button", name="Choose a photo")).to_be_visible()


def test_variants_are_worn_undone_and_shared_by_link(page: Page, studio: Studio) -> None:
    open_avatar(page, studio)
    settle(page)
    bare = pixels(page)
    variant = page.get_by_role("button", name="Round black")
    variant.click()
    settle(page)
    worn = pixels(page)
    assert np.abs(worn - bare).max() > 0.2
    expect(variant).to_have_attribute("aria-pressed", "true")
    until(page, "location.hash.includes('eyeglasses')")
    link = page.url
    page.get_by_role("button", name="Undo").click()
    settle(page)
    assert np.array_equal(pixels(page), bare)
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("body[data-live]")
    page.evaluate("perse.viewer.setBackground([.82, .84, .86])")
    settle(page)
    assert np.array_equal(pixels(page), worn)


def test_sliders_and_keys_move_the_head(page: Page, studio: Studio) -> None:
    open_avatar(page, studio)
    page.get_by_role("tab", name="Face").click()
    page.get_by_label("Open the mouth").fill("0.5")
    page.get_by_label("The avatar.").press("ArrowLeft")
    page.get_by_role("tab", name="Pose").click()
    page.get_by_label("Turn", exact=True).fill("20")
    settle(page)
    guesses = page.get_by_text("Beyond this angle the avatar guesses.")
    assert guesses.is_hidden()
    page.get_by_label("Turn", exact=True).fill("40")
    expect(guesses).to_be_visible()
    # The track turns amber at 35 degrees, which the camera's own -5 bring to 30, of -45 to 45.
    most = page.get_by_label("Turn", exact=True).evaluate("range => range.style.getPropertyValue('--most')")
    assert float(most) == pytest.approx(75 / 90)
    page.get_by_label("Turn", exact=True).fill("20")
    settle(page)
    state = json.loads(page.evaluate("JSON.stringify(perse.session.state)"))
    assert state["expression"] == {"jawOpen": 0.5}
    assert (state["camera"]["yaw_deg"], state["pose"]["yaw_deg"]) == (-5, 20)


def test_a_recording_is_played_and_stopped(page: Page, studio: Studio, tmp_path: Path) -> None:
    rows = ["Timecode,BlendShapeCount,JawOpen,EyeBlinkLeft", *(f"0:{i},61,0.{i},0.5" for i in range(1, 9))]
    (tmp_path / "take.csv").write_text("\n".join(rows))
    open_avatar(page, studio)
    page.get_by_role("tab", name="Face").click()
    page.locator("#recording").set_input_files(tmp_path / "take.csv")
    until(page, "perse.viewer.state.expression.jawOpen > 0.05 && perse.viewer.state.expression.eyeBlinkLeft === 0.5")
    page.get_by_role("button", name="From a file").click()
    settle(page)
    assert page.evaluate("perse.viewer.state.expression") == {}


def test_looks_are_saved(page: Page, studio: Studio) -> None:
    open_avatar(page, studio)
    page.get_by_role("button", name="Round black").click()
    page.get_by_placeholder("Name of this look").fill("Reading")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="reading", exact=True).wait_for()
    saved = studio.service.client.get(f"/v1/avatars/{studio.avatar_id}/looks/reading").json()
    assert saved["look"] == {"eyeglasses": {"round-black": 1}}


@pytest.mark.parametrize("size", [SIZE, PHONE], ids=["desktop", "phone"])
def test_the_page_fits_and_does_not_jump(page: Page, studio: Studio, size: dict[str, int]) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.add_init_script(
        "window.jumped = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) jumped += e.value })"
        ".observe({ type: 'layout-shift', buffered: true })"
    )
    open_avatar(page, studio)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("document.querySelector('.stage').clientHeight") > 0.45 * size["height"]
    assert page.evaluate("jumped") < 0.1
