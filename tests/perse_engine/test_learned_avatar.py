"""The whole way with every learned backend at once, on tiny models: editor, animator, interpolator, encoder."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perse_engine.errors import BackendMissing, EditsRejected
from perse_engine.pipeline import create_avatar
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Acceptance, FrameLimits, Learned, Recipe
from perse_engine.synthesis.check import check_dataset
from perse_engine.synthesis.learned.edits import EditFolder
from perse_engine.synthesis.storage import open_dataset, read_images
from perse_engine.variants import add_to_folder
from perse_engine.vocabulary import Preset, find_variant
from perse_engine.vocabulary.presets import PRESETS
from tests.perse_engine.models.fixtures import cpu_tiny, tiny_store

__all__ = ["cpu_tiny", "tiny_store"]

OPEN = Learned(
    interpolator="diffusion", encoder_model="clip-vit-large", memory="cpu-tiny", acceptance=Acceptance.of_anything(),
    frames=FrameLimits.of_anything(),
)  # fmt: skip
pytestmark = [
    pytest.mark.usefixtures("cpu_tiny"),
    pytest.mark.slow,
    # Of diffusers' own arithmetic with numpy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def preset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "least", Preset("least", 64, 1500, ("eyeglasses",), 1, 5, 2, 0, 20))


def recipe(learned: Learned, animator: str) -> Recipe:
    return Recipe.of("least", editor="diffusion", animator=animator, rasterizer="cpu", learned=learned)


def test_an_avatar_whose_every_picture_a_model_made(
    astronaut_png: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create_avatar(astronaut_png, recipe(OPEN, "wan-vace"), tmp_path, SilentProgress())
    dataset = open_dataset(tmp_path / "work" / "dataset")
    assert check_dataset(dataset.folder) == []
    assert {c: tuple(v) for c, v in made.avatar.variants().items()} == {"eyeglasses": ("round-black",)}
    source = dataset.clip("source")
    for clip in (c for c in dataset.clips if c.kind != "source"):
        for index in clip.frames:
            own, base = read_images(dataset, clip, index), read_images(dataset, source, index)
            # Noise inside the lenses' surroundings, the source clip's bytes everywhere else.
            assert 0.5 < (own.image == base.image).all(-1).mean() < 1
    told = made.avatar.details
    assert told["backends"] == {"editor": "diffusion", "animator": "wan-vace", "rasterizer": "cpu"}
    assert set(told["edits"]["models"]) == set(OPEN.edit_models().values())
    assert set(told["videos"]["models"]) == {"wan-vace-1.3b"} and told["videos"]["rejected"] == []

    # Another variant is made by the avatar's own editor.
    spec, other = find_variant("skin", "tanned"), find_variant("skin", "rosy")
    assert spec is not None and other is not None
    avatar, added = add_to_folder(tmp_path, spec, SilentProgress(), method="inversion")
    assert added.variant == "tanned" and "tanned" in avatar.variants()["skin"]
    picture = EditFolder(dataset.folder / "edits").picture("skin", "tanned")
    assert picture is not None
    # Which is needed where that is done: nothing else takes its place.
    monkeypatch.setenv("PERSE_MODELS", str(tmp_path / "empty"))
    before = (tmp_path / "avatar.json").read_bytes()
    with pytest.raises(BackendMissing, match="flux2-klein-4b"):
        add_to_folder(tmp_path, other, SilentProgress(), method="inversion")
    assert (tmp_path / "avatar.json").read_bytes() == before


@pytest.mark.parametrize("open_edits", [True, False])
def test_normal_limits_reject_it_and_say_so(astronaut_png: bytes, tmp_path: Path, open_edits: bool) -> None:
    normal = replace(OPEN, frames=FrameLimits(), acceptance=OPEN.acceptance if open_edits else Acceptance(attempts=1))
    with pytest.raises(EditsRejected) as rejected:
        create_avatar(astronaut_png, recipe(normal, "wan-vace"), tmp_path, SilentProgress())
    assert "eyeglasses/round-black" in rejected.value.message and "no face is seen on it" in rejected.value.message
    # What was made stays to be looked at.
    work = tmp_path / "work" / "dataset"
    made = "videos/eyeglasses/round-black/frames" if open_edits else "edits/eyeglasses/round-black/rejected.png"
    assert (work / made).exists() and not (tmp_path / "avatar.json").exists()
    assert not np.any([p.name == "clips" for p in work.iterdir()])
    shutil.rmtree(work)
