"""Identity, FID and KID with stand-in networks, and their formulas on sets whose distance is known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from perse_engine.errors import BackendMissing, InvalidValue
from perse_engine.evaluation.avatar.distance import NetworkDistance, open_distance
from perse_engine.evaluation.avatar.exact import ExactPictures
from perse_engine.evaluation.avatar.identity import identity
from perse_engine.evaluation.avatar.realism import (
    OnnxFeatures,
    frechet_distance,
    kernel_distance,
    open_features,
    realism,
)
from perse_engine.evaluation.subject.identity import OnnxEmbedder
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Dataset
from tests.perse_engine.evaluation.avatar.onnx_file import mean_model
from tests.perse_engine.perception.random_weights import inception_weights, lpips_weights

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


def test_the_frechet_distance_of_gaussians_is_the_closed_form() -> None:
    random = np.random.default_rng(4)
    mix = random.standard_normal((4, 4))
    other = [mix @ x + 1 for x in random.standard_normal((300, 4))]
    means = [np.mean(s, 0) for s in (CLOUD, other)]
    covariances = [np.cov(np.stack(s), rowvar=False) for s in (CLOUD, other)]
    # tr (A B)^(1/2) by the eigenvalues of A B, which are not negative.
    cross = np.sqrt(np.linalg.eigvals(covariances[0] @ covariances[1]).real.clip(0)).sum()
    expected = ((means[0] - means[1]) ** 2).sum() + sum(np.trace(c) for c in covariances) - 2 * cross
    assert frechet_distance(CLOUD, other) == pytest.approx(expected, rel=1e-6)


def test_the_kernel_distance_of_two_draws_is_nothing_and_of_a_shift_is_something() -> None:
    again, shifted = list(RANDOM.standard_normal((200, 4))), [x + 1 for x in CLOUD]
    assert abs(kernel_distance(CLOUD, again)) < 0.2
    assert kernel_distance(CLOUD, shifted) > 1


@pytest.mark.parametrize("measure", [frechet_distance, kernel_distance])
def test_one_picture_is_no_set(measure: object) -> None:
    with pytest.raises(InvalidValue, match="two pictures"):
        measure(CLOUD[:1], CLOUD)  # type: ignore[operator]


def test_lpips_by_a_safetensors_file_tells_pictures_apart(tmp_path: Path) -> None:
    save_file(lpips_weights("lpips-alex"), tmp_path / "model.safetensors")
    distance = open_distance(tmp_path / "model.safetensors")
    a, b = RANDOM.random((2, 64, 70, 3)).astype(np.float32)

    assert distance.name == "LPIPS (alex)"
    assert distance(a, a) == 0
    assert distance(a, b) == pytest.approx(distance(b, a), rel=1e-5)
    assert distance(a, b) > 0


def test_inception_by_a_safetensors_file_gives_features(tmp_path: Path) -> None:
    save_file(inception_weights(), tmp_path / "model.safetensors")
    network = open_features(tmp_path / "model.safetensors")
    picture = RANDOM.random((64, 64, 3)).astype(np.float32)

    found = network.features(picture)

    assert found.shape == (2048,)
    np.testing.assert_array_equal(found, network.features(picture))


def test_an_onnx_network_is_given_pictures_in_minus_one_to_one(tmp_path: Path) -> None:
    file = tmp_path / "mean.onnx"
    file.write_bytes(mean_model(299))
    picture = np.full((64, 64, 3), (0.0, 0.5, 1.0), np.float32)

    np.testing.assert_allclose(OnnxFeatures(file).features(picture), [-1, 0, 1], atol=1e-5)


def test_an_onnx_embedder_is_given_crops_in_minus_one_to_one(tmp_path: Path) -> None:
    file = tmp_path / "mean.onnx"
    file.write_bytes(mean_model(112))

    found = OnnxEmbedder(file).embed(np.full((112, 112, 3), (0, 255, 51), np.uint8))

    np.testing.assert_allclose(found, [-1, 1, -0.6], atol=1e-4)


@pytest.mark.parametrize("network", [OnnxFeatures, OnnxEmbedder, NetworkDistance])
def test_a_file_that_is_no_network_is_refused(network: type, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(InvalidValue, match="not an ONNX model"):
        network(tmp_path / "model.onnx")


def test_a_network_with_another_number_of_inputs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mean.onnx").write_bytes(mean_model(64))
    with pytest.raises(InvalidValue, match="1 inputs; expected 2"):
        NetworkDistance(tmp_path / "mean.onnx")


@pytest.mark.parametrize("network", [OnnxFeatures, NetworkDistance])
def test_without_onnxruntime_the_error_says_so(monkeypatch: pytest.MonkeyPatch, network: type) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendMissing, match="onnxruntime"):
        network(Path("model.onnx"))
