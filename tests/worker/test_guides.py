"""docs/guides/animate.md and engines.md do what they say."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from app.animations.schemas import AnimationBody
from app.exports.schemas import ExportBody
from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.storage import save_avatar
from perse_engine.motion.files import read_motion
from tests.perse_engine.avatar.fixtures import tiny_avatar
from tests.perse_engine.synthesis.fixtures import tiny_dataset, tiny_recipe
from worker.cli import build_parser

__all__ = ["tiny_avatar", "tiny_dataset", "tiny_recipe"]

GUIDES = Path(__file__).parents[2] / "docs/guides"
ANIMATE, ENGINES = ((GUIDES / f"{name}.md").read_text() for name in ("animate", "engines"))
COMMANDS = re.findall(r"^perse .*", ANIMATE + ENGINES, re.MULTILINE)
BODIES = {"animations": AnimationBody, "exports": ExportBody}


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_understood(line: str) -> None:
    # Two spaces part a command from what it does.
    command = re.split(r" {2,}", line)[0]
    arguments = build_parser().parse_args(shlex.split(command)[1:])
    assert callable(arguments.run)


def test_the_bodies_of_the_requests_are_accepted() -> None:
    requests = re.findall(r"avatars/\$ID/(\w+)[ \\\n]+-d '(.*?)'", ENGINES)
    requests += [(kind, options) for options, kind in re.findall(r"'options=(.*?)' \S+/avatars/\$ID/(\w+)", ENGINES)]
    assert {kind for kind, _ in requests} == set(BODIES)
    for kind, body in requests:
        BODIES[kind].model_validate(json.loads(body))


def test_the_python_of_animating_runs(tiny_avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_avatar(tiny_avatar, Path("me"))
    (block,) = re.findall(r"```python\n(.*?)```", ANIMATE, re.DOTALL)
    assert "seconds=10" in block
    exec(block.replace("seconds=10", "seconds=0.4"), {})
    assert Path("talk.mp4").stat().st_size > 1000
    assert len(read_motion(Path("talk.csv"), 25).frames) == 10
