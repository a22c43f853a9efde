"""The camera: it takes the photo, and a face before it moves the avatar. What it shows is this suite's own film."""

from __future__ import annotations

import json

from playwright.sync_api import Page, Route, expect

from tests.web.conftest import Studio
from tests.web.live import open_avatar, until


def open_webcam(page: Page, studio: Studio) -> None:
    open_avatar(page, studio)
    page.get_by_role("tab", name="Face").click()
    page.get_by_role("button", name="Webcam").click()


def test_a_face_before_the_camera_moves_the_avatar_until_it_is_stopped(page: Page, studio: Studio) -> None:
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "/v1/drivers" in r.url or "/v1/captures" in r.url else None)
    open_webcam(page, studio)
    expect(page.get_by_text("keeps neither")).to_be_visible()
    assert asked == []
    page.get_by_role("button", name="Start the camera").click()
    until(page, "Math.abs(perse.viewer.state.pose.roll_deg) > 7")
    expect(page.get_by_text("Following.")).to_be_visible()
    assert page.evaluate("perse.session.state.pose.roll_deg") == 0
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Start the camera").wait_for()
    until(page, "perse.viewer.state.pose.roll_deg === 0")
    count = len(asked)
    page.get_by_role("button", name="Idle").click()
    until(page, "perse.viewer.state.pose.yaw_deg !== 0")
    assert len(asked) == count


def test_it_says_so_where_faces_are_not_followed(page: Page, studio: Studio) -> None:
    def without(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"live_capture": False})

    page.route("**/v1/vocabulary", without)
    open_webcam(page, studio)
    assert "not set up on this service" in page.get_by_role("alert").inner_text()
    assert page.get_by_role("button", name="Start the camera").count() == 0


def test_a_mirror_swaps_the_sides(page: Page, studio: Studio) -> None:
    open_avatar(page, studio)
    turns = {"yaw_deg": 10, "pitch_deg": 5, "roll_deg": -3, "gaze_yaw_deg": 4, "gaze_pitch_deg": 2}
    doing = {"turns": turns, "expression": {"eyeBlinkLeft": 0.5, "jawOpen": 0.2, "mouthSmileRight": 0.1}}
    found = page.evaluate(
        "async doing => JSON.stringify((await import('/web/studio/follower.js')).mirrored(doing))", doing
    )
    assert json.loads(found) == {
        "turns": {"yaw_deg": -10, "pitch_deg": 5, "roll_deg": 3, "gaze_yaw_deg": -4, "gaze_pitch_deg": 2},
        "expression": {"eyeBlinkRight": 0.5, "jawOpen": 0.2, "mouthSmileLeft": 0.1},
    }


def test_the_photo_is_taken_with_the_camera(page: Page, studio: Studio) -> None:
    page.goto(studio.url)
    page.get_by_label("This is me").check()
    page.get_by_role("button", name="Use the camera").click()
    until(page, "document.querySelector('video')?.videoWidth > 0")
    page.get_by_role("button", name="Take the photo").click()
    page.locator(".face-box").wait_for()
    page.get_by_role("button", name="Another photo").click()
    page.get_by_role("button", name="Use the camera").wait_for()
