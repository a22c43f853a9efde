"""Attribute in, attribute out: how well an edit is made where it belongs, and what it changes elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perse_engine.evaluation.pictures import psnr_db, worst_share
from perse_engine.evaluation.protocols import DILATE_PX
from perse_engine.look import Look
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Clip, Dataset, Frame
from perse_engine.synthesis.storage import read_images

FRAMES = 4


@dataclass(frozen=True)
class Leakage:
    """One category, averaged over its variants and held-out frames.

    Attributes:
        inside_psnr_db: edited render against the dataset inside the change mask.
        inside_share: change that the avatar makes there over the dataset's own; 1 is the whole edit.
        outside_mean, outside_worst: levels of 255 by which the edited render differs from the source's outside the
            mask grown by 8 px, over foreground: mean, and mean of the largest hundredth.
    """

    category: str
    inside_psnr_db: float
    inside_share: float
    outside_mean: float
    outside_worst: float


def leakage(renderer: Renderer, dataset: Dataset) -> tuple[Leakage, ...]:
    """Over every variant and up to four held-out frames."""
    held = [f for f in dataset.frames if f.split == "heldout"][:FRAMES]
    source = dataset.clip("source")
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for clip in (c for c in dataset.clips if c.kind == "variant"):
        for frame in (f for f in held if f.index in clip.frames and f.index in source.frames):
            found.setdefault(clip.look.categories()[0], []).append(_frame(renderer, dataset, clip, source, frame))
    return tuple(Leakage(c, *(float(v) for v in np.mean(values, 0))) for c, values in found.items())


def _frame(
    renderer: Renderer, dataset: Dataset, clip: Clip, source: Clip, frame: Frame
) -> tuple[float, float, float, float]:
    edited = renderer.render(clip.look, frame.pose, frame.expression, frame.camera)
    plain = renderer.render(Look(), frame.pose, frame.expression, frame.camera)
    truth = read_images(dataset, clip, frame.index)
    picture = truth.image.astype(np.float32) / 255
    before = read_images(dataset, source, frame.index).image.astype(np.float32) / 255
    inside = truth.changed > 0
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * DILATE_PX + 1, 2 * DILATE_PX + 1))
    grown = cv2.dilate(inside.astype(np.uint8), kernel) > 0
    outside = ((edited.alpha > 0.5) | (plain.alpha > 0.5)) & ~grown
    difference = np.abs(edited.rgb - plain.rgb)
    wanted = float(np.abs(picture - before)[inside].mean()) if inside.any() else 0.0
    made = float(difference[inside].mean()) if inside.any() else 0.0
    leaked = 255 * difference.max(-1)[outside]
    return (
        float(psnr_db(edited.rgb, picture, inside)),
        made / max(wanted, 1e-9),
        float(leaked.mean()) if leaked.size else 0.0,
        worst_share(leaked, 0.01),
    )
