"""Every protocol on the tiny avatar."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from perse_engine.evaluation.avatar.bars import checks
from perse_engine.evaluation.avatar.composition import composition, is_trained
from perse_engine.evaluation.avatar.exact import ExactPictures
from perse_engine.evaluation.avatar.measures import AvatarMeasures
from perse_engine.evaluation.avatar.reconstruction import reconstruction
from perse_engine.evaluation.protocols import heldout
from perse_engine.look import Look
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Dataset


def test_measures_are_plain_json_and_finite(measures: AvatarMeasures) -> None:
    json.dumps(asdict(measures), allow_nan=False)


def test_reconstruction_agrees_with_metrics_json(
    measures: AvatarMeasures, renderer: Renderer, tiny_dataset: Dataset
) -> None:
    known: dict[str, dict[str, float]] = heldout(renderer, tiny_dataset)  # type: ignore[assignment]
    assert measures.reconstruction.psnr_db == pytest.approx(known["psnr_db"]["mean"])
    assert measures.reconstruction.ssim == pytest.approx(known["ssim"]["mean"])
    assert measures.reconstruction.worst.clip == known["psnr_db"]["worst_variant_path"]


def test_frames_come_worst_first(measures: AvatarMeasures) -> None:
    psnr = [f.psnr_db for f in measures.reconstruction.frames]
    assert psnr == sorted(psnr)


def test_lpips_is_absent_without_a_network_and_asked_of_one(renderer: Renderer, tiny_dataset: Dataset) -> None:
    class Constant:
        name = "always a quarter"

        def __call__(self, a: object, b: object) -> float:
            return 0.25

    assert reconstruction(renderer, tiny_dataset).lpips is None
    assert reconstruction(renderer, tiny_dataset, Constant()).lpips == 0.25


def test_every_category_has_its_way_and_its_leakage(measures: AvatarMeasures) -> None:
    assert [(p.category, p.start) for p in measures.betweens] == [("hair", None), ("eyeglasses", None)]
    assert {x.category for x in measures.leakage} == {"hair", "eyeglasses"}


def test_an_edit_is_larger_inside_than_outside(measures: AvatarMeasures) -> None:
    for x in measures.leakage:
        assert x.inside_share > 0.2
        assert x.outside_mean < 5


def test_pairs_that_were_trained_are_not_composed_again(
    renderer: Renderer, tiny_dataset: Dataset, exact: ExactPictures
) -> None:
    mix = next(c for c in tiny_dataset.clips if c.kind == "mix")
    assert is_trained(tiny_dataset, mix.look) == (mix.split == "train")
    assert not is_trained(tiny_dataset, Look({"hat": {"beanie-grey": 1.0}}))
    for found in composition(renderer, tiny_dataset, exact):
        assert found.worst_alone_db <= found.alone_db
        assert found.loss_db == pytest.approx(found.alone_db - found.psnr_db)


def test_ramps_are_no_smoother_than_even(measures: AvatarMeasures) -> None:
    assert {r.name for r in measures.flicker} >= {"blink", "jaw", "yaw -20 to 20"}
    assert all(r.jump >= 1 and r.exact_jump >= 1 for r in measures.flicker)


def test_lids_and_lips_are_judged_on_pixels(measures: AvatarMeasures) -> None:
    assert measures.order.mouth_pixels > 0
    assert 0 <= measures.order.eyes_through_lids <= 1


def test_every_bar_is_held_against_a_value(measures: AvatarMeasures) -> None:
    found = {c.name: c for c in checks(measures)}
    assert not found["psnr_db"].passed, "60 steps at 64 px reach no 40 dB"
    assert found["psnr_db"].value == measures.reconstruction.psnr_db
    assert {"leakage_levels", "step_deviation", "gradient_energy", "eyes_through_lids"} <= set(found)
