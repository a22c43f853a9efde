"""docs/guides/client.md does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.database.session import Sessions
from app.settings import Settings
from app.storage import LocalStorage
from tests.app.conftest import JPEG, PromptEngine
from tests.app.live import FILES, live_service

GUIDE = Path(__file__).parents[2] / "docs/guides/client.md"


def test_the_python_of_the_guide_runs(
    settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("me.jpg").write_bytes(JPEG)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) == 9
    with live_service(settings, sessions, storage, engine) as url:
        names: dict[str, object] = {}
        for block in blocks:
            exec(block.replace("http://127.0.0.1:8000", url), names)
        names["perse"].close()  # type: ignore[attr-defined]
    assert {p.name for p in Path("out").iterdir()} == set(FILES)
    assert all(
        Path(name).stat().st_size
        for name in (
            "r.png", "curly.png", "party.png", "coded.png", "turn.mp4", "turn.json", "party.ply", "so-far.webp",
            "followed.png",
        )
    )  # fmt: skip
    printed = capsys.readouterr().out
    for words in ("training 100 %", "wish-style-full-length-short not understood: shiny", "canceled", "not_found"):
        assert words in printed
