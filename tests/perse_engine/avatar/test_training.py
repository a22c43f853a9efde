"""Training on a tiny dataset: it learns, keeps its promises, and a killed one goes on as if nothing had been."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perse_engine.avatar import training
from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.checkpoint import NAME
from perse_engine.avatar.drawing import View, training_rasterizer
from perse_engine.avatar.pictures import Pictures, Sight
from perse_engine.avatar.posing import posed_cloud
from perse_engine.avatar.properties import COLOUR, OPACITY
from perse_engine.avatar.start import Start, start_avatar
from perse_engine.avatar.training import RASTER_MODE, STAGE, Trainer, train
from perse_engine.errors import Cancelled, CorruptFile
from perse_engine.evaluation.pictures import psnr_db
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.dataset import Dataset
from perse_engine.synthesis.storage import read_images
from tests.perse_engine.synthesis.tiny import CancelAt


@pytest.fixture
def start(astronaut_subject: Subject, tiny_dataset: Dataset, tiny_recipe: Recipe) -> Start:
    """An untrained avatar; a fresh one for each test, because training changes it."""
    rasterizer, _ = training_rasterizer("cpu", RASTER_MODE)
    pictures = Pictures(tiny_dataset)
    return start_avatar(astronaut_subject, tiny_dataset, tiny_recipe, pictures, rasterizer, SilentProgress())


def source_psnr(avatar: Avatar, dataset: Dataset) -> float:
    truth = read_images(dataset, dataset.clip("source"), 0)
    output = Renderer(avatar, "cpu").render(Look(), Pose(), Expression(), dataset.frames[0].camera)
    return psnr_db(output.rgb, truth.image / 255.0, np.ones(truth.alpha.shape, bool))


def owned(avatar: Avatar, subject: Subject) -> np.ndarray:
    """Gaussians that hang on anchors: those that additive categories own."""
    return np.asarray(avatar.binding.triangles.min(1) >= len(subject.look.rig.vertices))


def same(a: Avatar, b: Avatar) -> bool:
    """Whether two avatars are equal bit for bit."""
    pairs = [(a.base, b.base), (a.expression.basis, b.expression.basis)]
    for category, model in a.categories.items():
        other = b.categories[category]
        pairs.append((model.basis, other.basis))
        pairs += [(model.codes[id], other.codes[id]) for id in model.codes]
        pairs += list(zip(model.network.arrays().values(), other.network.arrays().values(), strict=True))
    return all(np.array_equal(x, y) for x, y in pairs)


def test_steps_on_one_picture_lower_its_loss(start: Start, tiny_dataset: Dataset) -> None:
    rasterizer, _ = training_rasterizer("cpu", RASTER_MODE)
    trainer = Trainer(start, View(start.placed.binding, rasterizer, (64, 64)))
    clip, frame = tiny_dataset.clip("source"), tiny_dataset.frames[0]
    sight = Sight(frame, start.vertices[0], Pictures(tiny_dataset).target(clip, 0))
    losses = [trainer.step(clip.look, sight, 1.0, with_ssim=False) for _ in range(25)]
    assert losses[-1] < 0.6 * losses[0]


def test_steps_on_a_variant_lower_its_loss(start: Start, tiny_dataset: Dataset) -> None:
    rasterizer, _ = training_rasterizer("cpu", RASTER_MODE)
    trainer = Trainer(start, View(start.placed.binding, rasterizer, (64, 64)))
    clip, frame = tiny_dataset.clip("hair/long-wavy-blonde"), tiny_dataset.frames[0]
    sight = Sight(frame, start.vertices[0], Pictures(tiny_dataset).target(clip, 0))
    losses = [trainer.step(clip.look, sight, 1.0, with_ssim=True) for _ in range(25)]
    assert losses[-1] < 0.7 * losses[0]


def test_steps_on_half_the_pixels_lower_the_loss_of_all(start: Start, tiny_dataset: Dataset) -> None:
    rasterizer, _ = training_rasterizer("cpu", RASTER_MODE)
    trainer = Trainer(start, View(start.placed.binding, rasterizer, (64, 64)))
    clip, frame, pictures = tiny_dataset.clip("source"), tiny_dataset.frames[0], Pictures(tiny_dataset)
    whole, half = (Sight(frame, start.vertices[0], pictures.target(clip, 0, shrink)) for shrink in (1, 2))
    first = trainer.step(clip.look, whole, 1.0, with_ssim=False)
    for _ in range(25):
        trainer.step(clip.look, half, 1.0, with_ssim=False)
    assert trainer.step(clip.look, whole, 1.0, with_ssim=False) < 0.8 * first


def test_a_trained_avatar_shows_the_source(tiny_avatar: Avatar, tiny_dataset: Dataset) -> None:
    assert source_psnr(tiny_avatar, tiny_dataset) > 22


def test_training_brings_every_trained_clip_nearer(tiny_avatar: Avatar, start: Start, tiny_dataset: Dataset) -> None:
    rasterizer, _ = training_rasterizer("cpu", RASTER_MODE)
    before = Trainer(start, View(start.placed.binding, rasterizer, (64, 64))).avatar({})
    for path in ("source", "hair/long-wavy-blonde", "eyeglasses/round-black"):
        clip = tiny_dataset.clip(path)
        truth = read_images(tiny_dataset, clip, 0).image / 255.0
        errors = []
        for avatar in (before, tiny_avatar):
            output = Renderer(avatar, "cpu").render(clip.look, Pose(), Expression(), tiny_dataset.frames[0].camera)
            errors.append(np.abs(output.rgb - truth).mean())
        assert errors[1] < errors[0], path


def test_owned_gaussians_are_invisible_in_the_source_look(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    mine = owned(tiny_avatar, astronaut_subject)
    assert mine.sum() > 50
    # Below 0 is drawn as 0: exactly invisible.
    assert (tiny_avatar.bake(Look()).properties[mine, OPACITY] <= 0).all()


def test_owned_gaussians_show_in_their_own_look(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    mine = owned(tiny_avatar, astronaut_subject)
    opacity = tiny_avatar.bake(Look({"hair": {"long-wavy-blonde": 1.0}})).properties[mine, OPACITY]
    assert (opacity > 0.3).sum() > 50


def test_glasses_only_shade_what_is_not_theirs(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    mine = owned(tiny_avatar, astronaut_subject)
    baked = tiny_avatar.bake(Look({"eyeglasses": {"round-black": 1.0}})).properties
    assert np.array_equal(baked[~mine, : COLOUR.start], tiny_avatar.base[~mine, : COLOUR.start])
    assert not np.array_equal(baked[~mine, COLOUR], tiny_avatar.base[~mine, COLOUR])
    assert not np.array_equal(baked[mine], tiny_avatar.base[mine])


def test_all_trained_numbers_are_finite(tiny_avatar: Avatar) -> None:
    assert np.isfinite(tiny_avatar.base).all()
    assert all(np.isfinite(m.basis).all() for m in tiny_avatar.categories.values())


def test_training_twice_gives_the_same(
    tiny_avatar: Avatar, astronaut_subject: Subject, tiny_dataset: Dataset, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    again, _ = train(astronaut_subject, tiny_dataset, tiny_recipe, tmp_path, SilentProgress())
    assert same(again, tiny_avatar)


@pytest.mark.parametrize("step", [20, 40])
def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(
    step: int,
    tiny_avatar: Avatar,
    astronaut_subject: Subject,
    tiny_dataset: Dataset,
    tiny_recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY_S", 0.0)
    with pytest.raises(Cancelled):
        train(astronaut_subject, tiny_dataset, tiny_recipe, tmp_path, CancelAt(STAGE, step))
    assert (tmp_path / NAME).exists()
    progress = CancelAt("nothing", 0)
    resumed, _ = train(astronaut_subject, tiny_dataset, tiny_recipe, tmp_path, progress)
    assert [s for stage, s, _ in progress.seen if stage == STAGE] == list(range(step + 20, 61, 20))
    assert same(resumed, tiny_avatar)


def interrupted(
    subject: Subject, dataset: Dataset, recipe: Recipe, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY_S", 0.0)
    with pytest.raises(Cancelled):
        train(subject, dataset, recipe, folder, CancelAt(STAGE, 20))


def test_a_checkpoint_of_another_recipe_is_refused(
    astronaut_subject: Subject,
    tiny_dataset: Dataset,
    tiny_recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupted(astronaut_subject, tiny_dataset, tiny_recipe, tmp_path, monkeypatch)
    with pytest.raises(CorruptFile, match="another recipe"):
        train(astronaut_subject, tiny_dataset, Recipe.of("tiny", rasterizer="cpu", seed=1), tmp_path, SilentProgress())


def test_a_damaged_checkpoint_is_refused(
    astronaut_subject: Subject, tiny_dataset: Dataset, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(b"not tensors at all")
    with pytest.raises(CorruptFile):
        train(astronaut_subject, tiny_dataset, tiny_recipe, tmp_path, SilentProgress())


def test_an_avatar_has_about_as_many_gaussians_as_its_preset(tiny_avatar: Avatar, tiny_recipe: Recipe) -> None:
    assert len(tiny_avatar) == pytest.approx(tiny_recipe.size().gaussians, rel=0.15)


def test_posing_an_avatar_keeps_its_gaussians_valid(tiny_avatar: Avatar) -> None:
    cloud = posed_cloud(tiny_avatar, tiny_avatar.bake(Look()), Pose(20, 5), Expression({"jawOpen": 0.5}))
    assert len(cloud.means) == len(tiny_avatar)
    inside = Camera.orbit(width_px=64, height_px=64).project(cloud.means)
    assert (inside[:, 2] > 0).all()
