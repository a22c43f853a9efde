"""Maps over the head's atlas that tell editors where hair, beard, brows, lips and skin are."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.mesh_raster import bake
from perse_engine.head.sampling import sample, smoothstep
from perse_engine.head.scalp import HeadSurface
from perse_engine.head.subdivision import fine_face
from perse_engine.head.texture import HeadTexture
from perse_engine.portrait.points import (
    LEFT_EYE,
    LEFT_EYEBROW,
    LIPS_INNER,
    LIPS_OUTER,
    RIGHT_EYE,
    RIGHT_EYEBROW,
)
from perse_engine.portrait.portrait import Regions
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

BEARD = (
    164, 167, 165, 92, 186, 57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287, 410, 322, 391, 393, 200, 199, 175, 152,
    148, 176, 149, 150, 136, 172, 58, 377, 400, 378, 379, 365, 397, 288, 171, 396, 208, 428, 201, 421, 194, 418, 204,
    424, 211, 431, 32, 262, 140, 369, 170, 395, 169, 394, 135, 364, 214, 434, 138, 367, 192, 416, 210, 430, 202, 422,
    212, 432, 216, 436, 215, 435,
)  # fmt: skip
BEARD_PARTLY = {58: 0.7, 288: 0.7, 172: 0.95, 397: 0.95, 132: 0.45, 361: 0.45, 215: 0.75, 435: 0.75, 192: 0.8, 416: 0.8,
                214: 0.9, 434: 0.9}  # fmt: skip
MOUSTACHE = (164, 167, 165, 92, 186, 393, 391, 322, 410, 37, 267, 0, 39, 269)
GOATEE = (18, 83, 313, 200, 199, 175, 152, 148, 377, 201, 421, 208, 428, 171, 396, 182, 406, 106, 335, 43, 273)
NOSE = (
    1, 2, 4, 5, 6, 19, 20, 44, 45, 48, 49, 51, 64, 94, 97, 98, 102, 115, 122, 125, 129, 131, 134, 141, 168, 174, 195, 196,
    197, 198, 203, 209, 217, 218, 219, 220, 235, 236, 237, 238, 239, 240, 241, 242, 248, 250, 274, 275, 278, 279, 281, 294,
    309, 326, 327, 328, 331, 344, 351, 354, 358, 360, 363, 370, 392, 399, 419, 420, 429, 437, 438, 439, 440, 455, 456, 457,
    458, 459, 460, 461, 462,
)  # fmt: skip
RIM_FALLOFF_DEG = 26.0


def texel_maps(surface: HeadSurface, uv: Array, texture: HeadTexture, regions: Regions) -> dict[str, Array]:
    """Every map, [A, A] float32 in 0..1."""

    def over(indices: tuple[int, ...], values: dict[int, float] | None = None) -> Array:
        attribute = np.zeros(468)
        attribute[list(indices)] = 1
        for index, value in (values or {}).items():
            attribute[index] = value
        return attribute_map(surface, uv, attribute)

    face = attribute_map(surface, uv, np.ones(468), falloff_deg=0.5)
    lips = np.maximum(sample(regions.lips, texture.place) * (face > 0.5), 0.0)
    lips = cv2.GaussianBlur(lips, (0, 0), 1.2)
    no_beard = np.maximum(over(LIPS_OUTER + LIPS_INNER), over(RIGHT_EYE + LEFT_EYE))
    beard = smoothstep(over(BEARD, BEARD_PARTLY), 0.25, 0.75) * (1 - smoothstep(lips, 0.2, 0.7))
    brows = cv2.GaussianBlur(over(RIGHT_EYEBROW + LEFT_EYEBROW), (0, 0), 2.5)
    maps = {
        "face": face,
        "hair": texture.hair * (1 - lips),
        "lips": lips,
        "beard": beard * (1 - 0.3 * no_beard),
        "moustache": smoothstep(over(MOUSTACHE), 0.2, 0.7) * (1 - smoothstep(lips, 0.2, 0.7)),
        "goatee": smoothstep(over(GOATEE), 0.25, 0.8) * (1 - smoothstep(lips, 0.2, 0.7)),
        "eyebrows": smoothstep(brows, 0.25, 0.75) * (face > 0.5),
        "eyes": over(RIGHT_EYE + LEFT_EYE),
        "seen": texture.weight,
    }
    maps["skin"] = np.clip(1 - maps["hair"] - lips - maps["eyebrows"] * 0.8, 0, 1)
    return {name: np.asarray(m, np.float32) for name, m in maps.items()}


def attribute_map(surface: HeadSurface, uv: Array, attribute: Array, *, falloff_deg: float = RIM_FALLOFF_DEG) -> Array:
    """Bake a value per landmark [468]; on the scalp it falls off from the rim, [A, A] float32."""
    values = np.zeros((len(surface.vertices), 1))
    fine = np.asarray(fine_face().operator @ attribute)
    values[: surface.face_count, 0] = fine
    away = smoothstep(surface.ring_angle - surface.rim_angle[:, None], 0, np.radians(falloff_deg))
    values[surface.face_count :, 0] = ((1 - away) * fine[surface.rim][:, None]).reshape(-1)
    baked, _ = bake(uv, surface.faces, values, (ATLAS_PX, ATLAS_PX))
    return np.asarray(baked[..., 0])


def head_labels(maps: dict[str, Array], surface: HeadSurface, uv: Array) -> npt.NDArray[np.uint8]:
    """REGION_LABELS of every atlas texel, [A, A] uint8."""
    nose = attribute_map(surface, uv, _nose())
    labels = np.full((ATLAS_PX, ATLAS_PX), REGION_LABELS["skin"], np.uint8)
    labels[nose > 0.5] = REGION_LABELS["nose"]
    labels[maps["eyebrows"] > 0.5] = REGION_LABELS["eyebrows"]
    labels[maps["lips"] > 0.5] = REGION_LABELS["lips"]
    labels[maps["hair"] > 0.5] = REGION_LABELS["hair"]
    return labels


def _nose() -> Array:
    nose = np.zeros(468)
    nose[list(NOSE)] = 1
    return nose
