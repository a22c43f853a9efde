"""The folds that a smile digs beside the nose: out of the resting texture, and back in as the smile returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import ExpressionDriver, TextureBlend
from perse_engine.portrait.topology import load_topology

Array = npt.NDArray[Any]

FOLD = (129, 203, 206, 216, 212)
"""From the wing of the nose to beside the corner of the mouth, subject's right."""
HALF_WIDTH_PX, SOFT_PX = 26, 11
CREASE_PX, CHEEK_PX = 3.5, 24.0
"""A crease is narrower than the cheek's own shading."""
LEAST_SMILE = 0.15
STRENGTH = 0.85


def smooth_folds(rgb: Array, skin: Array, uv468: Array, source: Mapping[str, float]) -> tuple[TextureBlend, ...]:
    """Soften both folds in the head's atlas rgb [A, A, 3] in place, as far as the photo smiles; skin [A, A] 0..1.

    Returns the blends that put the photographed folds back at the photographed smile.
    """
    blends = []
    mirror = load_topology().mirror
    for side in ("Right", "Left"):
        smile = source.get(f"mouthSmile{side}", 0.0)
        if smile < LEAST_SMILE:
            continue
        line = [i if side == "Right" else int(mirror[i]) for i in FOLD]
        blends.append(_smooth(rgb, skin, uv468[line], f"mouthSmile{side}", smile))
    return tuple(blends)


def _smooth(rgb: Array, skin: Array, line: Array, shape: str, smile: float) -> TextureBlend:
    reach = HALF_WIDTH_PX + 3 * SOFT_PX
    (x0, y0), (x1, y1) = (line.min(0) - reach).astype(int), (line.max(0) + reach).astype(int)
    patch, on_skin = rgb[y0:y1, x0:x1], skin[y0:y1, x0:x1]
    band = np.zeros(patch.shape[:2], np.float32)
    cv2.polylines(band, [np.round(line - (x0, y0)).astype(np.int32)], False, 1.0, HALF_WIDTH_PX)
    # The wing of the nose and the lips keep their own shadows.
    band = cv2.GaussianBlur(band, (0, 0), SOFT_PX) * smoothstep(on_skin, 0.5, 0.95)
    rows, columns = np.mgrid[y0:y1, x0:x1]
    ends = np.hypot(columns - line[0, 0], rows - line[0, 1])
    band = band * smoothstep(ends, 6, 26) * STRENGTH * smoothstep(smile, 0.0, 0.6)
    weight = np.maximum(on_skin, 1e-3)

    def blurred(sigma: float) -> Array:
        return (
            cv2.GaussianBlur(patch * weight[..., None], (0, 0), sigma)
            / cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
        )

    level = np.clip(blurred(CHEEK_PX) / np.maximum(blurred(CREASE_PX), 1e-3), 0.85, 1.6)
    folded = np.dstack([patch, np.ones(patch.shape[:2])]).astype(np.float32)
    patch *= 1 + (level - 1) * band[..., None]
    driver = ExpressionDriver(f"fold{shape[10:]}", {shape: 1.0}, 0.0, smile)
    return TextureBlend(driver, int(x0), int(y0), folded, smoothstep(band, 0.0, 0.02).astype(np.float32))
