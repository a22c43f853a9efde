"""Fixtures that several rooms share, and the rule that CI skips nothing."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from perse_engine.head.subject import Subject
    from perse_engine.portrait.portrait import PortraitAnalysis

ROOT = Path(__file__).parent


def pytest_configure() -> None:
    """Examples of property tests may take as long as a loaded machine needs."""
    settings.register_profile("perse", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("perse")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rooms with long tests come first and those of app/ last: at the end no process waits long for another."""
    items.sort(key=lambda item: item.path.relative_to(ROOT).parts[0], reverse=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under PERSE_TEST_NO_SKIP=1 a skipped test fails; only GPU tests may be left out."""
    report = yield
    if report.skipped and os.environ.get("PERSE_TEST_NO_SKIP") == "1" and "gpu" not in item.keywords:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and PERSE_TEST_NO_SKIP=1 forbids that: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def astronaut_png() -> bytes:
    """The public-domain sample portrait (NASA, in scikit-image) as PNG bytes, 512 x 512."""
    import skimage.data
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def astronaut_analysis(astronaut_png: bytes) -> PortraitAnalysis:
    """The sample portrait, analysed once per test run."""
    from perse_engine.portrait.analyse import analyse_portrait
    from perse_engine.portrait.decode import decode_portrait

    return analyse_portrait(decode_portrait(astronaut_png))


@pytest.fixture(scope="session")
def astronaut_subject(astronaut_analysis: PortraitAnalysis) -> Subject:
    """The head of the sample portrait, built once per test run."""
    from perse_engine.head.build import build_subject

    return build_subject(astronaut_analysis)


@pytest.fixture(scope="session")
def spectacled_analysis(astronaut_subject: Subject) -> PortraitAnalysis:
    """A photo of the same person with round black eyeglasses on, analysed."""
    from perse_engine.evaluation.subject.painted import dressed
    from perse_engine.look import Look
    from perse_engine.portrait.analyse import analyse_portrait
    from perse_engine.portrait.portrait import Portrait

    return analyse_portrait(Portrait(dressed(astronaut_subject, Look({"eyeglasses": {"round-black": 1.0}}))))


@pytest.fixture(scope="session")
def spectacled_subject(spectacled_analysis: PortraitAnalysis) -> Subject:
    """The head of that photo."""
    from perse_engine.head.build import build_subject

    return build_subject(spectacled_analysis)


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every migration and the default tenant, to be copied: each migration waits for the disk."""
    from app.database.migrate import upgrade
    from app.database.session import open_database, transaction
    from app.keys import ensure_tenant

    path = tmp_path_factory.mktemp("database") / "perse.db"
    url = f"sqlite:///{path}"
    upgrade(url)
    sessions = open_database(url)
    with transaction(sessions) as session:
        ensure_tenant(session)
    sessions.kw["bind"].dispose()
    return path


@pytest.fixture(scope="session")
def once() -> Callable[[str, Callable[[], Any]], Any]:
    """`once(name, make)` is what `make` gave the first time: fixtures that several packages define share it."""
    made: dict[str, Any] = {}

    def made_once(name: str, make: Callable[[], Any]) -> Any:
        if name not in made:
            made[name] = make()
        return made[name]

    return made_once
