"""The whole way on tiny models: what they make is noise, taken with open limits and rejected with normal ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perse_engine.errors import BackendMissing, Cancelled, CorruptFile, EditsRejected, InvalidValue, UnsupportedWish
from perse_engine.evaluation.avatar.exact import ExactPictures
from perse_engine.head.storage import load_subject
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.models.memory import MemoryPreset
from perse_engine.pipeline import create_avatar
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Acceptance, Learned, Recipe
from perse_engine.synthesis.check import check_dataset
from perse_engine.synthesis.dataset import Dataset
from perse_engine.synthesis.learned.edits import EditFolder
from perse_engine.synthesis.learned.make_edits import BASE, STAGE
from perse_engine.synthesis.learned.prepare import EDITS, editor_of, editor_with, edits_summary, learned_editor
from perse_engine.synthesis.storage import open_dataset
from perse_engine.vocabulary import Preset, find_variant
from perse_engine.vocabulary.presets import PRESETS
from tests.perse_engine.synthesis.tiny import CancelAt

OPEN = Learned(
    interpolator="diffusion", encoder_model="clip-vit-large", memory="cpu-tiny", acceptance=Acceptance.of_anything()
)
NORMAL = Learned(memory="cpu-tiny", acceptance=Acceptance(attempts=2))
pytestmark = [
    pytest.mark.usefixtures("cpu_tiny"),
    # Of diffusers' own arithmetic with numpy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def preset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "least", Preset("least", 64, 1500, ("hair",), 1, 5, 5, 2, 0, 20))


def recipe(learned: Learned, categories: tuple[str, ...] = ("hair", "eyeglasses")) -> Recipe:
    return Recipe.of("least", categories=categories, editor="diffusion", rasterizer="cpu", learned=learned)


@pytest.mark.slow
def test_an_avatar_from_models_that_make_noise(astronaut_png: bytes, tmp_path: Path) -> None:
    made = create_avatar(astronaut_png, recipe(OPEN, ("hair",)), tmp_path, SilentProgress())
    dataset = open_dataset(tmp_path / "work" / "dataset")
    assert check_dataset(dataset.folder) == []
    assert {c: tuple(v) for c, v in made.avatar.variants().items()} == {"hair": ("long-wavy-blonde",)}
    edits = EditFolder(dataset.folder / EDITS)
    for category, name in (("hair", "long-wavy-blonde"), ("hair", "source--long-wavy-blonde@0.50"), BASE):
        picture, mask = edits.picture(category, name), edits.mask(category, name)
        assert picture is not None and 0 < mask.mean() < 0.5
        portrait = edits_portrait(tmp_path)
        assert np.array_equal(picture[mask == 0], portrait[mask == 0])
        assert not np.array_equal(picture[mask == 1], portrait[mask == 1])
    told = made.avatar.details["edits"]
    assert told["rejected"] == [] and set(told["models"]) == set(OPEN.edit_models().values())
    subject = load_subject(tmp_path / "work" / "subject")
    ExactPictures(subject, editor_of(subject, dataset)).check(dataset)
    outcome = edits.outcome("hair", "long-wavy-blonde")
    assert outcome is not None and "attribute_gain" in outcome.verdicts[-1].measured


def edits_portrait(folder: Path) -> np.ndarray:
    """The work image that the edits were pasted into."""
    return load_subject(folder / "work" / "subject").work_rgb


def test_normal_limits_reject_noise_and_say_so(astronaut_subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(EditsRejected) as rejected:
        learned_editor(astronaut_subject, recipe(NORMAL, ("eyeglasses", "nose")), tmp_path, SilentProgress())
    assert "eyeglasses/round-black: rejected 2 times" in rejected.value.message
    edits = EditFolder(tmp_path / EDITS)
    outcome = edits.outcome("eyeglasses", "round-black")
    assert outcome is not None and [v.seed for v in outcome.verdicts] == [0, 1]
    assert all("no face is seen on it" in v.reasons for v in outcome.verdicts)
    assert edits.picture("eyeglasses", "round-black") is None
    assert (tmp_path / EDITS / "eyeglasses" / "round-black" / "rejected.png").exists()


def test_the_low_memory_editor_and_the_warp(astronaut_subject: Subject, tmp_path: Path) -> None:
    learned = replace(OPEN, editor_model="sdxl-inpaint", interpolator="warp", encoder_model=None)
    editor, kept = learned_editor(astronaut_subject, recipe(learned, ("skin",)), tmp_path, SilentProgress())
    assert kept.variants == recipe(learned, ("skin",)).variants
    assert EditFolder(tmp_path / EDITS).picture("skin", "source--tanned@0.50") is not None
    dressed = editor.dress(astronaut_subject, Look({"skin": {"tanned": 1.0}}))
    assert not np.array_equal(dressed.texture, astronaut_subject.look.texture)


def test_a_wish_without_a_shape_gets_its_mask_from_a_picture(astronaut_subject: Subject, tmp_path: Path) -> None:
    learned = replace(OPEN, interpolator="rig", encoder_model=None)
    wish = replace(recipe(learned), variants=(("hair", "wish-style-mohawk"),))
    editor, kept = learned_editor(astronaut_subject, wish, tmp_path, SilentProgress())
    outcome = EditFolder(tmp_path / EDITS).outcome("hair", "wish-style-mohawk")
    assert outcome is not None and outcome.mask_from == "picture"
    dressed = editor.dress(astronaut_subject, Look({"hair": {"wish-style-mohawk": 1.0}}))
    # Only paint: the shape stays the source's.
    assert np.array_equal(dressed.rig.vertices, astronaut_subject.look.rig.vertices)
    assert not np.array_equal(dressed.texture, astronaut_subject.look.texture)
    assert editor.added_surface(astronaut_subject, "hair", kept.specs()) is None


def test_a_stopped_run_goes_on_with_the_edits_that_are_decided(astronaut_subject: Subject, tmp_path: Path) -> None:
    learned = replace(OPEN, interpolator="rig", encoder_model=None)
    with pytest.raises(Cancelled):
        learned_editor(astronaut_subject, recipe(learned, ("eyeglasses", "nose")), tmp_path, CancelAt(STAGE, 1))
    first = {p: p.stat().st_mtime_ns for p in (tmp_path / EDITS).rglob("picture.png")}
    assert [p.parent.name for p in first] == ["round-black"]
    learned_editor(astronaut_subject, recipe(learned, ("eyeglasses", "nose")), tmp_path, SilentProgress())
    assert {p: p.stat().st_mtime_ns for p in first} == first
    assert EditFolder(tmp_path / EDITS).picture("nose", "wide") is not None


def test_words_reject_pictures_that_pass_all_else(astronaut_subject: Subject, tmp_path: Path) -> None:
    limits = replace(Acceptance.of_anything(), min_attribute_gain=2.0, attempts=2)
    learned = replace(OPEN, interpolator="rig", acceptance=limits)
    with pytest.raises(EditsRejected, match="attribute_gain"):
        learned_editor(astronaut_subject, recipe(learned, ("eyeglasses",)), tmp_path, SilentProgress())
    outcome = EditFolder(tmp_path / EDITS).outcome("eyeglasses", "round-black")
    assert outcome is not None and [v.seed for v in outcome.verdicts] == [0, 1]


def test_a_missing_model_is_said_before_the_photo_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSE_MODELS", str(tmp_path / "empty"))
    with pytest.raises(BackendMissing, match="flux2-klein-4b") as missing:
        create_avatar(b"not even a photo", recipe(OPEN), tmp_path / "out", SilentProgress())
    assert missing.value.hint == "perse models pull flux2-klein-4b"
    assert not (tmp_path / "out").exists()


def test_what_is_worn_needs_a_shape(astronaut_subject: Subject, tmp_path: Path) -> None:
    wish = replace(recipe(OPEN), variants=(("hat", "wish-presence-none"),))
    with pytest.raises(UnsupportedWish):
        learned_editor(astronaut_subject, wish, tmp_path, SilentProgress())
    assert not list(tmp_path.rglob("outcome.json"))


def test_a_recipe_of_another_editor_is_refused(astronaut_subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="no learned models"):
        learned_editor(astronaut_subject, Recipe.of("preview"), tmp_path, SilentProgress())


def test_what_a_video_model_made_is_not_drawn_again(astronaut_subject: Subject, tmp_path: Path) -> None:
    filmed = Recipe.of("least", animator="wan-vace", learned=NORMAL)
    dataset = Dataset(tmp_path, 64, 25.0, (), (), filmed.to_json())
    with pytest.raises(InvalidValue, match="made by wan-vace"):
        editor_of(astronaut_subject, dataset)


def test_another_variant_is_made_beside_those_that_are_there(astronaut_subject: Subject, tmp_path: Path) -> None:
    learned = replace(OPEN, interpolator="warp", encoder_model=None)
    own = recipe(learned, ("skin",))
    learned_editor(astronaut_subject, own, tmp_path, SilentProgress())
    summary = (tmp_path / EDITS / "summary.json").read_bytes()
    spec = find_variant("nose", "wide")
    assert spec is not None
    editor, others = editor_with(astronaut_subject, own, spec, tmp_path, SilentProgress())
    assert others == list(own.variants) and (tmp_path / EDITS / "summary.json").read_bytes() == summary
    assert EditFolder(tmp_path / EDITS).picture("nose", "source--wide@0.50") is not None
    dressed = editor.dress(astronaut_subject, Look({"nose": {"wide": 0.5}, "skin": {"tanned": 1.0}}))
    assert not np.array_equal(dressed.texture, astronaut_subject.look.texture)
    _, others = editor_with(astronaut_subject, own, spec, tmp_path / "elsewhere", SilentProgress())
    assert others == []


def test_a_damaged_summary_is_an_error(tmp_path: Path) -> None:
    assert edits_summary(tmp_path) is None
    (tmp_path / EDITS).mkdir()
    (tmp_path / EDITS / "summary.json").write_text("{")
    with pytest.raises(CorruptFile):
        edits_summary(tmp_path)


def test_a_gpu_preset_is_refused_here_before_any_work(tmp_path: Path, cpu_tiny: MemoryPreset) -> None:
    import torch

    if torch.cuda.is_available():
        return
    with pytest.raises(BackendMissing, match="needs an NVIDIA GPU"):
        create_avatar(b"", recipe(replace(OPEN, memory="24GB")), tmp_path / "out", SilentProgress())
