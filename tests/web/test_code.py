"""The lines that the page shows for what is on screen do what the page does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.web.conftest import Studio
from tests.web.live import open_avatar, set_state

WORN = {"look": {"eyeglasses": {"round-black": 0.5}}, "expression": {"jawOpen": 0.4}}


def lines_of(page: Page, label: str) -> str:
    """They are written a moment after the fold is opened."""
    lines = page.get_by_label(label)
    expect(lines).not_to_be_empty()
    return lines.inner_text()


def written(lines: str, way: str, folder: Path) -> None:
    """Run them in a folder, where they write a file."""
    command = ["bash", "-ec", lines] if way == "curl" else [sys.executable, "-c", lines]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240, env=os.environ)
    assert done.returncode == 0, done.stderr


def test_lines_for_a_picture_and_a_file_give_what_the_buttons_give(page: Page, studio: Studio, tmp_path: Path) -> None:
    open_avatar(page, studio)
    set_state(page, WORN)
    page.get_by_role("tab", name="Export").click()
    page.get_by_role("spinbutton", name="Width, px").fill("320")
    page.get_by_label("Upside down").check()
    for fold in page.get_by_text("With curl or Python").all()[-2:]:
        fold.click()
    for button, name in (("Save the picture", "avatar.png"), ("Save the file", "avatar.ply")):
        what = "picture" if name.endswith("png") else "file"
        with page.expect_download() as waiting:
            page.get_by_role("button", name=button).click()
        for way in ("curl", "Python"):
            (tmp_path / name).unlink(missing_ok=True)
            written(lines_of(page, f"The same {what} with {way}"), way, tmp_path)
            assert (tmp_path / name).read_bytes() == Path(waiting.value.path()).read_bytes()
    with Image.open(tmp_path / "avatar.png") as picture:
        assert picture.size == (320, 1024) and picture.mode == "RGBA"


def test_lines_for_a_video_send_the_file_beside_them(page: Page, studio: Studio, tmp_path: Path) -> None:
    motion = tmp_path / "it's me.json"
    motion.write_text('[{"jawOpen": 0.5}, {"jawOpen": 0.1}, {"jawOpen": 0.4}]')
    open_avatar(page, studio)
    page.get_by_role("tab", name="Animate").click()
    page.locator("#movement").set_input_files(motion)
    page.get_by_role("spinbutton", name="Width, px").fill("64")
    page.get_by_role("spinbutton", name="Height, px").fill("64")
    page.get_by_text("With curl or Python").first.click()
    compile(lines_of(page, "The same video with Python"), "lines", "exec")
    written(lines_of(page, "The same video with curl"), "curl", tmp_path)
    assert (tmp_path / "avatar.mp4").read_bytes()[4:8] == b"ftyp"
