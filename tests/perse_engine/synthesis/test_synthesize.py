"""A tiny dataset from start to end: sound, resumable, and checked for what can be wrong with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from perse_engine.errors import Cancelled
from perse_engine.head.subject import Subject
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.synthesis.check import check_dataset
from perse_engine.synthesis.dataset import Dataset
from perse_engine.synthesis.sheet import dataset_sheet
from perse_engine.synthesis.storage import open_dataset, picture_path, read_head, read_images, read_surface
from perse_engine.synthesis.synthesize import STAGE, synthesize
from perse_engine.vocabulary import REGION_LABELS
from tests.perse_engine.synthesis.tiny import CancelAt, files_of


@pytest.fixture
def copy(tiny_dataset: Dataset, tmp_path: Path) -> Dataset:
    """A copy of the tiny dataset that may be damaged."""
    shutil.copytree(tiny_dataset.folder, tmp_path / "copy")
    return open_dataset(tmp_path / "copy")


def rewrite(dataset: Dataset, clip: str, kind: str, picture: np.ndarray, frame: int = 0) -> None:
    assert cv2.imwrite(str(picture_path(dataset.folder, clip, kind, frame)), picture)


def test_check_finds_no_problem(tiny_dataset: Dataset) -> None:
    assert check_dataset(tiny_dataset.folder) == []


def test_opening_gives_what_was_written(tiny_dataset: Dataset) -> None:
    opened = open_dataset(tiny_dataset.folder)
    assert opened.clips == tiny_dataset.clips
    assert [f.pose for f in opened.frames] == [f.pose for f in tiny_dataset.frames]
    assert json.loads(json.dumps(tiny_dataset.recipe)) == opened.recipe


def test_the_recipe_of_a_dataset_is_the_one_it_was_made_with(tiny_dataset: Dataset, tiny_recipe: Recipe) -> None:
    assert Recipe.from_json(open_dataset(tiny_dataset.folder).recipe) == tiny_recipe


def test_the_source_shows_hair_and_skin(tiny_dataset: Dataset) -> None:
    region = read_images(tiny_dataset, tiny_dataset.clip("source"), 0).region
    for label in ("hair", "skin", "cloth", "lips"):
        assert (region == REGION_LABELS[label]).any(), label


def test_glasses_change_the_picture_around_the_eyes_only(tiny_dataset: Dataset) -> None:
    changed = read_images(tiny_dataset, tiny_dataset.clip("eyeglasses/round-black"), 0).changed
    assert changed.max() == 255
    assert not changed[:16].any()
    assert not changed[44:].any()


def test_glasses_are_labelled(tiny_dataset: Dataset) -> None:
    region = read_images(tiny_dataset, tiny_dataset.clip("eyeglasses/round-black"), 0).region
    assert (region == REGION_LABELS["eyeglasses"]).sum() > 10


def test_additive_categories_bring_surface(tiny_dataset: Dataset) -> None:
    surface = read_surface(tiny_dataset.folder, "eyeglasses")
    assert surface is not None
    assert surface.variants == ("round-black",)
    assert len(surface.points) > 100
    assert np.allclose(np.linalg.norm(surface.normals, axis=1), 1, atol=1e-3)
    assert np.allclose(surface.bone_weights.sum(1), 1, atol=1e-5)


def test_the_heads_surface_is_kept_at_every_weight(tiny_dataset: Dataset, astronaut_subject: Subject) -> None:
    source = read_head(tiny_dataset.folder, "source")
    assert source is not None and np.array_equal(source.vertices, astronaut_subject.look.rig.vertices)
    for clip in tiny_dataset.clips:
        head = read_head(tiny_dataset.folder, clip.path)
        tells = clip.kind in ("source", "variant") or clip.path.endswith(("@0.25", "@0.50", "@0.75"))
        assert (head is not None) == tells
        if clip.path.startswith("hair/") and head is not None:
            assert head.vertices.shape == source.vertices.shape
            height, width = source.texture.shape[:2]
            assert (head.texture[:height, :width] != source.texture).any()
        if head is not None:
            assert (head.hides is not None) == (clip.kind == "variant")


def test_nothing_unfinished_is_left(tiny_dataset: Dataset) -> None:
    names = {p.name for p in tiny_dataset.folder.iterdir()} | {
        p.name for p in (tiny_dataset.folder / "clips").iterdir()
    }
    assert names == {
        "dataset.json",
        "frames.jsonl",
        "clips",
        "surfaces",
        "heads",
        "source",
        "hair",
        "eyeglasses",
        "mix",
    }


def test_a_cancelled_synthesis_keeps_its_clips_and_finishes_the_same(
    tiny_dataset: Dataset, tiny_recipe: Recipe, astronaut_subject: Subject, tmp_path: Path
) -> None:
    with pytest.raises(Cancelled):
        synthesize(astronaut_subject, tiny_recipe, tmp_path, CancelAt(STAGE, 16))
    assert not (tmp_path / "dataset.json").exists()
    kept = {k: v for k, v in files_of(tmp_path / "clips").items() if not k.startswith("unfinished")}
    assert 0 < len(kept) < 4 * sum(len(c.frames) for c in tiny_dataset.clips)
    synthesize(astronaut_subject, tiny_recipe, tmp_path, SilentProgress())
    finished = files_of(tmp_path)
    assert {f"clips/{k}": v for k, v in kept.items()}.items() <= finished.items()
    expected = {k: data for k, (_, data) in files_of(tiny_dataset.folder).items()}
    assert {k: data for k, (_, data) in finished.items()} == expected


def test_a_finished_dataset_is_only_opened(
    tiny_dataset: Dataset, tiny_recipe: Recipe, astronaut_subject: Subject
) -> None:
    before = files_of(tiny_dataset.folder)
    progress = CancelAt("nothing", 0)
    synthesize(astronaut_subject, tiny_recipe, tiny_dataset.folder, progress)
    assert progress.seen == []
    assert files_of(tiny_dataset.folder) == before


def test_progress_never_falls_and_ends_whole(tiny_recipe: Recipe, astronaut_subject: Subject, tmp_path: Path) -> None:
    progress = CancelAt("nothing", 0)
    synthesize(astronaut_subject, tiny_recipe, tmp_path, progress)
    steps = [step for _, step, _ in progress.seen]
    assert steps == sorted(steps)
    assert progress.seen[-1][1] == progress.seen[-1][2]


def test_the_sheet_has_a_row_per_clip(tiny_dataset: Dataset) -> None:
    sheet = dataset_sheet(tiny_dataset, cell_px=32)
    assert sheet.shape == (32 * len(tiny_dataset.clips), 32 * 6, 3)


def test_check_finds_a_missing_picture(copy: Dataset) -> None:
    picture_path(copy.folder, "source", "alpha", 3).unlink()
    assert check_dataset(copy.folder) == ["The dataset lacks source/alpha/0003.png."]


def test_check_finds_a_picture_of_the_wrong_size(copy: Dataset) -> None:
    rewrite(copy, "source", "image", np.zeros((32, 32, 3), np.uint8))
    assert any("size" in p and "source/0000" in p for p in check_dataset(copy.folder))


def test_check_finds_an_unknown_label(copy: Dataset) -> None:
    rewrite(copy, "source", "region", np.full((64, 64), 99, np.uint8))
    assert any("99" in p for p in check_dataset(copy.folder))


def test_check_finds_colour_where_there_is_no_alpha(copy: Dataset) -> None:
    rewrite(copy, "source", "image", np.full((64, 64, 3), 255, np.uint8))
    assert any("premultiplied" in p for p in check_dataset(copy.folder))


def test_check_finds_a_source_that_differs_from_itself(copy: Dataset) -> None:
    rewrite(copy, "source", "changed", np.full((64, 64), 255, np.uint8))
    assert any("differs from itself" in p for p in check_dataset(copy.folder))


def edited(dataset: Dataset, change: str) -> list[str]:
    """Problems after one change of the description."""
    file = dataset.folder / "dataset.json"
    description = json.loads(file.read_text())
    clips = description["clips"]
    if change == "no source":
        del clips[0]
    elif change == "twice":
        clips.append(clips[1])
    elif change == "frames":
        clips[1]["frames"] = [0, 77]
    elif change == "variant":
        clips[-1]["look"] = {"hat": {"beanie-grey": 1.0}}
    file.write_text(json.dumps(description))
    return check_dataset(dataset.folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [("no source", "source clips"), ("twice", "same path"), ("frames", "names frames"), ("variant", "no variant clip")],
)
def test_check_finds_clips_that_do_not_fit(change: str, said: str, copy: Dataset) -> None:
    assert any(said in p for p in edited(copy, change))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [("split", "later", "neither"), ("index", 5, "count"), ("confidence", float("nan"), "finite")],
)
def test_check_finds_frames_that_cannot_be(key: str, value: object, said: str, copy: Dataset) -> None:
    file = copy.folder / "frames.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[1][key] = value
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert any(said in p for p in check_dataset(copy.folder))


def test_check_finds_a_camera_that_is_not_a_rotation(copy: Dataset) -> None:
    file = copy.folder / "frames.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[0]["camera"]["world_to_cam"][0][0] = 2.0
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert any("not a rotation" in p for p in check_dataset(copy.folder))


def test_a_folder_without_a_dataset_is_one_problem(tmp_path: Path) -> None:
    assert len(check_dataset(tmp_path)) == 1
