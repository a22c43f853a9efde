"""Pictures by tiny models, made in parts: what is decided in a part is not decided again."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from perse_engine.head.storage import load_subject, save_subject
from perse_engine.head.subject import Subject
from perse_engine.models.store import ModelStore
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Acceptance, Learned, Recipe
from perse_engine.synthesis.learned import make_edits
from perse_engine.synthesis.learned.prepare import EDITS, edits_summary
from perse_engine.synthesis.parts import part_variants, synthesize_part, take_part
from perse_engine.synthesis.synthesize import synthesize
from perse_engine.vocabulary import Preset
from perse_engine.vocabulary.presets import PRESETS
from tests.perse_engine.models.fixtures import become_tiny
from tests.perse_engine.synthesis.tiny import files_of

LEAST = Preset("least", 64, 1500, ("nose",), 2, 4, 4, 1, 0, 20)
pytestmark = [
    pytest.mark.usefixtures("cpu_tiny"),
    # Of diffusers' own arithmetic with numpy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setitem(PRESETS, LEAST.name, LEAST)
    learned = Learned(interpolator="warp", memory="cpu-tiny", acceptance=Acceptance.of_anything())
    return Recipe.of("least", editor="diffusion", rasterizer="cpu", learned=learned)


def _killed_after_its_edit(saved: Path, folder: Path, recipe: dict[str, Any], variants: Any, store: Path) -> None:
    """A part in a process that is killed when its edit is decided and nothing else is made."""

    class Killed:
        def report(self, stage: str, step: int, total_steps: int) -> None:
            if (stage, step) == (make_edits.STAGE, 1):
                os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        become_tiny(patch, ModelStore(store))
        patch.setitem(PRESETS, LEAST.name, LEAST)
        synthesize_part(load_subject(saved), Recipe.from_json(recipe), variants, folder, Killed())


def test_models_draw_once_though_a_part_is_killed_and_the_dataset_is_the_same(
    astronaut_subject: Subject, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_store: ModelStore
) -> None:
    synthesize(astronaut_subject, recipe, tmp_path / "at-once", SilentProgress())
    first, second = part_variants(recipe, 1)
    save_subject(astronaut_subject, tmp_path / "subject")
    killed = multiprocessing.get_context("spawn").Process(
        target=_killed_after_its_edit,
        args=(tmp_path / "subject", tmp_path / "part-1", recipe.to_json(), second, tiny_store.folder),
    )
    killed.start()
    synthesize_part(astronaut_subject, recipe, first, tmp_path / "part-0", SilentProgress())
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    decided = {n: f for n, f in files_of(tmp_path / "part-1").items() if n.endswith("picture.png")}
    assert list(decided) == ["edits/nose/slim-long/picture.png"]

    # Another process goes on in the folder that it left.
    synthesize_part(astronaut_subject, recipe, second, tmp_path / "part-1", SilentProgress())
    assert decided.items() <= files_of(tmp_path / "part-1").items()
    for folder in (tmp_path / "part-0", tmp_path / "part-1"):
        assert edits_summary(folder) is None and not (folder / EDITS / "unfinished").exists()
        take_part(folder, tmp_path / "joined")

    def refuse(*_: object) -> None:
        raise AssertionError("The join drew a picture again.")

    monkeypatch.setattr(make_edits, "open_image_editor", refuse)
    joined = synthesize(astronaut_subject, recipe, tmp_path / "joined", SilentProgress())
    made, expected = (
        {n: hashlib.sha256(d).hexdigest() for n, (_, d) in files_of(tmp_path / f).items()}
        for f in ("joined", "at-once")
    )
    assert made == expected and edits_summary(joined.folder) is not None
    assert "edits/nose/wide--slim-long@0.50/picture.png" in made, "their in-between lies in neither part"
