"""What is known about an uploaded photo: the clean picture and what was found on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perse_engine.portrait.eyewear import Eyewear

FloatImage = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Portrait:
    """The uploaded photo, decoded, upright, sRGB, without metadata: rgb [H, W, 3] uint8."""

    rgb: npt.NDArray[np.uint8]

    @property
    def width_px(self) -> int:
        """Width in px."""
        return int(self.rgb.shape[1])

    @property
    def height_px(self) -> int:
        """Height in px."""
        return int(self.rgb.shape[0])


@dataclass(frozen=True, slots=True)
class FaceBox:
    """Face rectangle on the portrait in px, from the upper left corner."""

    x_px: float
    y_px: float
    width_px: float
    height_px: float


@dataclass(frozen=True, slots=True)
class QualityWarning:
    """Something that will make the avatar worse, with what the user can do."""

    code: str
    message: str


@dataclass(frozen=True)
class Regions:
    """Soft masks on the work image, each [S, S] float32 in 0..1.

    `familiarity` is how much a pixel's colour looks like this person's skin or hair: low where the background
    leaks over the silhouette. `valid` is 0 outside the uploaded picture.
    """

    person: FloatImage
    skin: FloatImage
    hair: FloatImage
    cloth: FloatImage
    face_oval: FloatImage
    eyes: FloatImage
    eyebrows: FloatImage
    lips: FloatImage
    mouth_interior: FloatImage
    familiarity: FloatImage
    valid: FloatImage


@dataclass(frozen=True)
class PortraitAnalysis:
    """A portrait with everything that the head needs to be built from it.

    The work image is a square crop around the head (`work_size_px` wide, face height about a third of it).

    Attributes:
        work_rgb: [S, S, 3] uint8.
        landmarks: [478, 3] float32: x, y in work-image px (y down), z in the same unit, smaller is nearer;
            468 face mesh points and two irises of five (468 right eye, 473 left eye).
        work_from_portrait: [2, 3] float32 affine, portrait px to work px.
        head_pose_deg: yaw, pitch, roll of the photographed head with the signs of `Pose`.
        is_bald: no hair was found.
        confidence: 0..1, how sure the analysis is.
        eyewear: eyeglasses whose frame was found; landmarks and regions are those of the face without it.
    """

    portrait: Portrait
    face: FaceBox
    work_rgb: npt.NDArray[np.uint8]
    landmarks: FloatImage
    regions: Regions
    work_from_portrait: FloatImage
    head_pose_deg: tuple[float, float, float]
    warnings: tuple[QualityWarning, ...]
    is_bald: bool
    confidence: float
    eyewear: Eyewear | None = None
