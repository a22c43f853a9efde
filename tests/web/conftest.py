"""The real service with a small finished avatar on its shelf, and a real Chromium that looks at its page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

from app.database.session import open_database
from app.settings import Settings
from app.storage import LocalStorage
from perse_engine.avatar.avatar import Avatar
from perse_engine.portrait.analyse import report
from perse_engine.portrait.portrait import PortraitAnalysis
from tests.perse_engine.avatar.fixtures import tiny_avatar
from tests.perse_engine.synthesis.fixtures import tiny_dataset, tiny_recipe
from tests.web.films import write_camera
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
SIZE = {"width": 980, "height": 620}


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
        context.set_default_timeout(60_000)
        yield context
        context.close()


@pytest.fixture
def page(browser: BrowserContext, studio: Studio, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that may log no error and ask no other host; GL's complaints arrive as warnings."""
    page = browser.new_page()
    page.set_viewport_size(SIZE)  # type: ignore[arg-type]
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None)
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((studio.url, "blob:", "data:")) else None)
    yield page
    page.close()
    # Chromium logs every answer of 4xx as an error; tests in whose name something is refused expect one.
    expected = ["status of 4"] if "refused" in request.node.name else []
    # GL says so of every picture that is read back, which only tests do.
    expected.append("GPU stall due to ReadPixels")
    assert [line for line in wrong if not any(text in line for text in expected)] == []


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
