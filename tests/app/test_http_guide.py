"""docs/guides/http.md does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.database.session import Sessions
from app.settings import Settings
from app.storage import LocalStorage
from tests.app.conftest import JPEG, PromptEngine
from tests.app.live import live_service

GUIDE = Path(__file__).parents[2] / "docs/guides/http.md"
WAV = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(100)


def test_the_python_of_the_guide_runs(
    settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("me.jpg").write_bytes(JPEG)
    Path("voice.wav").write_bytes(WAV)
    (block,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    with live_service(settings, sessions, storage, engine) as url:
        names: dict[str, object] = {}
        exec(block.replace("http://127.0.0.1:8000", url), names)
        names["api"].close()  # type: ignore[attr-defined]
    made = {p.name for p in Path().iterdir() if p.stat().st_size}
    assert made >= {"blonde.png", "between-0.png", "between-4.png", "code.png", "turn.mp4", "blonde.ply"}
    assert engine.renders == 7
