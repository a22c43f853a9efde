"""A disturbed dataset is off where it is trained and nowhere else, and refinement learns more from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perse_engine.evaluation.avatar.disturbance import (
    Disturbance,
    PictureError,
    disturb,
    picture_errors,
    shifted,
)
from perse_engine.evaluation.avatar.disturbed import DISTURBED, REFINED, disturbed_avatars
from perse_engine.evaluation.protocols import heldout
from perse_engine.head.subject import Subject
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.check import check_dataset
from perse_engine.synthesis.dataset import Dataset, Images
from perse_engine.synthesis.storage import open_dataset, picture_path, read_images
from tests.perse_engine.synthesis.tiny import files_of


@pytest.fixture(scope="module")
def disturbed(tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return disturb(tiny_dataset, tmp_path_factory.mktemp("disturbed"), Disturbance())


def test_a_disturbed_dataset_is_sound(disturbed: Dataset) -> None:
    assert check_dataset(disturbed.folder) == []
    assert [f.pose for f in open_dataset(disturbed.folder).frames] == [f.pose for f in disturbed.frames]


def test_held_out_frames_stay_exact(tiny_dataset: Dataset, disturbed: Dataset) -> None:
    compared = 0
    for before, after in zip(tiny_dataset.frames, disturbed.frames, strict=True):
        if before.split != "heldout":
            continue
        assert after.pose == before.pose
        assert np.array_equal(after.camera.world_to_cam, before.camera.world_to_cam)
        for clip in (c for c in tiny_dataset.clips if before.index in c.frames):
            files = [picture_path(d.folder, clip.path, "image", before.index) for d in (tiny_dataset, disturbed)]
            assert files[0].read_bytes() == files[1].read_bytes()
            compared += 1
    assert compared >= 3


def test_trained_frames_are_off_by_as_much_as_was_said(tiny_dataset: Dataset, disturbed: Dataset) -> None:
    pairs = [p for p in zip(tiny_dataset.frames, disturbed.frames, strict=True) if p[0].split == "train"]
    turns = np.array([a.pose.yaw_deg - b.pose.yaw_deg for a, b in pairs])
    places = np.array([a.camera.world_to_cam[:3, 3] - b.camera.world_to_cam[:3, 3] for a, b in pairs])
    assert 0.2 < np.sqrt((turns**2).mean()) < 1
    assert 0.0005 < np.sqrt((places**2).mean()) < 0.002
    errors = picture_errors(tiny_dataset, Disturbance())
    assert np.abs([e.shift_px for e in errors.values()]).max() <= 1
    assert np.abs([e.gain - 1 for e in errors.values()]).max() <= 0.03
    # Each picture has an error of its own, also in clips of the same frames.
    assert len({e.shift_px for e in errors.values()}) == len(errors) > len(tiny_dataset.frames)
    clip, index = next(iter(errors))
    images = [read_images(d, d.clip(clip), index).image for d in (tiny_dataset, disturbed)]
    assert not np.array_equal(*images)


def test_the_same_seed_disturbs_alike_and_another_does_not(
    tiny_dataset: Dataset, disturbed: Dataset, tmp_path: Path
) -> None:
    again = disturb(tiny_dataset, tmp_path / "again", Disturbance())
    assert {n: b for n, (_, b) in files_of(again.folder).items()} == {
        n: b for n, (_, b) in files_of(disturbed.folder).items()
    }
    assert picture_errors(tiny_dataset, Disturbance(seed=1)) != picture_errors(tiny_dataset, Disturbance())


def test_a_whole_pixel_moves_every_picture_by_a_pixel() -> None:
    random = np.random.default_rng(0)
    grey, labels = (random.integers(0, high, (12, 12), np.uint8) for high in (200, 15))
    before = Images(np.dstack([grey] * 3), grey, labels, grey)
    after = shifted(before, PictureError((1.0, 0.0), 1.0))
    for name in ("image", "alpha", "region", "changed"):
        assert np.array_equal(getattr(after, name)[:, 1:], getattr(before, name)[:, :-1]), name


def test_gain_changes_colours_alone() -> None:
    flat, whole = np.full((8, 8), 100, np.uint8), np.full((8, 8), 255, np.uint8)
    after = shifted(Images(np.dstack([flat] * 3), whole, flat, flat), PictureError((0.0, 0.0), 1.03))
    assert (after.image == 103).all()
    assert (after.alpha == 255).all()
    assert (after.changed == 100).all()


def test_no_colour_becomes_brighter_than_its_alpha() -> None:
    flat = np.full((8, 8), 100, np.uint8)
    after = shifted(Images(np.dstack([flat] * 3), flat, flat, flat), PictureError((0.3, 0.0), 1.03))
    assert (after.image == 100).all()


def test_refinement_learns_more_from_disturbed_pictures(
    astronaut_subject: Subject, tiny_dataset: Dataset, tiny_recipe: Recipe
) -> None:
    made = {
        name: heldout(Renderer(avatar, "cpu"), tiny_dataset)["psnr_db"]
        for name, _, avatar, _ in disturbed_avatars(astronaut_subject, tiny_dataset, tiny_recipe, SilentProgress())
    }
    assert made[REFINED]["source"] > made[DISTURBED]["source"] + 0.5  # type: ignore[index]
