"""A dataset by tiny video models: what they make is noise, taken with open limits and rejected with normal ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perse_engine.errors import BackendMissing, Cancelled, CorruptFile, EditsRejected, InvalidValue, UnknownName
from perse_engine.head.subject import Subject
from perse_engine.models.memory import MemoryPreset
from perse_engine.pipeline import create_avatar
from perse_engine.progress import Progress, SilentProgress
from perse_engine.recipe import FrameLimits, Learned, Recipe
from perse_engine.synthesis.check import check_dataset
from perse_engine.synthesis.learned.prepare import loader_of
from perse_engine.synthesis.parts import synthesize_part, take_part
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.storage import read_images
from perse_engine.synthesis.synthesize import planned, synthesize
from perse_engine.synthesis.video.film import VIDEOS, film, film_variants, videos_summary
from perse_engine.synthesis.video.frame_mask import frame_mask
from perse_engine.synthesis.video.make_videos import STAGE
from perse_engine.synthesis.video.video_model import rendered
from tests.perse_engine.synthesis.tiny import CancelAt, files_of

OPEN = Learned(memory="cpu-tiny", frames=FrameLimits.of_anything())
NORMAL = Learned(memory="cpu-tiny")
pytestmark = pytest.mark.usefixtures("cpu_tiny", "least")


def recipe(animator: str, learned: Learned = OPEN) -> Recipe:
    return Recipe.of("least", categories=("eyeglasses",), animator=animator, learned=learned)


@pytest.mark.parametrize("animator", ["wan-vace", "wan-animate"])
def test_a_dataset_changes_only_where_its_looks_do(astronaut_subject: Subject, tmp_path: Path, animator: str) -> None:
    dataset = synthesize(astronaut_subject, recipe(animator), tmp_path, SilentProgress())
    assert check_dataset(tmp_path) == []
    dressed = ProceduralEditor().dress(astronaut_subject, dataset.clip("eyeglasses/round-black").look)
    for path in ("eyeglasses/round-black", "eyeglasses/source--round-black@0.50"):
        clip = dataset.clip(path)
        for index in clip.frames:
            frame = dataset.frames[index]
            ends = [rendered(look, [frame])[0] for look in (astronaut_subject.look, dressed)]
            outside = frame_mask(*ends) == 0
            own, source = read_images(dataset, clip, index), read_images(dataset, dataset.clip("source"), index)
            assert np.array_equal(own.image[outside], source.image[outside])
            assert np.array_equal(own.alpha[outside], source.alpha[outside]) and not own.changed[outside].any()
            assert own.changed.any()
    told = videos_summary(tmp_path)
    assert told is not None and told["taken"] == told["frames"] and told["rejected"] == []
    assert list(told["models"]) == [recipe(animator).models()["portrait-animator"]]  # type: ignore[call-overload]


@pytest.mark.parametrize(("animator", "clip"), [("wan-vace", "eyeglasses/round-black"), ("wan-animate", "source")])
def test_normal_limits_drop_noise_and_say_so(
    astronaut_subject: Subject, tmp_path: Path, animator: str, clip: str
) -> None:
    with pytest.raises(EditsRejected) as rejected:
        synthesize(astronaut_subject, recipe(animator, NORMAL), tmp_path, SilentProgress())
    assert f"{clip}: 0 of 4 frames were taken, no face is seen on it: 4" in rejected.value.message
    assert not (tmp_path / "dataset.json").exists() and not (tmp_path / "clips").exists()


def test_a_stopped_run_goes_on_with_the_chunks_that_are_made(astronaut_subject: Subject, tmp_path: Path) -> None:
    wanted, editor = recipe("wan-vace"), ProceduralEditor()
    frames, clips = planned(astronaut_subject, wanted)
    variant = [c for c in clips if c.kind == "variant"]

    def run(name: str, progress: Progress) -> None:
        film_variants(astronaut_subject, wanted, editor, variant, frames, tmp_path / name, progress, loader_of(OPEN))

    with pytest.raises(Cancelled):
        run("a", CancelAt(STAGE, 1))
    first = files_of(tmp_path / "a" / VIDEOS)
    assert sorted(first) == [f"eyeglasses/round-black/chunk-0000/{k:05d}.png" for k in range(13)]
    second = CancelAt(STAGE, 99)
    run("a", second)
    # The chunk that was there is counted, not made: the third report is of the second chunk.
    assert [step for _, step, _ in second.seen] == [0, 1, 2]
    run("b", SilentProgress())
    stopped, whole = (
        {name: data for name, (_, data) in files_of(tmp_path / run_ / VIDEOS).items()} for run_ in ("a", "b")
    )
    assert stopped == whole and len(whole) == 4


def test_parts_are_filmed_elsewhere_and_judged_here(astronaut_subject: Subject, tmp_path: Path) -> None:
    wanted = recipe("wan-vace")
    synthesize_part(astronaut_subject, wanted, wanted.variants, tmp_path / "part", SilentProgress())
    assert not (tmp_path / "part" / "clips").exists()
    take_part(tmp_path / "part", tmp_path / "whole")
    progress = CancelAt(STAGE, 99)
    synthesize(astronaut_subject, wanted, tmp_path / "whole", progress)
    assert check_dataset(tmp_path / "whole") == []
    # Nothing is filmed again.
    assert {step for stage, step, _ in progress.seen if stage == STAGE} == {2}


def test_a_missing_model_is_said_before_the_photo_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSE_MODELS", str(tmp_path / "empty"))
    with pytest.raises(BackendMissing, match="wan-animate-14b") as missing:
        create_avatar(b"not even a photo", recipe("wan-animate"), tmp_path / "out", SilentProgress())
    assert missing.value.hint == "perse models pull wan-animate-14b"
    assert not (tmp_path / "out").exists()


def test_an_animator_does_not_take_another_s_model(tmp_path: Path) -> None:
    other = recipe("wan-vace", replace(OPEN, animator_model="wan-animate-14b"))
    with pytest.raises(UnknownName, match="model of the animator wan-animate") as refused:
        create_avatar(b"not even a photo", other, tmp_path / "out", SilentProgress())
    assert refused.value.hint == "There are: wan-vace-1.3b, wan-vace-14b."
    assert not (tmp_path / "out").exists()


def test_the_rig_films_nothing(astronaut_subject: Subject, tmp_path: Path, cpu_tiny: MemoryPreset) -> None:
    own = Recipe.of("least")
    frames, clips = planned(astronaut_subject, own)
    with pytest.raises(InvalidValue, match="no video animator"):
        film(astronaut_subject, own, ProceduralEditor(), clips, frames, tmp_path, SilentProgress(), loader_of(OPEN))


def test_a_damaged_summary_is_an_error(tmp_path: Path) -> None:
    assert videos_summary(tmp_path) is None
    (tmp_path / VIDEOS).mkdir()
    (tmp_path / VIDEOS / "summary.json").write_text(json.dumps({})[:1])
    with pytest.raises(CorruptFile):
        videos_summary(tmp_path)
