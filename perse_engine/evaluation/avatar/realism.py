"""FID and KID: how alike two sets of pictures are to a feature network that the caller brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
import scipy.linalg
import torch

from perse_engine.errors import InvalidValue
from perse_engine.evaluation.avatar.betweens import EXPRESSION, POSE, STEPS, look_between, ways
from perse_engine.evaluation.avatar.exact import ExactPictures, moment
from perse_engine.evaluation.networks import open_network
from perse_engine.perception.inception import Inception
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Dataset

Array = npt.NDArray[Any]

FEATURE_PX = 299
"""Inception's picture."""


class FeatureNetwork(Protocol):
    """Pictures to vectors."""

    def features(self, rgb: Array) -> Array:
        """The vector of [H, W, 3] in 0..1, of any length, always the same one."""
        ...


def open_features(model: Path) -> FeatureNetwork:
    """FID's Inception from a .safetensors file; any other file is read as ONNX.

    Raises:
        BackendMissing, CorruptFile, InvalidValue: see `Inception.load` and `OnnxFeatures`.
    """
    return InceptionFeatures(Inception.load(model)) if model.suffix == ".safetensors" else OnnxFeatures(model)


class InceptionFeatures:
    """FID's Inception by our own definition of it."""

    def __init__(self, inception: Inception) -> None:
        self._inception = inception

    def features(self, rgb: Array) -> Array:
        """See `FeatureNetwork`; [2048]."""
        picture = torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)[None], np.float32))
        return self._inception.features(picture)[0].numpy().astype(np.float64)


class OnnxFeatures:
    """A feature network in an ONNX file: one input [1, 3, 299, 299] in -1..1, one output.

    Raises:
        BackendMissing: onnxruntime is not installed.
        InvalidValue: the file is not such a model.
    """

    def __init__(self, model: Path) -> None:
        self._session = open_network(model, "feature network")

    def features(self, rgb: Array) -> Array:
        """See `FeatureNetwork`."""
        picture = cv2.resize(rgb.astype(np.float32), (FEATURE_PX, FEATURE_PX), interpolation=cv2.INTER_AREA)
        values = np.ascontiguousarray((2 * picture - 1).transpose(2, 0, 1)[None], np.float32)
        name = self._session.get_inputs()[0].name
        return np.asarray(self._session.run(None, {name: values})[0], np.float64).ravel()


@dataclass(frozen=True)
class Realism:
    """In-between renders against the editor's own: Frechet and kernel distance, 0 for one distribution.

    FID of so few pictures is too high; it compares contenders of one run only.
    """

    fid: float
    kid: float
    pictures: int


def realism(renderer: Renderer, dataset: Dataset, exact: ExactPictures, network: FeatureNetwork) -> Realism:
    """Over the in-betweens of every way."""
    at = moment(POSE, EXPRESSION, dataset.size_px)
    own, true = [], []
    for category, start, end in ways(dataset):
        for k in range(1, STEPS):
            look = look_between(category, start, end, k / STEPS)
            own.append(network.features(renderer.render(look, at.pose, at.expression, at.camera).rgb))
            true.append(network.features(exact.of(look, [at])[0].rgb))
    return Realism(frechet_distance(own, true), kernel_distance(own, true), len(own))


def frechet_distance(a: Sequence[Array], b: Sequence[Array]) -> float:
    """Between Gaussians fitted to two sets of vectors (Heusel et al. 2017).

    Raises:
        InvalidValue: fewer than two vectors in a set.
    """
    if min(len(a), len(b)) < 2:
        raise InvalidValue(f"A distance of sets needs two pictures in each; got {len(a)} and {len(b)}.")
    first, second = np.stack(a), np.stack(b)
    covariances = [np.atleast_2d(np.cov(x, rowvar=False)) for x in (first, second)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    spread = np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * np.trace(np.real(root))
    return max(0.0, float(((first.mean(0) - second.mean(0)) ** 2).sum() + spread))


def kernel_distance(a: Sequence[Array], b: Sequence[Array]) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3 (Binkowski et al. 2018).

    Raises:
        InvalidValue: fewer than two vectors in a set.
    """
    if min(len(a), len(b)) < 2:
        raise InvalidValue(f"A distance of sets needs two pictures in each; got {len(a)} and {len(b)}.")
    first, second = np.stack(a), np.stack(b)

    def kernel(x: Array, y: Array) -> Array:
        return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)

    def within(x: Array) -> float:
        k, n = kernel(x, x), len(x)
        return float((k.sum() - np.trace(k)) / (n * (n - 1)))

    return within(first) + within(second) - 2 * float(kernel(first, second).mean())
