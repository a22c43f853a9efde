"""Face detection, 478 landmarks and the person mask, by the models inside the MediaPipe 0.10.21 wheel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.errors import BackendMissing, FaceTooSmall, NoFace, SeveralFaces
from perse_engine.portrait.portrait import FaceBox

Rgb = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]

MIN_FACE_PX = 64
DETECTION_SIDE_PX = 1280
CROP_PX = 512
SIMILAR_FACE_AREA = 0.5
"""A second face with at least this share of the largest one's area makes the choice a guess."""

TEST_TIME_SHIFTS = 5


@cache
def _mediapipe() -> ModuleType:
    # Its C++ side greets on stderr at every start.
    os.environ.setdefault("GLOG_minloglevel", "3")
    try:
        import mediapipe
    except ImportError as error:
        raise BackendMissing(
            "Landmark detection needs MediaPipe 0.10.21, which is not installed.",
            hint="pip install --no-deps mediapipe==0.10.21 (docs/guides/install.md says why so).",
        ) from error
    return mediapipe


@dataclass(frozen=True)
class Detection:
    """A face rectangle in px of the picture, with the detector's score."""

    box: FaceBox
    score: float


class FaceModels:
    """The loaded models. Not thread-safe; keep one per process (`face_models`)."""

    def __init__(self) -> None:
        solutions = _mediapipe().solutions
        self._detector = solutions.face_detection.FaceDetection(model_selection=1, min_detection_confidence=0.3)
        self._mesh = solutions.face_mesh.FaceMesh(
            static_image_mode=True, refine_landmarks=True, max_num_faces=1, min_detection_confidence=0.3
        )
        self._person = solutions.selfie_segmentation.SelfieSegmentation(model_selection=0)

    def detect(self, rgb: Rgb) -> list[Detection]:
        """Faces in a picture of any size, largest first."""
        height, width = rgb.shape[:2]
        scale = min(1.0, DETECTION_SIDE_PX / max(height, width))
        small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
        found = self._detector.process(small).detections or []
        detections = []
        for item in found:
            box = item.location_data.relative_bounding_box
            face = FaceBox(box.xmin * width, box.ymin * height, box.width * width, box.height * height)
            detections.append(Detection(face, float(item.score[0])))
        return sorted(detections, key=lambda d: -d.box.width_px * d.box.height_px)

    def landmarks(self, rgb: Rgb) -> Points | None:
        """[478, 3] float64 (x, y in px, z in the same unit, smaller is nearer), or None without a face."""
        result = self._mesh.process(rgb).multi_face_landmarks
        if not result:
            return None
        height, width = rgb.shape[:2]
        return np.array([(p.x * width, p.y * height, p.z * width) for p in result[0].landmark], np.float64)

    def steady_landmarks(self, rgb: Rgb) -> tuple[Points, float] | None:
        """Landmarks averaged over small shifts, turns and scales, and their mean standard deviation in px."""
        height, width = rgb.shape[:2]
        random = np.random.default_rng(0)
        found = []
        for i in range(TEST_TIME_SHIFTS):
            jitter = 0.0 if i == 0 else 1.0
            scale = 1 + 0.04 * (random.random() - 0.5) * jitter
            turn = 6 * (random.random() - 0.5) * jitter
            matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
            matrix[:, 2] += (random.random(2) - 0.5) * 0.03 * width * jitter
            points = self.landmarks(cv2.warpAffine(rgb, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE))
            if points is not None:
                back = cv2.invertAffineTransform(matrix)
                found.append(np.c_[points[:, :2] @ back[:, :2].T + back[:, 2], points[:, 2] / scale])
        if not found:
            return None
        stack = np.array(found)
        return stack.mean(0), float(stack.std(0)[:, :2].mean())

    def person(self, rgb: Rgb) -> npt.NDArray[np.float32]:
        """Probability that a pixel shows a person, [H, W] float32."""
        return np.asarray(self._person.process(rgb).segmentation_mask, np.float32)


@cache
def face_models() -> FaceModels:
    """The models of this process, loaded at the first call (0.1 s)."""
    return FaceModels()


def find_face(rgb: Rgb) -> tuple[Detection, tuple[Detection, ...]]:
    """The face that the portrait shows, and the smaller ones beside it.

    Raises:
        NoFace, SeveralFaces, FaceTooSmall.
    """
    # Two boxes on one face happen; only a box whose centre lies outside the first counts as another face.
    detections = _distinct(face_models().detect(rgb))
    if not detections:
        raise NoFace("No face was found on the photo.", hint="Use a photo with one face, seen from the front.")
    first, others = detections[0], tuple(detections[1:])
    area = first.box.width_px * first.box.height_px
    if any(o.box.width_px * o.box.height_px >= SIMILAR_FACE_AREA * area for o in others):
        raise SeveralFaces(
            f"The photo shows {len(detections)} faces of similar size.", hint="Crop it to the one that is meant."
        )
    if first.box.height_px < MIN_FACE_PX:
        raise FaceTooSmall(
            f"The face is {first.box.height_px:.0f} px high; at least {MIN_FACE_PX} px are needed.",
            hint="Crop to the face from a larger original.",
        )
    return first, others


def _distinct(detections: list[Detection]) -> list[Detection]:
    kept: list[Detection] = []
    for item in detections:
        x, y = item.box.x_px + item.box.width_px / 2, item.box.y_px + item.box.height_px / 2
        inside = any(
            k.box.x_px <= x <= k.box.x_px + k.box.width_px and k.box.y_px <= y <= k.box.y_px + k.box.height_px
            for k in kept
        )
        if not kept or (not inside and item.score >= 0.5):
            kept.append(item)
    return kept


def square_crop(
    rgb: Rgb, centre: npt.NDArray[np.float64], side: float, size: int
) -> tuple[Rgb, npt.NDArray[np.float64]]:
    """A square around `centre` scaled to `size` px, edges repeated, and the [2, 3] affine that made it."""
    scale = size / side
    matrix = np.array([[scale, 0, size / 2 - scale * centre[0]], [0, scale, size / 2 - scale * centre[1]]])
    source = cv2.GaussianBlur(rgb, (0, 0), 0.35 / scale) if scale < 0.8 else rgb
    crop = cv2.warpAffine(source, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return crop, matrix
