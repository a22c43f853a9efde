"""Pictures by tiny models, made in parts: what is decided in a part is not decided again."""

from __future__ import annotations

from pathlib import Path

import pytest

from perse_engine.head.subject import Subject
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Acceptance, Learned, Recipe
from perse_engine.synthesis.learned import make_edits
from perse_engine.synthesis.learned.prepare import EDITS, edits_summary
from perse_engine.synthesis.parts import part_variants, synthesize_part, take_part
from perse_engine.synthesis.synthesize import synthesize
from perse_engine.vocabulary import Preset
from perse_engine.vocabulary.presets import PRESETS
from tests.perse_engine.synthesis.tiny import files_of

pytestmark = [
    pytest.mark.usefixtures("cpu_tiny"),
    # Of diffusers' own arithmetic with numpy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setitem(PRESETS, "least", Preset("least", 64, 1500, ("nose",), 2, 5, 2, 0, 20))
    learned = Learned(interpolator="warp", memory="cpu-tiny", acceptance=Acceptance.of_anything())
    return Recipe.of("least", editor="diffusion", rasterizer="cpu", learned=learned)


def test_models_draw_in_the_parts_only_and_the_dataset_is_the_same(
    astronaut_subject: Subject, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesize(astronaut_subject, recipe, tmp_path / "at-once", SilentProgress())
    for number, variants in enumerate(part_variants(recipe, 1)):
        folder = tmp_path / f"part-{number}"
        synthesize_part(astronaut_subject, recipe, variants, folder, SilentProgress())
        assert edits_summary(folder) is None and not (folder / EDITS / "unfinished").exists()
        take_part(folder, tmp_path / "joined")

    def refuse(*_: object) -> None:
        raise AssertionError("The join drew a picture again.")

    monkeypatch.setattr(make_edits, "open_image_editor", refuse)
    joined = synthesize(astronaut_subject, recipe, tmp_path / "joined", SilentProgress())
    made, expected = ({n: d for n, (_, d) in files_of(tmp_path / f).items()} for f in ("joined", "at-once"))
    assert made == expected and edits_summary(joined.folder) is not None
    assert "edits/nose/wide--slim-long@0.50/picture.png" in made, "their in-between lies in neither part"
