"""The whole way with every learned backend at once, on tiny models: editor, animator, interpolator, encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from perse_engine.errors import BackendMissing, EditsRejected
from perse_engine.head.subject import Subject
from perse_engine.models.store import ModelStore
from perse_engine.pipeline import AvatarFolder, create_avatar
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Acceptance, FrameLimits, Learned, Recipe
from perse_engine.stages import OverallProgress, stage_shares
from perse_engine.synthesis.check import check_dataset
from perse_engine.synthesis.learned.edits import EditFolder
from perse_engine.synthesis.storage import open_dataset, read_images
from perse_engine.synthesis.synthesize import synthesize
from perse_engine.variants import add_to_folder
from perse_engine.vocabulary import Preset, find_variant
from perse_engine.vocabulary.presets import PRESETS
from tests.perse_engine.models.fixtures import become_tiny, tiny_store
from tests.perse_engine.models.loads import watch_loads

__all__ = ["tiny_store"]

OPEN = Learned(
    interpolator="diffusion", encoder_model="clip-vit-large", memory="cpu-tiny", acceptance=Acceptance.of_anything(),
    frames=FrameLimits.of_anything(),
)  # fmt: skip
LEAST = Preset("least", 64, 1500, ("eyeglasses",), 1, 4, 4, 1, 0, 20)
pytestmark = [
    pytest.mark.slow,
    # Of diffusers' own arithmetic with numpy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


class Watched:
    """Progress that keeps how far each stage brought the whole."""

    def __init__(self, recipe: Recipe) -> None:
        self._overall = OverallProgress(stage_shares(recipe))
        self.reached: dict[str, float] = {}

    def report(self, stage: str, step: int, total_steps: int) -> None:
        """See `Progress`."""
        self.reached[stage] = self._overall.update(stage, step, total_steps)[0]


@dataclass(frozen=True)
class Made:
    """An avatar whose every picture a model made, and what was seen meanwhile."""

    avatar: AvatarFolder
    recipe: Recipe
    progress: Watched
    loads: list[tuple[str, int]]

    @property
    def folder(self) -> Path:
        return self.avatar.folder


@pytest.fixture(scope="module")
def machine(tiny_store: ModelStore) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        become_tiny(patch, tiny_store)
        patch.setitem(PRESETS, LEAST.name, LEAST)
        yield patch


@pytest.fixture(scope="module", params=["wan-vace", "wan-animate"])
def made(
    request: pytest.FixtureRequest, machine: pytest.MonkeyPatch, astronaut_png: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> Made:  # fmt: skip
    wanted = recipe(OPEN, request.param)
    with pytest.MonkeyPatch.context() as patch:
        loads, progress = watch_loads(patch), Watched(wanted)
        avatar = create_avatar(astronaut_png, wanted, tmp_path_factory.mktemp(request.param), progress)
    return Made(avatar, wanted, progress, loads)


def recipe(learned: Learned, animator: str) -> Recipe:
    return Recipe.of("least", editor="diffusion", animator=animator, rasterizer="cpu", learned=learned)


def test_it_shows_noise_where_its_looks_change_and_its_source_elsewhere(made: Made) -> None:
    dataset = open_dataset(made.folder / "work" / "dataset")
    assert check_dataset(dataset.folder) == []
    assert {c: tuple(v) for c, v in made.avatar.avatar.variants().items()} == {"eyeglasses": ("round-black",)}
    source = dataset.clip("source")
    for clip in (c for c in dataset.clips if c.kind != "source"):
        for index in clip.frames:
            own, base = read_images(dataset, clip, index), read_images(dataset, source, index)
            # Noise inside the lenses' surroundings, the source clip's bytes everywhere else.
            assert 0.5 < (own.image == base.image).all(-1).mean() < 1


def test_it_tells_which_models_made_it(made: Made) -> None:
    told, animator = made.avatar.avatar.details, made.recipe.animator
    assert told["backends"] == {"editor": "diffusion", "animator": animator, "rasterizer": "cpu"}
    assert set(told["edits"]["models"]) == set(OPEN.edit_models().values())
    assert set(told["videos"]["models"]) == {made.recipe.models()["portrait-animator"]}
    assert told["edits"]["rejected"] == told["videos"]["rejected"] == []


def test_each_model_was_loaded_once_and_alone(made: Made) -> None:
    animator = made.recipe.models()["portrait-animator"]
    assert made.loads == [(name, 0) for name in ("flux2-klein-4b", "clip-vit-large", animator, "sdxl-base")]


def test_every_stage_brought_it_further(made: Made) -> None:
    shares, reached = stage_shares(made.recipe), made.progress.reached
    assert {"edits", "videos", "judging", "betweens"} <= set(reached) <= set(shares)
    ends = [reached[stage] for stage in shares if stage in reached]
    assert ends == sorted(ends) and ends[-1] > 0.999
    for stage in ("edits", "videos", "judging", "betweens"):
        before = list(shares)[: list(shares).index(stage)]
        assert reached[stage] == pytest.approx(sum(shares[s] for s in before) + shares[stage])


@pytest.mark.parametrize("made", ["wan-vace"], indirect=True)
def test_another_variant_is_made_by_its_own_editor_and_by_no_other(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, other = find_variant("skin", "tanned"), find_variant("skin", "rosy")
    assert spec is not None and other is not None
    avatar, added = add_to_folder(made.folder, spec, SilentProgress(), method="inversion")
    assert added.variant == "tanned" and "tanned" in avatar.variants()["skin"]
    assert EditFolder(made.folder / "work" / "dataset" / "edits").picture("skin", "tanned") is not None
    # Its models are needed where that is done: nothing else takes their place.
    monkeypatch.setenv("PERSE_MODELS", str(tmp_path / "empty"))
    before = (made.folder / "avatar.json").read_bytes()
    with pytest.raises(BackendMissing, match="flux2-klein-4b"):
        add_to_folder(made.folder, other, SilentProgress(), method="inversion")
    assert (made.folder / "avatar.json").read_bytes() == before


@pytest.mark.usefixtures("machine")
def test_normal_limits_reject_its_edits_and_say_so(astronaut_png: bytes, tmp_path: Path) -> None:
    normal = recipe(replace(OPEN, frames=FrameLimits(), acceptance=Acceptance(attempts=1)), "wan-vace")
    with pytest.raises(EditsRejected) as rejected:
        create_avatar(astronaut_png, normal, tmp_path, SilentProgress())
    assert "eyeglasses/round-black" in rejected.value.message and "no face is seen on it" in rejected.value.message
    # What was made stays to be looked at.
    work = tmp_path / "work" / "dataset"
    assert (work / "edits/eyeglasses/round-black/rejected.png").exists()
    assert not (work / "clips").exists() and not (tmp_path / "avatar.json").exists()


@pytest.mark.usefixtures("machine")
def test_normal_limits_reject_its_videos_and_say_so(astronaut_subject: Subject, tmp_path: Path) -> None:
    normal = recipe(replace(OPEN, frames=FrameLimits()), "wan-vace")
    with pytest.raises(EditsRejected) as rejected:
        synthesize(astronaut_subject, normal, tmp_path, SilentProgress())
    assert "eyeglasses/round-black" in rejected.value.message and "no face is seen on it" in rejected.value.message
    assert (tmp_path / "videos/eyeglasses/round-black/frames").exists() and not (tmp_path / "clips").exists()
