"""The real service with a small finished avatar on its shelf, and a real Chromium that looks at its page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from app.database.session import open_database
from app.settings import Settings
from app.storage import LocalStorage
from perse_engine.avatar.avatar import Avatar
from perse_engine.portrait.analyse import report
from perse_engine.portrait.portrait import PortraitAnalysis
from tests.perse_engine.avatar.fixtures import tiny_avatar
from tests.perse_engine.synthesis.fixtures import tiny_dataset, tiny_recipe
from tests.web.films import write_camera
from tests.web.live import open_avatar, rest_again
from tests.web.shelf import Building, put_building, put_on_shelf
from tests.worker.service import Service, service
from worker.serve import prepare

__all__ = ["tiny_avatar", "tiny_dataset", "tiny_recipe"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--force-device-scale-factor=1", "--hide-scrollbars", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]  # fmt: skip
SIZE = {"width": 920, "height": 440}
"""Of a desktop, barely: without a GPU every pixel costs."""

TIMEOUT_MS = 120_000
"""Of whatever is waited for on a page."""


@dataclass(frozen=True)
class Studio:
    """A running service with one ready avatar."""

    service: Service
    avatar_id: str

    @property
    def url(self) -> str:
        """Of the service, without a slash at its end."""
        return str(self.service.client.base_url).rstrip("/")


@pytest.fixture(scope="package")
def studio(
    tiny_avatar: Avatar, astronaut_png: bytes, astronaut_analysis: PortraitAnalysis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Studio]:  # fmt: skip
    folder = tmp_path_factory.mktemp("studio")
    data_dir = folder / "data"
    data_dir.mkdir()
    sessions = prepare(Settings(data_dir=data_dir))
    storage = LocalStorage(data_dir / "objects")
    avatar = put_on_shelf(
        tiny_avatar, astronaut_png, report(astronaut_analysis), folder / "model", sessions, storage
    )  # fmt: skip
    sessions.kw["bind"].dispose()
    with service(data_dir) as running:
        yield Studio(running, avatar)


@pytest.fixture(scope="package")
def browser(astronaut_png: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Its camera shows the sample portrait, who tilts her head."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("needs chromium: apt-get install chromium")
    profile = tmp_path_factory.mktemp("chromium")
    camera = write_camera(tmp_path_factory.mktemp("camera") / "face.mjpeg", astronaut_png)
    flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile), executable_path=found, headless=True, args=flags, viewport=SIZE, color_scheme="light"
        )
        context.set_default_timeout(TIMEOUT_MS)
        expect.set_options(timeout=TIMEOUT_MS)
        yield context
        context.close()


def watched(page: Page, studio: Studio) -> list[str]:
    """What goes wrong on a page from now on: errors that it logs, other hosts that it asks; GL warns."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None)
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((studio.url, "blob:", "data:")) else None)
    return wrong


def unexpected(wrong: list[str], *expected: str) -> list[str]:
    # GL says so of every picture that is read back, which only tests do.
    known = ("GPU stall due to ReadPixels", *expected)
    return [line for line in wrong if not any(text in line for text in known)]


@pytest.fixture
def page(browser: BrowserContext, studio: Studio, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A new page; nothing may go wrong on it."""
    page = browser.new_page()
    page.set_viewport_size(SIZE)  # type: ignore[arg-type]
    wrong = watched(page, studio)
    yield page
    page.close()
    # Chromium logs every answer of 4xx as an error; tests in whose name something is refused expect one.
    assert unexpected(wrong, *(["status of 4"] if "refused" in request.node.name else [])) == []


@pytest.fixture(scope="module")
def opened(browser: BrowserContext, studio: Studio) -> Iterator[tuple[Page, list[str]]]:
    """The avatar's page, opened once for a module's tests, and what went wrong on it."""
    page = browser.new_page()
    page.set_viewport_size(SIZE)  # type: ignore[arg-type]
    wrong = watched(page, studio)
    open_avatar(page, studio)
    yield page, wrong
    page.close()


@pytest.fixture
def live(opened: tuple[Page, list[str]]) -> Iterator[Page]:
    """The avatar's page as it is at the start, for tests that change nothing but what is on screen."""
    page, wrong = opened
    wrong.clear()
    rest_again(page)
    yield page
    assert unexpected(wrong) == []


@pytest.fixture
def photo(astronaut_png: bytes, tmp_path: Path) -> Path:
    (tmp_path / "photo.png").write_bytes(astronaut_png)
    return tmp_path / "photo.png"


@pytest.fixture(scope="package")
def building(studio: Studio, astronaut_png: bytes, astronaut_analysis: PortraitAnalysis) -> Iterator[Building]:
    """An avatar that somebody is building, half way, with a preview."""
    sessions = open_database(f"sqlite:///{studio.service.data_dir / 'perse.db'}")
    storage = LocalStorage(studio.service.data_dir / "objects")
    yield put_building(sessions, storage, astronaut_png, report(astronaut_analysis))
    sessions.kw["bind"].dispose()
