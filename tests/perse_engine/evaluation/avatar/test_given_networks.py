"""Identity, FID and KID with stand-in networks, and their formulas on sets whose distance is known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from perse_engine.errors import BackendMissing, InvalidValue
from perse_engine.evaluation.avatar.distance import NetworkDistance
from perse_engine.evaluation.avatar.exact import ExactPictures
from perse_engine.evaluation.avatar.identity import identity
from perse_engine.evaluation.avatar.realism import (
    OnnxFeatures,
    frechet_distance,
    kernel_distance,
    realism,
)
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Dataset

RANDOM = np.random.default_rng(0)
CLOUD = list(RANDOM.standard_normal((200, 4)))


class Pixels:
    """Calls two pictures alike if their blurred pixels are."""

    def embed(self, rgb: np.ndarray) -> np.ndarray:
        return self.features(rgb / 255)

    def features(self, rgb: np.ndarray) -> np.ndarray:
        side = len(rgb) // 4
        blocks = rgb[: 4 * side, : 4 * side].reshape(4, side, 4, side, 3).mean((1, 3))
        return np.asarray(blocks).ravel()


def test_identity_is_between_the_worst_and_one(renderer: Renderer, tiny_dataset: Dataset) -> None:
    found = identity(renderer, tiny_dataset, Pixels())
    assert found is not None
    assert found.worst <= found.cosine <= 1
    assert found.lost == 0
    assert found.worst_clip in {c.path for c in tiny_dataset.clips if c.kind == "variant"}


def test_in_betweens_are_compared_with_exact_ones(
    renderer: Renderer, tiny_dataset: Dataset, exact: ExactPictures
) -> None:
    found = realism(renderer, tiny_dataset, exact, Pixels())
    assert found.pictures == 18, "two ways of nine in-betweens"
    assert found.fid > 0


def test_a_set_is_at_no_frechet_distance_from_itself() -> None:
    assert frechet_distance(CLOUD, CLOUD) == pytest.approx(0, abs=1e-6)


def test_a_shift_is_its_squared_length_in_frechet_distance() -> None:
    shifted = [x + np.array([3.0, 0, 0, 4.0]) for x in CLOUD]
    assert frechet_distance(CLOUD, shifted) == pytest.approx(25, rel=1e-6)


def test_the_kernel_distance_of_two_draws_is_nothing_and_of_a_shift_is_something() -> None:
    again, shifted = list(RANDOM.standard_normal((200, 4))), [x + 1 for x in CLOUD]
    assert abs(kernel_distance(CLOUD, again)) < 0.2
    assert kernel_distance(CLOUD, shifted) > 1


@pytest.mark.parametrize("measure", [frechet_distance, kernel_distance])
def test_one_picture_is_no_set(measure: object) -> None:
    with pytest.raises(InvalidValue, match="two pictures"):
        measure(CLOUD[:1], CLOUD)  # type: ignore[operator]


@pytest.mark.parametrize("network", [OnnxFeatures, NetworkDistance])
def test_without_onnxruntime_the_error_says_so(monkeypatch: pytest.MonkeyPatch, network: type) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendMissing, match="onnxruntime"):
        network(Path("model.onnx"))
