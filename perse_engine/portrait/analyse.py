"""Portrait to PortraitAnalysis: the work image, landmarks, regions, head pose and what may go wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.errors import NoFace
from perse_engine.portrait.bare_face import without_frame
from perse_engine.portrait.find_eyewear import find_eyewear
from perse_engine.portrait.frames import head_pose_deg
from perse_engine.portrait.glasses import wears_eyeglasses
from perse_engine.portrait.landmarks import face_models, find_face, square_crop
from perse_engine.portrait.matting import Mask
from perse_engine.portrait.points import OVAL
from perse_engine.portrait.portrait import FaceBox, Portrait, PortraitAnalysis, QualityWarning, Regions
from perse_engine.portrait.regions import find_regions, matte, person_mask
from perse_engine.portrait.silhouette import snap_to_silhouette

WORK_PX = 896
WORK_SIDE_FACE_HEIGHTS = 2.9
"""Side of the work image: room for hair above and shoulders below a face of a third of it."""

UNSTEADY_PX = 3.0
"""Landmarks that move more than this between shifted copies (of a 307 px face) are not to be trusted."""


@dataclass(frozen=True)
class PortraitReport:
    """What the API tells about a portrait."""

    width_px: int
    height_px: int
    face: FaceBox
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    warnings: tuple[QualityWarning, ...]
    confidence: float

    def to_json(self) -> dict[str, object]:
        """Plain JSON."""
        return asdict(self)


def analyse_portrait(portrait: Portrait) -> PortraitAnalysis:
    """Find everything that the head is built from; about 1.5 s on 2 cores.

    Raises:
        NoFace, SeveralFaces, FaceTooSmall: from detection.
        BackendMissing: MediaPipe is not installed.
    """
    detection, others = find_face(portrait.rgb)
    centre, side = _work_square(portrait.rgb, detection.box)
    work, matrix = square_crop(portrait.rgb, centre, side, WORK_PX)
    valid = cv2.warpAffine(
        np.ones(portrait.rgb.shape[:2], np.float32), matrix, (WORK_PX, WORK_PX), flags=cv2.INTER_NEAREST
    )
    landmarks, wobble_px = _landmarks(work)
    is_worn = wears_eyeglasses(work, landmarks)
    eyewear = find_eyewear(work, landmarks) if is_worn else None
    face = work
    if eyewear is not None:
        face = without_frame(work, eyewear)
        # Rims move the landmarks of eyes and brows by several pixels.
        landmarks, wobble_px = _landmarks(face)
    person = person_mask(portrait.rgb, matrix, centre, side, WORK_PX) * valid
    alpha = matte(face, person, landmarks.astype(np.float32), valid)
    regions, is_bald = find_regions(face, landmarks.astype(np.float32), alpha, valid)
    snapped = snap_to_silhouette(landmarks, regions)
    pose = head_pose_deg(landmarks)
    confidence = _confidence(detection.score, wobble_px, pose, regions)
    scale = float(matrix[0, 0])
    warnings = _warnings(face, landmarks, regions, pose, scale, confidence, len(others), is_worn and eyewear is None)
    return PortraitAnalysis(
        portrait=portrait,
        face=detection.box,
        work_rgb=work,
        landmarks=snapped.astype(np.float32),
        regions=regions,
        work_from_portrait=matrix.astype(np.float32),
        head_pose_deg=pose,
        warnings=warnings,
        is_bald=is_bald,
        confidence=confidence,
        eyewear=eyewear,
    )


def report(analysis: PortraitAnalysis) -> PortraitReport:
    """The part of an analysis that a client wants to know."""
    yaw, pitch, roll = (round(a, 1) for a in analysis.head_pose_deg)
    portrait = analysis.portrait
    return PortraitReport(
        portrait.width_px, portrait.height_px, analysis.face, yaw, pitch, roll, analysis.warnings,
        round(analysis.confidence, 3),
    )  # fmt: skip


def _landmarks(work: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float64], float]:
    """Landmarks on the work image, and by how many px they move between shifted copies."""
    steady = face_models().steady_landmarks(work)
    if steady is None:
        raise NoFace("The face could not be followed closely enough.", hint="Use a sharper photo from the front.")
    return steady


def _work_square(rgb: npt.NDArray[np.uint8], box: FaceBox) -> tuple[npt.NDArray[np.float64], float]:
    """Centre and side of the work square, in portrait px, from the landmarks of a first crop."""
    middle = np.array([box.x_px + box.width_px / 2, box.y_px + box.height_px / 2])
    crop, matrix = square_crop(rgb, middle, 2.2 * max(box.width_px, box.height_px), 512)
    points = face_models().landmarks(crop)
    if points is None:
        raise NoFace("A face was detected, but its landmarks were not.", hint="Use a photo from the front.")
    back = cv2.invertAffineTransform(matrix)
    xy = points[:, :2] @ back[:, :2].T + back[:, 2]
    height = float(np.linalg.norm(xy[10] - xy[152]))
    return (xy[10] + xy[152]) / 2 + np.array([0, 0.10 * height]), WORK_SIDE_FACE_HEIGHTS * height


def _confidence(score: float, wobble_px: float, pose: tuple[float, float, float], regions: Regions) -> float:
    steadiness = float(np.clip(1 - wobble_px / UNSTEADY_PX, 0, 1))
    frontal = float(np.clip(1 - max(abs(pose[0]) - 10, 0) / 40, 0, 1))
    whole = float(regions.valid[: WORK_PX * 3 // 4].mean())
    return float(np.clip(score, 0, 1) * steadiness**0.5 * frontal * whole**0.5)


def _warnings(
    work: npt.NDArray[np.uint8], landmarks: npt.NDArray[np.float64], regions: Regions,
    pose: tuple[float, float, float], scale: float, confidence: float, other_faces: int, has_painted_glasses: bool,
) -> tuple[QualityWarning, ...]:  # fmt: skip
    face = regions.face_oval > 0.5
    grey = cv2.cvtColor(work, cv2.COLOR_RGB2GRAY)
    light = grey[face].astype(np.float32)
    middle_x = landmarks[[6, 4, 152], 0].mean()
    columns = np.arange(WORK_PX)[None] < middle_x
    sides = [float(grey[(regions.skin > 0.5) & face & m].mean() or 0) for m in (columns, ~columns)]
    sharp = float(cv2.Laplacian(grey, cv2.CV_32F)[face].var())
    gap = float(np.linalg.norm(landmarks[13] - landmarks[14]) / np.linalg.norm(landmarks[33] - landmarks[263]))
    opening = [
        float(np.linalg.norm(landmarks[a] - landmarks[b]) / np.linalg.norm(landmarks[c] - landmarks[d]))
        for a, b, c, d in ((159, 145, 33, 133), (386, 374, 263, 362))
    ]
    top = landmarks[10, 1] - 0.28 * np.linalg.norm(landmarks[10] - landmarks[152])
    rows = (
        (scale > 3.0, "small_face", "The face has few pixels; a larger photo gives a sharper avatar."),
        (sharp < 12.0, "blurry", "The photo is blurry; a sharper one gives a better texture."),
        (float(np.median(light)) < 60, "dark", "The face is dark; more light helps."),
        (min(sides) < 0.6 * max(sides), "one_sided_light", "The light comes from one side; hard shadows stay."),
        (abs(pose[0]) > 25, "turned", "The head is turned; the hidden side is guessed by mirroring."),
        (gap > 0.14, "mouth_open", "The mouth is open; a closed one makes better expressions."),
        (min(opening) < 0.15, "eyes_closed", "The eyes are nearly closed; open eyes are needed for gaze."),
        (
            _outside(regions.valid, landmarks, top),
            "cropped",
            "The hair is cut off by the picture's edge; it is guessed.",
        ),
        (
            has_painted_glasses,
            "eyeglasses",
            "The eyeglasses on the photo could not be told from the face and become a part of it; a photo without them "
            "gives a better avatar.",
        ),
        (other_faces > 0, "other_faces", "There are other, smaller faces on the photo; the largest was taken."),
        (confidence < 0.5, "low_confidence", "The analysis is unsure; look at the result critically."),
    )
    return tuple(QualityWarning(code, message) for wrong, code, message in rows if wrong)


def _outside(valid: Mask, landmarks: npt.NDArray[np.float64], top: float) -> bool:
    """Whether the band where the hair's outline lies leaves the uploaded picture."""
    oval = landmarks[list(OVAL), 0]
    x0, x1 = int(max(oval.min(), 0)), int(min(oval.max(), WORK_PX - 1))
    return bool(valid[int(max(top, 0)), x0:x1].mean() < 0.9)
