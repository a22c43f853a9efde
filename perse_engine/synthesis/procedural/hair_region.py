"""Where the person's hair is: the hair's map without the skin that it covers, and with the tips that it misses."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural.coarse import large, small
from perse_engine.synthesis.procedural.outfit import to_lab
from perse_engine.synthesis.procedural.remembered import remembered

Array = npt.NDArray[Any]

LIKE_SKIN = (13.0, 8.0)
"""Distance in CIE Lab, lightness by 0.4 because skin beside hair lies in its shadow: surely not skin, surely skin."""
COARSE_GRAIN = (2.4, 1.15)
"""Fine contrast, in that of the person's skin: surely hair, surely skin."""
TIPS, DARKER = 15, (6.0, 18.0)
"""How wide, in small texels, the map is made for tips of the fringe, and by how much L* those are darker than skin."""
BESIDE_EYES = (9, 31)
LIGHTNESS_COUNTS = np.array([0.3, 1.0, 1.0], np.float32)
HAIRLINE, SHINES = 14.0, (0.3, 0.8)
"""How far, in texels, skin may shine through, and how much of its colour, from hair's on, is surely none and surely
skin's."""
FOREHEAD = (10, 9)
"""Landmarks at the hairline and between the brows."""


@remembered
def hair_region(subject: Subject) -> Array:
    """Share of hair in every texel, [A, A] float32 in 0..1."""
    head = subject.look.texture[:ATLAS_PX, :ATLAS_PX, :3]
    maps = {name: small(subject.texel_maps[name]) for name in ("face", "skin", "hair", "eyes", "eyebrows")}
    sure = (maps["face"] > 0.9) & (maps["skin"] > 0.95)
    lab = to_lab(small(head))
    skin = np.median(lab[sure], 0)
    bare = _bare(head, lab, skin, sure)
    near = smoothstep(cv2.GaussianBlur(cv2.dilate(maps["face"], np.ones((11, 11))), (0, 0), 2.0), 0.2, 0.8)
    # Light from behind makes a cheek look like hair; beside the eyes there is none.
    eyes = cv2.GaussianBlur(cv2.dilate(maps["eyes"], np.ones(BESIDE_EYES)), (0, 0), 1.5)
    hair = of_the_scalp(maps["hair"], maps["face"])
    is_hair = cv2.dilate((hair > 0).astype(np.float32), np.ones((3, 3)))
    own = subject.texel_maps["hair"] * large(is_hair * (1 - bare * near) * (1 - eyes))
    wide = cv2.GaussianBlur(cv2.dilate(hair, np.ones((TIPS, TIPS))), (0, 0), 1.5)
    top, brows = (float(subject.look.uv[subject.landmark_vertices[i], 1]) for i in FOREHEAD)
    rows = np.linspace(0, ATLAS_PX, len(wide), dtype=np.float32)[:, None]
    may_be = smoothstep(wide, 0.2, 0.8) * smoothstep(rows, brows, 0.5 * (top + brows)) * (1 - maps["eyebrows"])
    dark = smoothstep(float(skin[0]) - lab[..., 0], *DARKER)
    return np.maximum(own, large(may_be * dark * (1 - bare)))


@remembered
def dyeable(subject: Subject) -> Array:
    """Share of hair to dye in every texel, [A, A] float32: at the hairline skin shines through and stays what it is."""
    region, maps = hair_region(subject), subject.texel_maps
    lab = to_lab(subject.look.texture[:ATLAS_PX, :ATLAS_PX, :3]) * LIGHTNESS_COUNTS
    strands, bare = (region > 0.9) & (maps["seen"] > 0.6), (maps["face"] > 0.9) & (maps["skin"] > 0.95)
    if not strands.any() or not bare.any():
        return region
    hair, skin = np.median(lab[strands], 0), np.median(lab[bare], 0)
    like_skin = (lab - hair) @ ((skin - hair) / max(float(((skin - hair) ** 2).sum()), 1.0))
    near = cv2.GaussianBlur(maps["face"] * (1 - region), (0, 0), HAIRLINE)
    return np.asarray(region * (1 - smoothstep(like_skin, *SHINES) * smoothstep(near, 0.02, 0.2)), np.float32)


def of_the_scalp(hair: Array, face: Array) -> Array:
    """The hair's map without islands in the face, which are brows and beards; all [S, S]."""
    _, island = cv2.connectedComponents((hair > 0.3).astype(np.uint8))
    return np.asarray(hair * np.isin(island, np.unique(island[face < 0.05])))


def _bare(head: Array, lab: Array, skin: Array, sure: Array) -> Array:
    """How surely texels are smooth, of the colour of skin and joined to the face's, [S, S]."""
    bright = cv2.cvtColor(head, cv2.COLOR_RGB2GRAY)
    fine = cv2.GaussianBlur(small(np.abs(bright - cv2.GaussianBlur(bright, (0, 0), 3.0))), (0, 0), 1.25)
    apart = np.linalg.norm((lab - skin) * np.array([0.4, 1.0, 1.0], np.float32), axis=-1)
    smooth = smoothstep(fine, *(float(np.median(fine[sure])) * t for t in COARSE_GRAIN))
    like = (smoothstep(apart, *LIKE_SKIN) * smooth).astype(np.float32)
    like = smoothstep(cv2.GaussianBlur(like, (0, 0), 1.5), 0.45, 0.8).astype(np.float32)
    # Strands may be of that colour too.
    _, island, sizes, _ = cv2.connectedComponentsWithStats((like > 0.2).astype(np.uint8))
    return like * (island == 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA]))) if len(sizes) > 1 else like
