"""Animations from the page: a clip or a file goes in, the video plays; what cannot be is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from perse_engine.motion.clips import make_clip
from perse_engine.motion.live_link import motion_to_csv
from tests.web.conftest import Studio
from tests.web.films import STILL_S, write_film
from tests.web.lines import lines_of, written
from tests.web.live import open_avatar, until

KEEP_SENT = """
  const original = fetch;
  window.fetch = (path, options) => {
    const body = options?.body;
    if (body instanceof FormData) {
      const text = async part => part instanceof File ? part.text() : part;
      window.sent = Promise.all([...body].map(async ([name, part]) => [name, await text(part)]));
    }
    return original(path, options);
  };
"""
"""The browser's protocol does not tell the bodies of requests with files."""


def open_animate(page: Page, studio: Studio, width_px: int = 64) -> None:
    page.add_init_script(KEEP_SENT)
    open_avatar(page, studio)
    page.get_by_role("tab", name="Animate").click()
    page.get_by_role("spinbutton", name="Width, px").fill(str(width_px))
    page.get_by_role("spinbutton", name="Height, px").fill("64")


def go(page: Page) -> None:
    page.get_by_role("button", name="Animate", exact=True).click()


def drop(page: Page, name: str, text: str) -> None:
    """Drop a file onto the field, as a person does."""
    files = page.evaluate_handle(
        """([name, text]) => {
          const data = new DataTransfer();
          data.items.add(new File([text], name));
          return data;
        }""",
        [name, text],
    )
    page.locator(".drop").dispatch_event("drop", {"dataTransfer": files})


def sent(page: Page) -> dict[str, str]:
    """The parts of the last multipart body, by name."""
    return dict(page.evaluate("sent"))


def canceled(page: Page, studio: Studio, job: dict[str, Any]) -> dict[str, Any]:
    """The job after the page's own button has ended it."""
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("progressbar").wait_for(state="detached")
    return studio.service.job(job["id"])


def test_somebodys_video_becomes_one_of_the_avatar_that_plays(
    page: Page, studio: Studio, astronaut_png: bytes, tmp_path: Path
) -> None:
    open_animate(page, studio, width_px=96)
    page.locator("#movement").set_input_files(write_film(tmp_path / "me.mp4", astronaut_png, fps=10))
    expect(page.get_by_text("erased when the job has ended")).to_be_visible()
    go(page)
    expect(page.get_by_role("progressbar", name="Making the video")).to_be_in_viewport()
    video = "document.querySelector('.made-video')"
    until(page, f"{video}?.currentTime > 0", 240)
    assert page.evaluate(f"[{video}.videoWidth, {video}.videoHeight]") == [96, 64]
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the video").click()
    assert waiting.value.suggested_filename == "Eileen-video.mp4"
    assert Path(waiting.value.path()).read_bytes()[4:8] == b"ftyp"
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the motion").click()
    rolls = [frame["pose"]["roll_deg"] for frame in json.loads(Path(waiting.value.path()).read_text())["frames"]]
    still = rolls[: round(0.8 * STILL_S * 25)]
    assert max(map(abs, still)) < 4 and min(rolls) < -7 and max(rolls) > 7


def test_a_clip_is_asked_for_with_what_is_chosen(page: Page, studio: Studio) -> None:
    open_animate(page, studio)
    page.get_by_role("button", name="Nod", exact=True).click()
    seconds = page.get_by_label("Seconds")
    assert seconds.get_attribute("max") == "120"
    seconds.fill("110")
    with page.expect_response("**/animations") as waiting:
        go(page)
    options = json.loads(sent(page)["options"])
    assert (options["clip"], options["seconds"], options["width_px"]) == ("nod", 110, 64)
    assert canceled(page, studio, waiting.value.json()["job"])["status"] == "canceled"


def test_a_dropped_motion_is_sent_with_what_is_on_screen_and_canceled(page: Page, studio: Studio) -> None:
    # A minute and a half, so that it can still be canceled.
    csv = motion_to_csv(make_clip("idle", seconds=90.0, fps=30.0))
    look, camera = {"eyeglasses": {"round-black": 1}}, {"yaw_deg": 20, "pitch_deg": 0, "distance": 1, "fov_deg": 18}
    open_animate(page, studio)
    page.evaluate("part => perse.session.set(part, true)", {"look": look, "camera": camera})
    drop(page, "take.csv", csv)
    expect(page.get_by_label("Seconds")).to_be_hidden()
    page.get_by_label("Frames a second of the file").fill("30")
    with page.expect_response("**/animations") as waiting:
        go(page)
    files = sent(page)
    options = json.loads(files.pop("options"))
    assert files == {"motion": csv}
    assert (options["look"], options["camera"], options["motion_fps"]) == (look, camera, 30)
    assert not {"clip", "seconds"} & options.keys()
    assert canceled(page, studio, waiting.value.json()["job"])["status"] == "canceled"
    assert page.get_by_role("alert").count() == 0


@pytest.mark.parametrize(
    ("name", "kind", "clip"),
    [("you.mp4", "video", None), ("take.json", "motion", None), ("voice.wav", "voice", "talk")],
)
def test_a_file_is_sent_as_what_it_is_and_refused_for_what_is_in_it(
    page: Page, studio: Studio, tmp_path: Path, name: str, kind: str, clip: str | None
) -> None:
    (tmp_path / name).write_text("nothing of the kind")
    open_animate(page, studio)
    page.get_by_role("button", name="Talk", exact=True).click()
    page.locator("#movement").set_input_files(tmp_path / name)
    go(page)
    alert = page.get_by_role("alert")
    alert.wait_for()
    files = sent(page)
    assert files.keys() == {"options", kind} and json.loads(files["options"]).get("clip") == clip
    assert kind in alert.inner_text()


def test_a_motion_that_cannot_be_read_is_told_in_words(page: Page, studio: Studio) -> None:
    open_animate(page, studio)
    drop(page, "take.csv", "Timecode,JawOpen\nnothing")
    go(page)
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert page.get_by_role("progressbar").count() == 0 and len(alert.inner_text()) > 20


def test_other_files_are_not_taken_and_a_clip_takes_a_files_place(page: Page, studio: Studio) -> None:
    open_animate(page, studio)
    drop(page, "notes.txt", "hello")
    assert "neither a video" in page.get_by_role("alert").inner_text()
    name = f"{20 * 'you and '}.webm"
    drop(page, name, "")
    expect(page.get_by_text(name)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert (
        page.evaluate("(tab => tab.scrollWidth - tab.clientWidth)(document.querySelector('.tab:not([hidden])'))") == 0
    )
    idle = page.get_by_role("button", name="Idle", exact=True)
    expect(idle).to_have_attribute("aria-pressed", "false")
    idle.click()
    expect(idle).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text(name)).to_have_count(0)


def test_lines_for_a_video_send_the_file_beside_them(page: Page, studio: Studio, tmp_path: Path) -> None:
    motion = tmp_path / "it's me.json"
    motion.write_text('[{"jawOpen": 0.5}, {"jawOpen": 0.1}, {"jawOpen": 0.4}]')
    open_animate(page, studio)
    page.locator("#movement").set_input_files(motion)
    page.get_by_text("With curl or Python").first.click()
    compile(lines_of(page, "The same video with Python"), "lines", "exec")
    written(lines_of(page, "The same video with curl"), "curl", tmp_path)
    assert (tmp_path / "avatar.mp4").read_bytes()[4:8] == b"ftyp"
