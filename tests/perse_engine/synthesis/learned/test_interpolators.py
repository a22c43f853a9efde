"""In-betweens: their ends, their middle, their mask; the morphing model on tiny weights."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.errors import BackendMissing
from perse_engine.models.loading import ModelLoader
from perse_engine.models.memory import MemoryPreset
from perse_engine.models.store import ModelStore
from perse_engine.perception.lpips import Lpips
from perse_engine.synthesis.learned.diffusion_interpolator import (
    adapted,
    open_diffusion_interpolator,
    perceptual_distance,
    respaced,
    slerp,
)
from perse_engine.synthesis.learned.interpolator import Face
from perse_engine.synthesis.learned.morph_lora import fit_lora
from perse_engine.synthesis.learned.warp_interpolator import WarpInterpolator, landmark_way
from tests.perse_engine.perception.random_weights import lpips_weights

SIZE = 96
STEPS = (0.25, 0.5, 0.75)


def spot(x: float, y: float) -> np.ndarray:
    """A bright spot on grey."""
    picture = np.full((SIZE, SIZE, 3), 60, np.uint8)
    cv2.circle(picture, (round(x), round(y)), 6, (240, 240, 240), -1, cv2.LINE_AA)
    return picture


def landmarks(shift: tuple[float, float]) -> np.ndarray:
    """478 points in a disc about the middle, moved."""
    random = np.random.default_rng(0)
    return SIZE / 2 + 18 * random.standard_normal((478, 2)).clip(-1.5, 1.5) + np.array(shift)


def brightest(picture: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(picture[..., 0] > 150)
    return np.array([columns.mean(), rows.mean()])


def test_warping_moves_what_the_landmarks_move() -> None:
    middle = SIZE / 2
    first = Face("a", spot(middle, middle), landmarks((0, 0)), "")
    second = Face("b", spot(middle + 8, middle + 4), landmarks((8, 4)), "")
    for t, picture in zip(STEPS, WarpInterpolator().between(first, second, np.ones((SIZE, SIZE)), STEPS), strict=True):
        assert brightest(picture) == pytest.approx([middle + 8 * t, middle + 4 * t], abs=1.0)
        # One spot, as bright as both: nothing is cross-faded.
        assert picture.max() > 220


def test_the_border_of_the_picture_stays() -> None:
    way = landmark_way(Face("a", spot(48, 48), landmarks((0, 0)), ""), Face("b", spot(56, 48), landmarks((8, 0)), ""))
    assert np.abs(way[[0, -1]]).max() < 1.0 and np.abs(way[:, [0, -1]]).max() < 1.0
    assert way[SIZE // 2, SIZE // 2] == pytest.approx([8, 0], abs=0.8)


def test_the_ends_of_a_warp_are_the_faces() -> None:
    first, second = Face("a", spot(48, 48), landmarks((0, 0)), ""), Face("b", spot(56, 48), landmarks((8, 0)), "")
    made = WarpInterpolator().between(first, second, np.ones((SIZE, SIZE)), (0.0, 1.0))
    assert np.array_equal(made[0], first.picture) and np.array_equal(made[1], second.picture)


def test_outside_the_mask_in_betweens_are_the_first_face() -> None:
    random = np.random.default_rng(2)
    first, second = (
        Face(n, random.integers(0, 255, (SIZE, SIZE, 3), np.uint8), landmarks((k, 0)), "") for k, n in enumerate("ab")
    )
    mask = np.zeros((SIZE, SIZE))
    mask[:40] = 1
    for picture in WarpInterpolator().between(first, second, mask, STEPS):
        assert np.array_equal(picture[40:], first.picture[40:])
        assert not np.array_equal(picture[:40], first.picture[:40])


@pytest.mark.parametrize("model", ["sdxl-base", "sd15"])
def test_the_morphing_model_makes_masked_pictures_that_go_from_face_to_face(
    model: str, tiny_store: ModelStore, cpu_tiny: MemoryPreset
) -> None:
    random = np.random.default_rng(3)
    first, second = (Face(n, random.integers(0, 255, (SIZE, SIZE, 3), np.uint8), None, n) for n in "ab")
    mask = np.zeros((SIZE, SIZE))
    mask[20:80, 20:80] = 1
    with open_diffusion_interpolator(ModelLoader(tiny_store, cpu_tiny), model, ["a", "b"]) as interpolator:
        made = interpolator.between(first, second, mask, STEPS)
        interpolator.forget({"a"})
        assert len(interpolator._pipe.unet.peft_config) == 1
        again = interpolator.between(first, second, mask, STEPS)
    assert [p.shape for p in made] == [(SIZE, SIZE, 3)] * 3
    assert all(np.array_equal(a, b) for a, b in zip(made, again, strict=True))
    assert all(np.array_equal(p[mask == 0], first.picture[mask == 0]) for p in made)
    assert len({p.tobytes() for p in made}) == 3


def test_morphing_runs_in_the_type_of_gpu_presets(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    random = np.random.default_rng(4)
    first, second = (Face(n, random.integers(0, 255, (64, 64, 3), np.uint8), None, n) for n in "ab")
    loader = ModelLoader(tiny_store, replace(cpu_tiny, dtype="bfloat16"))
    with open_diffusion_interpolator(loader, "sdxl-base", ["a", "b"]) as interpolator:
        (made,) = interpolator.between(first, second, np.ones((64, 64)), (0.5,))
    assert made.std() > 0


def denoising_error(unet: Any, latents: torch.Tensor, condition: dict[str, Any], schedule: Any) -> float:
    """Mean squared error of the predicted noise, over noises that training does not see."""
    random = torch.Generator().manual_seed(9)
    errors = []
    with torch.no_grad():
        for moment in range(20, 1000, 120):
            noise, t = torch.randn(latents.shape, generator=random), torch.tensor([moment])
            predicted = unet(schedule.add_noise(latents, noise, t), t, **condition).sample
            errors.append(float((predicted - noise).square().mean()))
    return float(np.mean(errors))


def test_a_lora_learns_its_picture(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    from diffusers import DDIMScheduler

    with ModelLoader(tiny_store, cpu_tiny).pipeline("sd15") as loaded:
        pipe = loaded.pipeline
        with torch.no_grad():
            words, _ = pipe.encode_prompt("a", "cpu", 1, False)
        latents = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(0))
        schedule = DDIMScheduler.from_config(pipe.scheduler.config)
        condition = {"encoder_hidden_states": words}
        before = denoising_error(pipe.unet, latents, condition, schedule)
        fit_lora(pipe.unet, "end0", latents, condition, schedule, 80)
        assert denoising_error(pipe.unet, latents, condition, schedule) < before - 0.003
        assert not any(p.requires_grad for p in pipe.unet.parameters())


@given(st.floats(0, 1), st.integers(0, 99))
def test_slerp_keeps_the_strength_of_noise(t: float, seed: int) -> None:
    a, b = torch.randn((2, 1, 4, 16, 16), generator=torch.Generator().manual_seed(seed))
    assert float(slerp(a, b, t).std()) == pytest.approx(1, abs=0.1)


def test_slerp_ends_are_the_ends() -> None:
    a, b = torch.randn((2, 1, 4, 8, 8), generator=torch.Generator().manual_seed(0))
    assert torch.allclose(slerp(a, b, 0.0), a, atol=1e-5) and torch.allclose(slerp(a, b, 1.0), b, atol=1e-5)
    assert torch.equal(slerp(a, a, 0.5), a)


def test_channels_get_mean_and_spread_between_the_ends() -> None:
    a, b = torch.randn((2, 1, 4, 32, 32), generator=torch.Generator().manual_seed(0))
    made = adapted(a, 2 * a + 1, 4 * b - 1, 0.25)
    expected = 0.75 * (2 * a + 1).mean((2, 3)) + 0.25 * (4 * b - 1).mean((2, 3))
    assert torch.allclose(made.mean((2, 3)), expected, atol=1e-3)


def test_steps_are_spaced_by_what_is_seen() -> None:
    levels = (0, 10, 20, 30, 200)
    spaced = respaced([np.full((32, 32, 3), x, np.uint8) for x in levels], STEPS)
    # Nearly all of the change lies in the last quarter of the way.
    assert all(t > 0.75 for t in spaced)
    assert respaced([np.full((8, 8, 3), x, np.uint8) for x in (0, 50, 100)], STEPS) == pytest.approx(STEPS)


def test_steps_are_spaced_by_lpips_where_a_recipe_names_one() -> None:
    distance = perceptual_distance(Lpips("lpips-alex", lpips_weights("lpips-alex")))
    random = np.random.default_rng(0)
    still, other = random.integers(0, 255, (2, 64, 64, 3), np.uint8)
    assert distance(still, still) == 0 and distance(still, other) > 0
    # The way stands still at first: its middle is found in the second half.
    (middle,) = respaced([still, still, other], (0.5,), distance)
    assert middle == pytest.approx(0.75, abs=0.01)


def test_a_spacing_model_is_taken_from_the_store(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    loader = ModelLoader(tiny_store, cpu_tiny)
    with (
        pytest.raises(BackendMissing, match="lpips-alex"),
        open_diffusion_interpolator(loader, "sdxl-base", ["a"], "lpips-alex"),
    ):
        pass


@given(st.lists(st.integers(0, 255), min_size=3, max_size=6))
def test_respaced_steps_rise(levels: list[int]) -> None:
    spaced = respaced([np.full((8, 8, 3), x, np.uint8) for x in levels], (0.0, *STEPS, 1.0))
    assert spaced[0] == 0 and spaced[-1] == 1
    assert all(a < b for a, b in pairwise(spaced))
