"""Is it still the same person from other sides: asked of a face recogniser that the caller brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.errors import InvalidValue
from perse_engine.evaluation.networks import open_network
from perse_engine.evaluation.subject.judge import Rgb, judge_camera, picture
from perse_engine.head.subject import Subject
from perse_engine.portrait.landmarks import face_models
from perse_engine.scene import Expression, Pose

Array = npt.NDArray[Any]

CROP_PX = 112
TEMPLATE = np.array([[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]])
"""Where ArcFace's crop has the eyes, the nose's tip and the corners of the mouth, px of 112."""
VIEWS: tuple[tuple[float, float], ...] = ((0, 0), (-15, 0), (15, 0), (-30, 0), (30, 0), (0, 12), (0, -12))


class FaceEmbedder(Protocol):
    """A face recogniser: an aligned [112, 112, 3] crop to a vector; the same person's point the same way."""

    def embed(self, rgb: Rgb) -> Array:
        """The vector of a crop, of any length."""
        ...


class OnnxEmbedder:
    """A recogniser in an ONNX file with ArcFace's conventions: one input [1, 3, 112, 112] in -1..1, one output.

    Raises:
        BackendMissing: onnxruntime is not installed.
        InvalidValue: the file is not such a model.
    """

    def __init__(self, model: Path) -> None:
        self._session = open_network(model, "face embedder")

    def embed(self, rgb: Rgb) -> Array:
        """See `FaceEmbedder`."""
        values = ((rgb.astype(np.float32) - 127.5) / 127.5).transpose(2, 0, 1)[None]
        name = self._session.get_inputs()[0].name
        return np.asarray(self._session.run(None, {name: values})[0], np.float32).ravel()


def identity_distances(subject: Subject, embedder: FaceEmbedder) -> dict[str, float | None]:
    """1 - cosine between the photo and each view, keyed 'yaw 15 pitch 0'; None where no face was found."""
    photo = face_crop(subject.work_rgb)
    if photo is None:
        raise InvalidValue("No face was found again on the work image.")
    own = embedder.embed(photo)
    out: dict[str, float | None] = {}
    for yaw, pitch in VIEWS:
        crop = face_crop(picture(subject, Pose(yaw, pitch), Expression(), judge_camera()))
        out[f"yaw {yaw:g} pitch {pitch:g}"] = None if crop is None else cosine_distance(own, embedder.embed(crop))
    return out


def face_crop(rgb: Rgb) -> Rgb | None:
    """The face moved, turned and scaled onto TEMPLATE, [112, 112, 3]; None without a face."""
    points = face_models().landmarks(np.ascontiguousarray(rgb))
    if points is None:
        return None
    xy = points[:, :2]
    places = np.stack([xy[[33, 133]].mean(0), xy[[362, 263]].mean(0), xy[1], xy[61], xy[291]])
    matrix, _ = cv2.estimateAffinePartial2D(places, TEMPLATE, method=cv2.LMEDS)
    return np.asarray(cv2.warpAffine(rgb, matrix, (CROP_PX, CROP_PX), flags=cv2.INTER_AREA), np.uint8)


def cosine_distance(a: Array, b: Array) -> float:
    """0 for the same direction, 2 for opposite ones."""
    return float(1 - (a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))
