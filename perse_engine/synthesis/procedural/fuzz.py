"""The soft outline of hair that stands up: thin shells over it, of which only tufts are there."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

SHELLS_M = 0.0012, 0.0026, 0.0042
"""How far over the hair they lie."""
TEXELS = 512
TUFTS = -0.6, 1.4
"""Of noise of deviation 1: where there is none, and a dense one."""
LEAST = 0.4
"""Of the volume at its largest: what grew less has no fuzz."""


def fuzz(outfit: Outfit, grown: Array, weight: float) -> AddedPart:
    """Over the scalp's vertices, in their order, as the outfit has moved them; grown: [N, 3] metres, how far in all."""
    look = outfit.subject.look
    scalp = look.faces[look.face_part == PARTS.index("scalp")]
    indices, own = np.unique(scalp, return_inverse=True)
    far = np.linalg.norm(grown, axis=1, keepdims=True)
    share = smoothstep(far / max(float(far.max()), 1e-6), LEAST, 0.8)
    outward = grown / np.maximum(far, 1e-6) * share * weight
    faces = own.reshape(-1, 3)
    faces = faces[(share[faces, 0] > 0).all(1)]
    base = (look.rig.vertices + outfit.offset)[indices]
    vertices = np.concatenate([base + above * outward for above in SHELLS_M])
    uv = np.tile(look.uv[indices] * (TEXELS / ATLAS_PX), (len(SHELLS_M), 1))
    colour = cv2.resize(outfit.head, (TEXELS, TEXELS), interpolation=cv2.INTER_AREA)
    texture = np.dstack([colour, weight * _tufts()]).astype(np.float32)
    return AddedPart(
        vertices, np.concatenate([faces + i * len(indices) for i in range(len(SHELLS_M))]).astype(np.int32), uv,
        texture, REGION_LABELS["hair"], np.tile(look.rig.bone_weights[indices], (len(SHELLS_M), 1)),
    )  # fmt: skip


@cache
def _tufts() -> Array:
    """How dense it is, 0..1 [TEXELS, TEXELS]."""
    noise = np.random.default_rng(51).standard_normal((TEXELS, TEXELS)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.8) + 0.5 * cv2.GaussianBlur(noise, (0, 0), 3.0)
    return smoothstep(noise / noise.std(), *TUFTS)
